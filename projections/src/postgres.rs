//! Rows in a PostgreSQL database, in a schema of its own: read by any number of processes, on any machine, and written
//! by one worker for each view.
//!
//! A batch's rows, the checkpoint behind it, and the check that nobody else drives the view by now are one transaction.
//! A crash of the server may take the last of them with it, rows and checkpoint alike: the worker reads on from there.
//! So they need not wait for the disk (`synchronous_commit = off`); what a person has done does.

mod apply;
mod builds;
mod connection;
mod failures;
mod fence;
mod home;
mod list;
mod marks;
mod pinned;
mod schema;
mod sums;
mod text;

use deadpool_postgres::{Object, Pool};
use tokio::runtime::Handle;
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;

use crate::error::ViewError;

pub(crate) use connection::shown;
pub(crate) use marks::{marks, reports};
pub(crate) use pinned::Pinned;

/// The home of views in a PostgreSQL database. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct PostgresViews {
    lists: Pool,
    workers: Pool,
    /// Where connections live: who asks for one may run where everything yields to others.
    threads: Handle,
    /// Under which views are written; none before a lease was claimed.
    token: Option<i64>,
}

impl PostgresViews {
    /// Over this database, which must answer. Makes nothing yet.
    pub(crate) async fn open(config: &Config) -> Result<Self, ViewError> {
        let (lists, workers) = (connection::lists(config)?, connection::workers(config)?);
        let home = Self { lists, workers, threads: Handle::current(), token: None };
        drop(home.list_client().await.map_err(|error| connection::cannot_open(config, error))?);
        Ok(home)
    }

    async fn list_client(&self) -> Result<Object, ViewError> {
        Ok(self.lists.get().await?)
    }

    async fn worker_client(&self) -> Result<Object, ViewError> {
        let workers = self.workers.clone();
        Ok(self.threads.spawn(async move { workers.get().await }).await??)
    }
}

/// Whether it is because a table is not there: nobody has made it yet, or it was dropped a moment ago.
fn is_missing(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::UNDEFINED_TABLE)
}
