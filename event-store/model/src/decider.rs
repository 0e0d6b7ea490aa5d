//! The rules of one entity, as two pure functions.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::Event;

/// One entity: the implementor is its state, `Default` is the state before the first event.
///
/// Time and ids arrive in commands; neither function reads a clock or draws a random number. What already
/// holds yields no events, so that a retry is harmless.
///
/// The state is serialisable so that a store can keep snapshots of it. They are a shortcut and can be thrown away at
/// any time; the events are the truth.
pub trait Decider: Default + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind of entity: a subject token, frozen. `[a-z0-9-]+`.
    const CATEGORY: &'static str;
    /// Which folding of the events a snapshot holds. Another number whenever the state's JSON changes, or when the
    /// same events give another state: what an older program has folded is then never read.
    const STATE_FORMAT: u32;
    /// What tells one entity of the category from another; its text form is stored.
    type Id: Clone + Debug + Display + FromStr + Send + Sync;
    /// What may be asked of the entity.
    type Command: Clone + Debug + Send + Sync;
    /// What may happen to it.
    type Event: Event;
    /// Why a command is refused: for the caller alone, never stored.
    type Rejection: Error + Send + Sync + 'static;

    /// What happens when this command meets this state; nothing when what it asks for already holds.
    ///
    /// # Errors
    /// The rejection that states the reason.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// The state after an event. Total: it accepts every event ever stored, in any state.
    #[must_use]
    fn evolve(self, event: Self::Event) -> Self;

    /// The state after these events, from the beginning.
    fn fold(events: impl IntoIterator<Item = Self::Event>) -> Self {
        events.into_iter().fold(Self::default(), Self::evolve)
    }
}
