//! `jetsource projections failures`: rows that are set aside because an event could not be applied to them.

use std::io::{self, Write as _};

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use event_model::Position;
use event_store::{Entry, EventStore};
use projections::{Answer, Asked, FailedRow, Failure as Aside, ask};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{done, known, refused};
use crate::exit::Failure;
use crate::log;
use crate::printed::{self, Form, Printed};
use crate::settings::BrokerPlace;

/// What to do with them.
#[derive(Debug, Subcommand)]
pub(crate) enum Failures {
    /// List the rows that are set aside
    List(OfView),
    /// Show one, with the event and the error
    Show(OfRow),
    /// Try again what one is set aside for, or all of them
    Retry(Retry),
    /// Step over the event that one is set aside for, for good
    Skip(Skip),
}

/// Which read model.
#[derive(Debug, Args)]
pub(crate) struct OfView {
    /// The read model, such as orders; `projections status` lists them
    name: String,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Which row.
#[derive(Debug, Args)]
pub(crate) struct OfRow {
    #[command(flatten)]
    view: OfView,
    /// The key of the row
    key: String,
}

/// Which rows.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    view: OfView,
    /// The key of the row; without it, all that are set aside
    key: Option<String>,
}

/// Which row, and why.
#[derive(Debug, Args)]
pub(crate) struct Skip {
    #[command(flatten)]
    view: OfView,
    /// The key of the row
    key: String,
    /// Why the event may be left out; it is kept with the event
    #[arg(long)]
    reason: String,
}

/// A row that is set aside, with the event, as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    failure: &'a Aside,
    row: Option<Box<RawValue>>,
    event: Option<Printed<'a>>,
}

/// Does it.
pub(crate) async fn run(asked: &Failures) -> Result<(), Failure> {
    match asked {
        Failures::List(of) => list(of).await,
        Failures::Show(OfRow { view, key }) => show(view, key).await,
        Failures::Retry(Retry { view, key }) => act(view, &Asked::Retry(key.clone())).await,
        Failures::Skip(Skip { view, key, reason }) => {
            act(view, &Asked::Skip { key: key.clone(), reason: reason.clone() }).await
        }
    }
}

async fn act(of: &OfView, asked: &Asked) -> Result<(), Failure> {
    let view = known::name(&of.name)?;
    let store = log::open(&of.broker).await?;
    let done = done(&store, view, asked).await?;
    let text = if of.json {
        printed::json(&json!({"view": view, "done": done}))?
    } else {
        format!("{view}: {done}")
    };
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

async fn list(of: &OfView) -> Result<(), Failure> {
    let view = known::name(&of.name)?;
    let store = log::open(&of.broker).await?;
    let answer = ask(&store, view, &Asked::Failures).await?;
    let Answer::Failures(failures) = answer else { return Err(refused(view, answer)) };
    let mut out = io::stdout().lock();
    if of.json {
        writeln!(out, "{}", printed::json(&failures)?)?;
        return Ok(());
    }
    let listed = failures.first.len();
    let first =
        if listed as u64 == failures.count { String::new() } else { format!(", the first {listed}:") };
    writeln!(out, "{view}: rows set aside: {}{first}", failures.count)?;
    for Aside { key, position, event_type, reason, tries, since, waiting, .. } in &failures.first {
        writeln!(
            out,
            "  {key}  {event_type} at position {position}, since {since}, tried {tries} times, {waiting} wait"
        )?;
        writeln!(out, "    {reason}")?;
    }
    Ok(())
}

async fn show(of: &OfView, key: &str) -> Result<(), Failure> {
    let view = known::name(&of.name)?;
    let store = log::open(&of.broker).await?;
    let answer = ask(&store, view, &Asked::Failure(key.to_owned())).await?;
    let Answer::Failure(failed) = answer else { return Err(refused(view, answer)) };
    let FailedRow { failure, row } = *failed;
    let entry = entry(&store, failure.position).await?;
    let mut out = io::stdout().lock();
    if of.json {
        let row = row.map(RawValue::from_string).transpose().map_err(anyhow::Error::from)?;
        let event = match &entry {
            Some(Entry::Event(event)) => Some(Printed::of(event)),
            Some(Entry::Foreign(_)) | None => None,
        };
        writeln!(out, "{}", printed::json(&Shown { failure: &failure, row, event })?)?;
        return Ok(());
    }
    let Aside { reason, tries, since, tried, waiting, .. } = &failure;
    writeln!(
        out,
        "{view} {key}: set aside since {since}, tried {tries} times, last at {tried}; {waiting} events wait"
    )?;
    writeln!(out, "error  {reason}")?;
    writeln!(out, "row    {}", row.as_deref().unwrap_or("none"))?;
    if let Some(entry) = &entry {
        write!(out, "event")?;
        printed::entry(&mut out, Form::Text, entry)?;
    }
    Ok(())
}

async fn entry(store: &EventStore, position: Position) -> Result<Option<Entry>, Failure> {
    let before = Position::new(position.get().saturating_sub(1));
    let (found, _) = store.log_after(before, 1).await?;
    Ok(found.into_iter().find(|entry| entry.position() == position))
}
