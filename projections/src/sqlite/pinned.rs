//! The rows of a file, held at one moment.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use event_model::Position;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use tokio::task::spawn_blocking;

use super::connection::lock;
use super::{at, connection, schema, skips};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::Generation;
use crate::home;
use crate::verify::Image;

/// How many rows are read at once.
const PIECE: u32 = 1000;

/// A connection whose transaction has begun to see.
#[derive(Debug)]
pub(crate) struct Pinned(Arc<Mutex<Connection>>);

impl Pinned {
    pub(crate) async fn open(path: PathBuf) -> Result<Self, ViewError> {
        let open = move || {
            let open = || {
                let connection = connection::reader(&path)?;
                connection.execute_batch("BEGIN")?;
                // The transaction begins to see with its first read.
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
                Ok(connection)
            };
            open().map_err(|error| at(&path, error))
        };
        Ok(Self(Arc::new(Mutex::new(spawn_blocking(open).await??))))
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ViewError> {
        let connection = Arc::clone(&self.0);
        Ok(spawn_blocking(move || job(&lock(&connection))).await??)
    }
}

#[async_trait]
impl home::Pinned for Pinned {
    async fn serving(&mut self, definition: &Definition) -> Result<Generation, ViewError> {
        let view = definition.name;
        let serving = self.read(move |reader| schema::serving(reader, view)).await?;
        serving.ok_or(ViewError::NotBuilt(view))
    }

    async fn skips(&mut self, definition: &Definition) -> Result<BTreeSet<Position>, ViewError> {
        let view = definition.name;
        self.read(move |reader| skips::of(reader, view)).await
    }

    async fn images(
        &mut self,
        definition: &Definition,
        generation: &Generation,
        after: Option<&str>,
    ) -> Result<Vec<(String, Image)>, ViewError> {
        let sql = selected(definition, &generation.rows_in, after.is_some());
        let (view, number, after) = (definition.name, generation.number, after.map(str::to_owned));
        self.read(move |reader| {
            let mut statement = reader.prepare_cached(&sql)?;
            match after {
                Some(after) => statement.query_map(params![view, number, after], image)?.collect(),
                None => statement.query_map(params![view, number], image)?.collect(),
            }
        })
        .await
    }

    async fn damage(&mut self, generation: &Generation) -> Result<Vec<String>, ViewError> {
        let sql = format!("PRAGMA integrity_check(\"{}\")", generation.rows_in);
        let lines = self.read(move |reader| {
            let mut statement = reader.prepare(&sql)?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(lines.await?.into_iter().filter(|line| line != "ok").collect())
    }
}

/// Each row with its failure, and each failure without a row, by key.
fn selected(definition: &Definition, table: &str, behind: bool) -> String {
    let columns = definition.sql(|column| format!(", \"{column}\""));
    let none = ", NULL".repeat(definition.columns.len());
    let failures = "failures.view = ?1 AND failures.generation = ?2";
    let waiting = "(SELECT count(*) FROM queued WHERE queued.view = failures.view
                        AND queued.generation = failures.generation AND queued.key = failures.key)";
    let behind_of = |table: &str| {
        if behind { format!("\"{table}\".key > ?3") } else { "1".to_owned() }
    };
    let (rows_behind, failures_behind) = (behind_of(table), behind_of("failures"));
    format!(
        "SELECT \"{table}\".key, row, first_position, last_position, position,
                CASE WHEN position IS NULL THEN 0 ELSE {waiting} END{columns}
         FROM \"{table}\" LEFT JOIN failures ON {failures} AND failures.key = \"{table}\".key
         WHERE {rows_behind}
         UNION ALL
         SELECT failures.key, NULL, NULL, NULL, position, {waiting}{none}
         FROM failures WHERE {failures} AND {failures_behind}
             AND NOT EXISTS (SELECT 1 FROM \"{table}\" WHERE \"{table}\".key = failures.key)
         ORDER BY 1 LIMIT {PIECE}"
    )
}

fn image(row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, Image)> {
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
    Ok((row.get(0)?, image))
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
