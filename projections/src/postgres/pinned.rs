//! The rows of a database, held at one moment.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use deadpool_postgres::Object;
use event_model::Position;
use tokio_postgres::{Config, Row};

use super::schema::{self, position};
use super::{connection, text};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{Generation, Place};
use crate::home;
use crate::verify::Image;

/// How many rows are read at once.
const PIECE: usize = 1000;

/// A connection of its own whose transaction has begun to see; it ends with this value.
#[derive(Debug)]
pub(crate) struct Pinned(Object);

impl Pinned {
    pub(crate) async fn open(config: &Config) -> Result<Self, ViewError> {
        let open = async {
            let client = connection::alone(config)?.get().await?;
            client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            Ok(Self(client))
        };
        open.await.map_err(|error| connection::cannot_open(config, error))
    }
}

#[async_trait]
impl home::Pinned for Pinned {
    async fn serving(&mut self, definition: &Definition) -> Result<Generation, ViewError> {
        let serving = schema::generation(&self.0, Place::Serving, definition.name).await;
        let serving = match serving {
            Err(error) if super::is_missing(&error) => None,
            other => other?,
        };
        let serving = serving.ok_or(ViewError::NotBuilt(definition.name))?;
        // From here on the table cannot be dropped.
        self.0.query(&format!("SELECT FROM \"{}\" LIMIT 0", serving.rows_in), &[]).await?;
        Ok(serving)
    }

    async fn skips(&mut self, definition: &Definition) -> Result<BTreeSet<Position>, ViewError> {
        Ok(schema::skips(&self.0, definition.name).await?)
    }

    async fn images(
        &mut self,
        definition: &Definition,
        generation: &Generation,
        after: Option<&str>,
    ) -> Result<Vec<(String, Image)>, ViewError> {
        let after = after.map(|after| text::stored(after).into_owned());
        let columns = definition.sql(|column| format!(", \"{column}\""));
        let rows = |behind: &str| {
            let table = &generation.rows_in;
            format!(
                "SELECT key, first_position, last_position, \"row\"{columns} FROM \"{table}\" {behind}
                 ORDER BY key LIMIT {PIECE}"
            )
        };
        // Two statements, so that each goes by the index from where it begins.
        let found = match &after {
            Some(after) => schema::rows(&self.0, &rows("WHERE key > $1"), &[after]).await?,
            None => schema::rows(&self.0, &rows(""), &[]).await?,
        };
        // What lies behind the last of these comes with the next piece.
        let last = found.last().filter(|_| found.len() == PIECE).map(|row| row.get::<_, String>(0));
        let mut images: BTreeMap<_, _> = found.iter().map(image).collect();
        let sql = "SELECT key, position,
                       (SELECT count(*) FROM queued WHERE queued.view = failures.view
                            AND queued.generation = failures.generation AND queued.key = failures.key)
                   FROM failures WHERE view = $1 AND generation = $2
                       AND ($3::text IS NULL OR key > $3) AND ($4::text IS NULL OR key <= $4)";
        let (view, number) = (definition.name, i64::from(generation.number));
        for failure in schema::rows(&self.0, sql, &[&view, &number, &after, &last]).await? {
            let image = images.entry(text::read(failure.get(0))).or_insert_with(|| none(definition));
            image.set_aside = Some((position(&failure, 1), failure.get::<_, i64>(2).unsigned_abs()));
        }
        Ok(images.into_iter().collect())
    }

    async fn damage(&mut self, generation: &Generation) -> Result<Vec<String>, ViewError> {
        let table = &generation.rows_in;
        let sql = "SELECT of_index.relname, indisvalid AND indisready FROM pg_index
                   JOIN pg_class AS of_index ON of_index.oid = indexrelid
                   WHERE indrelid = to_regclass(quote_ident($1))";
        let found = schema::rows(&self.0, sql, &[table]).await?;
        let usable: BTreeSet<String> = found.iter().filter(|row| row.get(1)).map(|row| row.get(0)).collect();
        let indexes = generation.layout.split(';').filter(|columns| !columns.is_empty()).count();
        let mut wanted = vec![format!("{table}_pkey")];
        wanted.extend((0..=indexes).map(|number| format!("{table}_index_{number}")));
        let missing = wanted.into_iter().filter(|index| !usable.contains(index));
        Ok(missing.map(|index| format!("the index {index} is missing or not valid")).collect())
    }
}

fn image(row: &Row) -> (String, Image) {
    let columns = (4..row.len()).map(|column| text::shown(row.get(column))).collect();
    let image = Image {
        row: Some(row.get(3)),
        first_position: Some(position(row, 1)),
        last_position: Some(position(row, 2)),
        columns,
        set_aside: None,
    };
    (text::read(row.get(0)), image)
}

/// Of a row that is set aside before there was one.
fn none(definition: &Definition) -> Image {
    let columns = definition.columns.iter().map(|_| "null".to_owned()).collect();
    Image { row: None, first_position: None, last_position: None, columns, set_aside: None }
}
