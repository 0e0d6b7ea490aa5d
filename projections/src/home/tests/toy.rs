//! A view of counters, and events for it without a log.

use std::sync::Arc;

use event_model::{Column, EntityName, Event, Position, Projection, Recorded, Unreadable};
use event_store::{Entry, Mark};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use super::place::Place;
use crate::address::HomeAddress;
use crate::applying::{Applied, apply};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{self, Target};
use crate::home::{self, Claim};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CounterEvent {
    CounterRaised { by: i64 },
    CounterDropped {},
}

impl Event for CounterEvent {
    const TYPES: &'static [&'static str] = &["counter-raised", "counter-dropped"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::CounterRaised { .. } => "counter-raised",
            Self::CounterDropped {} => "counter-dropped",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) total: i64,
    pub(crate) parity: String,
}

#[derive(Debug)]
pub(crate) struct Tallies;

impl Projection for Tallies {
    const NAME: &'static str = "tallies";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[&["parity"], &["total", "parity"]];
    type Row = Tally;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        let ours = event.entity.category == "counter";
        Ok(ours.then(|| event.entity.id.clone()).into_iter().collect())
    }

    fn project(_: &str, row: Option<Tally>, event: &Recorded) -> Result<Option<Tally>, Unreadable> {
        Ok(match event.decode()? {
            CounterEvent::CounterDropped {} => None,
            CounterEvent::CounterRaised { by } => {
                let total = row.map_or(0, |row| row.total) + by;
                let parity = if total % 2 == 0 { "even" } else { "odd" }.to_owned();
                Some(Tally { total, parity })
            }
        })
    }

    fn columns(row: &Tally) -> Vec<(&'static str, Column)> {
        vec![("total", row.total.into()), ("parity", row.parity.clone().into())]
    }
}

/// A home of its own, and what it takes to drive it without a worker.
pub(super) struct Home {
    pub(super) views: Arc<dyn home::Home>,
    pub(super) definition: Arc<Definition>,
    pub(super) target: Target,
    pub(super) mark: Mark,
    pub(super) place: Place,
    runtime: Runtime,
}

impl Home {
    pub(super) fn new() -> Self {
        Self::of::<Tallies>()
    }

    /// With the table of this projection.
    pub(super) fn of<P: Projection>() -> Self {
        let place = Place::make();
        let definition = Arc::new(Definition::of::<P>().unwrap());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let views = runtime.block_on(async {
            let views = place.url().parse::<HomeAddress>().unwrap().open().await.unwrap();
            views.found(&definition).await.unwrap();
            claimed(views, &definition, 1).await
        });
        let serving = runtime.block_on(views.prepare(&definition)).unwrap().serving;
        let target = serving.target(&definition, generation::Place::Serving, &Arc::default());
        Self { views, definition, target, mark: serving.mark, place, runtime }
    }

    /// The same home as the worker with this token has it.
    pub(super) fn again(&self, token: u64) -> Arc<dyn home::Home> {
        self.wait(async {
            let views = self.place.url().parse::<HomeAddress>().unwrap().open().await.unwrap();
            claimed(views, &self.definition, token).await
        })
    }

    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(super) fn try_apply(&self, entries: &[Entry]) -> Result<Applied, ViewError> {
        self.try_apply_as::<Tallies>(entries)
    }

    /// With another projection that has the same table.
    pub(super) fn try_apply_as<P: Projection>(&self, entries: &[Entry]) -> Result<Applied, ViewError> {
        let Some(last) = entries.last() else { return Ok(Applied::default()) };
        let entries = Arc::new(entries.to_vec());
        self.wait(apply::<P>(self.views.as_ref(), &self.target, &entries, self.mark, Mark::on(last)))
    }

    /// As the worker does: the mark moves when a row was touched.
    pub(super) fn apply(&mut self, entries: &[Entry]) -> Applied {
        self.apply_as::<Tallies>(entries)
    }

    pub(super) fn apply_as<P: Projection>(&mut self, entries: &[Entry]) -> Applied {
        let applied = self.try_apply_as::<P>(entries).unwrap();
        if let Some(last) = entries.last().filter(|_| applied.rows > 0) {
            self.mark = Mark::on(last);
        }
        applied
    }

    /// Every row with all its columns, as text.
    pub(super) fn rows(&self) -> Vec<String> {
        let columns = self.place.columns(&["total", "parity"]);
        let sql =
            format!("SELECT key, first_position, last_position, row, {columns} FROM tallies ORDER BY key");
        self.place.lines(&sql)
    }
}

/// A home as the worker with this token has it.
async fn claimed(
    views: Arc<dyn home::Home>,
    definition: &Arc<Definition>,
    token: u64,
) -> Arc<dyn home::Home> {
    match views.claim(definition.name, token, Uuid::from_u128(token.into())).await.unwrap() {
        Claim::Held(views) => views,
        Claim::Outbid(token) => panic!("somebody had token {token}"),
    }
}

/// An event at a position; `None` is what is no counter's event.
pub(super) fn entry(position: u64, counter: &str, event: Option<&CounterEvent>) -> Entry {
    let (category, event_type, data) = match event {
        Some(event) => ("counter", event.event_type(), event_model::event::encode(event).unwrap()),
        None => ("other", "other-happened", "{}".into()),
    };
    Entry::Event(Recorded {
        id: Uuid::from_u128(position.into()),
        entity: EntityName::new(category, counter),
        event_type: event_type.to_owned(),
        position: Position::new(position),
        version: None,
        time: OffsetDateTime::UNIX_EPOCH,
        causation_id: None,
        correlation_id: None,
        part: None,
        actor: None,
        traceparent: None,
        data,
    })
}

/// A counter raised by one.
pub(crate) fn raised(position: u64, counter: &str) -> Entry {
    entry(position, counter, Some(&CounterEvent::CounterRaised { by: 1 }))
}
