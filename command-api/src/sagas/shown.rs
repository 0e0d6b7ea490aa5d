//! Sagas as they are shown.

use event_model::{EntityName, Outgoing, Progress, Recorded, Saga, Version};
use sagas::Stuck;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::history::{Event, served};
use crate::problem::Problem;

/// A saga of the list.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    name: String,
    id: String,
    state: String,
    waits_for: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    started: String,
    changed: String,
    version: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stuck: Option<Stuck>,
}

/// A saga with all that it did.
#[derive(Debug, Serialize)]
pub(crate) struct Timeline {
    #[serde(flatten)]
    row: Row,
    events: Vec<Step>,
}

/// One of its events, and what it sent for it.
#[derive(Debug, Serialize)]
struct Step {
    #[serde(flatten)]
    event: Event,
    sends: Vec<String>,
}

impl Row {
    /// A row of the view; what else it holds is not shown.
    pub(crate) fn read(row: &str) -> Result<Self, Problem> {
        serde_json::from_str(row).map_err(|error| Problem::internal(&error))
    }

    /// One that is stuck before it could store anything.
    pub(crate) fn unseen(stuck: &Stuck) -> Self {
        let since = shown(stuck.since);
        Self {
            name: stuck.name.clone(),
            id: stuck.id.clone(),
            state: "stuck".into(),
            waits_for: Vec::new(),
            outcome: None,
            started: since.clone(),
            changed: since,
            version: Version::START,
            stuck: None,
        }
    }

    /// With what is known of those that are stuck.
    pub(crate) fn with(self, stuck: &[Stuck]) -> Self {
        match stuck.iter().find(|stuck| stuck.name == self.name && stuck.id == self.id) {
            Some(stuck) => Self { state: "stuck".into(), stuck: Some(stuck.clone()), ..self },
            None => self,
        }
    }

    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.is_some()
    }
}

impl Timeline {
    /// `None` when there is no such saga.
    pub(crate) fn of<S: Saga>(
        id: &S::Id,
        state: &S,
        events: Vec<Recorded>,
        stuck: Option<&Stuck>,
    ) -> Result<Option<Self>, Problem> {
        let (first, last) = (events.first().map(|event| event.time), events.last());
        let row = match (first, last, stuck) {
            (Some(started), Some(last), _) => {
                let (state, waits_for, outcome) = match state.progress() {
                    Progress::NotBegun => ("done", Vec::new(), None),
                    Progress::Running { waits_for } => ("running", waits_for, None),
                    Progress::Done { outcome } => ("done", Vec::new(), Some(outcome)),
                };
                Row {
                    name: S::CATEGORY.into(),
                    id: id.to_string(),
                    state: state.into(),
                    waits_for,
                    outcome,
                    started: shown(started),
                    changed: shown(last.time),
                    version: last.version.unwrap_or(Version::START),
                    stuck: None,
                }
            }
            (_, _, Some(stuck)) => Row::unseen(stuck),
            (_, _, None) => return Ok(None),
        };
        let row = row.with(stuck.map(std::slice::from_ref).unwrap_or_default());
        let steps = events.into_iter().map(|event| {
            let sends = event.decode::<S::Event>().map(|own| S::send(id, &own)).unwrap_or_default();
            Ok(Step { sends: sends.iter().map(sent).collect(), event: served(event)? })
        });
        Ok(Some(Self { row, events: steps.collect::<Result<_, Problem>>()? }))
    }
}

/// What was sent, in words: `reserve-credit to user/0190…`.
fn sent(outgoing: &Outgoing) -> String {
    match outgoing {
        Outgoing::Request(request) => {
            let EntityName { category, id } = &request.entity;
            format!("{} to {category}/{id}", request.command)
        }
        Outgoing::Deadline(deadline) => format!("deadline {} at {}", deadline.name, shown(deadline.at)),
    }
}

fn shown(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}
