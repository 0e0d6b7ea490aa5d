//! `jetsource rejected`: the commands from subjects that were refused; look at them, send them again, drop them.

mod shown;
mod told;

use std::io::{self, Write as _};

use clap::Args;
use clap::builder::FalseyValueParser;
use event_store::{EventStore, Refused, Reply, StoreError};

use crate::exit::{Exit, Failure};
use crate::log;
use crate::printed::{self, Form};
use crate::settings::BrokerPlace;
use shown::{Row, Whole};

pub(crate) use told::Told;

/// Which to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// One JSON object a line
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Which to show.
#[derive(Debug, Args)]
pub(crate) struct ShowOne {
    /// Its number in the list
    #[arg(value_name = "SEQ")]
    sequence: u64,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Which to retry or drop.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Its number in the list
    #[arg(value_name = "SEQ")]
    sequence: u64,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Lists them, the newest last.
pub(crate) async fn list(asked: &List) -> Result<(), Failure> {
    let refused = log::open(&asked.broker).await?.refused(asked.limit).await?;
    let mut out = io::stdout().lock();
    match Form::asked(asked.json) {
        Form::Json => {
            for refused in &refused {
                writeln!(out, "{}", printed::json(&Whole::of(refused))?)?;
            }
        }
        Form::Text => shown::table(&mut out, &refused.iter().map(Row::of).collect::<Vec<_>>())?,
    }
    Ok(())
}

/// Shows one with all that is known of it.
pub(crate) async fn show(asked: &ShowOne) -> Result<(), Failure> {
    let store = log::open(&asked.broker).await?;
    let refused = found(&store, asked.sequence).await?;
    let mut out = io::stdout().lock();
    match Form::asked(asked.json) {
        Form::Json => writeln!(out, "{}", printed::json(&Whole::of(&refused))?)?,
        Form::Text => shown::whole(&mut out, &refused)?,
    }
    Ok(())
}

/// Sends one again under its own id, and drops it once it was carried out.
pub(crate) async fn retry(asked: &One) -> Result<(), Failure> {
    let store = log::open(&asked.broker).await?;
    let refused = found(&store, asked.sequence).await?;
    let sequence = asked.sequence;
    let command = Told::read(&refused.problem).command().ok_or_else(|| {
        let line = format!("{sequence} holds no command that could be sent again: have its sender send it");
        Failure::new(Exit::Failed, line)
    })?;
    let Reply { error, body } = store.ask_again(&refused, command).await.map_err(|error| {
        if !matches!(error, StoreError::Unavailable(_)) {
            return error.into();
        }
        let line = "nobody answers such requests on this broker: start `jetsource serve` with the role api";
        Failure::because(Exit::Unavailable, line, error)
    })?;
    let mut out = io::stdout().lock();
    let Some((code, said)) = error else {
        // Gone already: somebody else has retried it too.
        store.forget_refused(sequence).await?;
        let answer = String::from_utf8_lossy(&body);
        match Form::asked(asked.json) {
            Form::Json => writeln!(out, "{answer}")?,
            Form::Text => writeln!(out, "{sequence} was carried out: {answer}")?,
        }
        return Ok(());
    };
    match Form::asked(asked.json) {
        Form::Json => writeln!(out, "{}", String::from_utf8_lossy(&body))?,
        Form::Text => Told::read(&body).print(&mut out)?,
    }
    let exit = if code == UNAVAILABLE { Exit::Unavailable } else { Exit::Failed };
    Err(Failure::new(exit, format!("{sequence} is refused again, and stays: {said}")))
}

/// The status of a problem that passes by itself.
const UNAVAILABLE: u16 = 503;

/// Drops one for good.
pub(crate) async fn drop_one(asked: &One) -> Result<(), Failure> {
    let store = log::open(&asked.broker).await?;
    if !store.forget_refused(asked.sequence).await? {
        return Err(none_there(asked.sequence));
    }
    if asked.json {
        let dropped = serde_json::json!({"dropped": asked.sequence});
        writeln!(io::stdout().lock(), "{}", printed::json(&dropped)?)?;
    }
    Ok(())
}

async fn found(store: &EventStore, sequence: u64) -> Result<Refused, Failure> {
    store.refused_at(sequence).await?.ok_or_else(|| none_there(sequence))
}

fn none_there(sequence: u64) -> Failure {
    let line = format!("no refused command has the number {sequence}: see jetsource rejected list");
    Failure::new(Exit::NotFound, line)
}
