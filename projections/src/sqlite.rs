//! Rows in one SQLite file: one writer, and readers that never wait for it (write-ahead log).
//!
//! A batch's rows and the checkpoint behind it are one transaction. The transaction begins where the checkpoint
//! must still stand, so two workers of one view cannot both write. With `synchronous=NORMAL` a power cut may take
//! the last transactions with it, rows and checkpoint alike: the worker reads on from there.

mod apply;
mod builds;
mod connection;
mod failures;
mod file;
mod home;
mod list;
mod lock;
mod marks;
mod pinned;
mod schema;
mod skips;
mod sums;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use event_store::Mark;
use rusqlite::Connection;
use tokio::task::spawn_blocking;

use crate::error::ViewError;
use crate::report::Report;
use connection::{Readers, lock};
use file::Opened;
use lock::Lock;

pub(crate) use pinned::Pinned;

/// The home of views in one SQLite file. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct SqliteViews {
    writer: Arc<Mutex<Connection>>,
    readers: Arc<Readers>,
    lock: Lock,
    opened: Arc<Opened>,
}

impl SqliteViews {
    /// Opens the file, or makes it. Its folder must be there.
    pub(crate) fn open(path: impl AsRef<Path>) -> Result<Self, ViewError> {
        Self::over(path.as_ref(), connection::writer)
    }

    /// Makes a file that is not there yet, for what need not outlive this process.
    pub(crate) fn scratch(path: impl AsRef<Path>) -> Result<Self, ViewError> {
        Self::over(path.as_ref(), connection::scratch)
    }

    fn over(path: &Path, open: fn(&Path) -> rusqlite::Result<Connection>) -> Result<Self, ViewError> {
        let writer = open(path).map_err(|error| at(path, error))?;
        let readers = Arc::new(Readers::new(path.to_owned()));
        let (writer, opened) = (Arc::new(Mutex::new(writer)), Arc::new(Opened::at(path)));
        Ok(Self { writer, readers, lock: Lock::of(path), opened })
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, ViewError> + Send + 'static,
    ) -> Result<T, ViewError> {
        let (writer, opened) = (Arc::clone(&self.writer), Arc::clone(&self.opened));
        spawn_blocking(move || {
            let mut writer = lock(&writer);
            opened.is_there()?;
            job(&mut writer)
        })
        .await?
    }
}

/// Where each view of a file stands, by name. Neither makes nor changes anything.
pub(crate) async fn marks(path: PathBuf) -> Result<Vec<(String, Mark)>, ViewError> {
    spawn_blocking(move || marks::marks(&path).map_err(|error| at(&path, error))).await?
}

/// How each view of a file stands, by name, as far as the file tells. Neither makes nor changes anything.
pub(crate) async fn reports(path: PathBuf) -> Result<Vec<Report>, ViewError> {
    spawn_blocking(move || marks::reports(&path).map_err(|error| at(&path, error))).await?
}

fn at(path: &Path, source: rusqlite::Error) -> ViewError {
    ViewError::Open { at: path.display().to_string(), source: source.into() }
}
