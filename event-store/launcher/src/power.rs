//! A server that loses its power when told to: for tests of what is found on the disk afterwards.
//!
//! The store lies on a file system in an image. At a cut the server is frozen, the image is copied as a disk would be
//! found, and the server is killed and started again on the copy. Memory is gone, so what was staged there is too.
//! Cuts fall between two calls of the server to the system: one in the middle of an fsync is not among them.

mod disk;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{LaunchError, Options, Port, Server, Staging, find};
use disk::Disk;

/// What becomes of that which the server wrote and did not sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// None of it had reached the disk.
    Lost,
    /// Some pages of each file had, by dice with this seed, and others not.
    Torn(u64),
    /// All of it had.
    Kept,
}

/// Why there is no such server.
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    /// Whoever runs this may not mount, or a program for it is missing: a test can show nothing here.
    #[error("a disk image cannot be mounted here")]
    NoDisk(#[source] io::Error),

    /// The image was there, and something went wrong with it.
    #[error("the disk image cannot be copied or mounted again")]
    Disk(#[source] io::Error),

    /// The server does not start, or could not be frozen.
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

/// A server on a disk that may lose its power. All of it is gone when this is dropped.
#[derive(Debug)]
pub struct Power {
    // Dropped in this order: a file system that is in use cannot be unmounted.
    server: Server,
    disk: Disk,
    memory: Option<TempDir>,
    options: Options,
}

impl Power {
    /// One that stages batches on its disk. It is the one that `JETSOURCE_NATS_SERVER` names, or one of the usual
    /// places.
    pub async fn staging_on_disk() -> Result<Self, PowerError> {
        let disk = Disk::make().map_err(PowerError::NoDisk)?;
        Self::start(disk, None).await
    }

    /// One that stages batches in memory.
    pub async fn staging_in_memory() -> Result<Self, PowerError> {
        let disk = Disk::make().map_err(PowerError::NoDisk)?;
        let Staging::Memory(shared) = Staging::memory() else { return Self::start(disk, None).await };
        let memory = tempfile::Builder::new().prefix("jetsource-power-").tempdir_in(shared);
        Self::start(disk, Some(memory.map_err(PowerError::NoDisk)?)).await
    }

    async fn start(disk: Disk, memory: Option<TempDir>) -> Result<Self, PowerError> {
        let explicit = env::var_os("JETSOURCE_NATS_SERVER").map(PathBuf::from);
        let mut options = Options::new(find(explicit.as_deref(), &[])?, disk.path().join("nats"));
        if let Some(memory) = &memory {
            options.staging = Staging::Memory(memory.path().to_owned());
        }
        let server = Server::start(options.clone()).await?;
        options.port = Port::Preferred(server.port());
        Ok(Self { server, disk, memory, options })
    }

    /// The server that runs now.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns when the server has just written to its log: the moment for a cut that tears a batch.
    pub async fn writes(&self) -> io::Result<()> {
        let streams = self.server.dir().join("jetstream");
        let before = size(&streams)?;
        while size(&streams)? == before {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Cuts the power and gives it back; returns once the server serves again, on the same port.
    pub async fn cut(self, unsynced: Unsynced) -> Result<Self, PowerError> {
        let Self { server, disk, memory, options } = self;
        server.pause()?;
        let found = disk.copy(unsynced).map_err(PowerError::Disk)?;
        drop(server);
        let disk = disk.become_copy(&found).map_err(PowerError::Disk)?;
        Self::again(disk, memory, options).await
    }

    /// Ends the server in order, and only then takes the power away and gives it back.
    pub async fn switch_off_and_on(self) -> Result<Self, PowerError> {
        let Self { server, disk, memory, options } = self;
        server.stop().await;
        let found = disk.copy(Unsynced::Lost).map_err(PowerError::Disk)?;
        let disk = disk.become_copy(&found).map_err(PowerError::Disk)?;
        Self::again(disk, memory, options).await
    }

    async fn again(disk: Disk, memory: Option<TempDir>, options: Options) -> Result<Self, PowerError> {
        if let Some(memory) = &memory {
            empty(memory.path()).map_err(PowerError::Disk)?;
        }
        let server = Server::start(options.clone()).await?;
        Ok(Self { server, disk, memory, options })
    }
}

/// How many bytes all blocks of messages hold, without those of batches that are being staged.
fn size(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != "batches" {
            sum += size(&entry.path())?;
        } else if entry.path().extension().is_some_and(|kind| kind == "blk") {
            sum += entry.metadata()?.len();
        }
    }
    Ok(sum)
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        fs::remove_dir_all(entry?.path())?;
    }
    Ok(())
}
