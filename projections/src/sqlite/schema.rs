//! The tables: one a view, and the checkpoints, which also say in which table the rows of a view lie.

use event_model::Position;
use event_store::Mark;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::definition::Definition;

/// The layout of the file itself, kept in its `user_version`.
const FORMAT: i64 = 1;

/// Where the rows of a view lie, and up to where the log is in them.
#[derive(Debug, Clone)]
pub(super) struct Serving {
    pub(super) table: String,
    pub(super) mark: Mark,
    version: u32,
    pub(super) layout: String,
}

/// Makes the table of checkpoints.
pub(super) fn ensure(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format > FORMAT {
        let text = format!("a newer program wrote this file (format {format}, this one knows {FORMAT})");
        return Err(rusqlite::Error::ToSqlConversionFailure(text.into()));
    }
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS checkpoints (
             view TEXT PRIMARY KEY,
             version INTEGER NOT NULL,
             layout TEXT NOT NULL,
             rows_in TEXT NOT NULL,
             position INTEGER NOT NULL,
             event_id TEXT,
             updated TEXT NOT NULL
         )",
    )?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// The rows that lists read. Asked in the transaction that reads them, so that both are of one moment.
pub(super) fn serving(connection: &Connection, view: &str) -> rusqlite::Result<Option<Serving>> {
    let sql = "SELECT rows_in, position, event_id, version, layout FROM checkpoints WHERE view = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        let mark = mark(row, 1)?;
        Ok(Serving { table: row.get(0)?, mark, version: row.get(3)?, layout: row.get(4)? })
    };
    statement.query_row([view], read).optional()
}

/// Makes what is not there yet, and drops the rows of another version or layout.
pub(super) fn prepare(connection: &mut Connection, definition: &Definition) -> rusqlite::Result<Mark> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let layout = definition.layout();
    let found = serving(&transaction, definition.name)?;
    if let Some(found) = &found {
        if found.version == definition.version && found.layout == layout {
            return Ok(found.mark);
        }
        let (view, version) = (definition.name, definition.version);
        tracing::info!(view, version, was = found.version, "the view has changed and is built anew");
        transaction.execute_batch(&format!("DROP TABLE IF EXISTS \"{}\"", found.table))?;
    }
    let table = definition.name;
    transaction.execute_batch(&format!("DROP TABLE IF EXISTS \"{table}\""))?;
    transaction.execute_batch(&made(definition, table))?;
    transaction.execute(
        "INSERT OR REPLACE INTO checkpoints (view, version, layout, rows_in, position, updated)
         VALUES (?1, ?2, ?3, ?4, 0, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
        params![definition.name, definition.version, layout, table],
    )?;
    transaction.commit()?;
    Ok(Mark::START)
}

/// A mark in two columns, the position and the id behind it.
pub(super) fn mark(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Mark> {
    let id: Option<String> = row.get(column + 1)?;
    let id = id.map(|id| id.parse()).transpose().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column + 1, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Mark { position: position(row, column)?, id })
}

/// A position in a column. The log's sequence is below 2^63.
pub(super) fn position(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Position> {
    Ok(Position::new(row.get::<_, i64>(column)?.cast_unsigned()))
}

/// A position as a column holds it.
pub(super) fn number(position: Position) -> i64 {
    position.get().cast_signed()
}

/// The indexed columns have no type, so each value stays what the projection gave: text or a whole number.
fn made(definition: &Definition, table: &str) -> String {
    let columns = definition.sql(|column| format!(", \"{column}\""));
    let rows = format!(
        "CREATE TABLE \"{table}\" (
             key TEXT PRIMARY KEY NOT NULL,
             first_position INTEGER NOT NULL,
             last_position INTEGER NOT NULL,
             row TEXT NOT NULL{columns}
         );
         CREATE INDEX \"{table}_by_first_position\" ON \"{table}\" (first_position);"
    );
    let index = |columns: &&[&str]| {
        let (name, columns) = (columns.join("_and_"), columns.join("\", \""));
        format!("CREATE INDEX \"{table}_by_{name}\" ON \"{table}\" (\"{columns}\", first_position);")
    };
    definition.indexes.iter().map(index).fold(rows, |sql, index| sql + &index)
}
