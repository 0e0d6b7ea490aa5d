//! An atomic batch (ADR-50) that is sent while it still gathers: all but its last message are on their way to the
//! broker before anybody knows which one is the last.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::message::OutboundMessage;
use async_nats::{Client, PublishError};
use futures_util::future::{FutureExt as _, poll_fn};
use futures_util::sink::Sink;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::committer::{Awaited, Job, Outgoing};
use crate::publish::{self, Answer};

/// So many messages are handed to the client at once, where more are sure to come: each time costs it a write.
const CHUNK: usize = 32;

/// The batch that gathers. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gathering(Arc<Mutex<Batch>>);

impl Gathering {
    /// What comes lies in the batch, and goes to the broker, in the order in which this lock was got.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Batch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch without its end.
#[derive(Debug)]
pub(crate) struct Batch {
    id: String,
    awaited: Vec<Awaited>,
    events: usize,
    /// The newest messages. The last of them may be the end of the batch: that is not known yet.
    held: Vec<Outgoing>,
    /// Takes what is sent, made with the first message.
    outlet: Option<Client>,
    /// What the client had no room for; it goes before the end.
    unsent: VecDeque<OutboundMessage>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            id: Uuid::now_v7().to_string(),
            awaited: Vec::new(),
            events: 0,
            held: Vec::new(),
            outlet: None,
            unsent: VecDeque::new(),
        }
    }
}

impl Batch {
    /// How many events it has.
    pub(crate) fn len(&self) -> usize {
        self.events
    }

    /// Takes an append in.
    pub(crate) fn add(&mut self, client: &Client, job: Job) {
        let Job { messages, touches, answer, place, .. } = job;
        self.awaited.push(Awaited { touches, answer, _place: place });
        self.events += messages.len();
        self.held.extend(messages);
        // The first ones at once, so that the broker has something to do meanwhile.
        if self.held.len() > CHUNK.min(self.events / 4) {
            self.send_on(client);
        }
    }

    /// Sends all that is certainly not the end.
    pub(crate) fn send_on(&mut self, client: &Client) {
        let Some(last) = self.held.pop() else { return };
        let sent = self.events - self.held.len();
        for (message, number) in std::mem::take(&mut self.held).into_iter().zip(sent..) {
            let Outgoing { subject, mut headers, data, .. } = message;
            publish::stamp(&mut headers, &self.id, number);
            let (subject, headers) = (subject.to_string().into(), Some(headers));
            self.send(client, OutboundMessage { subject, reply: None, headers, payload: data });
        }
        self.held.push(last);
    }

    /// Never waits: this is done where many others wait to do the same.
    fn send(&mut self, client: &Client, message: OutboundMessage) {
        if self.unsent.is_empty() {
            let outlet = self.outlet.get_or_insert_with(|| client.clone());
            let mut outlet = Pin::new(outlet);
            let room = tokio::task::unconstrained(poll_fn(|context| outlet.as_mut().poll_ready(context)));
            if let Some(room) = room.now_or_never() {
                // What does not get there is missed by the broker, which then refuses the batch.
                let _: Result<(), PublishError> = room.and_then(|()| outlet.start_send(message));
                return;
            }
            // It stands in line for room until it is gone.
            self.outlet = None;
        }
        self.unsent.push_back(message);
    }

    /// Sends its end, and waits for the answer. A batch of one message was none.
    pub(crate) async fn commit(mut self, client: &Client, by: Instant) -> (Vec<Awaited>, Answer) {
        self.send_on(client);
        let Some(mut last) = self.held.pop() else { return (self.awaited, publish::nothing()) };
        for OutboundMessage { subject, headers, payload, .. } in self.unsent {
            let published = client.publish_with_headers(subject, headers.unwrap_or_default(), payload);
            let _ = timeout_at(by, published).await;
        }
        if self.events > 1 {
            publish::stamp(&mut last.headers, &self.id, self.events);
            publish::end(&mut last.headers);
        }
        let answer = publish::one(client, last, by).await;
        (self.awaited, answer)
    }
}
