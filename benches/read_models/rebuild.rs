//! A view built from the whole log, by a process of its own so that its memory can be told.

use std::future::pending;
use std::process::Stdio;
use std::time::Instant;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use domain::Orders;
use event_model::{Position, Projection as _};
use futures_util::StreamExt as _;
use projections::{Answer, Asked, Views, ask};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::filled::open;
use crate::homes::Home;

/// What it took.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Built {
    /// From nothing to the end of the log, in seconds.
    pub(crate) first: f64,
    /// Anew beside the rows that serve, from the question to the switch.
    pub(crate) rebuilt: f64,
    /// The most memory that the process had in use, in MB.
    pub(crate) peak: f64,
}

/// In this process: `--rebuild NATS-URL VIEWS`.
pub(crate) async fn run(url: &str, views: &str) {
    let store = open(url).await;
    let end = store.head().await.unwrap();
    let views = Views::open(&views.parse().unwrap()).await.unwrap();
    let started = Instant::now();
    let worker = views.worker::<Orders>().await.unwrap();
    tokio::spawn(worker.run(store.clone(), pending()));
    tokio::spawn(views.desk(Orders::NAME).unwrap().run(store.clone(), pending()));
    let mut status = views.watch(Orders::NAME).unwrap();
    status.wait_for(|status| status.position >= end).await.unwrap();
    let first = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let answer = ask(&store, Orders::NAME, &Asked::Rebuild).await.unwrap();
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    status.wait_for(|status| status.generation == 2).await.unwrap();
    let rebuilt = started.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string(&Built { first, rebuilt, peak: peak() }).unwrap());
}

/// In a process of its own.
pub(crate) async fn in_its_own_process(url: &str, home: &Home) -> Built {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--rebuild", url, &home.url]).stdin(Stdio::null()).kill_on_drop(true);
    let said = program.output().await.unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stderr)))
}

/// A consumer that looks at nothing, over the whole log; seconds.
pub(crate) async fn raw(url: &str, end: Position) -> f64 {
    let started = Instant::now();
    let client = async_nats::connect(url).await.unwrap();
    let stream = jetstream::new(client).get_stream("EVENTS").await.unwrap();
    let config =
        pull::Config { ack_policy: AckPolicy::None, memory_storage: true, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.stream().max_messages_per_batch(20_000).messages().await.unwrap();
    for _ in 0..end.get() {
        messages.next().await.unwrap().unwrap();
    }
    started.elapsed().as_secs_f64()
}

/// The most memory that this process has had in use, in MB (`proc_pid_status(5)`).
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
