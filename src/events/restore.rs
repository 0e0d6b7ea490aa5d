//! `jetsource events import`: what `export` wrote, put on an empty log as it was.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::pin::Pin;

use clap::Args;
use clap::builder::FalseyValueParser;
use domain::EmailClaim;
use event_model::{Decider as _, Position, Recorded};
use event_store::restore::is_same;
use event_store::{Durability, EventStore, Mark, Restoring, Settings, StoreError, cloud_event};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::progress::Progress;
use super::{claims, next};
use crate::exit::{Exit, Failure};
use crate::settings::BrokerPlace;

/// What to import, and where to.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// What `events export` wrote; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key of the claims on e-mail addresses, as `events export --claim-key` wrote it
    #[arg(long, value_name = "FILE")]
    claim_key: Option<PathBuf>,
    /// Let events move up where positions are missing in the file
    #[arg(long, value_parser = FalseyValueParser::new())]
    renumber: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// The lines of the file.
struct Lines {
    reader: BufReader<Pin<Box<dyn AsyncRead + Send>>>,
    number: u64,
    bytes: u64,
}

/// Imports the file. Once more is harmless: what is there already is compared, and the rest is added.
pub(crate) async fn restore(asked: &Restore) -> Result<(), Failure> {
    let connection = asked.broker.connect().await?;
    if connection.durability().await != Durability::EveryAckSynced {
        tracing::warn!("this broker does not sync each event before it acknowledges it");
    }
    let mut lines = Lines::open(asked).await?;
    let store = EventStore::open(connection, Settings::default()).await?;
    store.settle().await?;
    let mut log = Restoring::new(store.clone());
    let there = compare(&store, &mut log, &mut lines, asked).await?;
    if let Some(path) = &asked.claim_key
        && claims::keep(&store, path).await?
    {
        let line = "another key of claims was there: start every `jetsource serve` on this broker anew";
        writeln!(io::stderr().lock(), "{line}")?;
    }
    let length = tokio::fs::metadata(&asked.file).await.ok().filter(std::fs::Metadata::is_file);
    let progress = Progress::new(length.map(|file| file.len()), "bytes");
    let mut added = 0_u64;
    while let Some(event) = lines.next(&log, asked).await? {
        let number = lines.number;
        log.take(event).await.map_err(|error| failed(number, error))?;
        added += 1;
        progress.at(lines.bytes);
    }
    log.finish().await.map_err(|error| failed(lines.number, error))?;
    drop(progress);
    let head = store.head().await?;
    writeln!(
        io::stdout().lock(),
        "imported {added}, there already {there}; the log ends at position {head}"
    )?;
    Ok(())
}

/// What lies on the log must be the beginning of the file.
async fn compare(
    store: &EventStore,
    log: &mut Restoring,
    lines: &mut Lines,
    asked: &Restore,
) -> Result<u64, Failure> {
    let head = store.head().await?;
    let mut reader = store.subscribe(Mark::START);
    let mut read = Position::START;
    while read < head {
        for entry in next(&mut reader).await? {
            read = entry.position();
            let line = lines.next(log, asked).await?;
            let Some(event) = line.filter(|event| is_same(&entry, event)) else {
                let line = format!(
                    "the log is not empty, and is not the beginning of {} either: they differ at position {read}; \
                     import into a broker without events",
                    asked.file.display()
                );
                return Err(Failure::new(Exit::Conflict, line));
            };
            log.is_there(&event)?;
        }
    }
    Ok(read.get())
}

impl Lines {
    async fn open(asked: &Restore) -> Result<Self, Failure> {
        let reader: Pin<Box<dyn AsyncRead + Send>> = if asked.file.as_os_str() == "-" {
            Box::pin(tokio::io::stdin())
        } else {
            let file = File::open(&asked.file).await.map_err(|error| {
                Failure::because(Exit::Usage, format!("{} cannot be read", asked.file.display()), error)
            })?;
            Box::pin(file)
        };
        Ok(Self { reader: BufReader::with_capacity(256 * 1024, reader), number: 0, bytes: 0 })
    }

    /// The event of the next line that is not empty, at the position that the log has for it.
    async fn next(&mut self, log: &Restoring, asked: &Restore) -> Result<Option<Recorded>, Failure> {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.reader.read_line(&mut line).await?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += read as u64;
            if !line.trim().is_empty() {
                break;
            }
        }
        let wrong = |why: String| Failure::new(Exit::Failed, format!("line {}: {why}", self.number));
        let event = cloud_event::from_json(line.trim()).map_err(wrong)?;
        let due = log.due();
        if event.position != due && !asked.renumber {
            return Err(wrong(format!(
                "it was at position {}, the next is {due}: this is a part of a log, or something that is no event lay \
                 between; --renumber lets what follows move up",
                event.position
            )));
        }
        if event.entity.category == EmailClaim::CATEGORY && asked.claim_key.is_none() {
            return Err(wrong(
                "a claim on an e-mail address counts only under the key that it was made with: name it with \
                 --claim-key, as `events export --claim-key` wrote it"
                    .to_owned(),
            ));
        }
        Ok(Some(Recorded { position: due, ..event }))
    }
}

fn failed(line: u64, error: StoreError) -> Failure {
    match error {
        StoreError::Unfit(why) => Failure::new(Exit::Failed, format!("at line {line}: {why}")),
        StoreError::Conflict { .. } => Failure::new(
            Exit::Conflict,
            "somebody else writes to this log meanwhile: import into a broker of which nobody makes use yet",
        ),
        StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_) | StoreError::Corrupt(_) => error.into(),
    }
}
