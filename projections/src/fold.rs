//! A batch of events into changes of rows, pure: each touched row is read once and written once. What cannot be
//! applied sets its row aside, so that all others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use event_model::{Column, Position, Projection, Recorded};
use event_store::Entry;
use uuid::Uuid;

use crate::attempt::{Tried, insist};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::Target;
use crate::home::Touched;

/// The events of a batch that touch a view, by the rows that they touch.
pub(crate) struct Sorted {
    /// By key, so that rows are written in one order always: where in the batch each event is.
    pub(crate) by_key: BTreeMap<String, Vec<usize>>,
    pub(crate) skipped: Vec<Skipped>,
    /// Those of which the projection cannot tell the rows.
    pub(crate) rowless: Vec<Failed>,
}

/// An event that cannot be read and counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) position: Position,
    pub(crate) reason: String,
}

/// An event that a projection cannot apply. Its row stays as it was before, and later events of it wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) key: String,
    /// Whether the row is not known, so that the event waits by itself.
    pub(crate) rowless: bool,
    pub(crate) position: Position,
    pub(crate) event_id: Uuid,
    pub(crate) event_type: String,
    pub(crate) reason: String,
    /// What of the batch waits behind it.
    pub(crate) waiting: Vec<Position>,
}

/// A row as its home has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) first: Position,
    pub(crate) json: String,
}

/// What a batch makes of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Write { key: String, first: Position, last: Position, json: String, columns: Vec<Column> },
    Delete { key: String },
    SetAside(Failed),
    Wait { key: String, positions: Vec<Position> },
}

impl Change {
    /// Of the row that it changes.
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Write { key, .. } | Self::Delete { key } | Self::Wait { key, .. } => key,
            Self::SetAside(failed) => &failed.key,
        }
    }
}

impl Failed {
    fn of(key: String, event: &Recorded, reason: String) -> Self {
        let (event_id, event_type) = (event.id, event.event_type.clone());
        Self {
            key,
            rowless: false,
            position: event.position,
            event_id,
            event_type,
            reason,
            waiting: Vec::new(),
        }
    }

    /// Of an event whose row is not known.
    pub(crate) fn rowless(event: &Recorded, reason: String) -> Self {
        let key = format!("{}@{}", event.entity, event.position);
        Self { rowless: true, ..Self::of(key, event, reason) }
    }
}

/// Asks the projection for the rows of each event after a position.
pub(crate) fn sort<P: Projection>(entries: &[Entry], after: Position, skips: &BTreeSet<Position>) -> Sorted {
    let mut sorted = Sorted { by_key: BTreeMap::new(), skipped: Vec::new(), rowless: Vec::new() };
    for (place, entry) in entries.iter().enumerate() {
        let Some(event) = event(entry) else { continue };
        let position = event.position;
        if position <= after {
            continue;
        }
        match insist(event, skips, || P::keys(event)) {
            Tried::Done(keys) => {
                for key in keys {
                    let places = sorted.by_key.entry(key).or_default();
                    // A key that a projection names twice is the same row.
                    if places.last() != Some(&place) {
                        places.push(place);
                    }
                }
            }
            Tried::SteppedOver(reason) => sorted.skipped.push(Skipped { position, reason }),
            Tried::Failed(reason) => sorted.rowless.push(Failed::rowless(event, reason)),
        }
    }
    sorted
}

/// What a batch makes of the rows that it touches.
pub(crate) fn changes<P: Projection>(
    target: &Target,
    entries: &[Entry],
    sorted: Sorted,
    touched: &Touched,
) -> Result<(Vec<Change>, Vec<Skipped>), ViewError> {
    let Sorted { by_key, mut skipped, rowless } = sorted;
    let mut changes: Vec<_> = rowless.into_iter().map(Change::SetAside).collect();
    changes.reserve(by_key.len());
    for (key, places) in by_key {
        if touched.aside.contains(&key) {
            let positions = places.iter().map(|place| entries[*place].position()).collect();
            changes.push(Change::Wait { key, positions });
            continue;
        }
        let events: Vec<_> = places.iter().filter_map(|place| event(&entries[*place])).collect();
        let stored = touched.stored.get(&key);
        changes.extend(fold::<P>(target, key, stored, &events, &mut skipped)?);
    }
    Ok((changes, skipped))
}

