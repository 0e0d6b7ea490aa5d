//! A batch of events into changes of rows, pure: each touched row is read once and written once.

use std::collections::BTreeMap;

use event_model::{Column, Position, Projection, Recorded};
use event_store::Entry;

use crate::definition::Definition;
use crate::error::{ViewError, line};

/// The events of a batch that touch a view, by the row that they touch.
pub(crate) struct Sorted<'a> {
    /// By key, so that rows are written in one order always.
    pub(crate) by_key: BTreeMap<String, Vec<&'a Recorded>>,
    pub(crate) skipped: Vec<Skipped>,
}

/// An event that the projection should know and cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) position: Position,
    pub(crate) reason: String,
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
}

/// Asks the projection for the row of each event after a position.
pub(crate) fn sort<P: Projection>(entries: &[Entry], after: Position) -> Sorted<'_> {
    let mut sorted = Sorted { by_key: BTreeMap::new(), skipped: Vec::new() };
    for entry in entries {
        let Entry::Event(event) = entry else { continue };
        if event.position <= after {
            continue;
        }
        match P::key(event) {
            Ok(Some(key)) => sorted.by_key.entry(key).or_default().push(event),
            Ok(None) => {}
            Err(error) => sorted.skipped.push(Skipped { position: event.position, reason: line(&error) }),
        }
    }
    sorted
}

/// The row after these events, and those of them that could not be read.
pub(crate) fn fold<P: Projection>(
    definition: &Definition,
    key: String,
    stored: Option<Stored>,
    events: &[&Recorded],
    skipped: &mut Vec<Skipped>,
) -> Result<Option<Change>, ViewError> {
    let was_there = stored.is_some();
    let wrong_row = |key: &str, source| ViewError::Row { view: definition.name, key: key.to_owned(), source };
    let mut first = stored.as_ref().map_or(Position::START, |stored| stored.first);
    let mut row: Option<P::Row> = stored
        .map(|stored| serde_json::from_str(&stored.json))
        .transpose()
        .map_err(|source| wrong_row(&key, source))?;
    let mut last = None;
    for event in events {
        let is_new = row.is_none();
        // The projection takes the row, and an event that it cannot read must leave it as it was.
        match P::project(row.clone(), event) {
            Ok(next) => {
                if is_new {
                    first = event.position;
                }
                last = Some(event.position);
                row = next;
            }
            Err(error) => skipped.push(Skipped { position: event.position, reason: line(&error) }),
        }
    }
    let Some(last) = last else { return Ok(None) };
    let Some(row) = row else { return Ok(was_there.then_some(Change::Delete { key })) };
    let json = serde_json::to_string(&row).map_err(|source| wrong_row(&key, source))?;
    let columns = columns::<P>(definition, &row)?;
    Ok(Some(Change::Write { key, first, last, json, columns }))
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
