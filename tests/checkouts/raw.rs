//! The log, as any other tool reads it: with a NATS client and the contract, and nothing of this program.

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::{Subscriber, connect, jetstream};
use futures_util::StreamExt as _;
use serde_json::Value;

/// An event at its position.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) position: u64,
    pub(crate) category: String,
    /// As in the subject: what is not plain is encoded, which here nothing is.
    pub(crate) entity: String,
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) cause: String,
    pub(crate) data: Value,
}

impl Event {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.data[field].as_str().unwrap_or_default()
    }

    pub(crate) fn number(&self, field: &str) -> u64 {
        self.data[field].as_u64().unwrap_or_else(|| panic!("{field} of {self:?}"))
    }
}

/// Events, as they are stored from now on.
pub(crate) async fn heard(nats: &str) -> Subscriber {
    let client = connect(nats).await.unwrap();
    let heard = client.subscribe("events.>").await.unwrap();
    // Its answer on the same connection comes after it has taken that in.
    jetstream::new(client).get_stream("EVENTS").await.unwrap();
    heard
}

/// Every event of the log, in order.
pub(crate) async fn stored(nats: &str) -> Vec<Event> {
    let context = jetstream::new(connect(nats).await.unwrap());
    let mut stream = context.get_stream("EVENTS").await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let config =
        pull::Config { ack_policy: AckPolicy::None, memory_storage: true, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.stream().max_messages_per_batch(2000).messages().await.unwrap();
    let mut log = Vec::new();
    while (log.len() as u64) < last {
        let message = messages.next().await.unwrap().unwrap();
        let header = |name: &str| {
            let value = message.headers.as_ref().and_then(|headers| headers.get(name));
            value.map(|value| value.as_str().to_owned()).unwrap_or_default()
        };
        let mut tokens = message.subject.split('.').skip(1).map(str::to_owned);
        log.push(Event {
            position: message.info().unwrap().stream_sequence,
            category: tokens.next().unwrap(),
            entity: tokens.next().unwrap(),
            kind: header("ce-type"),
            id: header("ce-id"),
            cause: header("ce-causationid"),
            data: serde_json::from_slice(&message.payload).unwrap(),
        });
    }
    log
}
