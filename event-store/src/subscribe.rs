//! Reading the whole log in order, from a position, without a gap, for ever.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::{self, Stream};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use event_model::{EntityName, Position};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::task::unconstrained;
use tokio::time::sleep;
use uuid::Uuid;

use crate::envelope::{self, Entry, Stored};
use crate::error::{Cause, StoreError};
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::streams::EVENTS;
use crate::subjects;

/// How many messages the broker sends ahead.
const AHEAD: usize = 5000;
/// A batch takes no more once it has so many bytes of data.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How often the broker says that it is there when there is nothing to send.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Where a reader stands: the position up to which it has read, and the id of the event there, by which a log that
/// was replaced is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// The last position that was read; [`Position::START`] before the first.
    pub position: Position,
    /// The id of the event there; `None` at the start, or when no event lies there.
    pub id: Option<Uuid>,
}

impl Mark {
    /// Before the first event.
    pub const START: Self = Self { position: Position::START, id: None };

    /// On this entry.
    pub fn on(entry: &Entry) -> Self {
        let id = match entry {
            Entry::Event(event) => Some(event.id),
            Entry::Foreign(_) => None,
        };
        Self { position: entry.position(), id }
    }
}

/// What a subscription has next.
#[derive(Debug)]
pub struct Batch {
    /// In the order of the log, without a gap; never empty.
    pub entries: Vec<Entry>,
    /// How many more the log held when the last of them was sent.
    pub behind: u64,
}

/// A reader of the log. It begins anew by itself when the broker was away.
pub struct Subscription {
    store: EventStore,
    mark: Mark,
    made: watch::Receiver<u64>,
    stream: Option<Stream>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("mark", &self.mark).finish_non_exhaustive()
    }
}

impl EventStore {
    /// Everything on the log after a mark, in order.
    pub fn subscribe(&self, after: Mark) -> Subscription {
        Subscription { store: self.clone(), mark: after, made: self.connection().made(), stream: None }
    }
}

impl EventStore {
    /// Hears of each event of one entity from now on. Live only: while the broker is away some may be missed, so
    /// look again when patience ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection is closed for good.
    pub async fn hear(&self, entity: &EntityName) -> Result<async_nats::Subscriber, StoreError> {
        let client = self.client();
        let heard = client.subscribe(subjects::stored(entity)).await.map_err(StoreError::away)?;
        let settled = client.flush();
        tokio::time::timeout(ROUND_TRIP, settled)
            .await
            .map_err(StoreError::away)?
            .map_err(StoreError::away)?;
        Ok(heard)
    }
}

impl Subscription {
    /// The next entries, at most `most`, and fewer when they are large; waits until there is at least one. While the broker is away it waits too.
    /// Safe to drop and call again: nothing is lost, but a reader that is dropped while it waits begins anew at the
    /// broker. Who waits for other things too keeps the future, or reads in a task of its own.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the log is shorter than the mark, differs there, or has a gap.
    pub async fn next(&mut self, most: usize) -> Result<Batch, StoreError> {
        let mut tries = 0;
        loop {
            match self.next_or_away(most).await {
                Err(StoreError::Unavailable(cause)) => {
                    self.stream = None;
                    tries += 1;
                    if tries == 1 {
                        tracing::debug!(cause, after = %self.mark.position, "a reader of the log begins anew");
                    }
                    let again = Duration::from_millis(if tries == 1 { 0 } else { 200 });
                    sleep(again).await;
                }
                other => return other,
            }
        }
    }

    async fn next_or_away(&mut self, most: usize) -> Result<Batch, StoreError> {
        let mut stream = match self.stream.take() {
            Some(stream) if !self.made.has_changed().unwrap_or(false) => stream,
            Some(_) | None => self.begin().await?,
        };
        let first = tokio::select! {
            first = stream.next() => first,
            _ = self.made.changed() => None,
        };
        let mut entries = Vec::new();
        let (mut behind, mut bytes) = (0, 0);
        let mut next = Some(first);
        while let Some(message) = next {
            let message = message.ok_or_else(|| StoreError::away("the connection was made anew"))?;
            let message = message.map_err(StoreError::away)?;
            let info = message.info().map_err(|error: Cause| StoreError::away(error))?;
            let position = Position::new(info.stream_sequence);
            behind = info.pending;
            if position > self.mark.position {
                if position != self.mark.position.next() {
                    return Err(self.gap(position));
                }
                let time = info.published;
                let async_nats::Message { subject, headers, payload: data, .. } = message.message;
                let headers = headers.as_ref();
                bytes += data.len();
                let entry = envelope::read(Stored { subject: &subject, position, time, headers, data });
                if let Entry::Foreign(foreign) = &entry {
                    metrics::counter!("jetsource_foreign_messages_total", "reader" => "subscription")
                        .increment(1);
                    tracing::warn!(%foreign, "stepped over");
                }
                self.mark = Mark::on(&entry);
                entries.push(entry);
            }
            // The runtime lets a task take 128 things and then wants it to wait: a batch is what is there.
            let more = entries.len() < most && bytes < MOST_BYTES;
            next = if more { unconstrained(stream.next()).now_or_never() } else { None };
        }
        self.stream = Some(stream);
        Ok(Batch { entries, behind })
    }

    fn gap(&self, position: Position) -> StoreError {
        StoreError::Corrupt(format!("position {position} follows {}: the log has a gap", self.mark.position))
    }

    async fn begin(&mut self) -> Result<Stream, StoreError> {
        self.made.mark_unchanged();
        self.store.check(self.mark).await?;
        self.store.messages_after(self.mark.position).await
    }
}

impl EventStore {
    /// The messages of the log behind a position, as the broker sends them.
    pub(crate) async fn messages_after(&self, position: Position) -> Result<Stream, StoreError> {
        self.messages_of(EVENTS, position.next().get()).await
    }

    /// The messages of a stream from a sequence on, as the broker sends them.
    pub(crate) async fn messages_of(&self, stream: &str, from: u64) -> Result<Stream, StoreError> {
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_secs(30),
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer =
            self.context().create_consumer_on_stream(config, stream).await.map_err(StoreError::away)?;
        let messages = consumer.stream().max_messages_per_batch(AHEAD).heartbeat(HEARTBEAT);
        messages.expires(Duration::from_secs(30)).messages().await.map_err(StoreError::away)
    }
}
