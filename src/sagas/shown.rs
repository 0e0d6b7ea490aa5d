//! Sagas as they are shown to people: a table of many, the timeline of one.

use std::io::Write;

use serde::Deserialize;
use serde_json::Value;

use crate::exit::Failure;

/// A saga of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Saga {
    name: String,
    id: String,
    state: String,
    waits_for: Vec<String>,
    outcome: Option<String>,
    started: String,
    changed: String,
    stuck: Option<Stuck>,
}

/// Why one cannot go on.
#[derive(Debug, Deserialize)]
struct Stuck {
    reason: String,
    position: u64,
    since: String,
}

/// A saga with all that it did.
#[derive(Debug, Deserialize)]
pub(super) struct Whole {
    #[serde(flatten)]
    saga: Saga,
    events: Vec<Step>,
}

/// One of its own events.
#[derive(Debug, Deserialize)]
struct Step {
    position: u64,
    time: String,
    r#type: String,
    causation_id: Option<String>,
    data: Value,
    sends: Vec<String>,
}

impl Saga {
    /// What it is about now, in words.
    fn now(&self) -> String {
        match (&self.stuck, &self.outcome) {
            (Some(stuck), _) => stuck.reason.clone(),
            (None, Some(outcome)) => outcome.clone(),
            (None, None) => format!("waits for {}", self.waits_for.join(", ")),
        }
    }
}

/// A line each.
pub(super) fn table(out: &mut impl Write, sagas: &[Saga]) -> Result<(), Failure> {
    writeln!(out, "{:<8} {:<10} {:<36} {:<20} NOW", "STATE", "NAME", "ID", "CHANGED")?;
    for saga in sagas {
        let Saga { state, name, id, .. } = saga;
        writeln!(out, "{state:<8} {name:<10} {id:<36} {:<20} {}", to_the_second(&saga.changed), saga.now())?;
    }
    Ok(())
}

/// What it did, from the beginning.
pub(super) fn timeline(out: &mut impl Write, whole: &Whole) -> Result<(), Failure> {
    let Whole { saga, events } = whole;
    writeln!(out, "{} {}: {}, {}", saga.name, saga.id, saga.state, saga.now())?;
    writeln!(out, "started {}, changed {}\n", saga.started, saga.changed)?;
    for Step { position, time, r#type, causation_id, data, sends } in events {
        writeln!(out, "{position:>8}  {time}  {type}  {data}")?;
        if let Some(cause) = causation_id {
            writeln!(out, "{:>10}because of {cause}", "")?;
        }
        for sent in sends {
            writeln!(out, "{:>10}sends {sent}", "")?;
        }
    }
    if let Some(Stuck { reason, position, since }) = &saga.stuck {
        writeln!(out, "\nstuck since {since} at position {position}: {reason}")?;
        writeln!(
            out,
            "`jetsource sagas retry {id}` tries again, `jetsource sagas abandon {id} --reason …` gives it up",
            id = saga.id
        )?;
    }
    Ok(())
}

fn to_the_second(time: &str) -> &str {
    time.split('.').next().unwrap_or(time)
}
