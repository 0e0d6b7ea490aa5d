//! `jetsource show`: an entity as it is, or as it was, folded from the log; what happened to it, and what each event
//! changed.

mod changes;

use std::io::{self, Write as _};

use clap::Args;
use clap::builder::FalseyValueParser;
use domain::{EmailClaim, Order, Orders, Stock, Stocks, User, Users};
use event_model::{Decider, EntityName, Position, Projection, Recorded, Version};
use event_store::{Entry, EventStore, Mark};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use changes::Change;

use crate::exit::{Exit, Failure};
use crate::printed::{self, Form, Printed};
use crate::settings::BrokerPlace;
use crate::{events, log};

/// What to show, and as of when.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The kind of entity: user, order, stock, or any other
    category: String,
    /// Its id
    id: String,
    /// As it was at this version
    #[arg(long, value_name = "N", conflicts_with = "at")]
    at_version: Option<u64>,
    /// As it was at this time, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<OffsetDateTime>,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// An entity as lists show it, and how it came to that.
struct Folded {
    view: View,
    changes: Vec<Change>,
}

/// An entity as lists show it.
enum View {
    Row(Row),
    /// Its last event took it out.
    Gone,
    /// The category has no view.
    None,
}

/// A row of a view, its fields in their own order.
struct Row {
    pretty: String,
    compact: Box<RawValue>,
}

/// The events of an entity, of which the first had happened at the time that was asked for.
#[derive(Default)]
struct History {
    events: Vec<Recorded>,
    happened: usize,
}

/// All of it, as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    category: &'a str,
    id: &'a str,
    version: Option<Version>,
    position: Option<Position>,
    view: Option<&'a RawValue>,
    events: Vec<Printed<'a>>,
    /// What each event changed in the view.
    changes: &'a [Change],
}

/// Shows it.
pub(crate) async fn run(asked: &Show) -> Result<(), Failure> {
    let store = log::open_to_read(&asked.broker).await?;
    let entity = EntityName::new(asked.category.clone(), id_of(asked));
    let History { events: mut history, happened } = asked.history(&store, &entity).await?;
    if history.is_empty() {
        return Err(Failure::new(Exit::NotFound, format!("there is no {entity} on the log")));
    }
    history.truncate(asked.how_many(&entity, &history, happened)?);
    let Folded { view, changes } = folded(&entity.category, &history)?;
    let mut out = io::stdout().lock();
    if asked.json {
        let last = history.last();
        let shown = Shown {
            category: &entity.category,
            id: &entity.id,
            version: last.and_then(|event| event.version),
            position: last.map(|event| event.position),
            view: view.row().map(|row| &*row.compact),
            events: history.iter().map(Printed::of).collect(),
            changes: &changes,
        };
        writeln!(out, "{}", printed::json(&shown)?)?;
        return Ok(());
    }
    match view {
        View::Row(row) => writeln!(out, "{entity}\n{}\n", row.pretty)?,
        View::Gone => writeln!(out, "{entity}\ngone: it is in its view no more\n")?,
        View::None => writeln!(out, "{entity}\n")?,
    }
    for event in history {
        let position = event.position;
        printed::entry(&mut out, Form::Text, &Entry::Event(event))?;
        for change in changes.iter().filter(|change| change.position == position) {
            writeln!(out, "{:>10}{change}", "")?;
        }
    }
    Ok(())
}

impl Show {
    /// How many events of the history had happened.
    fn how_many(&self, entity: &EntityName, history: &[Recorded], happened: usize) -> Result<usize, Failure> {
        let not_yet = |line| Err(Failure::new(Exit::NotFound, line));
        if let Some(version) = self.at_version {
            let version = Version::new(version);
            let found = history.iter().position(|event| event.version == Some(version));
            let last = history.last().and_then(|event| event.version).unwrap_or(Version::START);
            return match found {
                Some(index) => Ok(index + 1),
                None => not_yet(format!("{entity} has no version {version}: the last is {last}")),
            };
        }
        if happened > 0 {
            return Ok(happened);
        }
        not_yet(format!("{entity} did not exist yet: its first event is of {}", began(history)))
    }

