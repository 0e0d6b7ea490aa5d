//! The same view as another store builds it: postgres-es, by its own replay, of the first events of the log.

use domain::Order;
use event_model::Decider as _;
use event_store::{Entry, EventStore, Mark};
use serde_json::json;
use serde_json::value::RawValue;

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
    Some((peers.replay(&events.join("\n")).await, events.len()))
}
