//! Pages of rows, each read at one moment together with the view's position.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::apply::value;
use super::schema::{self, number, position};
use crate::cursor::{Cursor, Place};
use crate::definition::{self, Definition};
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
    let limit = usize::try_from(query.limit.max(1)).unwrap_or(usize::MAX);
    let (sql, values) = select(definition, query, &serving)?;
    let mut statement = transaction.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), listed)?;
    let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next = last.map(|last| {
        Cursor(match query.order {
            Order::KeyAscending => Place::Key(last.key.clone()),
            Order::NewestFirst => Place::First(last.first_position),
        })
    });
    Ok(Page { rows, next, position: serving.mark.position })
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

/// The rows that serve must have this column.
pub(super) fn must_have(
    definition: &Definition,
    serving: &Generation,
    column: &str,
) -> Result<(), ViewError> {
    if !definition.columns.contains(&column) {
        return Err(ViewError::UnknownColumn { view: definition.name, column: column.to_owned() });
    }
    // Rows of an older projection serve until those of this one are built, and may lack what these have.
    if definition::columns_of(&serving.layout).any(|there| there == column) {
        Ok(())
    } else {
        Err(ViewError::NotBuilt(definition.name))
    }
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
        must_have(definition, serving, column)?;
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
