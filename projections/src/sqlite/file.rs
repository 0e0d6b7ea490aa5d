//! The file that is open, and the one that lies where it was opened: somebody may have put another there, or none.

use std::fs::{Metadata, metadata};
use std::path::{Path, PathBuf};

use crate::error::ViewError;

/// A file that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    path: PathBuf,
    /// `None` when it was gone at once.
    number: Option<(u64, u64)>,
}

impl Opened {
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), number: metadata(path).ok().map(|file| number(&file)) }
    }

    /// Makes sure that what is written is where a later process will look for it.
    ///
    /// # Errors
    /// [`ViewError::Home`] as long as it is not.
    pub(super) fn is_there(&self) -> Result<(), ViewError> {
        let found = metadata(&self.path);
        if found.as_ref().is_ok_and(|file| Some(number(file)) == self.number) {
            return Ok(());
        }
        let happened = if found.is_ok() { "is another file than was opened" } else { "is gone" };
        Err(ViewError::Home(
            format!(
                "{} {happened}: put it back, or start the program again, and what is missing is built from the log",
                self.path.display()
            )
            .into(),
        ))
    }
}

/// Device and file.
#[cfg(unix)]
fn number(file: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (file.dev(), file.ino())
}

/// Where the system does not tell, one file passes for another.
#[cfg(not(unix))]
fn number(_file: &Metadata) -> (u64, u64) {
    (0, 0)
}
