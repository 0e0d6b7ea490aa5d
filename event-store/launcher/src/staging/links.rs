//! The links that lead from each stream's staging folder into memory.
//!
//! The server keeps one such folder for each stream, `batches`. At a start it reads there what a crash left half
//! written, completes it, and removes the folder, or the link and not what is behind it. It makes a folder again with
//! the next batch, if there is neither then.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// All staging folders of one server.
#[derive(Debug)]
pub(super) struct Links {
    home: PathBuf,
    /// What our folder in memory is called, wherever that is.
    own: String,
    /// `None`: no links, each folder is what the server makes of it.
    memory: Option<PathBuf>,
}

/// The staging folder of one stream.
struct Place {
    batches: PathBuf,
    /// Account and stream.
    name: String,
}

impl Links {
    pub(super) fn new(home: &Path, own: String, memory: Option<PathBuf>) -> Self {
        Self { home: home.to_owned(), own, memory }
    }

    /// The folders of ours that links lead into, as earlier starts left them. A copy of a store has links that lead
    /// to another server's: those are not ours.
    pub(super) fn targets(&self) -> BTreeSet<PathBuf> {
        let targets = self.places().into_iter().filter_map(|place| fs::read_link(place.batches).ok());
        targets
            .filter_map(|target| Some(target.parent()?.to_owned()))
            .filter(|it| it.ends_with(&self.own))
            .collect()
    }

    /// A link wherever there is nothing. Errors are for [`Self::put`] to tell.
    pub(super) fn put_back(&self) {
        let Some(memory) = &self.memory else { return };
        for place in self.places() {
            if is_absent(&place.batches) {
                let _ = place.link(memory);
            }
        }
    }

    /// A link for every stream, also where the server made an empty folder. One that is in use is left alone, and
    /// is an error.
    pub(super) fn put(&self) -> io::Result<()> {
        let Some(memory) = &self.memory else { return Ok(()) };
        let all: Vec<_> = self.places().iter().map(|place| place.put(memory)).collect();
        all.into_iter().collect()
    }

    pub(super) fn are_all_in_place(&self) -> bool {
        self.memory.as_ref().is_none_or(|memory| self.places().iter().all(|place| place.leads_into(memory)))
    }

    /// Removes what nothing leads to any more, now that the server has read it.
    pub(super) fn sweep(&self, left_behind: &BTreeSet<PathBuf>) {
        for folder in left_behind.difference(&self.targets()) {
            if self.memory.as_ref() != Some(folder) {
                let _ = fs::remove_dir_all(folder);
            }
        }
    }

    /// Each link becomes a folder with what was behind it, or nothing when that is empty; then nothing is in memory.
    pub(super) fn bring_to_disk(&self) -> io::Result<()> {
        let Some(memory) = &self.memory else { return Ok(()) };
        for place in self.places().iter().filter(|place| place.leads_into(memory)) {
            place.bring_to_disk(memory, &self.home.join("batches"))?;
        }
        fs::remove_dir_all(memory)
    }

    fn places(&self) -> Vec<Place> {
        let accounts = folders(&self.home.join("jetstream"));
        let streams = accounts.into_iter().flat_map(|(account, path)| {
            folders(&path.join("streams")).into_iter().map(move |(stream, path)| Place {
                batches: path.join("batches"),
                name: format!("{account}.{stream}"),
            })
        });
        streams.collect()
    }
}

impl Place {
    fn put(&self, memory: &Path) -> io::Result<()> {
        match fs::read_link(&self.batches) {
            Ok(target) if target == memory.join(&self.name) => {
                // Somebody may tidy up where shared memory is.
                if is_absent(&target) { make(&target) } else { Ok(()) }
            }
            Ok(target) => Err(io::Error::other(format!(
                "{} leads to {}, and not into memory of ours",
                self.batches.display(),
                target.display()
            ))),
            Err(error) if error.kind() == ErrorKind::NotFound => self.link(memory),
            // No link. Only an empty folder goes.
            Err(_) => fs::remove_dir(&self.batches).and_then(|()| self.link(memory)),
        }
    }

    /// To be called where there is nothing: whatever is left in memory then was read by the server already.
    fn link(&self, memory: &Path) -> io::Result<()> {
        let target = memory.join(&self.name);
        match fs::remove_dir_all(&target) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => make(&target)?,
        }
        symlink(target, &self.batches)
    }

    fn leads_into(&self, memory: &Path) -> bool {
        let target = memory.join(&self.name);
        fs::read_link(&self.batches).is_ok_and(|found| found == target) && target.is_dir()
    }

    fn bring_to_disk(&self, memory: &Path, draft: &Path) -> io::Result<()> {
        let target = memory.join(&self.name);
        if fs::read_dir(&target)?.next().is_none() {
            return fs::remove_file(&self.batches);
        }
        match fs::remove_dir_all(draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => copy(&target, draft)?,
        }
        fs::remove_file(&self.batches)?;
        fs::rename(draft, &self.batches)?;
        File::open(self.batches.parent().unwrap_or(draft))?.sync_all()
    }
}

/// Makes a folder, and the one that it is in.
fn make(target: &Path) -> io::Result<()> {
    if let Some(parent) = target.parent() {
        super::make_private(parent)?;
    }
    super::make_private(target)
}

/// A copy that a power cut does not undo.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    super::make_private(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
            File::open(&to)?.sync_all()?;
        }
    }
    File::open(to)?.sync_all()
}

/// The folders in a folder, with their names; none when it is not there.
fn folders(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect()
}

fn is_absent(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}