/// What these events make of a row. Those that could not be read are added to `skipped`.
pub(crate) fn fold<P: Projection>(
    target: &Target,
    key: String,
    stored: Option<&Stored>,
    all: &[&Recorded],
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Change>, ViewError> {
    let Some(begin) = all.first() else { return Ok(Vec::new()) };
    let set_aside = |key: String, event: &Recorded, reason: String| {
        let waiting = all.iter().map(|event| event.position);
        let waiting = waiting.filter(|position| *position > event.position).collect();
        Change::SetAside(Failed { waiting, ..Failed::of(key, event, reason) })
    };
    let was_there = stored.is_some();
    let mut first = stored.map_or(Position::START, |stored| stored.first);
    let read = || stored.map(|stored| serde_json::from_str(&stored.json)).transpose();
    let row: Option<P::Row> = match read() {
        Ok(row) => row,
        Err(error) => {
            let reason = format!("the row is not what its projection wrote: {error}; build the view anew");
            return Ok(vec![set_aside(key, begin, reason)]);
        }
    };
    let mut last = None;
    let mut failed = None;
    let mut row = match straight::<P>(&key, row, all) {
        Some((row, made)) => {
            (first, last) = (made.unwrap_or(first), all.last().map(|event| event.position));
            row
        }
        // As it was: what fails is looked for one by one.
        None => read().ok().flatten(),
    };
    let careful = if last.is_none() { all } else { &[] };
    for event in careful {
        // The projection takes the row, and an event that it cannot apply must leave it as it was. The columns are
        // asked for after each event, so that what fails does not depend on where a batch ends.
        let attempt = || {
            let next = P::project(&key, row.clone(), event)?;
            next.as_ref().map(P::columns);
            Ok(next)
        };
        match insist(event, &target.skips, attempt) {
            Tried::Done(next) => {
                if row.is_none() {
                    first = event.position;
                }
                last = Some(event.position);
                row = next;
            }
            Tried::SteppedOver(reason) => skipped.push(Skipped { position: event.position, reason }),
            Tried::Failed(reason) => {
                failed = Some(set_aside(key.clone(), event, reason));
                break;
            }
        }
    }
    let written = match (last, row) {
        (None, _) => None,
        (Some(_), None) => was_there.then_some(Change::Delete { key }),
        (Some(last), Some(row)) => match serde_json::to_string(&row) {
            Ok(json) => {
                let columns = columns::<P>(&target.definition, &row)?;
                Some(Change::Write { key, first, last, json, columns })
            }
            Err(error) => return Ok(vec![set_aside(key, begin, format!("the row is no JSON: {error}"))]),
        },
    };
    Ok(written.into_iter().chain(failed).collect())
}

/// What events make of a row, and where they made it anew, when each of them can be applied; `None` when one cannot. No
/// copies are made that would keep the row as it was.
fn straight<P: Projection>(
    key: &str,
    mut row: Option<P::Row>,
    events: &[&Recorded],
) -> Option<(Option<P::Row>, Option<Position>)> {
    let fold = || {
        let mut made = None;
        for event in events {
            if row.is_none() {
                made = Some(event.position);
            }
            row = P::project(key, row.take(), event).ok()?;
            row.as_ref().map(P::columns);
        }
        Some((row, made))
    };
    catch_unwind(AssertUnwindSafe(fold)).ok().flatten()
}

fn columns<P: Projection>(definition: &Definition, row: &P::Row) -> Result<Vec<Column>, ViewError> {
    let mut given = P::columns(row);
    let find = |column: &&'static str| {
        let place = given.iter().position(|(name, _)| name == column).ok_or_else(|| ViewError::Unfit {
            view: definition.name,
            reason: format!("its rows give no value for the column {column:?}"),
        })?;
        Ok(given.swap_remove(place).1)
    };
    definition.columns.iter().map(find).collect()
}

/// The event, where an entry is one.
pub(crate) fn event(entry: &Entry) -> Option<&Recorded> {
    match entry {
        Entry::Event(event) => Some(event),
        Entry::Foreign(_) => None,
    }
}
