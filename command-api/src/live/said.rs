//! What is said to those who listen: server-sent events, as WHATWG HTML (9.2) defines them.

use bytes::Bytes;
use event_model::{Position, Recorded};
use event_store::{StoreError, cloud_event};

/// One event on the wire. All who hear it share the text.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) position: Position,
    pub(crate) text: Bytes,
}

impl Said {
    /// Of an event on the log.
    pub(crate) fn of(event: &Recorded) -> Result<Self, StoreError> {
        let (position, data) = (event.position, cloud_event::to_json(event)?);
        let name = event.event_type.replace(['\n', '\r'], " ");
        let text = format!("id: {position}\nevent: {name}\ndata: {data}\n\n").into();
        Ok(Self { position, text })
    }
}

/// The first that is said: how soon to connect again, and from where on, also when nothing comes before.
pub(crate) fn opening(after: Position) -> String {
    format!("retry: 2000\n{}", passed(after))
}

/// All up to here was said, or is not wanted. No event for who listens, but the place to go on from.
pub(crate) fn passed(position: Position) -> String {
    format!("id: {position}\n\n")
}

/// For people who look on; programs step over it.
pub(crate) fn comment(text: &str) -> String {
    format!(": {}\n\n", text.replace(['\n', '\r'], " "))
}

/// The last that a listener hears who takes too little: connect again, behind this position.
pub(crate) fn too_slow(position: Position) -> String {
    format!("id: {position}\nevent: too-slow\ndata: {{\"position\":{position}}}\n\n")
}
