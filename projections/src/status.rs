//! How far a view is.

use std::sync::Arc;

use event_model::Position;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::definition::Definition;

/// A view, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewStatus {
    /// Its name.
    pub name: &'static str,
    /// Every event up to here is in its rows.
    pub position: Position,
    /// How many events the log held beyond that when its worker last heard; `None` before it has asked.
    pub behind: Option<u64>,
    /// Whether that is none.
    pub caught_up: bool,
    /// Whether a worker of this process drives it.
    pub running: bool,
    /// Why it does not go on; a worker that still runs tries again.
    pub error: Option<String>,
    /// Whether that is because the log is not the one that it was built from. Nobody should write to such a log.
    pub log_differs: bool,
    /// When the command was taken in that caused the last event that its worker has seen.
    pub last_event_time: Option<OffsetDateTime>,
}

/// What waiting for a position came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The view has reached it.
    Reached,
    /// It has not, in the time that there was.
    Behind {
        /// How far it is.
        position: Position,
    },
}

/// A view that is known to this process, and where its state is told.
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) definition: Arc<Definition>,
    status: watch::Sender<ViewStatus>,
}

impl Board {
    pub(crate) fn new(definition: Arc<Definition>, position: Position) -> Self {
        let status = ViewStatus {
            name: definition.name,
            position,
            behind: None,
            caught_up: false,
            running: false,
            error: None,
            log_differs: false,
            last_event_time: None,
        };
        Self { definition, status: watch::Sender::new(status) }
    }

    pub(crate) fn status(&self) -> ViewStatus {
        self.status.borrow().clone()
    }

    pub(crate) fn log_differs(&self) -> bool {
        self.status.borrow().log_differs
    }

    pub(crate) fn watch(&self) -> watch::Receiver<ViewStatus> {
        self.status.subscribe()
    }

    pub(crate) fn tell(&self, change: impl FnOnce(&mut ViewStatus)) {
        self.status.send_modify(change);
    }
}
