//! An entity as it was, by version or by time.

use event_model::{Decider, Recorded, Version};
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::fold::Folding;
use crate::load::Loaded;
use crate::store::EventStore;

/// How many of the newest events are looked at before the history is read from its beginning.
const NEWEST: usize = 16;

impl EventStore {
    /// The entity as it was at a version; as it is now when it has not got there yet.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub async fn load_at<D: Decider>(&self, id: &D::Id, version: Version) -> Result<Loaded<D>, StoreError> {
        let deadline = self.deadline();
        let mut folding = Folding::<D>::new(id, None);
        let kept = self.snapshot_at::<D>(folding.entity(), version, deadline).await;
        folding.now = kept.unwrap_or_default();
        self.read_on(&mut folding, version, deadline).await?;
        Ok(folding.now)
    }

    /// The entity as it was at a time: after its last event that was not taken in later (`ce-time`). Before its first
    /// event it is `D::default()` at version 0.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub async fn load_at_time<D: Decider>(
        &self,
        id: &D::Id,
        time: OffsetDateTime,
    ) -> Result<Loaded<D>, StoreError> {
        let version = self.version_at_time::<D>(id, time).await?;
        if version == Version::START { Ok(Loaded::default()) } else { self.load_at(id, version).await }
    }

    /// The version of the entity at a time, also where it has events that this program does not know.
    ///
    /// # Errors
    /// As [`EventStore::history_before`].
    pub async fn version_at_time<D: Decider>(
        &self,
        id: &D::Id,
        time: OffsetDateTime,
    ) -> Result<Version, StoreError> {
        let happened = |event: &&Recorded| event.time <= time;
        let (newest, more) = self.history_before::<D>(id, Version::new(u64::MAX), NEWEST).await?;
        let mut found = newest.iter().find(happened).and_then(|event| event.version);
        let (mut after, mut more) = (Version::START, more && found.is_none());
        while more {
            let (page, longer) = self.history::<D>(id, after, PAGE).await?;
            after = page.last().and_then(|event| event.version).unwrap_or(after);
            found = page.iter().rfind(happened).and_then(|event| event.version).or(found);
            more = longer;
        }
        Ok(found.unwrap_or_default())
    }
}

/// How many events are searched at once.
const PAGE: usize = 1000;
