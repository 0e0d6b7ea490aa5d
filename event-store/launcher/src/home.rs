//! The server's own folder: where its configuration, lock, record, ports file, log and store are.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::{LaunchError, config};

#[derive(Clone, Debug)]
pub(crate) struct Home {
    dir: PathBuf,
}

impl Home {
    /// Makes the folder if there is none. Its path is free of links, so that one folder has one name.
    pub(crate) fn make(dir: &Path) -> Result<Self, LaunchError> {
        fs::create_dir_all(dir).map_err(LaunchError::folder(dir))?;
        let dir = dir.canonicalize().map_err(LaunchError::folder(dir))?;
        if dir.to_str().is_none() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "nats-server needs a path in Unicode");
            return Err(LaunchError::Folder { path: dir, source });
        }
        Ok(Self { dir })
    }

    /// The folder itself, which is the server's `store_dir`.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("nats-server.conf")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("nats-server.lock")
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.dir.join("nats-server.json")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("nats-server.log")
    }

    pub(crate) fn ports(&self) -> PathBuf {
        self.dir.join("ports")
    }

    /// The configuration of this run, and no ports file of an earlier one.
    pub(crate) fn prepare(&self, text: &str, port: u16) -> Result<(), LaunchError> {
        let ports = self.ports();
        match fs::remove_dir_all(&ports) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LaunchError::Folder { path: ports, source: error });
            }
            Ok(()) | Err(_) => {}
        }
        fs::create_dir(&ports).map_err(LaunchError::folder(&ports))?;
        let (store, ports) = (self.dir.to_string_lossy(), ports.to_string_lossy());
        let text = config::for_run(text, port, &store, &ports);
        fs::write(self.config(), text).map_err(LaunchError::folder(self.config()))
    }

    /// Brings to disk what was written in the folder, and not synced by whoever wrote it.
    pub(crate) async fn sync(&self) {
        let dir = self.dir.clone();
        if !dir.join("jetstream").exists() {
            return;
        }
        let synced = tokio::task::spawn_blocking(move || sync_all(&dir)).await;
        if let Ok(Err(error)) = synced {
            tracing::warn!(folder = %self.dir.display(), %error, "what nats-server wrote cannot be synced");
        }
    }

    /// Begins a new log and keeps the one before.
    pub(crate) fn turn_log(&self) -> Result<(), LaunchError> {
        match fs::rename(self.log(), self.dir.join("nats-server.log.1")) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(LaunchError::Folder { path: self.log(), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(crate) fn open_log(&self) -> Result<File, LaunchError> {
        File::options().create(true).append(true).open(self.log()).map_err(LaunchError::folder(self.log()))
    }
}

#[cfg(target_os = "linux")]
fn sync_all(dir: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(dir)?)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_all(_: &Path) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}
