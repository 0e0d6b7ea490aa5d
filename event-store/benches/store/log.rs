//! A log of a million commands on two hundred thousand entities: what memory that takes, how fast one cold entity is read
//! from it, and how fast all of it is replayed.

#![expect(clippy::cast_precision_loss, reason = "rates and megabytes are for people")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use event_model::Decider as _;
use event_store::{Connection, Entry, EventStore, Mark, Settings};
use futures_util::StreamExt as _;
use nats_launcher::Server;

use crate::measure::{Found, head, median, number, row, summary};
use crate::note::{Pad, PadEvent, Take, command};

/// So many commands there are for an entity, on average.
const COMMANDS_EACH: u64 = 5;
const WRITERS: u64 = 256;

pub async fn run() {
    let commands = number("COMMANDS", 1_000_000);
    let server = Server::throwaway().await.unwrap();
    fill(&server, commands).await;
    cold(&server, commands).await;
    long(&server).await;
    replay(&server).await;
}

async fn open(server: &Server) -> EventStore {
    let connection = Connection::open(&server.url()).await.unwrap();
    EventStore::open(connection, Settings::default()).await.unwrap()
}

/// The entity of a command: the same in each run, spread evenly.
fn entity(command: u64, commands: u64) -> u64 {
    let mixed = (command + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) % (commands / COMMANDS_EACH)
}

fn id(entity: u64) -> String {
    format!("{entity:06}")
}

/// Megabytes of a process that are in memory.
fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

async fn fill(server: &Server, commands: u64) {
    println!("\n## {commands} commands on {} entities, by {WRITERS} writers\n", commands / COMMANDS_EACH);
    head(&["commands", "commands/s", "event-store MB", "nats-server MB"]);
    let store = open(server).await;
    let next = Arc::new(AtomicU64::new(0));
    for tenth in 1..=10 {
        let until = commands * tenth / 10;
        let started = Instant::now();
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (store, next) = (store.clone(), next.clone());
                tokio::spawn(async move {
                    while let Ok(number) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| {
                        (at < until).then_some(at + 1)
                    }) {
                        store
                            .execute::<Pad>(&id(entity(number, commands)), Take(1), &command())
                            .await
                            .unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let rate = (commands / 10) as f64 / started.elapsed().as_secs_f64();
        row(&[
            until.to_string(),
            format!("{rate:.0}"),
            format!("{:.0}", resident(std::process::id())),
            format!("{:.0}", resident(server.pid())),
        ]);
    }
}

/// Entities of ten events, each read once by a node that has never seen them.
async fn cold(server: &Server, commands: u64) {
    println!("\n## One cold entity of ten events in that log\n");
    let mut counts = vec![0_u32; usize::try_from(commands / COMMANDS_EACH).unwrap()];
    (0..commands).for_each(|number| counts[usize::try_from(entity(number, commands)).unwrap()] += 1);
    let of_ten: Vec<_> =
        (0_u64..).zip(&counts).filter(|(_, count)| **count == 10).map(|(entity, _)| entity).collect();
    let (some, others) = of_ten.split_at(of_ten.len() / 2);
    head(&["at once", "entities", "loads/s", "p50 ms", "p99 ms"]);
    for (at_once, entities) in [(1, some), (64, others)] {
        let store = open(server).await;
        let found = loads(&store, entities, at_once).await;
        row(&[
            at_once.to_string(),
            entities.len().to_string(),
            format!("{:.0}", found.rate),
            format!("{:.2}", found.p50),
            format!("{:.2}", found.p99),
        ]);
    }
}

async fn loads(store: &EventStore, entities: &[u64], at_once: usize) -> Found {
    let started = Instant::now();
    let loads = futures_util::stream::iter(entities).map(|entity| async move {
        let asked = Instant::now();
        let loaded = store.load::<Pad>(&id(*entity)).await.unwrap();
        assert_eq!(loaded.state.notes, 10);
        asked.elapsed()
    });
    let times: Vec<_> = loads.buffer_unordered(at_once).collect().await;
    summary(times, started.elapsed())
}

/// Histories of a hundred and of a hundred thousand events, read by nodes that have never seen them.
async fn long(server: &Server) {
    println!("\n## Long histories, cold\n");
    head(&["events", "p50 ms", "p99 ms"]);
    let writer = open(server).await;
    for (name, events) in [("of-100", 100), ("of-100000", 100_000)] {
        let name = name.to_owned();
        for _ in 0..events / 100 {
            writer.execute::<Pad>(&name, Take(100), &command()).await.unwrap();
        }
        // The first reader meets the history as it is, and leaves a snapshot for the others, in the background.
        let (mut times, mut slow) = (Vec::new(), 0);
        while times.len() < 200 {
            let reader = open(server).await;
            let asked = Instant::now();
            let loaded = reader.load::<Pad>(&name).await.unwrap();
            let took = asked.elapsed();
            assert_eq!(loaded.state.notes, events);
            if slow == 0 {
                slow = 1;
            } else {
                times.push(took);
            }
        }
        let found = summary(times, Duration::from_secs(1));
        row(&[events.to_string(), format!("{:.2}", found.p50), format!("{:.2}", found.p99)]);
    }
}

/// All of the log, decoded into typed events, beside a raw consumer that looks at nothing.
async fn replay(server: &Server) {
    println!("\n## Replay of the whole log\n");
    let store = open(server).await;
    let end = store.head().await.unwrap().get();
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..number("ROUNDS", 3) {
        ours.push(typed(&store, end).await);
        raw.push(bare(server, end).await);
    }
    let (ours, raw) = (median(ours), median(raw));
    head(&["", "events/s", "of raw"]);
    row(&[
        "event-store, typed events".into(),
        format!("{:.0}", ours.rate),
        format!("{:.2}", ours.rate / raw.rate),
    ]);
    row(&["raw pull consumer, no acks".into(), format!("{:.0}", raw.rate), "1.00".into()]);
}

async fn typed(store: &EventStore, end: u64) -> Found {
    let started = Instant::now();
    let mut reader = store.subscribe(Mark::START);
    let (mut read, mut state) = (0, Pad::default());
    while read < end {
        for entry in reader.next(5000).await.unwrap().entries {
            read = entry.position().get();
            if let Entry::Event(event) = entry {
                state = state.evolve(event.decode::<PadEvent>().unwrap());
            }
        }
    }
    assert_eq!(state.notes, end);
    rate(end, started)
}

async fn bare(server: &Server, end: u64) -> Found {
    let started = Instant::now();
    let client = async_nats::connect(server.url()).await.unwrap();
    let stream = jetstream::new(client).get_stream("EVENTS").await.unwrap();
    let config =
        pull::Config { ack_policy: AckPolicy::None, memory_storage: true, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.stream().max_messages_per_batch(20_000).messages().await.unwrap();
    for _ in 0..end {
        messages.next().await.unwrap().unwrap();
    }
    rate(end, started)
}

fn rate(events: u64, started: Instant) -> Found {
    Found { rate: events as f64 / started.elapsed().as_secs_f64(), ..Found::default() }
}
