//! The entities of the shop as its doors see them: what may be asked of each, by name and by body, and who else takes
//! part. HTTP and subjects share this.

use std::str::FromStr;

use domain::Invalid;
use event_model::Decider;
use event_store::{Also, Expected, IdempotencyKey, Loaded};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::body::Body;
use crate::problem::{FieldError, Kind, Problem};

/// What callers may ask for something.
pub(crate) trait Entity: Decider<Id: FromStr<Err = Invalid>> {
    /// What the command of this name, with this body, wishes of the entity.
    fn asked(id: &Self::Id, command: &str, body: &Body) -> Result<Wish<Self>, Problem>;

    /// What other entities must do in the same append; or why it is refused, for more than the rules.
    fn also(
        api: &Api,
        seen: &Seen,
        id: &Self::Id,
        entity: &Loaded<Self>,
        events: &[Self::Event],
    ) -> Result<Vec<Also<Problem>>, Problem>;

    /// Whether the rules make a repetition harmless for ever: once it was carried out, the command decides nothing any
    /// more, or is refused, or [`Entity::may_have_met`] notices.
    fn bears_repetition(command: &Self::Command) -> bool;

    /// Whether a command that bears repetition, and decides something now, may be one that was carried out before.
    fn may_have_met(&self, command: &Self::Command) -> bool;
}

/// What is wished of an entity.
#[derive(Debug, Clone)]
pub(crate) struct Wish<D: Decider> {
    pub(crate) command: D::Command,
    pub(crate) expected: Expected,
    pub(crate) seen: Seen,
}

impl<D: Decider> Wish<D> {
    /// Of the entity as it is.
    pub(crate) fn of(command: D::Command) -> Self {
        Self::at(command, Expected::Newest)
    }

    /// Of the entity at this version.
    pub(crate) fn at(command: D::Command, expected: Expected) -> Self {
        Self { command, expected, seen: Seen::default() }
    }
}

/// How a repetition of a command is known.
#[derive(Debug, Clone)]
pub(crate) enum Once {
    /// It is not: each time is a command of its own.
    Unknown,
    /// By its key.
    Keyed(IdempotencyKey),
    /// By the command's id, which is the same each time, and by rules that bear repetition.
    Named,
}

/// A command that the category does not have.
pub(crate) fn no_such_command(category: &str, command: &str) -> Problem {
    let shown: String = command.chars().take(100).collect();
    Problem::new(Kind::NotFound, format!("{category} has no command {shown:?}"))
}

/// What a caller sent back as it was read, of fields that only reading gives: it must still be so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Map<String, Value>);

impl Seen {
    pub(crate) fn new(sent: Map<String, Value>) -> Self {
        Self(sent)
    }

    /// The fields that are not as they were sent are reported; `instead` names the call that changes a field.
    pub(crate) fn check(
        &self,
        view: Option<impl Serialize>,
        instead: fn(&str) -> &'static str,
    ) -> Result<(), Problem> {
        let view = serde_json::to_value(view).map_err(|error| Problem::internal(&error))?;
        let changed = self.0.iter().filter(|(name, sent)| view.get(name) != Some(sent));
        let wrong = |(name, _): (&String, _)| FieldError {
            pointer: format!("/{name}"),
            detail: instead(name).into(),
        };
        let errors: Vec<_> = changed.map(wrong).collect();
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }
}
