//! The tables of the file, and where the generations of a view lie.

use event_model::Position;
use event_store::Mark;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{failures, skips};
use crate::definition::Definition;
use crate::generation::{Build, Generation, Place, Prepared};

/// The layout of the file itself, kept in its `user_version`.
const FORMAT: i64 = 2;

/// What is kept beside the rows. `checkpoints` says in which table the rows of a view lie that lists read, `builds`
/// which are built beside them, `leftovers` which nobody needs any more.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS checkpoints (
        view TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        layout TEXT NOT NULL,
        rows_in TEXT NOT NULL,
        position INTEGER NOT NULL,
        event_id TEXT,
        updated TEXT NOT NULL,
        generation INTEGER NOT NULL DEFAULT 1
    );
    CREATE TABLE IF NOT EXISTS builds (
        view TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        layout TEXT NOT NULL,
        rows_in TEXT NOT NULL,
        position INTEGER NOT NULL,
        event_id TEXT,
        updated TEXT NOT NULL,
        generation INTEGER NOT NULL,
        stopped INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS leftovers (
        rows_in TEXT PRIMARY KEY,
        view TEXT NOT NULL,
        generation INTEGER NOT NULL
    );";

/// Now, as the tables hold it.
pub(super) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// Makes the tables beside the rows, and brings those of an older program up to date.
pub(super) fn ensure(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format > FORMAT {
        let text = format!("a newer program wrote this file (format {format}, this one knows {FORMAT})");
        return Err(rusqlite::Error::ToSqlConversionFailure(text.into()));
    }
    if format == 1 {
        transaction
            .execute_batch("ALTER TABLE checkpoints ADD COLUMN generation INTEGER NOT NULL DEFAULT 1")?;
    }
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(failures::TABLES)?;
    transaction.execute_batch(skips::TABLE)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// The rows that lists read. Asked in the transaction that reads them, so that both are of one moment.
pub(super) fn serving(connection: &Connection, view: &str) -> rusqlite::Result<Option<Generation>> {
    generation(connection, Place::Serving, view)
}

/// The rows of a view that lie in one of its places.
pub(super) fn generation(
    connection: &Connection,
    place: Place,
    view: &str,
) -> rusqlite::Result<Option<Generation>> {
    let sql = format!(
        "SELECT rows_in, position, event_id, version, layout, generation FROM {} WHERE view = ?1",
        table(place)
    );
    let read = |row: &rusqlite::Row<'_>| {
        let (rows_in, mark) = (row.get(0)?, mark(row, 1)?);
        let (version, layout, number) = (row.get(3)?, row.get(4)?, row.get(5)?);
        Ok(Generation { number, version, layout, rows_in, mark })
    };
    connection.prepare_cached(&sql)?.query_row([view], read).optional()
}

/// What is built beside the rows that lists read.
pub(super) fn build(connection: &Connection, view: &str) -> rusqlite::Result<Option<Build>> {
    let Some(generation) = generation(connection, Place::Building, view)? else { return Ok(None) };
    let sql = "SELECT stopped FROM builds WHERE view = ?1";
    let stopped = connection.prepare_cached(sql)?.query_row([view], |row| row.get(0))?;
    Ok(Some(Build { generation, stopped }))
}

/// The table that says which rows lie in a place.
pub(super) fn table(place: Place) -> &'static str {
    match place {
        Place::Serving => "checkpoints",
        Place::Building => "builds",
    }
}

/// Makes the rows of a view that has none yet. What another version of its projection folded stays, and goes on
/// serving; what such a one had begun to build is given up.
pub(super) fn prepare(connection: &mut Connection, definition: &Definition) -> rusqlite::Result<Prepared> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let view = definition.name;
    let serving = match serving(&transaction, view)? {
        Some(serving) => serving,
        None => first(&transaction, definition)?,
    };
    let skips = skips::of(&transaction, view)?;
    let mut building = build(&transaction, view)?;
    if let Some(unfit) = building.take_if(|build| !build.generation.is_of(definition)) {
        give_up(&transaction, Place::Building, view, &unfit.generation)?;
    }
    transaction.commit()?;
    Ok(Prepared { serving, building, skips })
}

/// Leaves the rows of a place to be dropped, and forgets what was set aside in them.
pub(super) fn give_up(
    transaction: &Transaction<'_>,
    place: Place,
    view: &str,
    generation: &Generation,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO leftovers (rows_in, view, generation) VALUES (?1, ?2, ?3)",
        params![generation.rows_in, view, generation.number],
    )?;
    failures::forget(transaction, view, generation.number)?;
    transaction.execute(&format!("DELETE FROM {} WHERE view = ?1", table(place)), [view]).map(drop)
}

fn first(transaction: &Transaction<'_>, definition: &Definition) -> rusqlite::Result<Generation> {
    let rows_in = definition.name;
    transaction.execute_batch(&format!("DROP TABLE IF EXISTS \"{rows_in}\""))?;
    make(transaction, Place::Serving, definition, 1, rows_in)
}

/// Makes a generation without rows.
pub(super) fn make(
    transaction: &Transaction<'_>,
    place: Place,
    definition: &Definition,
    number: u32,
    rows_in: &str,
) -> rusqlite::Result<Generation> {
    let (version, layout, rows_in) = (definition.version, definition.layout(), rows_in.to_owned());
    transaction.execute_batch(&made(definition, &rows_in))?;
    transaction.execute(
        &format!(
            "INSERT INTO {} (view, version, layout, rows_in, position, generation, updated)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, {NOW})",
            table(place)
        ),
        params![definition.name, version, layout, rows_in, number],
    )?;
    Ok(Generation { number, version, layout, rows_in, mark: Mark::START })
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
