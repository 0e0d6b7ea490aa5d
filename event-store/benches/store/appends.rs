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
    let raw = Raw::on(&theirs.url(), 1).await;
    println!("\n## Appends, one node, staging on disk\n");
    head(&["writers", "", "events/s", "p50 ms", "p99 ms", "of raw singles", "of bare batches"]);
    for count in WRITERS {
        let (mut appends, mut singles, mut batches) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            appends.push(by(&store, count, time).await);
            singles.push(raw.singles(count, time).await);
            batches.push(raw.batches(count.max(2), time).await);
        }
        let (appends, singles, batches) = (median(appends), median(singles), median(batches));
        for (what, found) in
            [("event-store", &appends), ("raw singles", &singles), ("bare loop of batches", &batches)]
        {
            row(&[
                count.to_string(),
                what.to_owned(),
                format!("{:.0}", found.rate),
                format!("{:.2}", found.p50),
                format!("{:.2}", found.p99),
                format!("{:.2}", found.rate / singles.rate),
                format!("{:.2}", found.rate / batches.rate),
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
