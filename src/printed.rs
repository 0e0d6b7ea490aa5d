//! Events as they are printed: a line for people, or the JSON of the HTTP API with the entity added.

use std::io::{self, Write};

use event_model::{Position, Recorded, Version};
use event_store::{Entry, Foreign};
use serde::Serialize;
use serde_json::value::RawValue;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::exit::Failure;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Form {
    /// JSON when it is asked for.
    pub(crate) fn asked(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// An event as the HTTP API shows it, and which entity it is about.
#[derive(Debug, Serialize)]
pub(crate) struct Printed<'a> {
    id: Uuid,
    category: &'a str,
    entity_id: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    version: Option<Version>,
    position: Position,
    time: String,
    causation_id: Option<Uuid>,
    correlation_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    /// As it is stored.
    data: Option<&'a RawValue>,
}

/// What lies on the log and is none.
#[derive(Debug, Serialize)]
struct NotAnEvent<'a> {
    position: Position,
    subject: &'a str,
    #[serde(rename = "not_an_event")]
    reason: &'a str,
}

/// Prints what lies at one position, in one line.
pub(crate) fn entry(out: &mut impl Write, form: Form, entry: &Entry) -> Result<(), Failure> {
    match (form, entry) {
        (Form::Json, Entry::Event(event)) => writeln!(out, "{}", json(&Printed::of(event))?)?,
        (Form::Json, Entry::Foreign(foreign)) => writeln!(out, "{}", json(&NotAnEvent::of(foreign))?)?,
        (Form::Text, Entry::Event(event)) => {
            let Recorded { position, entity, event_type, .. } = event;
            let (version, time) = (shown_version(event), shown_time(event));
            let data = String::from_utf8_lossy(&event.data);
            writeln!(out, "{position:>8}  {time}  {entity} {version}  {event_type}  {data}")?;
        }
        (Form::Text, Entry::Foreign(Foreign { position, subject, reason })) => {
            writeln!(out, "{position:>8}  {subject}  not an event: {reason}")?;
        }
    }
    Ok(())
}

/// Anything in one line of JSON, its fields in their own order.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value).map_err(anyhow::Error::from)?)
}

impl<'a> Printed<'a> {
    /// Of what the log holds.
    pub(crate) fn of(event: &'a Recorded) -> Self {
        Self {
            id: event.id,
            category: &event.entity.category,
            entity_id: &event.entity.id,
            event_type: &event.event_type,
            version: event.version,
            position: event.position,
            time: shown_time(event),
            causation_id: event.causation_id,
            correlation_id: event.correlation_id,
            actor: event.actor.as_deref(),
            data: serde_json::from_slice(&event.data).ok(),
        }
    }
}

/// The version, or a dash where other tools count none.
fn shown_version(event: &Recorded) -> String {
    event.version.map_or_else(|| "-".to_owned(), |version| format!("v{version}"))
}

/// The time, RFC 3339.
pub(crate) fn shown_time(event: &Recorded) -> String {
    event.time.format(&Rfc3339).unwrap_or_else(|_| event.time.to_string())
}

/// Whoever read enough has closed the pipe: that is no failure.
pub(crate) fn until_closed(printed: Result<(), Failure>) -> Result<(), Failure> {
    match printed {
        Err(failure) if failure.is(io::ErrorKind::BrokenPipe) => Ok(()),
        other => other,
    }
}

impl<'a> NotAnEvent<'a> {
    fn of(foreign: &'a Foreign) -> Self {
        Self { position: foreign.position, subject: &foreign.subject, reason: &foreign.reason }
    }
}
