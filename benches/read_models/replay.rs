//! The same view as another store builds it: postgres-es, by its own replay, of the first events of the log.

use std::process::Stdio;

use domain::Order;
use event_model::Decider as _;
use event_store::{Entry, EventStore, Mark};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::peers::Peers;

/// Events a second, and of how many events; `None` where the peers were not built.
pub(crate) async fn run(store: &EventStore, most: usize) -> Option<(f64, usize)> {
    let peers = Peers::start().await?;
    let mut reader = store.subscribe(Mark::START);
    let mut events = Vec::new();
    while events.len() < most {
        for entry in reader.next(5000).await.unwrap().entries {
            if let Entry::Event(event) = entry
                && event.entity.category == Order::CATEGORY
                && events.len() < most
            {
                let data: &RawValue = serde_json::from_slice(&event.data).unwrap();
                let (order, version) = (&event.entity.id, event.version);
                events.push(
                    json!({"order": order, "version": version, "event": {event.event_type: data}})
                        .to_string(),
                );
            }
        }
    }
    Some((replayed(&peers, &events.join("\n")).await, events.len()))
}

/// Events a second of its replay into a view, of a JSON object a line.
async fn replayed(peers: &Peers, events: &str) -> f64 {
    let mut program = Command::new(&peers.program)
        .args(["replay", "--at", peers.at["postgres"].as_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut given = program.stdin.take().unwrap();
    given.write_all(events.as_bytes()).await.unwrap();
    drop(given);
    let output = program.wait_with_output().await.unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    found["per_second"].as_f64().unwrap()
}
