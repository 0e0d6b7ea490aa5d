//! Batches as any NATS client sends them, and what of them the stream holds.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::{self, stream};
use async_nats::{HeaderMap, Request};
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long an answer is waited for once the end was asked for; one that does not come was lost with a server.
const PATIENCE: Duration = Duration::from_secs(1);

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
    end: watch::Receiver<bool>,
}

impl Batch {
    pub(crate) async fn new(port: u16, stream: &'static str) -> Self {
        let (_, end) = watch::channel(true);
        Self { client: client(port).await, stream, id: "a".to_owned(), sent: 0, end }
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
        let answer =
            self.client.send_request(subject, Request::new().headers(headers).payload(body).timeout(None));
        tokio::select! {
            answer = answer => Some(answer.ok()?.payload),
            () = over(&mut self.end) => None,
        }
    }
}

/// A while after the end was asked for.
async fn over(end: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could ask.
    let _ = end.wait_for(|end| *end).await;
    sleep(PATIENCE).await;
}

/// Sends batches of 2 to 500 until it is told to end; returns those that were acknowledged.
async fn write(
    port: u16,
    stream: &'static str,
    name: String,
    end: watch::Receiver<bool>,
    done: watch::Sender<u64>,
) -> HashMap<String, u64> {
    let client = client(port).await;
    let mut acknowledged = HashMap::new();
    for number in 0_u64.. {
        if *end.borrow() {
            break;
        }
        let size = 2 + (number * 7919 + name.len() as u64 * 31) % 499;
        let id = format!("{name}.{number}");
        let mut batch = Batch { client: client.clone(), stream, id: id.clone(), sent: 0, end: end.clone() };
        let mut sent = true;
        for _ in 1..size {
            sent = sent && batch.add().await;
        }
        if sent && batch.commit().await {
            acknowledged.insert(id, size);
            done.send_modify(|done| *done += 1);
        }
    }
    acknowledged
}

/// Several such writers side by side.
pub(crate) struct Writers {
    end: watch::Sender<bool>,
    done: watch::Sender<u64>,
    all: Vec<JoinHandle<HashMap<String, u64>>>,
}

impl Writers {
    pub(crate) fn start(port: u16, stream: &'static str, round: u64) -> Self {
        let (end, ends) = watch::channel(false);
        let done = watch::Sender::new(0);
        let writer =
            |n: u64| tokio::spawn(write(port, stream, format!("{round}.{n}"), ends.clone(), done.clone()));
        let all = (0..7).map(writer).collect();
        Self { end, done, all }
    }

    /// Returns once so many batches are acknowledged.
    pub(crate) async fn have_written(&self, batches: u64) {
        self.done.subscribe().wait_for(|done| *done >= batches).await.unwrap();
    }

    /// What was acknowledged to any of them; returns once none writes any more.
    pub(crate) async fn acknowledged(self) -> HashMap<String, u64> {
        self.end.send_replace(true);
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
