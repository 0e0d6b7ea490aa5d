//! Appends of one event with an expected version, with an fsync behind each ack, each to an entity of its own.

use std::time::Duration;

use event_model::EntityName;
use event_store::{Connection, EventStore, Settings, Stand, Write};
use nats_launcher::{Cluster, Options, Server, Staging, find};

use crate::measure::{Found, head, median, number, row, writers};
use crate::note::{command, note};
use crate::peers::{PEERS, Peers};
use crate::raw::Raw;

/// How many writers there are at once; `WRITERS=16` chooses one number.
const WRITERS: [usize; 4] = [1, 16, 64, 256];
/// What is measured side by side.
const WHAT: [&str; 5] = [
    "**event-store**",
    "raw singles, plain stream",
    "raw singles, stream as the log's",
    "bare batches, plain stream",
    "bare batches, stream as the log's",
];

pub async fn on_disk() {
    println!("\n## Appends, one node, staging on disk\n");
    let (ours, theirs) = (Server::throwaway().await.unwrap(), Server::throwaway().await.unwrap());
    let peers = Peers::start().await;
    compare(&ours.url(), &theirs.url(), 1, peers.as_ref()).await;
}

pub async fn in_memory() {
    println!("\n## Appends, one node, staging in memory\n");
    let binary =
        find(std::env::var_os("JETSOURCE_NATS_SERVER").map(std::path::PathBuf::from).as_deref(), &[])
            .unwrap();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut servers = Vec::new();
    for folder in &folders {
        let mut options = Options::new(binary.clone(), folder.path());
        options.staging = Staging::memory();
        servers.push(Server::start(options).await.unwrap());
    }
    let store = open(&servers[0].url()).await;
    let raw = [Raw::plain(&servers[1].url(), 1).await, Raw::as_the_log(&servers[1].url(), 1).await];
    for server in &servers {
        server.stage().await;
        assert!(matches!(server.staging(), Staging::Memory(_)), "it is gathered on disk");
    }
    rows(&store, &raw, None).await;
    for server in servers {
        server.stop().await;
    }
}

pub async fn on_three_nodes() {
    println!("\n## Appends, three nodes\n");
    let (ours, theirs) = (Cluster::throwaway().await.unwrap(), Cluster::throwaway().await.unwrap());
    compare(&ours.url(), &theirs.url(), 3, None).await;
}

async fn compare(ours: &str, theirs: &str, replicas: usize, peers: Option<&Peers>) {
    let store = open(ours).await;
    rows(&store, &[Raw::plain(theirs, replicas).await, Raw::as_the_log(theirs, replicas).await], peers).await;
}

async fn rows(store: &EventStore, [plain, as_the_log]: &[Raw; 2], peers: Option<&Peers>) {
    let rounds = number("ROUNDS", 3);
    let time = Duration::from_secs(number("SECONDS", 3));
    head(&[
        "writers",
        "",
        "events/s",
        "p50 ms",
        "p99 ms",
        "of raw singles",
        "of bare batches",
        "of both, as the log's",
    ]);
    let chosen = number("WRITERS", 0);
    for count in WRITERS.into_iter().filter(|count| chosen == 0 || chosen == *count as u64) {
        let mut found: [Vec<Found>; 5] = Default::default();
        let mut of_peers: [Vec<Found>; 2] = Default::default();
        let full = count.max(2);
        for _ in 0..rounds {
            found[0].push(by(store, count, time).await);
            found[1].push(plain.singles(count, time).await);
            found[2].push(as_the_log.singles(count, time).await);
            found[3].push(plain.batches(full, time).await);
            found[4].push(as_the_log.batches(full, time).await);
            if let Some(peers) = peers {
                for ((peer, _), found) in PEERS.iter().zip(&mut of_peers) {
                    found.push(peers.appends(peer, count, time).await);
                }
            }
        }
        let found = found.map(median);
        for (what, one) in WHAT.into_iter().zip(&found) {
            line(count, what, one, &found);
        }
        if peers.is_some() {
            for ((_, name), of_peer) in PEERS.iter().zip(of_peers) {
                line(count, name, &median(of_peer), &found);
            }
        }
    }
}

fn line(writers: usize, what: &str, one: &Found, all: &[Found; 5]) {
    let of = |other: &Found| format!("{:.2}", one.rate / other.rate);
    row(&[
        writers.to_string(),
        what.to_owned(),
        format!("{:.0}", one.rate),
        format!("{:.2}", one.p50),
        format!("{:.2}", one.p99),
        of(&all[1]),
        of(&all[3]),
        format!("{} · {}", of(&all[2]), of(&all[4])),
    ]);
}

pub async fn open(urls: &str) -> EventStore {
    let connection = Connection::open(urls).await.unwrap();
    EventStore::open(connection, Settings::default()).await.unwrap()
}

pub async fn by(store: &EventStore, count: usize, time: Duration) -> Found {
    // The note is there already, as the data of the bare loops.
    let (store, notes) = (store.clone(), std::sync::Arc::new([note()]));
    writers(count, time, move || {
        let (store, notes) = (store.clone(), notes.clone());
        async move {
            let metadata = command();
            // One id drawn for each event, as in the bare loops.
            let entity = EntityName::new("pad", metadata.command_id);
            let write = Write::new(entity, Stand::default(), &notes[..], &metadata).unwrap();
            store.append(&[write], &metadata).await.unwrap();
        }
    })
    .await
}
