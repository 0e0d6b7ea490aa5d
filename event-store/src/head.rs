//! Where the log ends, and whether it still is the log that a reader has read.

use std::time::Duration;

use async_nats::jetstream::stream::State;
use event_model::Position;
use tokio::time::{Instant, sleep};

use crate::error::StoreError;
use crate::leader::patiently;
use crate::store::EventStore;
use crate::streams::EVENTS;
use crate::subscribe::Mark;

/// How long to wait before a finding on a replicated log is looked at again.
const AGAIN: Duration = Duration::from_millis(200);

impl EventStore {
    /// The last position of the log.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker, [`StoreError::Corrupt`] when it knows that messages before
    /// that position are gone.
    pub async fn head(&self) -> Result<Position, StoreError> {
        let State { messages, last_sequence, .. } = self.state().await?;
        // Nothing can be deleted from the log, so there is a message for each position. The broker drops what it
        // cannot read when it starts, and goes on as if nothing had happened.
        if messages == last_sequence {
            return Ok(Position::new(last_sequence));
        }
        Err(StoreError::Corrupt(format!(
            "{} of the {last_sequence} messages up to its end are gone, the first of them at position {}: it was \
             damaged; `jetsource log verify` tells all that is wrong",
            last_sequence.saturating_sub(messages),
            self.first_gone().await?
        )))
    }

    /// What the broker counts. Of several servers any one answers for a log that nobody leads, however far behind it
    /// is; that is no answer.
    pub(crate) async fn state(&self) -> Result<State, StoreError> {
        patiently(self.deadline(), |_| async {
            let stream = self.context().get_stream_no_info(EVENTS).await.map_err(StoreError::away)?;
            let info = stream.get_info().await.map_err(StoreError::away)?;
            match info.cluster {
                Some(cluster) if cluster.leader.is_none() => Err(StoreError::away("nobody leads the log")),
                _ => Ok(info.state),
            }
        })
        .await
    }

    async fn first_gone(&self) -> Result<u64, StoreError> {
        let stream = self.context().get_stream_no_info(EVENTS).await.map_err(StoreError::away)?;
        let details = stream.info_builder().with_deleted(true).fetch().await.map_err(StoreError::away)?;
        let State { first_sequence, deleted, .. } = &details.info.state;
        let inside = deleted.iter().flatten().min().copied().unwrap_or_default();
        Ok(if *first_sequence > 1 { 1 } else { inside })
    }

    /// Checks that the log still is the one that a reader has read up to its mark.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is shorter, another event lies there, or the broker knows of a gap.
    pub async fn check(&self, mark: Mark) -> Result<(), StoreError> {
        let deadline = self.deadline();
        loop {
            match self.check_once(mark).await {
                // A server that led until it was paused or cut off may answer once more, with what it knew then.
                Err(StoreError::Corrupt(_)) if self.is_replicated() && Instant::now() + AGAIN < deadline => {
                    sleep(AGAIN).await;
                }
                checked => return checked,
            }
        }
    }

    async fn check_once(&self, mark: Mark) -> Result<(), StoreError> {
        let head = self.head().await?;
        if mark.position == Position::START {
            return Ok(());
        }
        match self.at(mark.position).await? {
            None if head >= mark.position => Err(StoreError::Corrupt(format!(
                "nothing can be read at position {}, up to which a reader has read: the log was damaged: \
                 bring it back from a backup",
                mark.position
            ))),
            None => Err(StoreError::Corrupt(format!(
                "the log ends at position {head}, a reader has read up to {}: the log was damaged or replaced: bring \
                 the former one back, from a backup if need be",
                mark.position
            ))),
            Some(entry) if Mark::on(&entry) == mark => Ok(()),
            Some(_) => Err(StoreError::Corrupt(format!(
                "another event lies at position {} than a reader has read there: the log was damaged or replaced: bring \
                 the former one back, from a backup if need be",
                mark.position
            ))),
        }
    }
}
