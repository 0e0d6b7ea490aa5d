//! Several entities, one outcome: a decider that learns from other entities' events, and says what to do next.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::decider::Decider;
use crate::event::Unreadable;
use crate::recorded::{EntityName, Recorded};

/// A saga: its commands are what it learns, its events are what it set out to do. So its own history is its state, its
/// outbox and its audit, and it is tested like any decider.
///
/// A runner reads the log in order. What [`Saga::route`] makes of an event is decided and stored; what
/// [`Saga::send`] makes of a stored event is then sent. Both may happen again after a crash: `decide` gives no events
/// for what the saga knows already, and who is asked twice must do once.
pub trait Saga: Decider {
    /// What the deployment chooses, such as how long to wait. Only [`Saga::route`] sees it: what the saga needs of it
    /// later stands in its events.
    type Settings: Clone + Debug + Send + Sync + 'static;

    /// Which saga learns what from this event; `None` for an event that no saga of this kind cares about.
    ///
    /// # Errors
    /// [`Unreadable`] when the event should be known and cannot be read; it is then stepped over and counted.
    fn route(event: &Recorded, settings: &Self::Settings) -> Result<Routed<Self>, Unreadable>;

    /// What to send for this intent, in this order.
    fn send(id: &Self::Id, event: &Self::Event) -> Vec<Outgoing>;

    /// What the saga learns when one of its deadlines has passed; `None` for a name that it does not know.
    fn expire(deadline: &str) -> Option<Self::Command>;

    /// What it learns when an operator gives it up, and why.
    fn abandon(reason: &str) -> Self::Command;

    /// How far it has come.
    fn progress(&self) -> Progress;
}

/// Which saga learns what, if any.
pub type Routed<S> = Option<(<S as Decider>::Id, <S as Decider>::Command)>;

/// What a saga sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// A command to an entity, of ours or of another tool.
    Request(Request),
    /// A reminder to itself.
    Deadline(Deadline),
}

/// A command that a saga sends to an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// To whom.
    pub entity: EntityName,
    /// Which command, in its wire name, such as `reserve-credit`.
    pub command: &'static str,
    /// With what.
    pub body: Map<String, Value>,
}

/// The time by which a saga must have its answers; [`Saga::expire`] says what it learns then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Which of its deadlines, `[a-z0-9-]+`; one saga sets each of them at most once.
    pub name: &'static str,
    /// When.
    pub at: OffsetDateTime,
}

/// How far a saga has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// It has not begun.
    NotBegun,
    /// It waits.
    Running {
        /// For what, for people: `credit`, `stock of tea`.
        waits_for: Vec<String>,
    },
    /// It waits for nothing. Something may still wake it, such as the cancellation of a confirmed order.
    Done {
        /// What came of it, in a word or two: `confirmed`, `rejected`.
        outcome: String,
    },
}
