//! Connections: the one that writes, and a pool of those that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::schema;
use crate::error::ViewError;

/// Another process may hold the file for as long as a transaction takes.
const PATIENCE: Duration = Duration::from_secs(5);
/// Statements that stay prepared: one for each kind of list that is asked for.
const STATEMENTS: usize = 64;
/// Whoever lists does so again before long.
const RECENTLY: Duration = Duration::from_millis(250);
/// Lists that read at once; the others wait for one of them to end.
const LISTS: usize = 8;

/// The one connection that writes.
pub(super) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA cache_size = -16384;",
    )?;
    schema::ensure(&mut connection)?;
    Ok(connection)
}

/// The one connection that writes a file which need not outlive this process.
pub(super) fn scratch(path: &Path) -> rusqlite::Result<Connection> {
    let connection = writer(path)?;
    connection.execute_batch("PRAGMA synchronous = OFF")?;
    Ok(connection)
}

/// Connections that only read, made as they are needed.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    lists: Arc<Semaphore>,
    asked: Mutex<Option<Instant>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default(), lists: Arc::new(Semaphore::new(LISTS)), asked: Mutex::default() }
    }

    /// Whether somebody reads, or did a moment ago.
    pub(super) fn are_asked(&self) -> bool {
        lock(&self.asked).is_some_and(|asked| asked.elapsed() < RECENTLY)
    }

    /// Reads on a thread that may block, in the order of the callers.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce(&mut Connection) -> Result<T, ViewError> + Send + 'static,
    ) -> Result<T, ViewError> {
        *lock(&self.asked) = Some(Instant::now());
        let permit = Arc::clone(&self.lists).acquire_owned().await;
        let readers = Arc::clone(self);
        spawn_blocking(move || {
            let read = readers.lend(job);
            drop(permit);
            read
        })
        .await?
    }

    /// Reads for a worker, which waits for no list.
    pub(super) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce(&mut Connection) -> Result<T, ViewError> + Send + 'static,
    ) -> Result<T, ViewError> {
        let readers = Arc::clone(self);
        spawn_blocking(move || readers.lend(job)).await?
    }

    /// Reads on this thread.
    fn lend<T>(&self, job: impl FnOnce(&mut Connection) -> Result<T, ViewError>) -> Result<T, ViewError> {
        let idle = lock(&self.idle).pop();
        let mut connection = idle.map_or_else(|| self.open(), Ok)?;
        let read = job(&mut connection);
        // One that failed may do so again: the next reader makes a new one.
        if read.is_ok() {
            lock(&self.idle).push(connection);
        }
        read
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        reader(&self.path)
    }
}

/// A connection that only reads, to a file that is there.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// A job that panicked has rolled back what it did, so the connection is as good as before.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
