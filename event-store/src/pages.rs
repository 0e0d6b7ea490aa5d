//! The whole log, page by page, in either direction.

use event_model::{EntityName, Position};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::envelope::Entry;
use crate::error::StoreError;
use crate::read::{self, CHUNK, Chunk};
use crate::store::EventStore;

impl EventStore {
    /// What lies on the log after a position, oldest first, at most `most` and never more than a thousand, and whether
    /// there is more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker.
    pub async fn log_after(&self, after: Position, most: usize) -> Result<(Vec<Entry>, bool), StoreError> {
        self.page(after.next(), at_most(most), self.deadline()).await
    }

    /// What lies on the log before a position, newest first, at most `most` and never more than a thousand, and
    /// whether there is more. Behind the end is as good as the end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker.
    pub async fn log_before(&self, before: Position, most: usize) -> Result<(Vec<Entry>, bool), StoreError> {
        let deadline = self.deadline();
        let last = before.get().saturating_sub(1).min(self.state().await?.last_sequence);
        let count = at_most(most).min(last);
        let first = Position::new(last - count + 1);
        loop {
            let (mut entries, _) = self.page(first, count, deadline).await?;
            let reached = entries.last().is_some_and(|entry| entry.position().get() >= last);
            if reached || count == 0 || !self.is_replicated() {
                entries.retain(|entry| entry.position().get() <= last);
                entries.reverse();
                return Ok((entries, first > Position::new(1)));
            }
            // A replica answered that is still behind the leader.
            if Instant::now() + read::AGAIN >= deadline {
                return Err(StoreError::away("no replica is as far as the leader"));
            }
            sleep(read::AGAIN).await;
        }
    }

    /// What lies on the log after a position about one entity, oldest first, and whether there is more. Nothing else
    /// is read for it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker.
    pub async fn log_of_after(
        &self,
        entity: &EntityName,
        after: Position,
    ) -> Result<(Vec<Entry>, bool), StoreError> {
        let Chunk { entries, more } = self.chunk(entity, after, self.deadline()).await?;
        Ok((entries, more))
    }

    async fn page(
        &self,
        first: Position,
        count: u64,
        deadline: Instant,
    ) -> Result<(Vec<Entry>, bool), StoreError> {
        if count == 0 {
            return Ok((Vec::new(), true));
        }
        let ask = json!({"seq": first, "next_by_subj": ">", "batch": count});
        let (messages, more) = self.several(&ask, deadline).await?;
        Ok((messages.iter().map(read::entry).collect::<Result<_, _>>()?, more))
    }
}

fn at_most(most: usize) -> u64 {
    u64::try_from(most).unwrap_or(CHUNK).min(CHUNK)
}
