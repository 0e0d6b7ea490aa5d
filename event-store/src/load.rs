//! An entity from its history.

use std::sync::Arc;

use event_model::{Decider, EntityName, Position, Recorded, Unreadable, Version, event_id};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::append::Stand;
use crate::envelope::Entry;
use crate::error::StoreError;
use crate::store::EventStore;
use crate::tail::Tail;

/// An entity as it is at a version.
#[derive(Debug, Clone, Default)]
pub struct Loaded<D> {
    /// The fold of its events, shared with the cache.
    pub state: Arc<D>,
    /// How many they are.
    pub version: Version,
    /// Where the last of them lies in the log; [`Position::START`] when there is none.
    pub position: Position,
    pub(crate) last: Position,
}

impl<D> Loaded<D> {
    /// What an append that was decided on this relies on.
    pub fn stand(&self) -> Stand {
        Stand { version: self.version, last: self.last }
    }
}

/// Folds a history, and notices the events of one command in it.
#[derive(Debug, Clone)]
pub(crate) struct Folding<D> {
    entity: EntityName,
    pub(crate) now: Loaded<D>,
    command: Option<Uuid>,
    /// Whether the log was looked at; else this is what the cache remembers.
    pub(crate) fresh: bool,
    /// How many events of that command were met.
    met: usize,
    /// The entity right after them.
    pub(crate) repeated: Option<Loaded<D>>,
}

impl<D: Decider> Folding<D> {
    pub(crate) fn new(id: &D::Id, command: Option<Uuid>) -> Self {
        let entity = EntityName::new(D::CATEGORY, id);
        Self { entity, now: Loaded::default(), command, fresh: false, met: 0, repeated: None }
    }

    /// From an entity as it was once.
    pub(crate) fn from(entity: EntityName, then: Loaded<D>, command: Option<Uuid>) -> Self {
        Self { entity, now: then, command, fresh: false, met: 0, repeated: None }
    }

    pub(crate) fn entity(&self) -> &EntityName {
        &self.entity
    }

    /// Whether anything is known of the entity, be it from the cache.
    pub(crate) fn is_known(&self) -> bool {
        self.fresh || self.now.last > Position::START
    }

    pub(crate) fn take(&mut self, entry: Entry) -> Result<(), StoreError> {
        self.now.last = entry.position();
        let (event, change) = match counted::<D>(entry, self.now.version) {
            Counted::Event(event, change) => (event, change),
            Counted::OfNewerProgram(event) => {
                return Err(StoreError::Corrupt(format!(
                    "unknown event type {:?} of {} at position {}: a newer program wrote it; run that one",
                    event.event_type, self.entity, event.position
                )));
            }
            Counted::No => {
                stepped_over(&self.entity, self.now.last);
                return Ok(());
            }
        };
        let state = std::mem::take(&mut self.now.state);
        self.now.state = Arc::new(Arc::unwrap_or_clone(state).evolve(change));
        self.now.version = self.now.version.next();
        self.now.position = event.position;
        if self.command.is_some_and(|command| event_id(command, &self.entity, self.met) == event.id) {
            self.met += 1;
            self.repeated = Some(self.now.clone());
        }
        Ok(())
    }
}

/// Whether an entry is the entity's next event.
enum Counted<E> {
    Event(Recorded, E),
    /// It is, and of a type that this program does not know.
    OfNewerProgram(Recorded),
    No,
}

fn counted<D: Decider>(entry: Entry, version: Version) -> Counted<D::Event> {
    let Entry::Event(event) = entry else { return Counted::No };
    if event.version != Some(version.next()) {
        return Counted::No;
    }
    match event.decode::<D::Event>() {
        Ok(change) => Counted::Event(event, change),
        Err(Unreadable::UnknownType(_)) => Counted::OfNewerProgram(event),
        Err(Unreadable::Data { .. }) => Counted::No,
    }
}

fn stepped_over(entity: &EntityName, position: Position) {
    metrics::counter!("jetsource_foreign_messages_total", "reader" => "load").increment(1);
    tracing::debug!(%entity, %position, "stepped over a message that is not an event of this entity");
}

impl EventStore {
    /// The entity as it is now; without events it is `D::default()` at version 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker, [`StoreError::Corrupt`] when the history holds an event
    /// that this program does not know.
    pub async fn load<D: Decider>(&self, id: &D::Id) -> Result<Loaded<D>, StoreError> {
        let mut folding = self.remembered::<D>(id, None);
        self.catch_up(&mut folding, self.deadline()).await?;
        Ok(folding.now)
    }

    /// The entity as the cache knows it; else from its beginning.
    pub(crate) fn remembered<D: Decider>(&self, id: &D::Id, command: Option<Uuid>) -> Folding<D> {
        let folding = Folding::new(id, command);
        match self.entities().get::<D>(&folding.entity) {
            Some(then) => Folding::from(folding.entity, then, command),
            None => folding,
        }
    }

    /// Folds what has come since, as quickly as the log gives it, and lets the cache remember.
    pub(crate) async fn catch_up<D: Decider>(
        &self,
        folding: &mut Folding<D>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        match self.tail(&folding.entity, folding.now.last, deadline).await? {
            Tail::Whole(entries) => entries.into_iter().try_for_each(|entry| folding.take(entry))?,
            Tail::TooLong(last) => loop {
                self.read_on(folding, Version::new(u64::MAX), deadline).await?;
                if folding.now.last >= last {
                    break;
                }
                // A replica answered that is still behind the leader.
                if Instant::now() + AGAIN >= deadline {
                    return Err(StoreError::away("no replica is as far as the leader"));
                }
                sleep(AGAIN).await;
            },
        }
        folding.fresh = true;
        if folding.now.last > Position::START {
            self.entities().put(folding.entity.clone(), folding.now.clone());
        }
        Ok(())
    }

    /// The entity as it was at a version; as it is now when it has not got there yet.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub async fn load_at<D: Decider>(&self, id: &D::Id, version: Version) -> Result<Loaded<D>, StoreError> {
        let mut folding = Folding::<D>::new(id, None);
        self.read_on(&mut folding, version, self.deadline()).await?;
        Ok(folding.now)
    }

    /// Folds what has come since, up to a version.
    pub(crate) async fn read_on<D: Decider>(
        &self,
        folding: &mut Folding<D>,
        until: Version,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        while folding.now.version < until {
            let chunk = self.chunk(&folding.entity, folding.now.last, deadline).await?;
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

    /// The events of an entity after a version, oldest first, at most `most` of them, and whether there are more.
    /// Reads the whole history up to there. Events of a newer program are among them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker.
    pub async fn history<D: Decider>(
        &self,
        id: &D::Id,
        after: Version,
        most: usize,
    ) -> Result<(Vec<Recorded>, bool), StoreError> {
        let deadline = self.deadline();
        let entity = EntityName::new(D::CATEGORY, id);
        let (mut events, mut version, mut last) = (Vec::new(), Version::START, Position::START);
        loop {
            let chunk = self.chunk(&entity, last, deadline).await?;
            for entry in chunk.entries {
                last = entry.position();
                match counted::<D>(entry, version) {
                    Counted::Event(event, _) | Counted::OfNewerProgram(event) => {
                        version = version.next();
                        if version > after {
                            events.push(event);
                        }
                    }
                    Counted::No => stepped_over(&entity, last),
                }
                if events.len() > most {
                    events.truncate(most);
                    return Ok((events, true));
                }
            }
            if !chunk.more {
                return Ok((events, false));
            }
        }
    }
}

const AGAIN: std::time::Duration = std::time::Duration::from_millis(2);
