//! An entity from its history.

use std::sync::Arc;

use event_model::{Decider, Position, Version};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::append::Stand;
use crate::error::StoreError;
use crate::fold::Folding;
use crate::read;
use crate::store::EventStore;
use crate::tail::{Step, Tail};

/// An entity as it is at a version.
#[derive(Debug, Clone, Default)]
pub struct Loaded<D> {
    /// The fold of its events, shared with the cache.
    pub state: Arc<D>,
    /// How many they are.
    pub version: Version,
    /// Where the last of them lies in the log; [`Position::START`] when there is none.
    pub position: Position,
    /// The id of the event there.
    pub(crate) last_id: Uuid,
    /// The last message on its subject, whoever wrote it.
    pub(crate) last: Position,
    /// The version of its newest snapshot, as far as this node knows.
    pub(crate) kept: Version,
}

impl<D> Loaded<D> {
    /// What an append that was decided on this relies on.
    pub fn stand(&self) -> Stand {
        Stand { version: self.version, last: self.last }
    }
}

impl EventStore {
    /// The entity as it is now; without events it is `D::default()` at version 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker, [`StoreError::Corrupt`] when the history holds an event
    /// that this program does not know.
    pub async fn load<D: Decider>(&self, id: &D::Id) -> Result<Loaded<D>, StoreError> {
        let mut folding = self.remembered::<D>(id, None);
        self.look(&mut folding, self.deadline()).await?;
        Ok(folding.now)
    }

    /// The entity as the cache knows it; else from its beginning.
    pub(crate) fn remembered<D: Decider>(&self, id: &D::Id, command: Option<Uuid>) -> Folding<D> {
        let folding = Folding::new(id, command);
        match self.entities().get::<D>(folding.entity()) {
            Some(then) => Folding::from(folding.entity().clone(), then, command),
            None => folding,
        }
    }

    /// Folds what has come since; one of which nothing is known may begin with its snapshot. Only before anything
    /// was sent to the log: the events of a command that lie before a snapshot are not met.
    pub(crate) async fn look<D: Decider>(
        &self,
        folding: &mut Folding<D>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let last = self.last_on(folding.entity(), deadline).await?;
        self.look_up_to(folding, last, deadline).await
    }

    /// [`EventStore::look`], where the last message was read already.
    pub(crate) async fn look_up_to<D: Decider>(
        &self,
        folding: &mut Folding<D>,
        last: Option<Step>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        if let Some(last) = last.as_ref().filter(|last| !folding.is_known() && last.is_worth_a_snapshot()) {
            let snapshot = Box::pin(self.snapshot::<D>(folding.entity(), last, deadline));
            if let Some((kept, since)) = snapshot.await? {
                folding.now = kept;
                return self.fold(folding, since, deadline).await;
            }
            folding.now = Loaded::default();
        }
        self.follow(folding, last, deadline).await
    }

    /// Folds what has come since, without a gap from where the folding stands.
    pub(crate) async fn catch_up<D: Decider>(
        &self,
        folding: &mut Folding<D>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let last = self.last_on(folding.entity(), deadline).await?;
        self.follow(folding, last, deadline).await
    }

    /// Folds up to this last message, as quickly as the log gives it, and lets the cache remember.
    async fn follow<D: Decider>(
        &self,
        folding: &mut Folding<D>,
        last: Option<Step>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let tail = self.walk(folding.entity(), last, folding.now.last, deadline).await?;
        self.fold(folding, tail, deadline).await
    }

    async fn fold<D: Decider>(
        &self,
        folding: &mut Folding<D>,
        tail: Tail,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        match tail {
            Tail::Whole(entries) => entries.into_iter().try_for_each(|entry| folding.take(entry))?,
            Tail::TooLong(last) => {
                self.read_up_to(folding, last, deadline).await?;
                let name = folding.entity().clone();
                self.snapshots().after_a_long_reading(&name, &mut folding.now);
            }
        }
        folding.fresh = true;
        if folding.now.last > Position::START {
            self.entities().put(folding.entity().clone(), folding.now.clone());
        }
        Ok(())
    }

    async fn read_up_to<D: Decider>(
        &self,
        folding: &mut Folding<D>,
        last: Position,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        loop {
            self.read_on(folding, Version::new(u64::MAX), deadline).await?;
            if folding.now.last >= last {
                return Ok(());
            }
            // A replica answered that is still behind the leader.
            if Instant::now() + read::AGAIN >= deadline {
                return Err(StoreError::away("no replica is as far as the leader"));
            }
            sleep(read::AGAIN).await;
        }
    }

    /// Folds what has come since, up to a version.
    pub(crate) async fn read_on<D: Decider>(
        &self,
        folding: &mut Folding<D>,
        until: Version,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        while folding.now.version < until {
            let chunk = self.chunk(folding.entity(), folding.now.last, deadline).await?;
            for entry in chunk.entries {
                if folding.now.version < until {
                    folding.take(entry)?;
                }
            }
            if !chunk.more {
                return Ok(());
            }
        }
        Ok(())
    }
}
