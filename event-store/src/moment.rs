//! Where on the log a time is.

use event_model::Position;
use time::{Duration, OffsetDateTime};

use crate::envelope::Entry;
use crate::error::StoreError;
use crate::store::EventStore;

/// By how much the times of neighbours may be out of order: how long a command may take, and what the clocks of several
/// nodes may differ by.
const DISORDER: Duration = Duration::seconds(10);
/// How many entries are looked through at once.
const PAGE: usize = 1000;

impl EventStore {
    /// The position behind which the first event lies that was taken in (`ce-time`) at a time or later; the end of the
    /// log when none was.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker, [`StoreError::Corrupt`] as [`EventStore::head`].
    pub async fn position_before(&self, time: OffsetDateTime) -> Result<Position, StoreError> {
        let head = self.head().await?;
        let mut before = self.somewhere_before(time - DISORDER, head).await?;
        loop {
            let (entries, more) = self.log_after(before, PAGE).await?;
            let later = |entry: &&Entry| matches!(entry, Entry::Event(event) if event.time >= time);
            if let Some(first) = entries.iter().find(later) {
                return Ok(Position::new(first.position().get() - 1));
            }
            before = entries.last().map_or(before, Entry::position);
            if !more || entries.is_empty() {
                return Ok(before.max(head));
            }
        }
    }

    /// A position up to which all events are earlier, as far as times are in order.
    async fn somewhere_before(&self, time: OffsetDateTime, head: Position) -> Result<Position, StoreError> {
        let (mut before, mut behind) = (Position::START, head.next());
        while before.next() < behind {
            let middle = Position::new(before.get() + (behind.get() - before.get()) / 2);
            match self.first_event_from(middle, behind).await? {
                Some(found) if found < time => before = middle,
                Some(_) | None => behind = middle,
            }
        }
        Ok(before)
    }

    /// The time of the first event at a position or after it, before another one.
    async fn first_event_from(
        &self,
        mut from: Position,
        behind: Position,
    ) -> Result<Option<OffsetDateTime>, StoreError> {
        while from < behind {
            match self.at(from).await? {
                Some(Entry::Event(event)) => return Ok(Some(event.time)),
                Some(Entry::Foreign(_)) | None => from = from.next(),
            }
        }
        Ok(None)
    }
}
