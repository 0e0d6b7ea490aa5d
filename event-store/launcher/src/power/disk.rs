//! A disk of its own: a file with a file system in it, mounted.

use std::fs::{self, File};
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Advice, fadvise, syncfs};
use tempfile::TempDir;

use super::Unsynced;
use crate::Dice;

const SIZE: u64 = 1 << 30;
/// Written in a moment by the kernel only when asked to: else it could write while the image is copied.
const MOUNT: &str = "loop,commit=600,noinit_itable";
const PAGE: u64 = 4096;
/// How many pages of a file's end may have been written since it was synced: more than the largest batch has.
const TAIL: u64 = 512;

/// A mounted image. Dropping it unmounts it, and removes it.
#[derive(Debug)]
pub(super) struct Disk {
    mount: PathBuf,
    image: PathBuf,
    _scratch: TempDir,
}

impl Disk {
    pub(super) fn make() -> io::Result<Self> {
        let scratch = tempfile::Builder::new().prefix("jetsource-disk-").tempdir()?;
        let (mount, image) = (scratch.path().join("disk"), scratch.path().join("image"));
        fs::create_dir(&mount)?;
        File::create(&image)?.set_len(SIZE)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        mount_image(&image, &mount)?;
        Ok(Self { mount, image, _scratch: scratch })
    }

    /// Where it is mounted.
    pub(super) fn path(&self) -> &Path {
        &self.mount
    }

    /// A copy of the image as it would be found if the power went now. Nobody may write meanwhile.
    pub(super) fn copy(&self, unsynced: Unsynced) -> io::Result<PathBuf> {
        match unsynced {
            Unsynced::Lost => {}
            Unsynced::Torn(seed) => self.write_some(&mut Dice::new(seed))?,
            Unsynced::Kept => syncfs(File::open(&self.mount)?)?,
        }
        let found = self.image.with_extension("found");
        run(Command::new("cp").arg("--sparse=always").arg(&self.image).arg(&found))?;
        Ok(found)
    }

    /// Goes on with the copy, as after a restart of the machine.
    pub(super) fn become_copy(self, found: &Path) -> io::Result<Self> {
        run(Command::new("umount").arg(&self.mount))?;
        fs::rename(found, &self.image)?;
        // Mounting replays the journal, and that is all a sound file system needs.
        if mount_image(&self.image, &self.mount).is_err() {
            // It says by its exit code that it repaired something.
            let _ = Command::new("e2fsck").args(["-f", "-y"]).arg(&self.image).output()?;
            mount_image(&self.image, &self.mount)?;
        }
        Ok(self)
    }

    /// Some of the pages that were written last, and then the journal.
    fn write_some(&self, dice: &mut Dice) -> io::Result<()> {
        let mut folders = vec![self.mount.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let (kind, path) = entry.and_then(|entry| Ok((entry.file_type()?, entry.path())))?;
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    write_some_pages(&File::open(path)?, dice)?;
                }
            }
        }
        let marker = File::create(self.mount.join("marker"))?;
        marker.set_len(dice.roll(0..PAGE))?;
        marker.sync_all()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if run(Command::new("umount").arg(&self.mount)).is_err() {
            let _ = Command::new("umount").arg("--lazy").arg(&self.mount).output();
        }
    }
}

/// This advice makes the kernel write the pages now, and no others.
fn write_some_pages(file: &File, dice: &mut Dice) -> io::Result<()> {
    let pages = file.metadata()?.len().div_ceil(PAGE);
    for page in pages.saturating_sub(TAIL)..pages {
        if dice.roll(0..2) == 0 {
            fadvise(file, page * PAGE, NonZeroU64::new(PAGE), Advice::DontNeed)?;
        }
    }
    Ok(())
}

fn mount_image(image: &Path, mount: &Path) -> io::Result<()> {
    run(Command::new("mount").args(["-t", "ext4", "-o", MOUNT]).arg(image).arg(mount))
}

/// Runs a program to its end; what it says is the error.
fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{}: {}", command.get_program().display(), said.trim())))
}
