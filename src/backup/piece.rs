//! A piece of a backup: a file of messages, one a line, of which the manifest knows the checksum. It never changes.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use event_store::backup::Message;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::exit::{Exit, Failure};

/// A piece ends behind the message with which it is so large.
const LARGE: u64 = 64 * 1024 * 1024;
const ENDING: &str = ".ndjson";

/// A file of messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Piece {
    pub(super) file: String,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    pub(super) messages: u64,
    /// The sequence of its first message.
    pub(super) first: u64,
    /// The sequence of its last message.
    pub(super) last: u64,
}

/// Messages of a stream on their way into pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    folder: PathBuf,
    stream: &'static str,
    open: Option<Open>,
    done: Vec<Piece>,
}

#[derive(Debug)]
struct Open {
    out: BufWriter<File>,
    sum: Sha256,
    piece: Piece,
}

impl Pieces {
    pub(super) fn new(folder: &Path, stream: &'static str) -> Self {
        Self { folder: folder.to_owned(), stream, open: None, done: Vec::new() }
    }

    pub(super) fn add(&mut self, message: &Message) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
        line.push(b'\n');
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(message.sequence)?,
        };
        open.out.write_all(&line)?;
        open.sum.update(&line);
        open.piece.bytes += line.len() as u64;
        open.piece.messages += 1;
        open.piece.last = message.sequence;
        let is_large = open.piece.bytes >= LARGE;
        self.open = Some(open);
        if is_large { self.close() } else { Ok(()) }
    }

    /// The pieces, on disk.
    pub(super) fn end(mut self) -> Result<Vec<Piece>, Failure> {
        self.close()?;
        Ok(self.done)
    }

    fn draft(&self) -> PathBuf {
        self.folder.join(format!("{}.draft{ENDING}", self.stream))
    }

    fn begin(&self, first: u64) -> Result<Open, Failure> {
        let out = BufWriter::new(private(&self.draft())?);
        let (file, sha256) = (String::new(), String::new());
        let piece = Piece { file, sha256, bytes: 0, messages: 0, first, last: first };
        Ok(Open { out, sum: Sha256::new(), piece })
    }

    fn close(&mut self) -> Result<(), Failure> {
        let Some(Open { out, sum, mut piece }) = self.open.take() else { return Ok(()) };
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        piece.sha256 = digits(sum);
        // Named by what is in it, so that no piece of the backup before is overwritten.
        piece.file = format!("{}-{:012}-{}{ENDING}", self.stream, piece.first, &piece.sha256[..16]);
        fs::rename(self.draft(), self.folder.join(&piece.file))?;
        sync_folder(&self.folder)?;
        self.done.push(piece);
        Ok(())
    }
}

impl Piece {
    /// Reads all of it.
    pub(super) fn check(&self, folder: &Path) -> Result<(), Failure> {
        let damaged = |what: String| {
            let file = folder.join(&self.file);
            let line = format!("{} is damaged: {what}; take another copy of this backup", file.display());
            Failure::new(Exit::Verification, line)
        };
        let mut file = File::open(folder.join(&self.file)).map_err(|error| damaged(error.to_string()))?;
        let mut sum = Summing(Sha256::new());
        io::copy(&mut file, &mut sum).map_err(|error| damaged(error.to_string()))?;
        if digits(sum.0) == self.sha256 { Ok(()) } else { Err(damaged("its checksum is another".into())) }
    }

    /// Its messages, after [`Piece::check`].
    pub(super) fn messages(
        &self,
        folder: &Path,
    ) -> Result<impl Iterator<Item = Result<Message, Failure>> + use<>, Failure> {
        let name = self.file.clone();
        let lines = BufReader::new(File::open(folder.join(&self.file))?).lines();
        Ok(lines.map(move |line| {
            serde_json::from_str(&line?).map_err(|error| {
                let line = format!("{name} holds a line that is no message: {error}");
                Failure::new(Exit::Verification, line)
            })
        }))
    }
}

struct Summing(Sha256);

impl io::Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a file is a piece, or the draft of one.
pub(super) fn is_one(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.ends_with(ENDING))
}

/// The checksum of bytes.
pub(super) fn sha256(bytes: &[u8]) -> String {
    digits(Sha256::new().chain_update(bytes))
}

/// Writes a file, and returns once it is on disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Returns once the names in a folder are on disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A backup holds secrets: its files are for their owner alone.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn digits(sum: Sha256) -> String {
    sum.finalize().iter().fold(String::with_capacity(64), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
