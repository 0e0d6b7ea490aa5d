//! A history folded into an entity, message by message.

use std::sync::Arc;

use event_model::{Decider, EntityName, Position, Recorded, Unreadable, Version, event_id};
use uuid::Uuid;

use crate::envelope::Entry;
use crate::error::StoreError;
use crate::load::Loaded;

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
        let (event, change) = match counted::<D>(entry, self.now.version.next()) {
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
        self.now.last_id = event.id;
        if self.command.is_some_and(|command| event_id(command, &self.entity, self.met) == event.id) {
            self.met += 1;
            self.repeated = Some(self.now.clone());
        }
        Ok(())
    }
}

/// Whether an entry is the entity's event of a version.
pub(crate) enum Counted<E> {
    Event(Recorded, E),
    /// It is, and of a type that this program does not know.
    OfNewerProgram(Recorded),
    No,
}

pub(crate) fn counted<D: Decider>(entry: Entry, version: Version) -> Counted<D::Event> {
    let Entry::Event(event) = entry else { return Counted::No };
    if event.version != Some(version) {
        return Counted::No;
    }
    match event.decode::<D::Event>() {
        Ok(change) => Counted::Event(event, change),
        Err(Unreadable::UnknownType(_)) => Counted::OfNewerProgram(event),
        Err(Unreadable::Data { .. }) => Counted::No,
    }
}

pub(crate) fn stepped_over(entity: &EntityName, position: Position) {
    metrics::counter!("jetsource_foreign_messages_total", "reader" => "load").increment(1);
    tracing::debug!(%entity, %position, "stepped over a message that is not an event of this entity");
}
