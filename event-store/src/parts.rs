//! Whether each append is whole: its parts lie one behind the other, from the first to the last. One that was cut may
//! have got its rest later, or an event that says that it never will.

use event_model::{EntityName, Part, Position, Recorded};
use time::OffsetDateTime;
use uuid::Uuid;

/// The category of what is said about appends; an id is that of an append's first event.
pub(crate) const CATEGORY: &str = "append";
/// The event that says that the rest of an append will never come.
pub(crate) const CUT: &str = "append-cut";

/// The appends of a log that is read in its order.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    open: Option<Begun>,
    cut: Vec<Begun>,
}

/// An append of which some parts were met.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Where its first part lies, and that one's id.
    pub(crate) position: Position,
    pub(crate) id: Uuid,
    /// The last part that was met.
    pub(crate) last: Part,
    /// On which entity each part lies, and where.
    pub(crate) stored: Vec<(EntityName, Position)>,
    command: Command,
}

/// What the events of one append have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Command {
    time: OffsetDateTime,
    causation: Option<Uuid>,
    correlation: Option<Uuid>,
}

/// A part of an append without those before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stray(pub(crate) Part);

impl Parts {
    /// Whether more parts of an append may follow at once.
    pub(crate) fn are_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether each append so far is whole.
    pub(crate) fn are_whole(&self) -> bool {
        self.open.is_none() && self.cut.is_empty()
    }

    /// Takes the next event.
    pub(crate) fn take(&mut self, event: &Recorded) -> Result<(), Stray> {
        let open = self.open.take();
        if let Some(begun) = open {
            if begun.goes_on_with(event) {
                self.open = begun.with(event);
                return Ok(());
            }
            self.cut.push(begun);
        }
        if event.entity.category == CATEGORY && event.event_type == CUT {
            self.cut.retain(|begun| begun.id.to_string() != event.entity.id);
            return Ok(());
        }
        let Some(part) = event.part else { return Ok(()) };
        if part.number == 1 {
            self.open = Begun::by(event, part);
            return Ok(());
        }
        let cut = self.cut.iter().position(|begun| begun.goes_on_with(event)).ok_or(Stray(part))?;
        let begun = self.cut.swap_remove(cut);
        self.open = begun.with(event);
        Ok(())
    }

    /// No more comes: those that are not whole, in the order in which they begin.
    pub(crate) fn end(self) -> Vec<Begun> {
        let mut cut = self.cut;
        cut.extend(self.open);
        cut.sort_by_key(|begun| begun.position);
        cut
    }
}

impl Begun {
    /// `None` when it is whole at once.
    fn by(event: &Recorded, part: Part) -> Option<Self> {
        let command = Command::of(event);
        let stored = vec![(event.entity.clone(), event.position)];
        let begun = Self { position: event.position, id: event.id, last: part, stored, command };
        (part.number < part.of).then_some(begun)
    }

    fn goes_on_with(&self, event: &Recorded) -> bool {
        let next = Part { number: self.last.number + 1, of: self.last.of };
        event.part == Some(next) && Command::of(event) == self.command
    }

    /// `None` when it is whole with it.
    fn with(mut self, event: &Recorded) -> Option<Self> {
        self.last.number += 1;
        self.stored.push((event.entity.clone(), event.position));
        (self.last.number < self.last.of).then_some(self)
    }
}

impl Command {
    fn of(event: &Recorded) -> Self {
        Self { time: event.time, causation: event.causation_id, correlation: event.correlation_id }
    }
}
