//! The lines of a file or of standard input, as they come; memory holds one of them.

use std::io;
use std::path::Path;
use std::pin::Pin;

use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use crate::exit::{Exit, Failure};

/// The API takes bodies of 256 KiB; the rest is room for what stands around one.
const LONGEST: usize = 512 * 1024;
/// Why a line was not even looked at.
pub(crate) const TOO_LONG: &str = "the line is longer than 512 KiB: the API takes bodies up to 256 KiB";

/// Where lines come from.
pub(crate) struct Input {
    reader: BufReader<Pin<Box<dyn AsyncRead + Send>>>,
    length: Option<u64>,
    number: u64,
    /// What was read of the line under way.
    partial: Vec<u8>,
    too_long: bool,
}

/// A line, by its number from 1.
#[derive(Debug)]
pub(crate) enum Next {
    Line(u64, Vec<u8>),
    TooLong(u64),
}

impl Next {
    /// Which line.
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Line(number, _) | Self::TooLong(number) => *number,
        }
    }
}

impl Input {
    /// Opens the file; `-` is standard input.
    pub(crate) async fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::of(Box::pin(tokio::io::stdin()), None));
        }
        let unreadable = |error| {
            let line = format!(
                "{} cannot be read: name a file of JSON lines, or - for standard input",
                path.display()
            );
            Failure::because(Exit::Usage, line, error)
        };
        let file = File::open(path).await.map_err(unreadable)?;
        let metadata = file.metadata().await.map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(io::ErrorKind::IsADirectory.into()));
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self::of(Box::pin(file), length))
    }

    fn of(reader: Pin<Box<dyn AsyncRead + Send>>, length: Option<u64>) -> Self {
        let reader = BufReader::with_capacity(64 * 1024, reader);
        Self { reader, length, number: 0, partial: Vec::new(), too_long: false }
    }

    /// How many bytes there are, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next line without its end; `None` after the last. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Next>> {
        loop {
            let buffer = self.reader.fill_buf().await?;
            if buffer.is_empty() {
                let nothing = self.partial.is_empty() && !self.too_long;
                return Ok(if nothing { None } else { Some(self.take()) });
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let text = &buffer[..end.unwrap_or(buffer.len())];
            if self.too_long || self.partial.len() + text.len() > LONGEST {
                self.too_long = true;
                self.partial.clear();
            } else {
                self.partial.extend_from_slice(text);
            }
            let used = text.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(self.take()));
            }
        }
    }

    fn take(&mut self) -> Next {
        self.number += 1;
        let text = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.too_long) {
            Next::TooLong(self.number)
        } else {
            Next::Line(self.number, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &'static [u8]) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut input = Input::of(Box::pin(text), None);
        let mut lines = Vec::new();
        while let Some(next) = input.next().await.unwrap() {
            lines.push(match next {
                Next::Line(number, text) => (number, Some(text)),
                Next::TooLong(number) => (number, None),
            });
        }
        lines
    }

    #[tokio::test]
    async fn lines_are_numbered_from_one_and_the_last_needs_no_end() {
        let found = lines(b"a\n\nb").await;
        assert_eq!(found, [(1, Some(b"a".to_vec())), (2, Some(Vec::new())), (3, Some(b"b".to_vec()))]);
        assert!(lines(b"").await.is_empty());
    }

    #[tokio::test]
    async fn a_line_without_measure_is_stepped_over() {
        let text = [vec![b'x'; LONGEST + 1], b"\nb\n".to_vec()].concat();
        assert_eq!(lines(text.leak()).await, [(1, None), (2, Some(b"b".to_vec()))]);
    }
}
