//! Rows in one SQLite file: one writer, and readers that never wait for it (write-ahead log).
//!
//! A batch's rows and the checkpoint behind it are one transaction. The transaction begins where the checkpoint
//! must still stand, so two workers of one view cannot both write. With `synchronous=NORMAL` a power cut may take
//! the last transactions with it, rows and checkpoint alike: the worker reads on from there.

mod apply;
mod aside;
mod builds;
mod compare;
mod connection;
mod failures;
mod list;
mod marks;
mod schema;
mod skips;
mod sums;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex};

use event_model::Projection;
use event_store::{Entry, Mark};
use rusqlite::Connection;
use tokio::task::spawn_blocking;

use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{Generation, Prepared, Target};
use crate::query::{Listed, Page, Query};
use crate::report::Report;
use crate::sums::{Sums, SumsPage};
use connection::{Readers, lock};

pub(crate) use apply::Applied;
pub(crate) use compare::Pinned;

/// The home of views in one SQLite file. Clones share its connections.
#[derive(Debug, Clone)]
pub struct SqliteViews {
    writer: Arc<Mutex<Connection>>,
    readers: Arc<Readers>,
}

impl SqliteViews {
    /// Opens the file, or makes it. Its folder must be there.
    ///
    /// # Errors
    /// [`ViewError::Open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ViewError> {
        Self::over(path.as_ref(), connection::writer)
    }

    /// Makes a file that is not there yet, for what need not outlive this process.
    pub(crate) fn scratch(path: impl AsRef<Path>) -> Result<Self, ViewError> {
        Self::over(path.as_ref(), connection::scratch)
    }

    fn over(path: &Path, open: fn(&Path) -> rusqlite::Result<Connection>) -> Result<Self, ViewError> {
        let writer = open(path);
        let writer =
            writer.map_err(|source| ViewError::Open { path: path.to_owned(), source: source.into() })?;
        let readers = Arc::new(Readers::new(path.to_owned()));
        Ok(Self { writer: Arc::new(Mutex::new(writer)), readers })
    }

    /// Where each view of a file stands, by name. Neither makes nor changes anything.
    ///
    /// # Errors
    /// [`ViewError::Open`].
    pub fn marks(path: impl AsRef<Path>) -> Result<Vec<(String, Mark)>, ViewError> {
        let path = path.as_ref();
        marks::marks(path).map_err(|source| ViewError::Open { path: path.to_owned(), source: source.into() })
    }

    /// How each view of a file stands, by name, as far as the file tells. Neither makes nor changes anything.
    ///
    /// # Errors
    /// [`ViewError::Open`].
    pub fn reports(path: impl AsRef<Path>) -> Result<Vec<Report>, ViewError> {
        let path = path.as_ref();
        marks::reports(path)
            .map_err(|source| ViewError::Open { path: path.to_owned(), source: source.into() })
    }

    /// Makes the rows of a view that has none yet, and tells what there is of it.
    pub(crate) async fn prepare(&self, definition: &Arc<Definition>) -> Result<Prepared, ViewError> {
        let definition = Arc::clone(definition);
        self.write(move |writer| Ok(schema::prepare(writer, &definition)?)).await
    }

    /// Applies the entries behind a mark, and moves the checkpoint with them when they touched a row.
    pub(crate) async fn apply<P: Projection>(
        &self,
        target: &Target,
        entries: &Arc<Vec<Entry>>,
        from: Mark,
        to: Mark,
    ) -> Result<Applied, ViewError> {
        let (home, target, entries) = (self.clone(), target.clone(), Arc::clone(entries));
        spawn_blocking(move || {
            let (changes, skipped) =
                home.readers.lend(|reader| apply::changes::<P>(reader, &target, &entries, from))?;
            if !changes.is_empty() {
                apply::commit(&mut lock(&home.writer), &target, &changes, from, to)?;
            }
            Ok(Applied::of(changes, skipped))
        })
        .await?
    }

    /// Moves the checkpoint alone, over entries that touched no row.
    pub(crate) async fn advance(&self, target: &Target, from: Mark, to: Mark) -> Result<(), ViewError> {
        let target = target.clone();
        self.write(move |writer| apply::commit(writer, &target, &[], from, to)).await
    }

    /// The rows of a view that lists read; `None` when no worker has made them yet.
    pub(crate) async fn serving(&self, view: &'static str) -> Result<Option<Generation>, ViewError> {
        self.readers.read(move |reader| Ok(schema::serving(reader, view)?)).await
    }

    pub(crate) async fn list(&self, definition: &Arc<Definition>, query: Query) -> Result<Page, ViewError> {
        let definition = Arc::clone(definition);
        self.readers.read(move |reader| list::page(reader, &definition, &query)).await
    }

    pub(crate) async fn sums(
        &self,
        definition: &Arc<Definition>,
        asked: Sums,
    ) -> Result<SumsPage, ViewError> {
        let definition = Arc::clone(definition);
        self.readers.read(move |reader| sums::page(reader, &definition, &asked)).await
    }

    pub(crate) async fn get(
        &self,
        definition: &Arc<Definition>,
        key: String,
    ) -> Result<Option<Listed>, ViewError> {
        let definition = Arc::clone(definition);
        self.readers.read(move |reader| list::row(reader, &definition, &key)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, ViewError> + Send + 'static,
    ) -> Result<T, ViewError> {
        let writer = Arc::clone(&self.writer);
        spawn_blocking(move || job(&mut lock(&writer))).await?
    }
}
