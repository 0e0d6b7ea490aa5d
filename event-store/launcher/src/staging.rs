//! Where the server gathers a batch before it stores it: on disk, as it does by itself, or in memory.
//!
//! In memory costs no fsync, and a power cut may leave a batch half written that the server would else complete at
//! its next start (`docs/decisions/0012`). A crash leaves nothing half written either way, as long as the server
//! finds the folder where it was.

mod links;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::{LaunchError, health};
use links::Links;

/// How often a folder that the server uses just now is tried again, and how long after.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(2);

/// Where the server gathers a batch before it stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staging {
    /// In its store.
    Disk,
    /// In a folder of its own below this one, which must lie on a memory file system.
    Memory(PathBuf),
}

impl Staging {
    /// Where the system keeps shared memory.
    pub fn memory() -> Self {
        Self::Memory(PathBuf::from("/dev/shm"))
    }
}

/// The staging of one server, held to what was asked for through all its starts.
#[derive(Debug)]
pub(crate) struct Stage {
    asked: Staging,
    /// One at a time: a link that two put in place would be emptied under the server.
    links: Mutex<Links>,
}

impl Stage {
    /// For the server of this folder; refuses what is no memory, or not ours.
    pub(crate) fn make(asked: &Staging, home: &Path) -> Result<Self, LaunchError> {
        let own = own_name(home).map_err(LaunchError::folder(home))?;
        let memory = match asked {
            Staging::Disk => None,
            Staging::Memory(folder) => Some(own_folder(folder, &own).map_err(|source| {
                let path = folder.clone();
                LaunchError::Staging { path, source }
            })?),
        };
        Ok(Self { asked: asked.clone(), links: Mutex::new(Links::new(home, own, memory)) })
    }

    /// What earlier starts left in memory. The server reads it when it starts, so it must still be there then.
    pub(crate) fn left_behind(&self) -> BTreeSet<PathBuf> {
        self.links().targets()
    }

    /// How often to look while the server starts: a link must be back before the first client is.
    pub(crate) fn patience(&self) -> Duration {
        match self.asked {
            Staging::Disk => Duration::from_millis(50),
            Staging::Memory(_) => PAUSE,
        }
    }

    /// While the server starts: it takes each link away once it has read behind it.
    pub(crate) fn put_back(&self) {
        self.links().put_back();
    }

    /// Once the server is ready: all of it as it was asked for, and away with what earlier starts left.
    pub(crate) async fn settle(&self, left_behind: &BTreeSet<PathBuf>) {
        self.put().await;
        self.links().sweep(left_behind);
    }

    /// Puts every stream's staging where it belongs. What the server uses just now is tried again for a moment.
    pub(crate) async fn put(&self) {
        for _ in 0..TRIES {
            if self.try_put().is_ok() {
                return;
            }
            sleep(PAUSE).await;
        }
        if let Err(error) = self.try_put() {
            tracing::warn!(%error, "nats-server stages batches on disk for now");
        }
    }

    /// The same, once.
    pub(crate) fn try_put(&self) -> io::Result<()> {
        self.links().put()
    }

    /// What is in force now: on disk if any stream is.
    pub(crate) fn in_force(&self) -> Staging {
        if self.links().are_all_in_place() { self.asked.clone() } else { Staging::Disk }
    }

    /// Once the server has ended in order: what it left unfinished in memory comes to disk, where the next start
    /// finds it also after the machine was switched off.
    pub(crate) fn bring_to_disk(&self) {
        if let Err(error) = self.links().bring_to_disk() {
            tracing::warn!(%error, "what nats-server staged in memory stays there");
        }
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that the server of `home` and this user give, and nobody else.
fn own_name(home: &Path) -> io::Result<String> {
    let identity = fs::metadata(home)?;
    let mut name = DefaultHasher::new();
    (home, identity.dev(), identity.ino()).hash(&mut name);
    Ok(format!("jetsource-{}-{:016x}", rustix::process::geteuid().as_raw(), name.finish()))
}

/// The folder of that name in `memory`.
fn own_folder(memory: &Path, own: &str) -> io::Result<PathBuf> {
    if !is_memory(memory)? {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "it is on no memory file system"));
    }
    if !health::has_room(memory) {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "it has less than 16 MiB of room"));
    }
    let user = rustix::process::geteuid().as_raw();
    let folder = memory.canonicalize()?.join(own);
    make_private(&folder)?;
    // Anybody may write to the place, so somebody else may have been there first.
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} is another user's", folder.display()),
        ));
    }
    Ok(folder)
}

/// Makes a folder for this user alone, unless there is one.
fn make_private(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn is_memory(folder: &Path) -> io::Result<bool> {
    const TMPFS: rustix::fs::FsWord = 0x0102_1994;
    const RAMFS: rustix::fs::FsWord = 0x8584_58f6;
    Ok(matches!(rustix::fs::statfs(folder)?.f_type, TMPFS | RAMFS))
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn is_memory(_: &Path) -> io::Result<bool> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system does not tell which folders are in memory"))
}
