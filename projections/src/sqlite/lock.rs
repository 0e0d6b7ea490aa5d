//! Of the processes that could write a file, one does.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::connection::lock;
use crate::error::ViewError;

/// For a process that is on its way out, or has just begun another one, which has all its files for a moment.
const MOMENT: Duration = Duration::from_secs(2);
/// How soon it is tried again.
const AGAIN: Duration = Duration::from_millis(10);

/// A file beside the one with the rows, locked for as long as a process writes them: the lock goes with the process.
#[derive(Debug, Clone)]
pub(super) struct Lock {
    views: PathBuf,
    held: Arc<Mutex<Option<File>>>,
}

impl Lock {
    pub(super) fn of(views: &Path) -> Self {
        Self { views: views.to_owned(), held: Arc::default() }
    }

    /// Takes it, if this process does not have it yet.
    pub(super) async fn hold(&self) -> Result<(), ViewError> {
        let deadline = Instant::now() + MOMENT;
        loop {
            match self.try_hold() {
                Err(ViewError::Driven { .. }) if Instant::now() < deadline => sleep(AGAIN).await,
                other => return other,
            }
        }
    }

    fn try_hold(&self) -> Result<(), ViewError> {
        let mut held = lock(&self.held);
        if held.is_some() {
            return Ok(());
        }
        let at = self.views.display().to_string();
        let mut path = self.views.clone().into_os_string();
        path.push(".lock");
        let cannot = |source: std::io::Error| ViewError::Open { at: at.clone(), source: source.into() };
        let file = File::options().create(true).append(true).open(PathBuf::from(path)).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => *held = Some(file),
            Err(TryLockError::WouldBlock) => return Err(ViewError::Driven { at }),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        Ok(())
    }
}
