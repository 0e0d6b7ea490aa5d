//! What a batch touches, read; and what it made of that, written, with the checkpoint.

use std::collections::HashMap;

use event_model::Column;
use event_store::Mark;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::failures::{self, Aside};
use super::schema::{self, NOW, number};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::fold::{Change, Stored};
use crate::generation::Target;
use crate::home::Touched;

/// What is there of the rows with these keys.
pub(super) fn touched(reader: &Connection, target: &Target, keys: Vec<String>) -> rusqlite::Result<Touched> {
    let aside = Aside::of(reader, target)?;
    let mut touched = Touched { stored: HashMap::with_capacity(keys.len()), ..Touched::default() };
    let sql = format!("SELECT first_position, row FROM \"{}\" WHERE key = ?1", target.rows_in);
    let mut statement = reader.prepare_cached(&sql)?;
    let read = |row: &rusqlite::Row<'_>| Ok(Stored { first: schema::position(row, 0)?, json: row.get(1)? });
    for key in keys {
        if aside.has(&key)? {
            touched.aside.insert(key.clone());
        }
        if let Some(stored) = statement.query_row([&key], read).optional()? {
            touched.stored.insert(key, stored);
        }
    }
    Ok(touched)
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
