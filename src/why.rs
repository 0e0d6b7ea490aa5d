//! `jetsource why`: what caused an event, and all that came of that.

use std::io::{self, Write as _};
use std::str::FromStr;

use clap::Args;
use clap::builder::FalseyValueParser;
use event_model::causes::{Causes, What};
use event_model::{Position, Recorded};
use event_store::{Chain, Entry, EventStore, cloud_event};
use serde_json::{Value, json};

use crate::events::{self, Wanted};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::printed;
use crate::settings::BrokerPlace;

/// More than anybody can look at.
const MOST: usize = 10_000;

/// Of which event, and how.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Its position in the log, or its id
    #[arg(value_name = "POSITION|EVENT", value_parser = Wanted::from_str)]
    event: Wanted,
    /// A picture: a flowchart in Mermaid's language
    #[arg(long, value_parser = FalseyValueParser::new(), conflicts_with = "json")]
    mermaid: bool,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Shows it.
pub(crate) async fn run(asked: &Why) -> Result<(), Failure> {
    let store = log::open_to_read(&asked.broker).await?;
    let Some(Entry::Event(event)) = events::one(&store, asked.event).await? else {
        return Err(Failure::new(Exit::NotFound, format!("{} is no event on the log", asked.event)));
    };
    let Some(first_cause) = event.correlation_id else {
        let line = format!("{} does not say what caused it: another tool has put it on the log", asked.event);
        return Err(Failure::new(Exit::NotFound, line));
    };
    let (events, upto, complete) = all(&store, first_cause).await?;
    let tree = Causes::of(events);
    let mut out = io::stdout().lock();
    if asked.mermaid {
        write!(out, "{}", tree.mermaid())?;
    } else if asked.json {
        let told = json!({
            "correlation_id": first_cause,
            "complete": complete,
            "upto": upto,
            "tree": tree.links().iter().map(place).collect::<Result<Vec<_>, _>>()?,
        });
        writeln!(out, "{}", printed::json(&told)?)?;
    } else {
        write!(out, "{}", marked(&tree, &event))?;
    }
    out.flush()?;
    if !complete {
        writeln!(
            io::stderr().lock(),
            "there is more of it behind position {upto}: it was followed to {MOST} events"
        )?;
    }
    Ok(())
}

/// Every event of the chain, up to where the log was looked through.
async fn all(
    store: &EventStore,
    first_cause: uuid::Uuid,
) -> Result<(Vec<Recorded>, Position, bool), Failure> {
    let (mut all, mut behind) = (Vec::new(), None);
    loop {
        let Chain { events, upto, more, .. } = store.chain(first_cause, behind).await?;
        all.extend(events);
        if !more || all.len() >= MOST {
            return Ok((all, upto, !more));
        }
        behind = Some(upto);
    }
}

fn place(link: &event_model::causes::Link) -> Result<Value, Failure> {
    let mut told = json!({"depth": link.depth});
    if let Some(cause) = link.cause {
        told["cause"] = json!(cause);
    }
    match &link.what {
        What::Cause(id) => told["command"] = json!(id),
        What::Event(event) => {
            let text = cloud_event::to_json(event)?;
            told["event"] = serde_json::from_str(&text).map_err(anyhow::Error::from)?;
        }
    }
    Ok(told)
}

/// The tree, with an arrow at the event that was asked for.
fn marked(tree: &Causes, event: &Recorded) -> String {
    let asked = |what: &What| matches!(what, What::Event(one) if one.position == event.position);
    let lines = tree.to_string();
    let lines = lines.lines().zip(tree.links()).map(|(line, link)| {
        if asked(&link.what) { format!("{line}  <- this one\n") } else { format!("{line}\n") }
    });
    lines.collect()
}
