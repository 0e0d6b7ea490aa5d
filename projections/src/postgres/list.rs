//! Pages of rows, each read at one moment together with the view's position: one statement reads both.

use std::future::Future;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::schema::{self, place, position, rows};
use super::{PostgresViews, is_missing, text};
use crate::cursor::Place;
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{self, Generation};
use crate::query::{Listed, Order, Page, Query};

/// How often other rows may begin to serve while a list is read.
const TRIES: u32 = 5;

/// What stands for the numbered places of a statement.
pub(super) type Values = Vec<Box<dyn ToSql + Sync + Send>>;

impl PostgresViews {
    /// The rows of a view that lists read.
    pub(super) async fn pointer(&self, view: &str) -> Result<Option<Generation>, ViewError> {
        let client = self.list_client().await?;
        match schema::generation(&client, generation::Place::Serving, view).await {
            Ok(serving) => Ok(serving),
            // Nobody has made the schema yet.
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The page that is asked for.
    pub(super) async fn page(&self, definition: &Definition, query: &Query) -> Result<Page, ViewError> {
        self.of_serving(definition, |serving| async move {
            let (sql, values) = select(definition, query, &serving)?;
            Ok(page(&self.selected(&sql, &values).await?, query))
        })
        .await
    }

    /// One row.
    pub(super) async fn row(&self, definition: &Definition, key: &str) -> Result<Option<Listed>, ViewError> {
        self.of_serving(definition, |serving| async move {
            let sql = format!(
                "SELECT checkpoints.position, found.key, found.first_position, found.\"row\"
                 FROM checkpoints LEFT JOIN \"{}\" AS found ON found.key = $3
                 WHERE checkpoints.view = $1 AND checkpoints.rows_in = $2",
                serving.rows_in
            );
            let values: Values = vec![
                Box::new(definition.name),
                Box::new(serving.rows_in),
                Box::new(text::stored(key).into_owned()),
            ];
            Ok(self.selected(&sql, &values).await?.first().map(listed))
        })
        .await
    }

    async fn selected(&self, sql: &str, values: &Values) -> Result<Vec<Row>, ViewError> {
        Ok(rows(&self.list_client().await?, sql, &references(values)).await?)
    }

    /// Reads the rows that serve; again when other rows have begun to meanwhile.
    pub(super) async fn of_serving<T, F>(
        &self,
        definition: &Definition,
        read: impl Fn(Generation) -> F + Send,
    ) -> Result<T, ViewError>
    where
        F: Future<Output = Result<Option<T>, ViewError>> + Send,
    {
        let view = definition.name;
        for _ in 0..TRIES {
            let serving = self.pointer(view).await?.ok_or(ViewError::NotBuilt(view))?;
            match read(serving).await {
                Ok(Some(read)) => return Ok(read),
                Ok(None) => {}
                Err(ViewError::Home(cause))
                    if cause.downcast_ref::<tokio_postgres::Error>().is_some_and(is_missing) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ViewError::Home("other rows begin to serve over and over".into()))
    }
}

/// As a statement takes them.
pub(super) fn references(values: &Values) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
}

/// None when other rows serve by now.
fn page(found: &[Row], query: &Query) -> Option<Page> {
    let position = position(found.first()?, 0);
    Some(Page::of(query, found.iter().filter_map(listed).collect(), position))
}

/// None where the position came without a row.
fn listed(row: &Row) -> Option<Listed> {
    let key: Option<String> = row.get(1);
    key.map(|key| Listed { key: text::read(key), first_position: position(row, 2), row: row.get(3) })
}

fn select(
    definition: &Definition,
    query: &Query,
    serving: &Generation,
) -> Result<(String, Values), ViewError> {
    let mut conditions = Vec::new();
    // One more than asked for tells whether there is another page.
    let most = i64::from(query.limit.max(1)) + 1;
    let table = format!("\"{}\"", serving.rows_in);
    let rows_in = serving.rows_in.clone();
    let mut values: Values = vec![Box::new(definition.name), Box::new(rows_in), Box::new(most)];
    for (column, wanted) in &query.filters {
        serving.must_have(definition, column)?;
        values.push(Box::new(text::column(wanted)));
        conditions.push(format!("\"{column}\" = ${}", values.len()));
    }
    match (query.order, query.after.as_ref().map(|cursor| &cursor.0)) {
        (_, None) => {}
        (Order::KeyAscending, Some(Place::Key(key))) => {
            values.push(Box::new(text::stored(key).into_owned()));
            conditions.push(format!("key > ${}", values.len()));
        }
        (Order::NewestFirst, Some(Place::First(position))) => {
            values.push(Box::new(place(*position)));
            conditions.push(format!("first_position < ${}", values.len()));
        }
        (Order::KeyAscending, Some(Place::First(_) | Place::Sum(..)))
        | (Order::NewestFirst, Some(Place::Key(_) | Place::Sum(..))) => {
            return Err(ViewError::WrongCursor);
        }
    }
    let wanted = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    let order = match query.order {
        Order::KeyAscending => "key",
        Order::NewestFirst => "first_position DESC",
    };
    let sql = format!(
        "SELECT checkpoints.position, found.key, found.first_position, found.\"row\"
         FROM checkpoints LEFT JOIN LATERAL (
             SELECT key, first_position, \"row\" FROM {table} WHERE {wanted} ORDER BY {order} LIMIT $3
         ) AS found ON true
         WHERE checkpoints.view = $1 AND checkpoints.rows_in = $2
         ORDER BY found.{order}"
    );
    Ok((sql, values))
}
