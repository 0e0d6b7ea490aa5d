//! The tables of the schema, and where the generations of a view lie.

use std::collections::BTreeSet;

use deadpool_postgres::{GenericClient, Transaction};
use event_model::Position;
use event_store::Mark;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{failures, fence};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{Build, Generation, Place, Prepared};

/// The layout of the schema.
const FORMAT: i64 = 1;
/// Held while tables are made, so that processes which start at once make them once ("jetsource views").
const MAKING: i64 = 0x6a73_7669_6577_7300;

/// What is kept beside the rows. `checkpoints` says in which table the rows of a view lie that lists read, `builds`
/// which are built beside them, `leftovers` which nobody needs any more; `home` is one row.
const TABLES: &str = "
    CREATE TABLE home (
        id uuid NOT NULL DEFAULT gen_random_uuid(),
        format bigint NOT NULL
    );
    CREATE TABLE checkpoints (
        view text PRIMARY KEY,
        version bigint NOT NULL,
        layout text NOT NULL,
        rows_in text NOT NULL,
        position bigint NOT NULL,
        event_id uuid,
        updated timestamptz NOT NULL DEFAULT now(),
        generation bigint NOT NULL
    ) WITH (fillfactor = 20);
    CREATE TABLE builds (
        view text PRIMARY KEY,
        version bigint NOT NULL,
        layout text NOT NULL,
        rows_in text NOT NULL,
        position bigint NOT NULL,
        event_id uuid,
        updated timestamptz NOT NULL DEFAULT now(),
        generation bigint NOT NULL,
        stopped boolean NOT NULL DEFAULT false
    ) WITH (fillfactor = 20);
    CREATE TABLE leftovers (
        rows_in text PRIMARY KEY,
        view text NOT NULL,
        generation bigint NOT NULL
    );
    CREATE TABLE skips (
        view text NOT NULL,
        position bigint NOT NULL,
        key text COLLATE \"C\" NOT NULL,
        event_id uuid NOT NULL,
        event_type text NOT NULL,
        error text NOT NULL,
        reason text NOT NULL,
        skipped timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (view, position)
    );";

/// Makes the tables beside the rows, and tells which home it is. Until the transaction ends nobody else makes any.
pub(super) async fn ensure(transaction: &Transaction<'_>) -> Result<Uuid, ViewError> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MAKING]).await?;
    let made = "SELECT to_regclass('jetsource_views.home') IS NOT NULL";
    if !transaction.query_one(made, &[]).await?.get::<_, bool>(0) {
        transaction.batch_execute("CREATE SCHEMA IF NOT EXISTS jetsource_views").await?;
        for tables in [TABLES, failures::TABLES, fence::TABLE] {
            transaction.batch_execute(tables).await?;
        }
        transaction.execute("INSERT INTO home (format) VALUES ($1)", &[&FORMAT]).await?;
    }
    let home = transaction.query_one("SELECT id, format FROM home", &[]).await?;
    match home.get::<_, i64>(1) {
        FORMAT => Ok(home.get(0)),
        format => {
            let text = format!("another program made this schema (format {format}, this one knows {FORMAT})");
            Err(ViewError::Home(text.into()))
        }
    }
}

/// Rows of a statement that stays prepared.
pub(super) async fn rows(
    client: &impl GenericClient,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, parameters).await
}

/// Does what a statement says that stays prepared; how many rows it has changed.
pub(super) async fn execute(
    client: &impl GenericClient,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<u64, tokio_postgres::Error> {
    let statement = client.prepare_cached(sql).await?;
    client.execute(&statement, parameters).await
}

/// The rows of a view that lie in one of its places.
pub(super) async fn generation(
    client: &impl GenericClient,
    place: Place,
    view: &str,
) -> Result<Option<Generation>, tokio_postgres::Error> {
    let sql = format!(
        "SELECT rows_in, position, event_id, version, layout, generation FROM {} WHERE view = $1",
        table(place)
    );
    Ok(rows(client, &sql, &[&view]).await?.first().map(|row| Generation {
        rows_in: row.get(0),
        mark: mark(row, 1),
        version: number(row, 3),
        layout: row.get(4),
        number: number(row, 5),
    }))
}

/// What is built beside the rows that lists read.
pub(super) async fn build(
    client: &impl GenericClient,
    view: &str,
) -> Result<Option<Build>, tokio_postgres::Error> {
    let Some(generation) = generation(client, Place::Building, view).await? else { return Ok(None) };
    let stopped = rows(client, "SELECT stopped FROM builds WHERE view = $1", &[&view]).await?;
    Ok(Some(Build { generation, stopped: stopped.first().is_some_and(|row| row.get(0)) }))
}

/// The events of which somebody has said that they count for nothing.
pub(super) async fn skips(
    client: &impl GenericClient,
    view: &str,
) -> Result<BTreeSet<Position>, tokio_postgres::Error> {
    let skips = rows(client, "SELECT position FROM skips WHERE view = $1", &[&view]).await?;
    Ok(skips.iter().map(|row| position(row, 0)).collect())
}

/// The table that says which rows lie in a place.
pub(super) fn table(place: Place) -> &'static str {
    match place {
        Place::Serving => "checkpoints",
        Place::Building => "builds",
    }
}

