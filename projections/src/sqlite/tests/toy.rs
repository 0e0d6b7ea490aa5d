//! A view of counters, and events for it without a log.

use std::sync::Arc;

use event_model::{Column, EntityName, Event, Position, Projection, Recorded, Unreadable};
use event_store::{Entry, Mark};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::applying::{Applied, apply};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{Place, Target};
use crate::home::Home as _;
use crate::sqlite::SqliteViews;
use crate::sqlite::connection::lock;

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
pub(super) struct Tally {
    pub(super) total: i64,
    pub(super) parity: String,
}

#[derive(Debug)]
pub(super) struct Tallies;

impl Projection for Tallies {
    const NAME: &'static str = "tallies";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[&["parity"], &["total", "parity"]];
    type Row = Tally;

    fn key(event: &Recorded) -> Result<Option<String>, Unreadable> {
        Ok((event.entity.category == "counter").then(|| event.entity.id.clone()))
    }

    fn project(row: Option<Tally>, event: &Recorded) -> Result<Option<Tally>, Unreadable> {
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

/// A home in a folder of its own, and what it takes to drive it without a worker.
pub(super) struct Home {
    pub(super) views: SqliteViews,
    pub(super) definition: Arc<Definition>,
    pub(super) target: Target,
    pub(super) mark: Mark,
    pub(super) folder: TempDir,
    runtime: Runtime,
}

impl Home {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let views = SqliteViews::open(folder.path().join("views.sqlite")).unwrap();
        let definition = Arc::new(Definition::of::<Tallies>().unwrap());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let serving = runtime.block_on(views.prepare(&definition)).unwrap().serving;
        let target = serving.target(&definition, Place::Serving, &Arc::default());
        Self { views, definition, target, mark: serving.mark, folder, runtime }
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
        self.wait(apply::<P>(&self.views, &self.target, &entries, self.mark, Mark::on(last)))
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
        let writer = lock(&self.views.writer);
        let sql = "SELECT key || '|' || first_position || '|' || last_position || '|' || row || '|' || total
                       || '|' || parity FROM tallies ORDER BY key";
        let mut statement = writer.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
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
pub(super) fn raised(position: u64, counter: &str) -> Entry {
    entry(position, counter, Some(&CounterEvent::CounterRaised { by: 1 }))
}
