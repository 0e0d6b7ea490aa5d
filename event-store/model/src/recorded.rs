//! An event as the log holds it.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::event::{self, Event, Unreadable};

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Before the first.
            pub const START: Self = Self(0);

            /// From the number that a header, a row or the broker gave.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number, for headers, rows and the broker.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one that follows.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NoNumber;

            /// Reads what was written, and no other spelling of the number.
            fn from_str(text: &str) -> Result<Self, NoNumber> {
                let number = text.parse().map(Self).map_err(|_| NoNumber)?;
                if number.to_string() == text { Ok(number) } else { Err(NoNumber) }
            }
        }
    };
}

counter! {
    /// A place in the log's one order, from 1; [`Position::START`] is before the first event. Compare it and
    /// hand it back; do not compute with it.
    Position
}

counter! {
    /// How many events an entity has, gapless from 1; [`Version::START`] is an entity without events.
    Version
}

/// Why a text is neither a position nor a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number, as it was given")]
pub struct NoNumber;

/// The name of one entity: its category and its id in text form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityName {
    /// The kind of entity, such as `order`.
    pub category: String,
    /// The entity's own id, not encoded.
    pub id: String,
}

impl EntityName {
    /// The entity of this category and id.
    pub fn new(category: impl Into<String>, id: impl fmt::Display) -> Self {
        Self { category: category.into(), id: id.to_string() }
    }
}

impl fmt::Display for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.category, self.id)
    }
}

/// What is known about a command and goes into every event that it causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The command's own id. A retry of a command carries the same one, and so makes the same event ids.
    pub command_id: Uuid,
    /// The command or event that caused this one; the command itself where nothing did.
    pub causation_id: Uuid,
    /// The first cause of the chain.
    pub correlation_id: Uuid,
    /// When the command was taken in, UTC.
    pub time: OffsetDateTime,
    /// The name of the caller's token, where there is one.
    pub actor: Option<String>,
    /// W3C trace context, as the caller sent it.
    pub traceparent: Option<String>,
    /// Whether the command may have been carried out before, under this id; see [`Metadata::again`].
    pub repeated: bool,
}

impl Metadata {
    /// Of a command that starts a chain: its own cause, and the first one.
    pub fn first(command_id: Uuid, time: OffsetDateTime) -> Self {
        let (causation_id, correlation_id) = (command_id, command_id);
        Self {
            command_id,
            causation_id,
            correlation_id,
            time,
            actor: None,
            traceparent: None,
            repeated: false,
        }
    }

    /// Of the same command, sent again because nobody knows what became of it: the entity's whole history is searched
    /// for its events first.
    #[must_use]
    pub fn again(self) -> Self {
        Self { repeated: true, ..self }
    }

    /// Of the same command, taken in once more: with the id that it was first given, also where that id stands for
    /// its cause.
    #[must_use]
    pub fn repeated_as(&self, first: Uuid) -> Self {
        let renamed = |id| if id == self.command_id { first } else { id };
        Self {
            command_id: first,
            causation_id: renamed(self.causation_id),
            correlation_id: renamed(self.correlation_id),
            ..self.clone()
        }
    }
}

/// The id of the `index`-th event (from 0) that a command causes on an entity: a UUIDv5 (RFC 9562) of the
/// three, so that a retry makes the same ids.
pub fn event_id(command_id: Uuid, entity: &EntityName, index: usize) -> Uuid {
    let EntityName { category, id } = entity;
    let index = index.to_string();
    Uuid::new_v5(&command_id, [category, "/", id, "/", &index].concat().as_bytes())
}

/// The place of an event among those of one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// How many the append has.
    pub of: u32,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Part {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (number, of) = text.split_once('/').ok_or(())?;
        let part = Self { number: number.parse().map_err(|_| ())?, of: of.parse().map_err(|_| ())? };
        if part.number == 0 || part.number > part.of { Err(()) } else { Ok(part) }
    }
}

/// An event as the log holds it: the data still as bytes, and all that the log knows about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The event's own id. Where another tool's event has one that is no UUID: a UUIDv5 of it.
    pub id: Uuid,
    /// The entity that it is about.
    pub entity: EntityName,
    /// Its wire name.
    pub event_type: String,
    /// Its place in the log.
    pub position: Position,
    /// The entity's version after it; `None` for events of other tools' categories.
    pub version: Option<Version>,
    /// When the command that caused it was taken in.
    pub time: OffsetDateTime,
    /// The command or event that caused it.
    pub causation_id: Option<Uuid>,
    /// The first cause of the chain.
    pub correlation_id: Option<Uuid>,
    /// Its place among the events of one append, where there are several.
    pub part: Option<Part>,
    /// Who sent the command, where that is known.
    pub actor: Option<String>,
    /// W3C trace context, where there is one.
    pub traceparent: Option<String>,
    /// The data, a JSON object.
    pub data: Bytes,
}

impl Recorded {
    /// The data as an event of a category.
    ///
    /// # Errors
    /// [`Unreadable`] when the type is unknown or the data is not of its shape.
    pub fn decode<E: Event>(&self) -> Result<E, Unreadable> {
        event::decode(&self.event_type, &self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_makes_the_same_ids_and_nothing_else_does() {
        let command = Uuid::from_u128(7);
        let order = EntityName::new("order", "a");
        assert_eq!(event_id(command, &order, 0), event_id(command, &order, 0));
        assert_ne!(event_id(command, &order, 0), event_id(command, &order, 1));
        assert_ne!(event_id(command, &order, 0), event_id(command, &EntityName::new("order", "b"), 0));
        assert_ne!(event_id(command, &order, 0), event_id(Uuid::from_u128(8), &order, 0));
    }

    #[test]
    fn a_part_is_read_as_it_is_written() {
        assert_eq!("1/2".parse(), Ok(Part { number: 1, of: 2 }));
        for wrong in ["", "1", "0/2", "3/2", "a/b", "1/2/3"] {
            assert_eq!(wrong.parse::<Part>(), Err(()), "{wrong}");
        }
    }
}
