//! The data folder, which one program at a time may have.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::LaunchError;

const LOCK: &str = "jetsource.lock";

/// A data folder that is ours for as long as this value lives, and not a moment longer than the process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
}

impl DataDir {
    /// Makes the folder if there is none and takes it, or says who has it.
    pub fn lock(path: &Path) -> Result<Self, LaunchError> {
        fs::create_dir_all(path).map_err(LaunchError::folder(path))?;
        let path = path.canonicalize().map_err(LaunchError::folder(path))?;
        let file = path.join(LOCK);
        // Not truncated: it names the holder, if it has one.
        let options = File::options().read(true).write(true).create(true).truncate(false).open(&file);
        let mut lock = options.map_err(LaunchError::folder(&file))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&file).unwrap_or_default();
                let holder = holder.trim();
                let holder = if holder.is_empty() { "unknown" } else { holder }.to_owned();
                return Err(LaunchError::DataDirInUse { path, holder });
            }
            Err(TryLockError::Error(source)) => return Err(LaunchError::Folder { path: file, source }),
        }
        let pid = format!("{}\n", std::process::id());
        lock.set_len(0).and_then(|()| lock.write_all(pid.as_bytes())).map_err(LaunchError::folder(&file))?;
        Ok(Self { path, lock })
    }

    /// The folder, absolute and free of links.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Closing is not enough: a process that is being started at this moment has a copy until it runs.
        let _ = self.lock.unlock();
    }
}
