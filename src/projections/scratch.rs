//! A folder for what is folded to be compared, gone when the comparison is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "verify-";

/// A folder in the data folder. It goes away with this value.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Made anew; what a killed call has left is taken away.
    pub(super) fn in_folder(data_dir: &Path) -> io::Result<Self> {
        for entry in fs::read_dir(data_dir)?.flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).map(str::to_owned);
            if pid
                .is_some_and(|pid| Path::new("/proc/self").exists() && !Path::new("/proc").join(pid).exists())
            {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let folder = data_dir.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next call takes away what stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}