/// What there is of a view. What another version of its projection had begun to build is given up.
pub(super) async fn prepare(
    transaction: &Transaction<'_>,
    definition: &Definition,
) -> Result<Prepared, ViewError> {
    let view = definition.name;
    let serving = generation(transaction, Place::Serving, view).await?;
    let serving = serving.ok_or(ViewError::NotBuilt(view))?;
    let skips = skips(transaction, view).await?;
    let mut building = build(transaction, view).await?;
    if let Some(unfit) = building.take_if(|build| !build.generation.is_of(definition)) {
        give_up(transaction, Place::Building, view, &unfit.generation).await?;
    }
    Ok(Prepared { serving, building, skips })
}

/// Leaves the rows of a place to be dropped, and forgets what was set aside in them.
pub(super) async fn give_up(
    transaction: &Transaction<'_>,
    place: Place,
    view: &str,
    generation: &Generation,
) -> Result<(), ViewError> {
    let number = i64::from(generation.number);
    let sql = "INSERT INTO leftovers (rows_in, view, generation) VALUES ($1, $2, $3)";
    transaction.execute(sql, &[&generation.rows_in, &view, &number]).await?;
    failures::forget(transaction, view, generation.number).await?;
    let sql = format!("DELETE FROM {} WHERE view = $1", table(place));
    transaction.execute(&sql, &[&view]).await?;
    Ok(())
}

/// Makes a generation without rows.
pub(super) async fn make(
    transaction: &Transaction<'_>,
    place: Place,
    definition: &Definition,
    number: u32,
    rows_in: &str,
) -> Result<Generation, ViewError> {
    let (version, layout, rows_in) = (definition.version, definition.layout(), rows_in.to_owned());
    transaction.batch_execute(&made(definition, &rows_in)).await?;
    let sql = format!(
        "INSERT INTO {} (view, version, layout, rows_in, position, generation) VALUES ($1, $2, $3, $4, 0, $5)",
        table(place)
    );
    let (kept_version, kept_number) = (i64::from(version), i64::from(number));
    transaction.execute(&sql, &[&definition.name, &kept_version, &layout, &rows_in, &kept_number]).await?;
    Ok(Generation { number, version, layout, rows_in, mark: Mark::START })
}

/// A mark in two columns, the position and the id behind it.
pub(super) fn mark(row: &Row, column: usize) -> Mark {
    Mark { position: position(row, column), id: row.get(column + 1) }
}

/// A position in a column. The log's sequence is below 2^63.
pub(super) fn position(row: &Row, column: usize) -> Position {
    Position::new(row.get::<_, i64>(column).cast_unsigned())
}

/// A position as a column holds it.
pub(super) fn place(position: Position) -> i64 {
    position.get().cast_signed()
}

/// A number that was one when it was written.
pub(super) fn number(row: &Row, column: usize) -> u32 {
    u32::try_from(row.get::<_, i64>(column)).unwrap_or_default()
}

/// Rows are written over all the time, so each page keeps room for that. An index has a number: names are cut off at 63
/// letters.
fn made(definition: &Definition, table: &str) -> String {
    let columns = definition.sql(|column| format!(", \"{column}\" text COLLATE \"C\""));
    let rows = format!(
        "CREATE TABLE \"{table}\" (
             key text COLLATE \"C\" PRIMARY KEY,
             first_position bigint NOT NULL,
             last_position bigint NOT NULL,
             \"row\" text NOT NULL{columns}
         ) WITH (fillfactor = 80);
         CREATE INDEX \"{table}_index_0\" ON \"{table}\" (first_position);"
    );
    let index = |(number, columns): (usize, &&[&str])| {
        let columns = columns.join("\", \"");
        format!("CREATE INDEX \"{table}_index_{number}\" ON \"{table}\" (\"{columns}\", first_position);")
    };
    (1..).zip(definition.indexes).map(index).fold(rows, |sql, index| sql + &index)
}
