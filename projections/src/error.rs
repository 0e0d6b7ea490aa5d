//! What can go wrong, by what the caller does next.

use std::error::Error;
use std::fmt::Write as _;

use event_store::StoreError;
use event_store::error::Cause;
use rusqlite::ErrorCode;

/// What to do about a full disk, wherever it is.
pub(crate) const MAKE_ROOM: &str = "make room, and it goes on by itself";

/// Why a view could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Fix the request: the cursor belongs to a list in another order.
    #[error("the cursor belongs to a list in another order")]
    WrongCursor,
    /// Fix the program: nothing was registered under this name.
    #[error("there is no view {0:?}")]
    UnknownView(String),
    /// Fix the program: the projection declares no such column.
    #[error("the view {view} has no column {column:?}")]
    UnknownColumn {
        /// The view that was asked.
        view: &'static str,
        /// The column that it does not have.
        column: String,
    },
    /// Fix the program: what the projection says about its view cannot be a table.
    #[error("the view {view} cannot be made: {reason}")]
    Unfit {
        /// The view.
        view: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Try again later: no worker has made this view yet.
    #[error("the view {0} was not built yet")]
    NotBuilt(&'static str),
    /// Name another place, or make this one usable.
    #[error("the views cannot be opened at {at}")]
    Open {
        /// Where, without a password.
        at: String,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// Start it, or name another place: nobody answers there.
    #[error("the home of the views does not answer at {at}")]
    Unreachable {
        /// Where, without a password.
        at: String,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// Give each process a place of its own, or all of them one that several can share.
    #[error("another process writes the views at {at}")]
    Driven {
        /// Where.
        at: String,
    },
    /// Try again later: the home of the views could not do it, and nothing was changed.
    #[error("the views cannot be read or written")]
    Home(#[source] Cause),
    /// Stop: another worker drives this view.
    #[error("another worker has moved the checkpoint of view {0}")]
    Overtaken(&'static str),
}

impl From<rusqlite::Error> for ViewError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let advice = if code == Some(ErrorCode::DiskFull) {
            MAKE_ROOM
        } else if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
            "check the disk, delete the file while no worker runs, and it is built from the log"
        } else {
            return Self::Home(error.into());
        };
        Self::Home(format!("{error}: {advice}").into())
    }
}

impl From<tokio::task::JoinError> for ViewError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Home(error.into())
    }
}

/// Why a worker stopped for good.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Call somebody: the log is not the one that the view was built from.
    #[error(transparent)]
    Log(#[from] StoreError),
    /// The view can't be driven by this worker.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// An error and its causes as one line.
pub(crate) fn line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    line.replace('\n', " ")
}
