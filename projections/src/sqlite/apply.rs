//! A batch into rows: read what it touches, fold, write each row once, and move the checkpoint with them.

use event_model::{Column, Projection, Recorded};
use event_store::{Entry, Mark};
use rusqlite::types::Value;
use rusqlite::{
    CachedStatement, Connection, OptionalExtension as _, Transaction, TransactionBehavior, params,
};

use super::failures::{self, Aside};
use super::schema::{self, NOW, number};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::fold::{self, Change, Failed, Skipped, Stored};
use crate::generation::Target;

/// What a batch came to.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// How many rows it wrote, dropped or set aside; with none the checkpoint has not moved.
    pub(crate) rows: usize,
    pub(crate) skipped: Vec<Skipped>,
    /// What it set aside.
    pub(crate) failed: Vec<Failed>,
}

impl Applied {
    pub(super) fn of(changes: Vec<Change>, skipped: Vec<Skipped>) -> Self {
        let rows = changes.len();
        let failed = changes.into_iter().filter_map(|change| match change {
            Change::SetAside(failed) => Some(failed),
            Change::Write { .. } | Change::Delete { .. } | Change::Wait { .. } => None,
        });
        Self { rows, skipped, failed: failed.collect() }
    }
}

/// What the entries behind a mark make of the rows. Nobody else writes these rows, so this and
/// [`commit`] need not be one transaction.
pub(super) fn changes<P: Projection>(
    reader: &Connection,
    target: &Target,
    entries: &[Entry],
    from: Mark,
) -> Result<(Vec<Change>, Vec<Skipped>), ViewError> {
    let sorted = fold::sort::<P>(entries, from.position, &target.skips);
    let mut skipped = sorted.skipped;
    let mut changes: Vec<_> = sorted.rowless.into_iter().map(Change::SetAside).collect();
    changes.reserve(sorted.by_key.len());
    if !sorted.by_key.is_empty() {
        let aside = Aside::of(reader, target)?;
        let mut statement = reader.prepare_cached(&selected(target))?;
        for (key, events) in sorted.by_key {
            if aside.has(&key)? {
                let positions = events.iter().map(|event| event.position).collect();
                changes.push(Change::Wait { key, positions });
                continue;
            }
            let stored = stored(&mut statement, &key)?;
            changes.extend(fold::fold::<P>(target, key, stored, &events, &mut skipped)?);
        }
    }
    Ok((changes, skipped))
}

/// What events that waited make of their row, on top of what is there.
pub(super) fn again<P: Projection>(
    reader: &Connection,
    target: &Target,
    key: &str,
    events: &[&Recorded],
) -> Result<Vec<Change>, ViewError> {
    let stored = stored(&mut reader.prepare_cached(&selected(target))?, key)?;
    fold::fold::<P>(target, key.to_owned(), stored, events, &mut Vec::new())
}

fn selected(target: &Target) -> String {
    format!("SELECT first_position, row FROM \"{}\" WHERE key = ?1", target.rows_in)
}

fn stored(statement: &mut CachedStatement<'_>, key: &str) -> rusqlite::Result<Option<Stored>> {
    let read = |row: &rusqlite::Row<'_>| Ok(Stored { first: schema::position(row, 0)?, json: row.get(1)? });
    statement.query_row([key], read).optional()
}

/// Writes changes and moves the checkpoint from one mark to another, or does nothing.
///
/// # Errors
/// [`ViewError::Overtaken`] when the checkpoint is at neither of the two marks.
pub(super) fn commit(
    writer: &mut Connection,
    target: &Target,
    changes: &[Change],
    from: Mark,
    to: Mark,
) -> Result<(), ViewError> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let view = target.definition.name;
    let found = schema::generation(&transaction, target.place, view)?.ok_or(ViewError::NotBuilt(view))?;
    if found.number != target.generation {
        return Err(ViewError::Overtaken(view));
    }
    if found.mark == to {
        // An earlier try was committed, although it was told that it failed.
        return Ok(());
    }
    if found.mark != from {
        return Err(ViewError::Overtaken(view));
    }
    write(&transaction, target, changes)?;
    transaction
        .prepare_cached(&format!(
            "UPDATE {} SET position = ?2, event_id = ?3, updated = {NOW} WHERE view = ?1",
            schema::table(target.place)
        ))?
        .execute(params![view, number(to.position), to.id.map(|id| id.to_string())])?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn write(
    transaction: &Transaction<'_>,
    target: &Target,
    changes: &[Change],
) -> rusqlite::Result<()> {
    let table = &target.rows_in;
    let mut upsert = transaction.prepare_cached(&upsert(&target.definition, table))?;
    let mut delete = transaction.prepare_cached(&format!("DELETE FROM \"{table}\" WHERE key = ?1"))?;
    for change in changes {
        match change {
            Change::Write { key, first, last, json, columns } => {
                upsert.raw_bind_parameter(1, key)?;
                upsert.raw_bind_parameter(2, number(*first))?;
                upsert.raw_bind_parameter(3, number(*last))?;
                upsert.raw_bind_parameter(4, json)?;
                for (column, parameter) in columns.iter().zip(5..) {
                    upsert.raw_bind_parameter(parameter, value(column))?;
                }
                upsert.raw_execute()?;
            }
            Change::Delete { key } => {
                delete.execute([key])?;
            }
            Change::SetAside(failed) => failures::set_aside(transaction, target, failed)?,
            Change::Wait { key, positions } => failures::wait(transaction, target, key, positions)?,
        }
    }
    Ok(())
}

fn upsert(definition: &Definition, table: &str) -> String {
    let columns = definition.sql(|column| format!(", \"{column}\""));
    let values = ", ?".repeat(definition.columns.len());
    let updates = definition.sql(|column| format!(", \"{column}\" = excluded.\"{column}\""));
    format!(
        "INSERT INTO \"{table}\" (key, first_position, last_position, row{columns})
         VALUES (?, ?, ?, ?{values})
         ON CONFLICT (key) DO UPDATE SET first_position = excluded.first_position,
             last_position = excluded.last_position, row = excluded.row{updates}"
    )
}

/// A column's value as SQLite holds it.
pub(super) fn value(column: &Column) -> Value {
    match column {
        Column::Text(text) => Value::Text(text.clone()),
        Column::Integer(number) => Value::Integer(*number),
    }
}
