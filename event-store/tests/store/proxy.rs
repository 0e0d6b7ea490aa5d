//! Commands through a network that cuts, tears, delays, drops answers, half-closes and refuses: what each caller was
//! told is held against the log, which is read by code that shares nothing with the store.
//!
//! `JETSOURCE_STORM_COMMANDS` asks for more commands, `JETSOURCE_STORM_SEED` for the faults of a run that failed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use event_store::{Connection, EventStore, Settings};
use futures_util::future::join_all;
use nats_launcher::{Proxy, Server};

use crate::told::check::{self, Told, Verdict};
use crate::told::crowd::{self, Numbers};
use crate::told::{raw, setting};

/// What two busy cores do in about a minute, most of it spent waiting for answers that were lost.
const COMMANDS: u64 = 20_000;
const NODES: u64 = 4;
const CALLERS: u64 = 250;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_callers_were_told_in_a_storm_is_what_the_log_holds() {
    let commands = setting("JETSOURCE_STORM_COMMANDS").unwrap_or(COMMANDS);
    let seed = setting("JETSOURCE_STORM_SEED").unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0 >> 1);
    println!("seed {seed}");
    let server = Server::throwaway().await.unwrap();
    let direct = crate::toy::open(&server).await;
    crowd::seal(&direct).await;
    let since = Instant::now();
    let numbers = Numbers::up_to(commands);
    let faults = AtomicU64::new(0);
    let nodes = (0..NODES).map(|node| node_in_a_storm(&server, seed + node, &numbers, &faults));
    let told: Vec<Told> = join_all(nodes).await.into_iter().flatten().collect();
    let took = since.elapsed();

    assert_eq!(told.len() as u64, commands);
    let log = raw::read(&server.url()).await;
    let wrong = check::contradictions(&told, &log);
    let count = |verdict| told.iter().filter(|told| told.verdict == verdict).count();
    println!(
        "{commands} commands in {took:.1?} through {} faults: {} done, {} refused, {} unknown; {} events",
        faults.load(Ordering::Relaxed),
        count(Verdict::Done),
        count(Verdict::Refused),
        count(Verdict::Unknown),
        log.len(),
    );
    assert!(
        wrong.is_empty(),
        "JETSOURCE_STORM_SEED={seed}: {} contradictions\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        count(Verdict::Done) as u64 > commands / 4,
        "JETSOURCE_STORM_SEED={seed}: hardly anything was done"
    );
}

/// One store behind a proxy of its own, whose callers go on until all commands are taken.
async fn node_in_a_storm(server: &Server, seed: u64, numbers: &Numbers, faults: &AtomicU64) -> Vec<Told> {
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], server.port()))).await.unwrap();
    let connection = Connection::open(&format!("nats://127.0.0.1:{}", proxy.port())).await.unwrap();
    let store = EventStore::open(connection, Settings::default()).await.unwrap();
    tokio::select! {
        told = crowd::ask(&store, seed, CALLERS, numbers) => told,
        _ = proxy.storm(seed, || { faults.fetch_add(1, Ordering::Relaxed); }) => Vec::new(),
    }
}
