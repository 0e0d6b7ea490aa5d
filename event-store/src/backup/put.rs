//! Messages put back on a stream.

use std::sync::Arc;
use std::time::Duration;

use async_nats::header::NATS_EXPECTED_LAST_SEQUENCE;
use async_nats::jetstream::stream::Config;
use event_model::EntityName;
use tokio::time::{Instant, sleep};

use super::{Found, Message};
use crate::committer::{MOST_EVENTS, Outgoing};
use crate::error::{Cause, StoreError};
use crate::publish::{self, Answer};
use crate::store::EventStore;
use crate::streams::{self, COMMANDS, EVENTS, StreamError};

/// How long one request may take, a broker that comes back included.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the broker may take for one batch.
const TO_STORE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(200);
/// The most bytes of data in one batch.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// One with this id is in the batch, or was stored lately.
const KNOWN_ID: u64 = 10201;
/// The log does not end where the batch begins.
const OTHER_END: u64 = 10071;

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    Stored,
    /// Nothing was stored: one with its id was there.
    KnownId,
}

/// A stream that is being filled again.
#[derive(Debug)]
pub struct Refilling {
    store: EventStore,
    stream: String,
    /// Whether several messages can be stored at once.
    batches: bool,
    batch: Vec<Message>,
    bytes: usize,
}

impl EventStore {
    /// Makes a stream as it was kept, or takes the one that is there.
    ///
    /// # Errors
    /// [`StreamError::Refused`] when the broker would not make it.
    pub async fn make_again(&self, config: &Config) -> Result<Found, StreamError> {
        let name = config.name.clone();
        let wanted = Config { num_replicas: self.connection().replicas(), ..config.clone() };
        if name == COMMANDS {
            // What is there may take fewer subjects: this broker knows no participant yet.
            streams::ensure_taking(self.connection(), self.context(), wanted).await?;
        } else if self.stream_found(&name).await?.is_none() {
            self.context()
                .create_stream(&wanted)
                .await
                .map_err(|error| StreamError::Refused { stream: name.clone(), source: error.into() })?;
        }
        let made = self.stream_found(&name).await?;
        Ok(made.ok_or_else(|| StoreError::away(format!("stream {name} is not there")))?)
    }

    /// Begins to fill a stream again.
    pub fn refill(&self, config: &Config) -> Refilling {
        Refilling {
            store: self.clone(),
            stream: config.name.clone(),
            batches: config.allow_atomic_publish && config.name != COMMANDS,
            batch: Vec::new(),
            bytes: 0,
        }
    }

    /// The message of a stream with this sequence.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn message_at(&self, stream: &str, sequence: u64) -> Result<Option<Message>, StoreError> {
        let found = self.of_leader(stream, |raw| raw.sequence(sequence), self.deadline()).await?;
        Ok(found.map(|found| {
            Message::new(found.sequence, &found.subject, found.time, Some(&found.headers), &found.payload)
        }))
    }
}

impl Refilling {
    /// Takes the next message. It is stored with others, at the latest by [`Refilling::finish`].
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else writes to the log; [`StoreError::Unavailable`] when the broker stays
    /// away; [`StoreError::Unfit`] when it takes no such message.
    pub async fn put(&mut self, message: Message) -> Result<(), StoreError> {
        self.bytes += message.data()?.len();
        self.batch.push(message);
        let full = self.batch.len() >= MOST_EVENTS || self.bytes >= MOST_BYTES;
        if full || !self.batches { self.finish().await } else { Ok(()) }
    }

    /// Stores what is left.
    ///
    /// # Errors
    /// As [`Refilling::put`].
    pub async fn finish(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        if self.send(&batch).await? == Sent::Stored {
            return Ok(());
        }
        for mut message in batch {
            // On the log an id may come twice, with time in between: foreign hands send again. On a queue it counts once.
            while self.send(std::slice::from_ref(&message)).await? == Sent::KnownId && self.stream == EVENTS {
                message.headers.remove("Nats-Msg-Id");
            }
        }
        Ok(())
    }

    fn outgoing(&self, message: &Message) -> Result<Outgoing, StoreError> {
        let subject = match message.subject.strip_prefix("events.") {
            Some(rest) if self.stream == EVENTS => format!("append.{rest}"),
            Some(_) | None => message.subject.clone(),
        };
        let data = message.data()?;
        Ok(Outgoing { subject: Arc::from(subject), relies_on: None, headers: message.headers(), data })
    }

    async fn send(&self, batch: &[Message]) -> Result<Sent, StoreError> {
        let mut all: Vec<_> = batch.iter().map(|message| self.outgoing(message)).collect::<Result<_, _>>()?;
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Ok(Sent::Stored) };
        let on_the_log = self.stream == EVENTS;
        if on_the_log && let Some(outgoing) = all.first_mut() {
            outgoing.headers.insert(NATS_EXPECTED_LAST_SEQUENCE, (first.sequence - 1).to_string());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let by = deadline.min(Instant::now() + TO_STORE);
            let copies = all.iter().map(Outgoing::copy).collect();
            let cause: Cause = match publish::all(self.store.client(), copies, by).await {
                Answer::Stored { duplicate: true, .. } | Answer::Refused { code: KNOWN_ID, .. } => {
                    return Ok(Sent::KnownId);
                }
                Answer::Stored { sequence, .. } if !on_the_log || sequence.get() == last.sequence => {
                    return Ok(Sent::Stored);
                }
                // An attempt whose answer got lost may have stored it.
                Answer::Refused { code: OTHER_END, .. } if self.is_there(last).await => {
                    return Ok(Sent::Stored);
                }
                Answer::Refused { code: OTHER_END, .. } => {
                    return Err(StoreError::Conflict { entity: EntityName::new("the log", "as a whole") });
                }
                Answer::Refused { code: 10199 | publish::TOO_LARGE, said } => {
                    return Err(StoreError::Unfit(format!("{}: {said}", last.subject)));
                }
                Answer::Refused { code, said } => format!("{}: {said} ({code})", self.stream).into(),
                Answer::NoStream(cause) | Answer::None(cause) => cause,
                Answer::Stored { .. } | Answer::Parted => "it was not stored where it belongs".into(),
            };
            if Instant::now() + AGAIN >= deadline {
                return Err(StoreError::Unavailable(cause));
            }
            sleep(AGAIN).await;
        }
    }

    /// Whether an attempt whose answer got lost has stored it.
    async fn is_there(&self, message: &Message) -> bool {
        let there = self.store.message_at(EVENTS, message.sequence).await;
        there.ok().flatten().is_some_and(|there| there.is_same(message))
    }
}
