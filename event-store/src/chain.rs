//! The events of one chain: all that have the same first cause. Nothing in the log is ordered by that, so the log is
//! looked through, from where the first cause was taken in.

use event_model::{Position, Recorded};
use time::{Duration, OffsetDateTime};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::envelope::Entry;
use crate::error::StoreError;
use crate::filter::Filter;
use crate::read::AGAIN;
use crate::store::EventStore;

/// How many positions one call looks through at most.
pub const FAR: u64 = 1_000_000;
/// How many events one call finds at most.
pub const MOST: usize = 1_000;
/// How many entries are read at once.
const PAGE: usize = 1_000;
/// By how much the clock that made the id of a first cause may be ahead of the clocks that take commands in.
const CLOCKS: Duration = Duration::minutes(10);

/// What was found of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// In the order of the log.
    pub events: Vec<Recorded>,
    /// Behind this position was looked.
    pub after: Position,
    /// Up to this one.
    pub upto: Position,
    /// Whether the log goes on behind that.
    pub more: bool,
}

impl EventStore {
    /// The events with this first cause. They are looked for behind `after`; where that is not given, from the time that
    /// is in the first cause's id when it is a `UUIDv7`, as those that this program makes, else from the beginning. One
    /// call looks through [`FAR`] positions and finds [`MOST`] events, no more; it goes on behind `upto`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker, [`StoreError::Corrupt`] as [`EventStore::head`].
    pub async fn chain(&self, first_cause: Uuid, after: Option<Position>) -> Result<Chain, StoreError> {
        let begin = match after {
            Some(after) => after,
            None => self.begin_of(first_cause).await?,
        };
        let found = self.look_for(first_cause, begin).await?;
        if after.is_none() && found.events.is_empty() && begin > Position::START {
            // An id that somebody has made up may hold any time.
            return self.look_for(first_cause, Position::START).await;
        }
        Ok(found)
    }

    /// A position before everything that this can have caused.
    async fn begin_of(&self, first_cause: Uuid) -> Result<Position, StoreError> {
        let made = first_cause.get_timestamp().filter(|_| first_cause.get_version_num() == 7);
        let seconds = made.and_then(|made| i64::try_from(made.to_unix().0).ok());
        match seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()) {
            Some(time) => self.position_before(time - CLOCKS).await,
            None => Ok(Position::START),
        }
    }

    async fn look_for(&self, first_cause: Uuid, after: Position) -> Result<Chain, StoreError> {
        let head = self.head().await?;
        let end = head.min(Position::new(after.get().saturating_add(FAR)));
        let filter = Filter { correlation: Some(first_cause), ..Filter::default() };
        let (mut events, mut upto) = (Vec::new(), after);
        let mut by = self.deadline();
        while upto < end && events.len() < MOST {
            let (entries, _) = self.log_after(upto, PAGE).await?;
            if entries.is_empty() {
                // A replica answered that is still behind the leader.
                if Instant::now() >= by {
                    return Err(StoreError::away("no replica is as far as the leader"));
                }
                sleep(AGAIN).await;
                continue;
            }
            for entry in entries {
                if upto >= end || events.len() == MOST {
                    break;
                }
                upto = entry.position();
                if let Entry::Event(event) = entry
                    && filter.wants(&event)
                {
                    events.push(event);
                }
            }
            by = self.deadline();
        }
        Ok(Chain { events, after, upto, more: upto < head })
    }
}
