//! Batches as any NATS client sends them, and what of them the stream holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::{self, stream};
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What is waited for any one answer; one that does not come by then was lost with the server.
const PATIENCE: Duration = Duration::from_millis(700);

/// A stream that takes batches.
pub(crate) async fn make_stream(port: u16, name: &str) {
    let config = stream::Config {
        name: name.to_owned(),
        subjects: vec![format!("{name}.>")],
        allow_atomic_publish: true,
        ..stream::Config::default()
    };
    context(port).await.create_stream(config).await.unwrap();
}

/// A batch that is being sent.
pub(crate) struct Batch {
    client: async_nats::Client,
    stream: &'static str,
    id: String,
    sent: u64,
}

impl Batch {
    pub(crate) async fn new(port: u16, stream: &'static str) -> Self {
        Self::of(&client(port).await, stream, "a".to_owned())
    }

    fn of(client: &async_nats::Client, stream: &'static str, id: String) -> Self {
        Self { client: client.clone(), stream, id, sent: 0 }
    }

    /// One message more; true when the server has it.
    pub(crate) async fn add(&mut self) -> bool {
        let answer = self.send(false).await;
        answer.is_some_and(|answer| answer.is_empty())
    }

    /// The last message: true when all of them are stored.
    pub(crate) async fn commit(mut self) -> bool {
        let answer = self.send(true).await.unwrap_or_default();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
        answer["count"] == self.sent
    }

    async fn send(&mut self, last: bool) -> Option<bytes::Bytes> {
        self.sent += 1;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Batch-Id", self.id.as_str());
        headers.insert("Nats-Batch-Sequence", self.sent.to_string());
        if last {
            headers.insert("Nats-Batch-Commit", "1");
        }
        let subject = format!("{}.{}", self.stream, self.sent);
        let body = bytes::Bytes::from_static(&[b'x'; 200]);
        // Only the first and the last are answered.
        if self.sent > 1 && !last {
            self.client.publish_with_headers(subject, headers, body).await.ok()?;
            return Some(bytes::Bytes::new());
        }
        let answer = self.client.request_with_headers(subject, headers, body);
        Some(timeout(PATIENCE, answer).await.ok()?.ok()?.payload)
    }
}

/// Sends batches of 2 to 500 until one is not stored, or it is told to end; returns those that were acknowledged.
async fn write(port: u16, stream: &'static str, name: String, end: Arc<AtomicBool>) -> HashMap<String, u64> {
    let client = client(port).await;
    let mut acknowledged = HashMap::new();
    for number in 0_u64.. {
        if end.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("{name}.{number}");
        let size = 2 + (number * 7919 + name.len() as u64 * 31) % 499;
        let mut batch = Batch::of(&client, stream, id.clone());
        for _ in 1..size {
            if !batch.add().await {
                return acknowledged;
            }
        }
        if !batch.commit().await {
            return acknowledged;
        }
        acknowledged.insert(id, size);
    }
    acknowledged
}

/// Several such writers side by side.
pub(crate) struct Writers {
    end: Arc<AtomicBool>,
    all: Vec<JoinHandle<HashMap<String, u64>>>,
}

impl Writers {
    pub(crate) fn start(port: u16, stream: &'static str, round: u64) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let writer = |n: u64| tokio::spawn(write(port, stream, format!("{round}.{n}"), Arc::clone(&end)));
        Self { all: (0..7).map(writer).collect(), end }
    }

    /// What was acknowledged to any of them; returns once none writes any more.
    pub(crate) async fn acknowledged(self) -> HashMap<String, u64> {
        self.end.store(true, Ordering::Relaxed);
        let mut acknowledged = HashMap::new();
        for writer in self.all {
            acknowledged.extend(writer.await.unwrap());
        }
        acknowledged
    }
}

/// What of the batches is in a stream.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many messages each whole batch has.
    pub(crate) whole: HashMap<String, u64>,
    /// Each batch that is not there as a whole, with what there is of it.
    pub(crate) cut: Vec<(String, u64)>,
    /// How many positions hold no message.
    pub(crate) missing: u64,
}

impl Found {
    /// Those that were acknowledged and are not there as they were sent.
    pub(crate) fn lost(&self, acknowledged: &HashMap<String, u64>) -> Vec<String> {
        let lost = acknowledged.iter().filter(|(id, size)| self.whole.get(*id) != Some(size));
        lost.map(|(id, _)| id.clone()).collect()
    }
}

/// Reads the stream from a sequence on; returns also its last sequence.
pub(crate) async fn read(port: u16, name: &str, from: u64) -> (Found, u64) {
    let mut stream = context(port).await.get_stream(name).await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut found = Found::default();
    if last < from {
        return (found, last);
    }
    let policy = jetstream::consumer::DeliverPolicy::ByStartSequence { start_sequence: from };
    let config = OrderedConfig { deliver_policy: policy, ..OrderedConfig::default() };
    let mut messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    let (mut open, mut next): (Option<(String, u64)>, u64) = (None, from);
    // Positions may be missing, also the last ones.
    while let Ok(Some(message)) = timeout(PATIENCE, messages.next()).await {
        let message = message.unwrap();
        let info = message.info().unwrap();
        let (sequence, more) = (info.stream_sequence, info.pending > 0);
        found.missing += sequence - next;
        next = sequence + 1;
        let headers = message.headers.as_ref().unwrap();
        let id = headers.get("Nats-Batch-Id").unwrap().as_str();
        let number: u64 = headers.get("Nats-Batch-Sequence").unwrap().as_str().parse().unwrap();
        if let Some(before) = open.take_if(|before| before.0 != id || before.1 + 1 != number) {
            found.cut.push(before);
        } else if open.is_none() && number != 1 {
            found.cut.push((format!("the beginning of {id}"), number));
        }
        open = Some((id.to_owned(), number));
        if headers.get("Nats-Batch-Commit").is_some() {
            found.whole.extend(open.take());
        }
        if !more {
            break;
        }
    }
    found.missing += last + 1 - next;
    found.cut.extend(open);
    (found, last)
}

async fn client(port: u16) -> async_nats::Client {
    async_nats::connect(format!("127.0.0.1:{port}")).await.unwrap()
}

async fn context(port: u16) -> jetstream::Context {
    jetstream::new(client(port).await)
}
