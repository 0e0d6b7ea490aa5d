//! The lock on the server's folder, which the server itself holds: never two servers on one store.
//!
//! The file is locked here and handed to the child as its standard input. A lock belongs to the open file, so it
//! lives exactly as long as the child does, however the program ends.

use std::fs::{File, TryLockError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use crate::LaunchError;
use crate::home::Home;
use crate::process::{self, Process};
use crate::record::{self, Holder, Record};

/// For a server that is on its way out, or has not been recorded yet.
const MOMENT: Duration = Duration::from_secs(2);
const TO_TERMINATE: Duration = Duration::from_secs(10);
const TO_DIE: Duration = Duration::from_secs(5);

/// The folder's lock, after ending a server that a killed program left behind.
pub(crate) async fn take(home: &Home) -> Result<File, LaunchError> {
    let path = home.lock();
    // Not truncated, though nothing is in it: the file may be a living server's standard input.
    let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let file = open.map_err(LaunchError::folder(&path))?;
    let Some(orphan) = free_or_orphan(&file, home).await? else {
        return Ok(file);
    };
    tracing::warn!(pid = orphan.pid, "ending the nats-server that an earlier run left behind");
    process::terminate(orphan.pid);
    if free_within(&file, home, TO_TERMINATE).await? {
        return Ok(file);
    }
    process::send(orphan.pid, Signal::KILL);
    if free_within(&file, home, TO_DIE).await? {
        return Ok(file);
    }
    Err(LaunchError::OrphanStays { path: home.dir().to_owned(), pid: orphan.pid })
}

/// Nothing when the lock is ours now, or else the orphan that has it.
async fn free_or_orphan(file: &File, home: &Home) -> Result<Option<Process>, LaunchError> {
    let deadline = Instant::now() + MOMENT;
    let mut pause = Duration::from_millis(2);
    while !try_lock(file, home)? {
        match Record::holder(home) {
            Some(Holder::Orphan(server)) => return Ok(Some(server)),
            Some(Holder::Owned(program)) => return Err(in_use(home, format!("process {}", program.pid))),
            None if Instant::now() < deadline => backoff(&mut pause).await,
            // Killed between starting its server and recording it: a living program would have by now.
            None => match Process::reading(file) {
                Some(server) if record::serves(&server, home) => return Ok(Some(server)),
                Some(other) => return Err(in_use(home, format!("process {}", other.pid))),
                None => return Err(in_use(home, "another process".to_owned())),
            },
        }
    }
    Ok(None)
}

async fn free_within(file: &File, home: &Home, patience: Duration) -> Result<bool, LaunchError> {
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_millis(2);
    while !try_lock(file, home)? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        backoff(&mut pause).await;
    }
    Ok(true)
}

fn try_lock(file: &File, home: &Home) -> Result<bool, LaunchError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(LaunchError::Folder { path: home.lock(), source }),
    }
}

fn in_use(home: &Home, holder: String) -> LaunchError {
    LaunchError::StoreInUse { path: home.dir().to_owned(), holder }
}

async fn backoff(pause: &mut Duration) {
    sleep(*pause).await;
    *pause = (*pause * 2).min(Duration::from_millis(100));
}
