//! `jetsource events`: what the log holds, in its order.
//!
//! - here: printed for people and programs
//! - `filters`: which events
//! - `export`, `restore`, `claims`, `progress`: out to a file, and from one onto an empty log

mod claims;
mod export;
mod filters;
mod progress;
mod restore;

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;
use event_model::Position;
use event_store::{Entry, EventStore, Mark, Subscription};
use tokio::time::timeout;
use uuid::Uuid;

use crate::exit::{Exit, Failure};
use crate::log;
use crate::printed::{self, Form};
use crate::settings::BrokerPlace;
use filters::Filters;

pub(crate) use export::{Export, export};
pub(crate) use restore::{Restore, restore};

/// How many entries are read at once.
const MOST: usize = 1000;
/// A reader waits for its broker for ever; who asks for what is stored already does not.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to print of the log.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Where to begin: start, end or a position [default: start, with --follow end]
    #[arg(long, value_name = "PLACE", value_parser = Begin::from_str)]
    from: Option<Begin>,
    /// Go on with what comes, until interrupted
    #[arg(long, short, value_parser = FalseyValueParser::new())]
    follow: bool,
    #[command(flatten)]
    filters: Filters,
    /// One JSON object a line
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Which events to print.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Positions in the log, or ids of events
    #[arg(required = true, value_name = "POSITION|EVENT", value_parser = Wanted::from_str)]
    events: Vec<Wanted>,
    /// One JSON object a line
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Start,
    End,
    At(Position),
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    At(Position),
    Id(Uuid),
}

impl FromStr for Begin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "start" => Ok(Self::Start),
            "end" => Ok(Self::End),
            _ => {
                position(text).map(Self::At).ok_or_else(|| "write start, end or a position from 1".to_owned())
            }
        }
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = || Uuid::try_parse(text).ok().map(Self::Id);
        position(text)
            .map(Self::At)
            .or_else(id)
            .ok_or_else(|| "write a position from 1, or the id of an event, a UUID".to_owned())
    }
}

fn position(text: &str) -> Option<Position> {
    text.parse().ok().filter(|position| *position > Position::START)
}

/// Prints events in the order of the log.
pub(crate) async fn tail(asked: &Tail) -> Result<(), Failure> {
    let store = log::open_to_read(&asked.broker).await?;
    let head = store.head().await?;
    let begin = asked.from.unwrap_or(if asked.follow { Begin::End } else { Begin::Start });
    let mark = match begin {
        Begin::Start => Mark::START,
        Begin::End => mark_at(&store, head.get()).await?,
        Begin::At(position) if position > head.next() => return Err(behind_the_end(position, head)),
        Begin::At(position) => mark_at(&store, position.get() - 1).await?,
    };
    let form = Form::asked(asked.json);
    let wanted = asked.filters.wanted();
    let mut subscription = store.subscribe(mark);
    let mut read = mark.position;
    while asked.follow || read < head {
        let entries = if asked.follow {
            subscription.next(MOST).await?.entries
        } else {
            next(&mut subscription).await?
        };
        read = entries.last().map_or(read, Entry::position);
        let mut out = io::stdout().lock();
        let due = entries.iter().filter(|entry| asked.follow || entry.position() <= head);
        let mut printing = due.filter(|entry| wanted(entry));
        let printed = printing.try_for_each(|entry| printed::entry(&mut out, form, entry));
        printed.and_then(|()| Ok(out.flush()?))?;
    }
    Ok(())
}

/// Prints single events.
pub(crate) async fn get(asked: &Get) -> Result<(), Failure> {
    let store = log::open_to_read(&asked.broker).await?;
    let ids: Vec<Uuid> = asked.events.iter().filter_map(Wanted::id).collect();
    let found = find(&store, &ids).await?;
    let mut missing = Vec::new();
    for wanted in &asked.events {
        let entry = match wanted {
            Wanted::At(position) => store.at(*position).await?,
            Wanted::Id(id) => found.get(id).cloned(),
        };
        match entry {
            Some(entry) => printed::entry(&mut io::stdout().lock(), Form::asked(asked.json), &entry)?,
            None => missing.push(wanted.to_string()),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::NotFound, format!("not on the log: {}", missing.join(", "))))
}

/// One entry, if it is on the log.
pub(crate) async fn one(store: &EventStore, wanted: Wanted) -> Result<Option<Entry>, Failure> {
    match wanted {
        Wanted::At(position) => Ok(store.at(position).await?),
        Wanted::Id(id) => Ok(find(store, &[id]).await?.remove(&id)),
    }
}

/// The events of these ids. Nothing in the log is ordered by them: it is read until they are met.
async fn find(store: &EventStore, ids: &[Uuid]) -> Result<HashMap<Uuid, Entry>, Failure> {
    let mut found = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let head = store.head().await?;
    let mut subscription = store.subscribe(Mark::START);
    let mut read = Position::START;
    while read < head && ids.iter().any(|id| !found.contains_key(id)) {
        for entry in next(&mut subscription).await? {
            read = entry.position();
            if let Entry::Event(event) = &entry
                && ids.contains(&event.id)
            {
                found.entry(event.id).or_insert(entry);
            }
        }
    }
    Ok(found)
}

/// What is stored next; an error when the broker goes away.
pub(crate) async fn next(subscription: &mut Subscription) -> Result<Vec<Entry>, Failure> {
    let batch = timeout(PATIENCE, subscription.next(MOST)).await;
    let away =
        || Failure::new(Exit::Unavailable, "the broker does not answer any more: try again when it is back");
    Ok(batch.map_err(|_| away())??.entries)
}

async fn mark_at(store: &EventStore, position: u64) -> Result<Mark, Failure> {
    if position == 0 {
        return Ok(Mark::START);
    }
    let position = Position::new(position);
    let entry = store.at(position).await?;
    match entry {
        Some(entry) => Ok(Mark::on(&entry)),
        None => Err(behind_the_end(position, store.head().await?)),
    }
}

fn behind_the_end(position: Position, head: Position) -> Failure {
    let line = format!("position {position} is not on the log, which ends at {head}: name an earlier one");
    Failure::new(Exit::NotFound, line)
}

impl Wanted {
    fn id(&self) -> Option<Uuid> {
        match self {
            Self::Id(id) => Some(*id),
            Self::At(_) => None,
        }
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(position) => position.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_begin_is_a_word_or_a_position() {
        assert_eq!("start".parse(), Ok(Begin::Start));
        assert_eq!("17".parse(), Ok(Begin::At(Position::new(17))));
        for wrong in ["", "0", "-1", "begin"] {
            assert!(wrong.parse::<Begin>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_event_is_named_by_position_or_id() {
        assert_eq!("3".parse(), Ok(Wanted::At(Position::new(3))));
        let id = Uuid::from_u128(7);
        assert_eq!(id.to_string().parse(), Ok(Wanted::Id(id)));
        assert!("abc".parse::<Wanted>().is_err());
    }
}
