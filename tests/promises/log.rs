//! The log, as any other tool reads it: with a NATS client and the contract, and nothing of this program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::{Client, HeaderMap, jetstream};
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::eventually;

/// What is stored at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) position: u64,
    pub(crate) subject: String,
    pub(crate) id: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) version: Option<u64>,
    body: Vec<u8>,
}

impl Message {
    fn of(position: u64, message: &async_nats::Message) -> Self {
        let header = |name: &str| Some(message.headers.as_ref()?.get(name)?.as_str().to_owned());
        Self {
            position,
            subject: message.subject.to_string(),
            id: header("ce-id"),
            kind: header("ce-type"),
            // Only the whole envelope of a writer of the log has a version that counts.
            version: header("ce-entityversion")
                .filter(|_| header("ce-source").is_some())
                .and_then(|version| version.parse().ok()),
            body: message.payload.to_vec(),
        }
    }

    /// Its data; null when it is no JSON.
    pub(crate) fn data(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }
}

/// Every message of the log, by a consumer, which misses nothing.
pub(crate) async fn stored(nats: &str) -> Vec<Message> {
    let context = jetstream::new(async_nats::connect(nats).await.unwrap());
    let mut stream = context.get_stream("EVENTS").await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let config =
        pull::Config { ack_policy: AckPolicy::None, memory_storage: true, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.stream().max_messages_per_batch(2000).messages().await.unwrap();
    let mut log = Vec::new();
    while (log.len() as u64) < last {
        let message = messages.next().await.unwrap().unwrap();
        log.push(Message::of(message.info().unwrap().stream_sequence, &message));
    }
    log
}

/// How many messages a stream has; `None` while nobody answers.
pub(crate) async fn length(client: &Client, stream: &str) -> Option<u64> {
    let stream = jetstream::new(client.clone()).get_stream(stream).await.ok()?;
    Some(stream.cached_info().state.messages)
}

/// Nothing is there twice, nothing is missing: positions, ids, and the versions of each entity.
pub(crate) fn check(log: &[Message]) {
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for (place, message) in (1..).zip(log) {
        assert_eq!(message.position, place, "the log has a gap");
        assert!(ids.insert(message.id.as_ref().unwrap()), "stored twice: {message:?}");
        let version = versions.entry(&message.subject).or_default();
        *version += 1;
        assert_eq!(message.version, Some(*version), "{message:?}");
    }
}

/// Publishes as another tool would; returns the position.
pub(crate) async fn append(nats: &str, subject: &str, headers: &[(&str, &str)], body: &str) -> u64 {
    let context = jetstream::new(async_nats::connect(nats).await.unwrap());
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.insert(*name, *value);
    }
    let sent = context.publish_with_headers(subject.to_owned(), all, body.to_owned().into()).await;
    sent.unwrap().await.unwrap().sequence
}

/// A plain subscriber of `events.>`, who notes down what he hears.
pub(crate) struct Listener {
    heard: Arc<Mutex<Vec<Message>>>,
    client: Client,
}

impl Listener {
    pub(crate) async fn start(nats: &str) -> Self {
        let client = async_nats::connect(nats).await.unwrap();
        let mut events = client.subscribe("events.>").await.unwrap();
        client.flush().await.unwrap();
        let heard = Arc::<Mutex<Vec<Message>>>::default();
        let notes = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Some(message) = events.next().await {
                let sequence = message.headers.as_ref().and_then(|headers| headers.get("Nats-Sequence"));
                // What has no sequence is not stored, and gets a place that nothing has.
                let position = sequence.map_or(0, |sequence| sequence.as_str().parse().unwrap());
                notes.lock().unwrap().push(Message::of(position, &message));
            }
        });
        Self { heard, client }
    }

    /// He heard what is stored, in order, and nothing else.
    pub(crate) async fn heard_exactly(&self, stored: &[Message]) {
        // What he asks last is answered last.
        let limit = Duration::from_secs(10);
        eventually("all is heard", limit, async || {
            (self.heard.lock().unwrap().len() >= stored.len()).then_some(())
        })
        .await;
        let echo = self.client.new_inbox();
        let mut echoes = self.client.subscribe(echo.clone()).await.unwrap();
        self.client.publish(echo, "".into()).await.unwrap();
        echoes.next().await.unwrap();
        assert_eq!(*self.heard.lock().unwrap(), stored);
    }
}
