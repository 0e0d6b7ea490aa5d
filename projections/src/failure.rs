//! A row that is set aside, as it is told to operators.

use event_model::Position;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A row whose next event could not be applied. It stays as it was, and later events of it wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its key; where the projection cannot even tell the row, the entity and position of the event.
    pub key: String,
    /// Whether the row is not known, so that the event waits by itself.
    pub rowless: bool,
    /// Where the event lies.
    pub position: Position,
    /// The event's id.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// Why it could not be applied.
    pub reason: String,
    /// How often that was tried, by the start of a worker or by an operator.
    pub tries: u32,
    /// Since when, RFC 3339.
    pub since: String,
    /// When it was last tried, RFC 3339.
    pub tried: String,
    /// How many later events of the row wait.
    pub waiting: u64,
}

/// The first of the rows that are set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// How many there are.
    pub count: u64,
    /// The first, by position.
    pub first: Vec<Failure>,
}

/// A row that is set aside, with the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRow {
    /// Why.
    pub failure: Failure,
    /// The row before the event, JSON; `None` when there is none.
    pub row: Option<String>,
}
