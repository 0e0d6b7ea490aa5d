//! The manifest: what a backup's folder holds, and up to where. It is put in place last, atomically, so that the folder
//! holds the last whole backup at any time.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use async_nats::jetstream::stream::Config;
use event_store::backup::Message;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::piece::{self, Piece};
use crate::exit::{Exit, Failure};

const FILE: &str = "manifest.json";
const LOCK: &str = "lock";
/// Of what is written here.
const FORMAT: u32 = 1;

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The program that wrote it.
    pub(super) program: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) time: OffsetDateTime,
    /// Where the log ends in it.
    pub(super) position: u64,
    /// What lies there.
    pub(super) last: Option<Message>,
    pub(super) streams: Vec<Stream>,
}

/// A stream as it was.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stream {
    pub(super) config: Config,
    /// When the stream was made.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) made: OffsetDateTime,
    /// A later backup goes on behind this sequence.
    pub(super) after: u64,
    pub(super) pieces: Vec<Piece>,
}

/// As it is in the file: with its own checksum.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    sha256: String,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

/// A backup's folder, which nobody else changes meanwhile.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Manifest {
    pub(super) fn new(position: u64, last: Option<Message>, streams: Vec<Stream>) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, program, time: OffsetDateTime::now_utc(), position, last, streams }
    }

    /// A stream that was there.
    pub(super) fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.config.name == name)
    }

    /// All pieces.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.streams.iter().flat_map(|stream| &stream.pieces)
    }
}

impl Folder {
    /// A folder to write to, made when it is not there.
    pub(super) fn to_write(path: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(path).map_err(|error| cannot(path, &error))?;
        let folder = Self::locked(path, File::create(path.join(LOCK)))?;
        let names = fs::read_dir(path).map_err(|error| cannot(path, &error))?.flatten();
        let is_empty = names.map(|entry| entry.file_name()).all(|name| name == LOCK);
        if is_empty || folder.path.join(FILE).exists() || folder.drafts()? {
            return Ok(folder);
        }
        let line = format!("{} holds something else than a backup: name an empty folder", path.display());
        Err(Failure::setting(line))
    }

    /// A folder to read.
    pub(super) fn to_read(path: &Path) -> Result<Self, Failure> {
        // A backup may lie where nothing can be written.
        let lock = File::open(path.join(LOCK)).or_else(|_| File::open(path));
        Self::locked(path, lock)
    }

    fn locked(path: &Path, lock: io::Result<File>) -> Result<Self, Failure> {
        let lock = lock.map_err(|error| cannot(path, &error))?;
        if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
            let line = format!("another backup or restore is at work on {}: try again later", path.display());
            return Err(Failure::new(Exit::Conflict, line));
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Whether a first backup was cut off here.
    fn drafts(&self) -> Result<bool, Failure> {
        let names = fs::read_dir(&self.path).map_err(|error| cannot(&self.path, &error))?.flatten();
        Ok(names.map(|entry| entry.file_name()).all(|name| name == LOCK || piece::is_one(&name)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds; `None` before the first backup.
    pub(super) fn manifest(&self) -> Result<Option<Manifest>, Failure> {
        let file = self.path.join(FILE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot(&file, &error)),
        };
        let damaged = || {
            let line = format!("{} is damaged: take another copy of this backup", file.display());
            Failure::new(Exit::Verification, line)
        };
        let sealed: Sealed<'_> = serde_json::from_str(&text).map_err(|_| damaged())?;
        if piece::sha256(sealed.manifest.get().as_bytes()) != sealed.sha256 {
            return Err(damaged());
        }
        let manifest: Manifest = serde_json::from_str(sealed.manifest.get()).map_err(|_| damaged())?;
        if manifest.format != FORMAT {
            let line = format!("{} was written by a newer program: restore with that one", file.display());
            return Err(Failure::setting(line));
        }
        Ok(Some(manifest))
    }

    /// Puts a manifest in place, and takes away what it does not name.
    pub(super) fn put(&self, manifest: &Manifest) -> Result<(), Failure> {
        let text = serde_json::value::to_raw_value(manifest).map_err(io::Error::other)?;
        let sealed = Sealed { sha256: piece::sha256(text.get().as_bytes()), manifest: &text };
        let draft = self.path.join(format!("{FILE}.draft"));
        piece::write(&draft, &serde_json::to_vec(&sealed).map_err(io::Error::other)?)?;
        fs::rename(&draft, self.path.join(FILE))?;
        piece::sync_folder(&self.path)?;
        let named: HashSet<&str> = manifest.pieces().map(|piece| piece.file.as_str()).collect();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            if piece::is_one(&name) && !name.to_str().is_some_and(|name| named.contains(name)) {
                fs::remove_file(self.path.join(name))?;
            }
        }
        Ok(())
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::setting(format!("{}: {error}", path.display()))
}
