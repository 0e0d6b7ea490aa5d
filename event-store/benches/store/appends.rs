//! Appends of one event with an expected version, with an fsync behind each ack, each to an entity of its own.

use std::time::Duration;

use event_model::{EntityName, Event, Metadata};
use event_store::{Connection, EventStore, Settings, Stand, Write};
use nats_launcher::Server;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::measure::{Found, head, median, number, row, writers};
use crate::raw::{DATA, Raw};

const WRITERS: [usize; 4] = [1, 16, 64, 256];
/// What is measured side by side.
const WHAT: [&str; 5] = [
    "event-store",
    "raw singles, plain stream",
    "raw singles, stream as the log's",
    "bare batches, plain stream",
    "bare batches, stream as the log's",
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Noted {
    NoteTaken { text: String },
}

impl Event for Noted {
    const TYPES: &'static [&'static str] = &["note-taken"];

    fn event_type(&self) -> &'static str {
        "note-taken"
    }
}

pub async fn run() {
    let rounds = number("ROUNDS", 3);
    let time = Duration::from_secs(number("SECONDS", 3));
    let ours = Server::throwaway().await.unwrap();
    let theirs = Server::throwaway().await.unwrap();
    let store = open(&ours.url()).await;
    let (plain, raw) = (Raw::plain(&theirs.url(), 1).await, Raw::as_the_log(&theirs.url(), 1).await);
    println!("\n## Appends, one node, staging on disk\n");
    head(&["writers", "", "events/s", "p50 ms", "p99 ms", "of raw singles", "of bare batches"]);
    for count in WRITERS {
        let mut found: [Vec<Found>; 5] = Default::default();
        let full = count.max(2);
        for _ in 0..rounds {
            found[0].push(by(&store, count, time).await);
            found[1].push(plain.singles(count, time).await);
            found[2].push(raw.singles(count, time).await);
            found[3].push(plain.batches(full, time).await);
            found[4].push(raw.batches(full, time).await);
        }
        let found = found.map(median);
        for (what, found_one) in WHAT.into_iter().zip(&found) {
            row(&[
                count.to_string(),
                what.to_owned(),
                format!("{:.0}", found_one.rate),
                format!("{:.2}", found_one.p50),
                format!("{:.2}", found_one.p99),
                format!("{:.2}", found_one.rate / found[1].rate),
                format!("{:.2}", found_one.rate / found[4].rate),
            ]);
        }
    }
}

async fn open(urls: &str) -> EventStore {
    let connection = Connection::open(urls).await.unwrap();
    EventStore::open(connection, Settings::default()).await.unwrap()
}

async fn by(store: &EventStore, count: usize, time: Duration) -> Found {
    let store = store.clone();
    let text = "x".repeat(DATA - r#"{"text":""}"#.len());
    writers(count, time, move || {
        let (store, text) = (store.clone(), text.clone());
        async move {
            let id = Uuid::now_v7();
            let metadata = Metadata::first(id, OffsetDateTime::now_utc());
            let entity = EntityName::new("note", id);
            let events = [Noted::NoteTaken { text }];
            let write = Write::new(entity, Stand::default(), &events, &metadata).unwrap();
            store.append(&[write], &metadata).await.unwrap();
        }
    })
    .await
}
