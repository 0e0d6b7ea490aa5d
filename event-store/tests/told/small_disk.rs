//! A disk so small that a test can fill it.

use std::fs;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of its own in memory, gone when dropped.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    /// `None`, with a line on standard error, where mounts are not permitted.
    pub(crate) fn mount(megabytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        if mount.as_ref().is_ok_and(|mount| mount.status.success()) {
            return Some(Self(folder));
        }
        // Not by a macro, whose words the test runner keeps to itself: a test that tests nothing must say so.
        stderr()
            .write_all(
                format!("NOT TESTED: a full disk. A small tmpfs cannot be mounted here: {mount:?}\n")
                    .as_bytes(),
            )
            .unwrap();
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// What takes up the room.
    pub(crate) fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    /// Fills it up to so many bytes.
    pub(crate) fn fill(&self, left: u64) {
        let free = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(self.0.path()).output();
        let free = String::from_utf8(free.unwrap().stdout).unwrap();
        let free: u64 = free.lines().last().unwrap().trim().parse().unwrap();
        fs::write(self.ballast(), vec![0; usize::try_from(free - left).unwrap()]).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}
