//! The rows of two files, side by side by key.

use std::collections::BTreeSet;
use std::path::Path;

use event_model::Position;
use rusqlite::types::Value;
use rusqlite::{Connection, Rows, params};
use tokio::task::spawn_blocking;

use super::{SqliteViews, connection, schema, skips};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{Generation, Target};
use crate::verify::{Difference, Image};

/// How many rows that differ are told.
const FIRST: usize = 20;

/// The rows of a file, held at one moment: what happens to them meanwhile is not seen.
#[derive(Debug)]
pub(crate) struct Pinned(Connection);

/// What a comparison came to.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) rows: u64,
    pub(crate) different: u64,
    pub(crate) first: Vec<Difference>,
    pub(crate) damage: Vec<String>,
}

impl Pinned {
    /// Neither makes nor changes anything.
    pub(crate) fn open(path: &Path) -> Result<Self, ViewError> {
        let open = || {
            let connection = connection::reader(path)?;
            connection.execute_batch("BEGIN")?;
            // The transaction begins to see with its first read.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        open().map(Self).map_err(|source: rusqlite::Error| ViewError::Open {
            path: path.to_owned(),
            source: source.into(),
        })
    }

    pub(crate) fn serving(&self, definition: &Definition) -> Result<Generation, ViewError> {
        schema::serving(&self.0, definition.name)?.ok_or(ViewError::NotBuilt(definition.name))
    }

    pub(crate) fn skips(&self, definition: &Definition) -> Result<BTreeSet<Position>, ViewError> {
        Ok(skips::of(&self.0, definition.name)?)
    }
}

impl SqliteViews {
    /// Compares what serves in a file with the rows of this home, which are right.
    pub(crate) async fn compare(&self, pinned: Pinned, right: Target) -> Result<Compared, ViewError> {
        let readers = std::sync::Arc::clone(&self.readers);
        spawn_blocking(move || {
            let serving = pinned.serving(&right.definition)?;
            readers.lend(|reader| Ok(compare(reader, &right, &pinned.0, &serving)?))
        })
        .await?
    }
}

fn compare(
    right: &Connection,
    target: &Target,
    found: &Connection,
    serving: &Generation,
) -> rusqlite::Result<Compared> {
    let definition = &target.definition;
    let mut compared = Compared { damage: damage(found, &serving.rows_in)?, ..Compared::default() };
    let mut should = right.prepare(&selected(definition, &target.rows_in))?;
    let mut is = found.prepare(&selected(definition, &serving.rows_in))?;
    let mut should = should.query(params![definition.name, target.generation])?;
    let mut is = is.query(params![definition.name, serving.number])?;
    let (mut left, mut other) = (next(&mut should)?, next(&mut is)?);
    loop {
        let key = match (&left, &other) {
            (None, None) => return Ok(compared),
            (Some((key, _)), None) | (None, Some((key, _))) => key.clone(),
            (Some((one, _)), Some((two, _))) => one.min(two).clone(),
        };
        let should_be = left.take_if(|(of, _)| *of == key).map(|(_, image)| image);
        let found = other.take_if(|(of, _)| *of == key).map(|(_, image)| image);
        if should_be.is_some() {
            compared.rows += 1;
            left = next(&mut should)?;
        }
        if found.is_some() {
            other = next(&mut is)?;
        }
        if should_be != found {
            compared.different += 1;
            if compared.first.len() < FIRST {
                compared.first.push(Difference { key, should_be, is: found });
            }
        }
    }
}

/// Each row with its failure, and each failure without a row, by key.
fn selected(definition: &Definition, table: &str) -> String {
    let columns = definition.sql(|column| format!(", \"{column}\""));
    let none = ", NULL".repeat(definition.columns.len());
    let failures = "failures.view = ?1 AND failures.generation = ?2";
    let waiting = "(SELECT count(*) FROM queued WHERE queued.view = failures.view
                        AND queued.generation = failures.generation AND queued.key = failures.key)";
    format!(
        "SELECT \"{table}\".key, row, first_position, last_position, position,
                CASE WHEN position IS NULL THEN 0 ELSE {waiting} END{columns}
         FROM \"{table}\" LEFT JOIN failures ON {failures} AND failures.key = \"{table}\".key
         UNION ALL
         SELECT failures.key, NULL, NULL, NULL, position, {waiting}{none}
         FROM failures WHERE {failures}
             AND NOT EXISTS (SELECT 1 FROM \"{table}\" WHERE \"{table}\".key = failures.key)
         ORDER BY 1"
    )
}

fn next(rows: &mut Rows<'_>) -> rusqlite::Result<Option<(String, Image)>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let position = |column: usize| -> rusqlite::Result<Option<Position>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(|number| Position::new(number.cast_unsigned())))
    };
    let waiting: i64 = row.get(5)?;
    let mut columns = Vec::new();
    for column in 6..row.as_ref().column_count() {
        columns.push(shown(row.get(column)?));
    }
    let image = Image {
        // Whatever a hand has written there.
        row: Some(row.get::<_, Value>(1)?).filter(|value| *value != Value::Null).map(shown),
        first_position: position(2)?,
        last_position: position(3)?,
        columns,
        set_aside: position(4)?.map(|position| (position, waiting.unsigned_abs())),
    };
    Ok(Some((row.get(0)?, image)))
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// What SQLite finds wrong with a table and its indexes: lists go by these.
fn damage(found: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = found.prepare(&format!("PRAGMA integrity_check(\"{table}\")"))?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    let lines = lines.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}
