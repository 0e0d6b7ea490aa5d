//! The stream of snapshots, seen and written from outside.

use std::future::Future;
use std::time::Duration;

use async_nats::jetstream;
use event_store::EventStore;
use futures_util::StreamExt as _;
use nats_launcher::Dice;
use serde_json::{Value, json};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Kept {
    client: async_nats::Client,
    heard: async_nats::Subscriber,
}

impl Kept {
    pub(crate) async fn listen(store: &EventStore) -> Self {
        let client = store.connection().client().clone();
        let heard = client.subscribe("snapshots.jar.*").await.unwrap();
        client.flush().await.unwrap();
        Self { client, heard }
    }

    /// The next snapshot of a jar, once it is stored.
    pub(crate) async fn next_of(&mut self, name: &str) -> Value {
        let stored = async {
            loop {
                let (heard, body) = self.next().await;
                if heard == name {
                    return body;
                }
            }
        };
        timeout(PATIENCE, stored).await.unwrap()
    }

    /// The next snapshot of any jar, and which.
    pub(crate) async fn next(&mut self) -> (String, Value) {
        let message = timeout(PATIENCE, self.heard.next()).await.unwrap().unwrap();
        let name = message.subject.strip_prefix("snapshots.jar.").unwrap().to_owned();
        let body: Value = serde_json::from_slice(&message.payload).unwrap();
        let version = body["version"].as_u64();
        while self.stored(&name).await.is_none_or(|stored| version_in(&stored) < version) {
            tokio::task::yield_now().await;
        }
        (name, body)
    }

    async fn stored(&self, name: &str) -> Option<bytes::Bytes> {
        let stream = jetstream::new(self.client.clone()).get_stream("SNAPSHOTS").await.unwrap();
        let last = stream.get_last_raw_message_by_subject(&format!("snapshots.jar.{name}")).await;
        last.ok().map(|message| message.payload)
    }

    /// Stores this as a jar's snapshot.
    pub(crate) async fn put(&self, name: &str, body: &str) {
        let context = jetstream::new(self.client.clone());
        let stored = context.publish(format!("snapshots.jar.{name}"), body.to_owned().into()).await.unwrap();
        stored.await.unwrap();
    }

    /// Changes a jar's snapshot.
    pub(crate) async fn alter(&self, name: &str, change: impl Fn(&mut Value)) {
        let mut body = serde_json::from_slice(&self.stored(name).await.unwrap()).unwrap();
        change(&mut body);
        self.put(name, &body.to_string()).await;
    }

    /// Spoils a jar's snapshot so that it cannot be right any more.
    pub(crate) async fn damage(&mut self, name: &str, dice: &mut Dice) {
        let Some(body) = self.stored(name).await else { return };
        let mut body = serde_json::from_slice::<Value>(&body).unwrap();
        if !body.is_object() {
            return;
        }
        body["state"]["coins"] = json!(1_000_000);
        match dice.roll(0..6) {
            0 => body["id"] = json!(uuid::Uuid::new_v4()),
            1 => body["version"] = json!(body["version"].as_u64().unwrap() + 1),
            2 => body["position"] = json!(body["position"].as_u64().unwrap() + dice.roll(1..50)),
            3 => body["position"] = json!(body["position"].as_u64().unwrap() - 1),
            4 => body["format"] = json!(0),
            _ => body = json!("?"),
        }
        self.put(name, &body.to_string()).await;
    }
}

fn version_in(body: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Value>(body).ok()?["version"].as_u64()
}

/// How often this node asks the log for messages meanwhile.
pub(crate) async fn reads_of<T>(node: &EventStore, act: impl Future<Output = T>) -> (T, usize) {
    let client = node.connection().client();
    let mut asked = client.subscribe("$JS.API.DIRECT.GET.*").await.unwrap();
    client.flush().await.unwrap();
    let done = act.await;
    // What a node sends is heard in its order.
    client.publish("$JS.API.DIRECT.GET.end", "".into()).await.unwrap();
    let mut count = 0;
    loop {
        match asked.next().await.unwrap().subject.as_str() {
            "$JS.API.DIRECT.GET.EVENTS" => count += 1,
            "$JS.API.DIRECT.GET.end" => return (done, count),
            _ => {}
        }
    }
}
