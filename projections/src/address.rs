//! Where a home is, as somebody names it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use event_store::Mark;

use crate::error::ViewError;
use crate::home::{Home, Pinned};
use crate::report::Report;
use crate::sqlite::{self, SqliteViews};

/// Where the rows of views live.
#[derive(Debug, Clone)]
pub enum HomeAddress {
    /// In one SQLite file, for the processes of one machine, of which one writes.
    Sqlite(PathBuf),
}

impl HomeAddress {
    /// Whether there can be anything.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Sqlite(path) => path.exists(),
        }
    }

    /// Where each view stands, by name. Neither makes nor changes anything.
    ///
    /// # Errors
    /// [`ViewError::Open`].
    pub async fn marks(&self) -> Result<Vec<(String, Mark)>, ViewError> {
        match self {
            Self::Sqlite(path) => sqlite::marks(path.clone()).await,
        }
    }

    /// How each view stands, by name, as far as the home tells. Neither makes nor changes anything.
    ///
    /// # Errors
    /// [`ViewError::Open`].
    pub async fn reports(&self) -> Result<Vec<Report>, ViewError> {
        match self {
            Self::Sqlite(path) => sqlite::reports(path.clone()).await,
        }
    }

    /// Opens it, or makes it.
    #[expect(clippy::unused_async, reason = "a server is asked")]
    pub(crate) async fn open(&self) -> Result<Arc<dyn Home>, ViewError> {
        match self {
            Self::Sqlite(path) => Ok(Arc::new(SqliteViews::open(path)?)),
        }
    }

    /// Holds its rows as they are.
    pub(crate) async fn pin(&self) -> Result<Box<dyn Pinned>, ViewError> {
        match self {
            Self::Sqlite(path) => Ok(Box::new(sqlite::Pinned::open(path.clone()).await?)),
        }
    }
}

impl fmt::Display for HomeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}
