//! An atomic batch (ADR-50) that is sent while it still gathers: all but its last message are on their way to the
//! broker before anybody knows which one is the last.

use async_nats::Client;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::committer::{Awaited, Outgoing};
use crate::publish::{self, Answer};
use crate::read::ROUND_TRIP;

/// A batch without its end.
#[derive(Debug)]
pub(crate) struct Batch {
    id: String,
    awaited: Vec<Awaited>,
    events: usize,
    /// The newest message: whether it ends the batch is not known yet.
    held: Option<Outgoing>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { id: Uuid::now_v7().to_string(), awaited: Vec::new(), events: 0, held: None }
    }
}

impl Batch {
    /// How many events it has.
    pub(crate) fn len(&self) -> usize {
        self.events
    }

    /// Takes an append in, and sends all that is certainly not the end.
    pub(crate) async fn add(&mut self, client: &Client, awaited: Awaited, messages: Vec<Outgoing>) {
        self.awaited.push(awaited);
        for message in messages {
            self.events += 1;
            if let Some(before) = self.held.replace(message) {
                let Outgoing { subject, mut headers, data, .. } = before;
                publish::stamp(&mut headers, &self.id, self.events - 1);
                let published = client.publish_with_headers(subject.to_string(), headers, data);
                // What does not get there is missed by the broker, which then refuses the batch.
                let _ = timeout_at(Instant::now() + ROUND_TRIP, published).await;
            }
        }
    }

    /// Sends its end, and waits for the answer. A batch of one message was none.
    pub(crate) async fn commit(self, client: &Client, by: Instant) -> (Vec<Awaited>, Answer) {
        let Some(mut last) = self.held else { return (self.awaited, publish::nothing()) };
        if self.events > 1 {
            publish::stamp(&mut last.headers, &self.id, self.events);
            publish::end(&mut last.headers);
        }
        let answer = publish::one(client, last, by).await;
        (self.awaited, answer)
    }
}