    async fn history(&self, store: &EventStore, entity: &EntityName) -> Result<History, Failure> {
        match entity.category.as_str() {
            User::CATEGORY => self.all::<User>(store, &entity.id).await,
            EmailClaim::CATEGORY => self.all::<EmailClaim>(store, &entity.id).await,
            Order::CATEGORY => self.all::<Order>(store, &entity.id).await,
            Stock::CATEGORY => self.all::<Stock>(store, &entity.id).await,
            _ => self.unversioned(store, entity).await,
        }
    }

    async fn all<D: Decider>(&self, store: &EventStore, id: &str) -> Result<History, Failure> {
        let Ok(id) = id.parse() else { return Ok(History::default()) };
        let (events, _) = store.history::<D>(&id, Version::START, usize::MAX).await?;
        let happened = match self.at {
            Some(time) => {
                let then = store.version_at_time::<D>(&id, time).await?;
                events.iter().filter(|event| event.version <= Some(then)).count()
            }
            None => events.len(),
        };
        Ok(History { events, happened })
    }

    /// Other tools' events have no versions: they are found by reading the log.
    async fn unversioned(&self, store: &EventStore, entity: &EntityName) -> Result<History, Failure> {
        let head = store.head().await?;
        let mut subscription = store.subscribe(Mark::START);
        let (mut read, mut found) = (Position::START, Vec::new());
        while read < head {
            for entry in events::next(&mut subscription).await? {
                read = entry.position();
                match entry {
                    Entry::Event(event) if event.entity == *entity => found.push(event),
                    Entry::Event(_) | Entry::Foreign(_) => {}
                }
            }
        }
        let happened = |event: &Recorded| self.at.is_none_or(|time| event.time <= time);
        Ok(History { happened: found.iter().rposition(happened).map_or(0, |last| last + 1), events: found })
    }
}

/// A UUID is stored in one form, whatever form it is given in.
fn id_of(asked: &Show) -> String {
    match uuid::Uuid::try_parse(&asked.id) {
        Ok(id) if asked.category != "stock" => id.to_string(),
        Ok(_) | Err(_) => asked.id.clone(),
    }
}

fn folded(category: &str, history: &[Recorded]) -> Result<Folded, Failure> {
    match category {
        "user" => fold::<Users>(history),
        "order" => fold::<Orders>(history),
        "stock" => fold::<Stocks>(history),
        _ => Ok(Folded { view: View::None, changes: Vec::new() }),
    }
}

fn fold<P: Projection>(history: &[Recorded]) -> Result<Folded, Failure> {
    let (mut row, mut shown, mut changes) = (None, Value::Null, Vec::new());
    for event in history {
        // What cannot be read is stepped over, as everywhere.
        if let Ok(keys) = P::keys(event)
            && let Some(key) = keys.first()
            && let Ok(next) = P::project(key, row.clone(), event)
        {
            let after = serde_json::to_value(&next).map_err(anyhow::Error::from)?;
            changes.extend(changes::between(event, &shown, &after));
            (row, shown) = (next, after);
        }
    }
    let Some(row) = row else {
        return Ok(Folded { view: View::Gone, changes });
    };
    let pretty = serde_json::to_string_pretty(&row).map_err(anyhow::Error::from)?;
    let compact = serde_json::value::to_raw_value(&row).map_err(anyhow::Error::from)?;
    Ok(Folded { view: View::Row(Row { pretty, compact }), changes })
}

impl View {
    fn row(&self) -> Option<&Row> {
        match self {
            Self::Row(row) => Some(row),
            Self::Gone | Self::None => None,
        }
    }
}

fn began(history: &[Recorded]) -> String {
    history.first().map(printed::shown_time).unwrap_or_default()
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "write it as in 2026-01-31T12:00:00Z".to_owned())
}
