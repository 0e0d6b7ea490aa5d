//! Sums over the rows of a view, each page read at one moment together with the totals and the view's position.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::schema;
use crate::cursor::Place;
use crate::definition::Definition;
use crate::error::ViewError;
use crate::sums::{Rank, Sum, Sums, SumsPage};

/// The sums that are asked for.
pub(super) fn page(
    reader: &mut Connection,
    definition: &Definition,
    asked: &Sums,
) -> Result<SumsPage, ViewError> {
    let transaction = reader.transaction()?;
    let serving = schema::serving(&transaction, definition.name)?;
    let serving = serving.ok_or(ViewError::NotBuilt(definition.name))?;
    for column in asked.of.iter().chain([&asked.by]) {
        serving.must_have(definition, column)?;
    }
    let (table, of) = (&serving.rows_in, summed(asked));
    let (wanted, keys) = within(asked);
    let totals = format!("SELECT {of} FROM \"{table}\" WHERE {wanted}");
    let totals = transaction
        .prepare_cached(&totals)?
        .query_row(params_from_iter(&keys), |row| numbers(row, 0, asked.of.len()))?;

    let (behind, after) = behind(asked)?;
    let (by, order) = (asked.by, order(asked.rank));
    let sql = format!(
        "SELECT \"{by}\", {of} FROM \"{table}\" WHERE {wanted} GROUP BY \"{by}\" HAVING {behind}
         ORDER BY {order}\"{by}\" LIMIT ?"
    );
    // One more than asked for tells whether there is another page.
    let most = Value::Integer(i64::from(asked.limit.max(1)) + 1);
    let mut statement = transaction.prepare_cached(&sql)?;
    let values = keys.into_iter().chain(after).chain([most]);
    let sum = |row: &Row<'_>| Ok(Sum { value: row.get(0)?, sums: numbers(row, 1, asked.of.len())? });
    let sums = statement.query_map(params_from_iter(values), sum)?;
    let sums = sums.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(SumsPage::of(asked, sums, totals, serving.mark.position))
}

fn summed(asked: &Sums) -> String {
    let sums: Vec<_> = asked.of.iter().map(|column| format!("COALESCE(SUM(\"{column}\"), 0)")).collect();
    sums.join(", ")
}

/// The condition on keys, and what it compares them with.
fn within(asked: &Sums) -> (String, Vec<Value>) {
    let bounds = [("key >= ?", &asked.from), ("key < ?", &asked.below)];
    let bounds = bounds.into_iter().filter_map(|(condition, key)| Some((condition, key.clone()?)));
    let (conditions, keys): (Vec<_>, Vec<_>) =
        bounds.map(|(condition, key)| (condition, Value::Text(key))).unzip();
    (if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") }, keys)
}

/// The condition on sums, and what it compares them with.
fn behind(asked: &Sums) -> Result<(String, Vec<Value>), ViewError> {
    let by = asked.by;
    match (asked.rank, asked.after.as_ref().map(|cursor| &cursor.0)) {
        (_, None) => Ok(("1".to_owned(), Vec::new())),
        (Rank::Value, Some(Place::Key(value))) => {
            Ok((format!("\"{by}\" > ?"), vec![Value::Text(value.clone())]))
        }
        (Rank::Largest(column), Some(Place::Sum(sum, value))) => {
            let condition = format!("(SUM(\"{column}\") < ? OR (SUM(\"{column}\") = ? AND \"{by}\" > ?))");
            Ok((condition, vec![Value::Integer(*sum), Value::Integer(*sum), Value::Text(value.clone())]))
        }
        (Rank::Value, Some(Place::First(_) | Place::Sum(..)))
        | (Rank::Largest(_), Some(Place::First(_) | Place::Key(_))) => Err(ViewError::WrongCursor),
    }
}

fn order(rank: Rank) -> String {
    match rank {
        Rank::Value => String::new(),
        Rank::Largest(column) => format!("SUM(\"{column}\") DESC, "),
    }
}

fn numbers(row: &Row<'_>, from: usize, count: usize) -> rusqlite::Result<Vec<i64>> {
    (from..from + count).map(|column| row.get(column)).collect()
}
