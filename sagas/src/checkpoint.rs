//! Up to where the sagas of a kind are done with the log, as noted in their lease.

use event_model::Position;
use event_store::{EventStore, Mark, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

#[derive(Debug, Serialize, Deserialize)]
struct Checkpoint {
    position: Position,
    id: Option<Uuid>,
}

/// Up to where the sagas of a category are done with the log; [`Mark::START`] before the first.
///
/// # Errors
/// [`StoreError::Unavailable`] when the broker does not answer, [`StoreError::Corrupt`] when it cannot be read.
pub async fn checkpoint(store: &EventStore, category: &str) -> Result<Mark, StoreError> {
    read(&store.noted(&lease(category)).await?)
}

/// What the lease on them is called.
pub(crate) fn lease(category: &str) -> String {
    format!("saga-{category}")
}

pub(crate) fn read(note: &Value) -> Result<Mark, StoreError> {
    if note.is_null() {
        return Ok(Mark::START);
    }
    let read = serde_json::from_value(note.clone());
    let Checkpoint { position, id } = read
        .map_err(|error| StoreError::Corrupt(format!("the checkpoint of a saga cannot be read: {error}")))?;
    Ok(Mark { position, id })
}

pub(crate) fn note(mark: Mark) -> Value {
    serde_json::json!({ "position": mark.position, "id": mark.id })
}
