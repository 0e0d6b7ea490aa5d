//! Given / when / then: how deciders are tested, without a store.
//!
//! ```
//! # use event_model::{Decider, Event, given};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Debug, Clone, Default, Serialize, Deserialize)]
//! struct Lamp { lit: bool }
//!
//! #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
//! #[serde(rename_all = "kebab-case")]
//! enum LampEvent { LampLit {} }
//!
//! impl Event for LampEvent {
//!     const TYPES: &'static [&'static str] = &["lamp-lit"];
//!     fn event_type(&self) -> &'static str { "lamp-lit" }
//! }
//!
//! #[derive(Debug, Clone)]
//! struct Light;
//!
//! impl Decider for Lamp {
//!     const CATEGORY: &'static str = "lamp";
//!     const STATE_FORMAT: u32 = 1;
//!     type Id = String;
//!     type Command = Light;
//!     type Event = LampEvent;
//!     type Rejection = std::convert::Infallible;
//!     fn decide(&self, _: Light) -> Result<Vec<LampEvent>, Self::Rejection> {
//!         Ok(if self.lit { vec![] } else { vec![LampEvent::LampLit {}] })
//!     }
//!     fn evolve(self, _: LampEvent) -> Self { Lamp { lit: true } }
//! }
//!
//! given::<Lamp>([]).when(Light).then([LampEvent::LampLit {}]);
//! given::<Lamp>([LampEvent::LampLit {}]).when(Light).then_nothing();
//! ```

use std::fmt::Debug;

use crate::decider::Decider;

/// An entity with this history.
pub fn given<D: Decider>(history: impl IntoIterator<Item = D::Event>) -> Given<D> {
    Given(D::fold(history))
}

/// An entity with a history, before a command.
#[derive(Debug)]
pub struct Given<D>(D);

impl<D: Decider> Given<D> {
    /// The command is decided.
    pub fn when(self, command: D::Command) -> When<D> {
        let asked = format!("{command:?}");
        When { asked, decided: self.0.decide(command) }
    }
}

/// A command that was decided; one of the `then`s says what must have come of it.
#[derive(Debug)]
#[must_use = "say what then"]
pub struct When<D: Decider> {
    asked: String,
    decided: Result<Vec<D::Event>, D::Rejection>,
}

impl<D: Decider> When<D> {
    /// These events happened.
    ///
    /// # Panics
    /// When they did not, as a test should.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = D::Event>) {
        let expected: Vec<_> = expected.into_iter().collect();
        assert!(
            self.decided.as_ref().is_ok_and(|events| *events == expected),
            "{} should give {expected:?}, it gave {:?}",
            self.asked,
            self.decided
        );
    }

    /// Nothing happened: what was asked for already held.
    ///
    /// # Panics
    /// When something did, as a test should.
    #[track_caller]
    pub fn then_nothing(self) {
        self.then([]);
    }

    /// The command was refused for this reason.
    ///
    /// # Panics
    /// When it was not, as a test should.
    #[track_caller]
    pub fn then_rejected(self, expected: &D::Rejection)
    where
        D::Rejection: PartialEq + Debug,
    {
        assert!(
            self.decided.as_ref().is_err_and(|rejection| rejection == expected),
            "{} should be rejected with {expected:?}, it gave {:?}",
            self.asked,
            self.decided
        );
    }
}
