//! What is taken from the queue of commands: by any node, each command by one at a time, again until it is
//! acknowledged.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{self, Batch};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;

use super::asked::{self, Unreadable};
use super::{COMMANDS, QueuedCommand};
use crate::error::{Cause, StoreError};
use crate::store::EventStore;
use crate::subjects;

/// How long one that took a command may be silent, before another is given it.
pub const TO_ACKNOWLEDGE: Duration = Duration::from_secs(2);
/// How many commands of a category may be under way, over all nodes.
const UNDER_WAY: i64 = 256;
/// After how long the broker says that there is nothing. A request that it forgot costs no more than this.
const ASK_AGAIN: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(200);

/// The commands of one category, as they come. It begins anew by itself when the broker was away.
pub struct Inbox {
    store: EventStore,
    category: String,
    made: watch::Receiver<u64>,
    consumer: Option<PullConsumer>,
    /// As many as can be worked on at once: what waits here would be given to another.
    places: Arc<Semaphore>,
    asked_for: Option<(Batch, OwnedSemaphorePermit)>,
}

/// A command that was taken. It holds its place among those that are worked on at once until it is dropped.
#[derive(Debug)]
pub struct Delivery {
    /// The command, or why it is none.
    pub command: Result<QueuedCommand, Unreadable>,
    /// How often it was delivered, this time included.
    pub times: u64,
    /// Where it lies on the queue.
    pub sequence: u64,
    message: Message,
    _place: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("category", &self.category).finish_non_exhaustive()
    }
}

impl EventStore {
    /// The commands to entities of a category, shared by all who take from it; at most `at_once` are out at a time.
    /// The queue must take them: [`EventStore::open_queue`].
    pub fn inbox(&self, category: &str, at_once: usize) -> Inbox {
        Inbox {
            store: self.clone(),
            category: category.to_owned(),
            made: self.connection().made(),
            consumer: None,
            places: Arc::new(Semaphore::new(at_once)),
            asked_for: None,
        }
    }
}

impl Inbox {
    /// The next one; waits until there is one, and a place for it. While the broker is away it waits too. Safe to
    /// drop and call again.
    pub async fn next(&mut self) -> Delivery {
        let mut told = false;
        loop {
            match self.next_or_away().await {
                Ok(delivery) => return delivery,
                Err(cause) => {
                    (self.consumer, self.asked_for) = (None, None);
                    let category = &self.category;
                    // That the broker is away is told elsewhere.
                    if self.store.connection().is_up() && !told {
                        tracing::warn!(
                            cause,
                            category,
                            "commands cannot be taken from the queue; trying again"
                        );
                        told = true;
                    }
                    sleep(RETRY).await;
                }
            }
        }
    }

    async fn next_or_away(&mut self) -> Result<Delivery, Cause> {
        loop {
            // What was asked for on another connection never comes.
            if self.made.has_changed().unwrap_or(false) {
                (self.consumer, self.asked_for) = (None, None);
            }
            if self.asked_for.is_none() {
                self.asked_for = Some(self.ask().await?);
            }
            let Some((batch, places)) = &mut self.asked_for else { continue };
            let message = tokio::select! {
                message = batch.next() => message,
                _ = self.made.changed() => {
                    self.made.mark_changed();
                    continue;
                }
            };
            match message.transpose()? {
                Some(message) => {
                    let place = places.split(1).ok_or("more came than was asked for")?;
                    return Delivery::of(message, place);
                }
                None => self.asked_for = None,
            }
        }
    }

    /// Asks for as many as there are places.
    async fn ask(&mut self) -> Result<(Batch, OwnedSemaphorePermit), Cause> {
        let mut places = Arc::clone(&self.places).acquire_owned().await?;
        let more = u32::try_from(self.places.available_permits()).unwrap_or(u32::MAX);
        if let Ok(more) = Arc::clone(&self.places).try_acquire_many_owned(more) {
            places.merge(more);
        }
        let consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            None => self.consumer().await?,
        };
        let asked = consumer.batch().max_messages(places.num_permits()).expires(ASK_AGAIN).messages().await?;
        self.consumer = Some(consumer);
        Ok((asked, places))
    }

    async fn consumer(&mut self) -> Result<PullConsumer, StoreError> {
        self.made.mark_unchanged();
        let name = format!("inbox-{}", self.category);
        let config = pull::Config {
            durable_name: Some(name),
            filter_subject: subjects::commands(&self.category),
            ack_policy: AckPolicy::Explicit,
            ack_wait: TO_ACKNOWLEDGE,
            max_ack_pending: UNDER_WAY,
            ..pull::Config::default()
        };
        self.store.context().create_consumer_on_stream(config, COMMANDS).await.map_err(StoreError::away)
    }
}

impl Delivery {
    fn of(message: Message, place: OwnedSemaphorePermit) -> Result<Self, Cause> {
        let info = message.info()?;
        let (times, sequence) = (u64::try_from(info.delivered).unwrap_or(1), info.stream_sequence);
        let (headers, body) = (message.headers.as_ref(), message.payload.clone());
        let command = asked::read(&message.subject, headers, body, || None);
        Ok(Self { command, times, sequence, message, _place: place })
    }

    /// The subject on which it came.
    pub fn subject(&self) -> &str {
        &self.message.subject
    }

    /// As it was sent.
    pub fn body(&self) -> &Bytes {
        &self.message.payload
    }

    pub(super) fn headers(&self) -> Option<&async_nats::HeaderMap> {
        self.message.headers.as_ref()
    }

    /// It is done with, and need not come again. When this is lost it comes again, and changes nothing.
    pub async fn done(&self) {
        self.answer(AckKind::Ack).await;
    }

    /// It is being worked on: nobody else need take it for another [`TO_ACKNOWLEDGE`].
    pub async fn under_way(&self) {
        self.answer(AckKind::Progress).await;
    }

    /// It could not be done yet: let it come again, not before this time has passed.
    pub async fn later(&self, pause: Duration) {
        self.answer(AckKind::Nak(Some(pause))).await;
    }

    async fn answer(&self, kind: AckKind) {
        if let Err(error) = self.message.ack_with(kind).await {
            tracing::debug!(error, subject = self.subject(), "a command comes once more");
        }
    }
}
