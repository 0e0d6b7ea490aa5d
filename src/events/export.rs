//! `jetsource events export`: events as CloudEvents in JSON, one a line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;
use event_model::Position;
use event_store::{Entry, Mark, cloud_event};

use super::filters::Filters;
use super::progress::Progress;
use super::{MOST, behind_the_end, claims, mark_at, next};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::settings::BrokerPlace;

/// What to write, and where.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file; - is standard output
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,
    /// Only what lies behind this position, that of the last line of an earlier export; it is added to FILE
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: u64,
    #[command(flatten)]
    filters: Filters,
    /// Go on with what comes, until interrupted
    #[arg(long, short, value_parser = FalseyValueParser::new())]
    follow: bool,
    /// Write the key of the claims on e-mail addresses to a file too: an import needs it
    #[arg(long, value_name = "FILE")]
    claim_key: Option<PathBuf>,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Writes them.
pub(crate) async fn export(asked: &Export) -> Result<(), Failure> {
    let store = log::open_to_read(&asked.broker).await?;
    let head = store.head().await?;
    let after = Position::new(asked.after);
    if after > head {
        return Err(behind_the_end(after, head));
    }
    if let Some(path) = &asked.claim_key {
        claims::write(&store, path).await?;
    }
    let mut out: Box<dyn Write> = if asked.file.as_os_str() == "-" {
        Box::new(BufWriter::new(io::stdout()))
    } else {
        let goes_on = after > Position::START;
        let mut how = File::options();
        how.create(true).write(true).append(goes_on).truncate(!goes_on);
        let file = how.open(&asked.file).map_err(|error| {
            Failure::because(Exit::Usage, format!("{} cannot be written", asked.file.display()), error)
        })?;
        Box::new(BufWriter::new(file))
    };
    let mark = if after == Position::START { Mark::START } else { mark_at(&store, asked.after).await? };
    let mut reader = store.subscribe(mark);
    let progress = Progress::new((!asked.follow).then_some(head.get()), "positions");
    let (wanted, mut read, mut foreign) = (asked.filters.wanted(), after, 0_u64);
    while asked.follow || read < head {
        let entries = if asked.follow { reader.next(MOST).await?.entries } else { next(&mut reader).await? };
        for entry in entries.iter().filter(|entry| asked.follow || entry.position() <= head) {
            read = entry.position();
            match entry {
                Entry::Event(event) if wanted(entry) => writeln!(out, "{}", cloud_event::to_json(event)?)?,
                Entry::Event(_) => {}
                Entry::Foreign(_) => foreign += u64::from(wanted(entry)),
            }
        }
        out.flush()?;
        progress.at(read.get());
    }
    drop(progress);
    if foreign > 0 {
        writeln!(io::stderr().lock(), "messages that are no events, stepped over: {foreign}")?;
    }
    Ok(())
}
