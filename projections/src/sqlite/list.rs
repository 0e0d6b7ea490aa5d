//! Pages of rows, each read at one moment together with the view's position.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::apply::value;
use super::schema::{self, number, position};
use crate::cursor::Place;
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::Generation;
use crate::query::{Listed, Order, Page, Query};

/// The page that is asked for.
pub(super) fn page(
    reader: &mut Connection,
    definition: &Definition,
    query: &Query,
) -> Result<Page, ViewError> {
    let transaction = reader.transaction()?;
    let serving = schema::serving(&transaction, definition.name)?;
    let serving = serving.ok_or(ViewError::NotBuilt(definition.name))?;
    let (sql, values) = select(definition, query, &serving)?;
    let mut statement = transaction.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), listed)?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Page::of(query, rows, serving.mark.position))
}

/// One row.
pub(super) fn row(
    reader: &mut Connection,
    definition: &Definition,
    key: &str,
) -> Result<Option<Listed>, ViewError> {
    let transaction = reader.transaction()?;
    let serving = schema::serving(&transaction, definition.name)?;
    let table = serving.ok_or(ViewError::NotBuilt(definition.name))?.rows_in;
    let sql = format!("SELECT key, first_position, row FROM \"{table}\" WHERE key = ?1");
    Ok(transaction.prepare_cached(&sql)?.query_row([key], listed).optional()?)
}

fn listed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed { key: row.get(0)?, first_position: position(row, 1)?, row: row.get(2)? })
}

fn select(
    definition: &Definition,
    query: &Query,
    serving: &Generation,
) -> Result<(String, Vec<Value>), ViewError> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    for (column, wanted) in &query.filters {
        serving.must_have(definition, column)?;
        conditions.push(format!("\"{column}\" = ?"));
        values.push(value(wanted));
    }
    match (query.order, query.after.as_ref().map(|cursor| &cursor.0)) {
        (_, None) => {}
        (Order::KeyAscending, Some(Place::Key(key))) => {
            conditions.push("key > ?".into());
            values.push(Value::Text(key.clone()));
        }
        (Order::NewestFirst, Some(Place::First(position))) => {
            conditions.push("first_position < ?".into());
            values.push(Value::Integer(number(*position)));
        }
        (Order::KeyAscending, Some(Place::First(_) | Place::Sum(..)))
        | (Order::NewestFirst, Some(Place::Key(_) | Place::Sum(..))) => {
            return Err(ViewError::WrongCursor);
        }
    }
    let wanted = if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") };
    let order = match query.order {
        Order::KeyAscending => "key",
        Order::NewestFirst => "first_position DESC",
    };
    // One more than asked for tells whether there is another page.
    values.push(Value::Integer(i64::from(query.limit.max(1)) + 1));
    let table = &serving.rows_in;
    let sql =
        format!("SELECT key, first_position, row FROM \"{table}\" WHERE {wanted} ORDER BY {order} LIMIT ?");
    Ok((sql, values))
}
