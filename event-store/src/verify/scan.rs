//! Every message in order, and what is missing between them: a damaged log is read to its end all the same.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::Stream;
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use event_model::Position;
use futures_util::StreamExt as _;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::envelope::Stored;
use crate::error::{Cause, StoreError};
use crate::store::EventStore;

/// A broker that is there and sends nothing for so long has come to a message that it cannot read.
const STUCK: Duration = Duration::from_secs(3);
/// How long the rest of an append may be behind its beginning.
const REST_OF_AN_APPEND: Duration = Duration::from_secs(1);

/// What is met next.
pub(super) enum Met {
    Message(Message),
    /// The broker gives nothing at these positions, from one to the other.
    Nothing(Position, Position),
}

/// A message as the broker gave it.
pub(super) struct Message {
    subject: Subject,
    position: Position,
    time: OffsetDateTime,
    headers: Option<HeaderMap>,
    data: Bytes,
}

impl Message {
    /// As it is read.
    pub(super) fn stored(&self) -> Stored<'_> {
        let (headers, data) = (self.headers.as_ref(), self.data.clone());
        Stored { subject: &self.subject, position: self.position, time: self.time, headers, data }
    }
}

/// Reads the log up to where it ended at first.
pub(super) struct Scan<'a> {
    store: &'a EventStore,
    read: Position,
    head: Position,
    stream: Option<Stream>,
    /// What came behind a gap: the gap is told first.
    held: Option<Message>,
}

impl<'a> Scan<'a> {
    pub(super) async fn new(store: &'a EventStore) -> Result<Self, StoreError> {
        let head = Position::new(store.state().await?.last_sequence);
        Ok(Self { store, read: Position::START, head, stream: None, held: None })
    }

    /// What was read.
    pub(super) fn read(&self) -> Position {
        self.read
    }

    /// Where it ends.
    pub(super) fn head(&self) -> Position {
        self.head
    }

    /// What is next; a little beyond the end when the end lies within an append.
    pub(super) async fn next(&mut self, within: bool) -> Result<Option<Met>, StoreError> {
        if let Some(message) = self.held.take() {
            return Ok(Some(self.meet(message)));
        }
        if self.read < self.head {
            let met = self.within(STUCK).await?;
            return if met.is_some() { Ok(met) } else { self.look_for_more().await.map(Some) };
        }
        if within && self.head > Position::START { self.within(REST_OF_AN_APPEND).await } else { Ok(None) }
    }

    /// What the broker sends within this time.
    async fn within(&mut self, patience: Duration) -> Result<Option<Met>, StoreError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.store.messages_after(self.read).await?,
        };
        let Ok(sent) = timeout(patience, stream.next()).await else { return Ok(None) };
        self.stream = Some(stream);
        let sent = sent.ok_or_else(|| StoreError::away("the broker has ended the reading"))?;
        let sent = sent.map_err(StoreError::away)?;
        let info = sent.info().map_err(|error: Cause| StoreError::away(error))?;
        let (position, time) = (Position::new(info.stream_sequence), info.published);
        let async_nats::Message { subject, headers, payload: data, .. } = sent.message;
        let message = Message { subject, position, time, headers, data };
        let next = self.read.next();
        if position == next {
            return Ok(Some(self.meet(message)));
        }
        self.held = Some(message);
        Ok(Some(Met::Nothing(next, Position::new(position.get() - 1))))
    }

    fn meet(&mut self, message: Message) -> Met {
        self.read = message.position;
        self.head = self.head.max(self.read);
        Met::Message(message)
    }

    /// Asks for one position after the other until the broker gives something.
    async fn look_for_more(&mut self) -> Result<Met, StoreError> {
        self.stream = None;
        let first = self.read.next();
        let mut missing = None;
        while self.read < self.head && self.store.at(self.read.next()).await?.is_none() {
            self.read = self.read.next();
            missing = Some(self.read);
        }
        match missing {
            Some(last) => Ok(Met::Nothing(first, last)),
            // It is there, so the broker was merely slow.
            None => self.within(STUCK * 10).await?.ok_or_else(|| {
                StoreError::away(format!("the broker sends nothing after position {}", self.read))
            }),
        }
    }
}
