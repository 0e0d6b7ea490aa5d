//! Sums over the rows of a view, each page read at one moment together with the totals and the view's position.

use event_model::Column;
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, Row};

use super::list::{Values, references};
use super::schema::{self, rows};
use super::{PostgresViews, text};
use crate::cursor::Place;
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{self, Generation};
use crate::sums::{Rank, Sum, Sums, SumsPage};

impl PostgresViews {
    /// The sums that are asked for.
    pub(super) async fn summed(&self, definition: &Definition, asked: &Sums) -> Result<SumsPage, ViewError> {
        self.of_serving(definition, |serving| async move {
            for column in asked.of.iter().chain([&asked.by]) {
                serving.must_have(definition, column)?;
            }
            let mut client = self.list_client().await?;
            let moment = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
            let moment = moment.start().await?;
            let now = schema::generation(&moment, generation::Place::Serving, definition.name).await?;
            let Some(now) = now.filter(|now| now.rows_in == serving.rows_in) else { return Ok(None) };
            let (totals, keys) = totals(asked, &now);
            let totals = rows(&moment, &totals, &references(&keys)).await?;
            let totals = totals.first().map_or_else(Vec::new, |row| numbers(row, 0));
            let (sql, values) = groups(asked, &now)?;
            let sums = rows(&moment, &sql, &references(&values)).await?;
            moment.commit().await?;
            let sum = |row: &Row| Sum { value: text::shown(row.get(0)), sums: numbers(row, 1) };
            Ok(Some(SumsPage::of(asked, sums.iter().map(sum).collect(), totals, now.mark.position)))
        })
        .await
    }
}

fn totals(asked: &Sums, serving: &Generation) -> (String, Values) {
    let (wanted, keys) = within(asked);
    (format!("SELECT {} FROM \"{}\" WHERE {wanted}", of(asked), serving.rows_in), keys)
}

fn groups(asked: &Sums, serving: &Generation) -> Result<(String, Values), ViewError> {
    let (wanted, mut values) = within(asked);
    let (by, of, table) = (asked.by, of(asked), &serving.rows_in);
    let behind = behind(asked, &mut values)?;
    let order = match asked.rank {
        Rank::Value => String::new(),
        Rank::Largest(column) => format!("{} DESC, ", sum(column)),
    };
    // One more than asked for tells whether there is another page.
    values.push(Box::new(i64::from(asked.limit.max(1)) + 1));
    let limit = values.len();
    let sql = format!(
        "SELECT \"{by}\", {of} FROM \"{table}\" WHERE {wanted} GROUP BY \"{by}\" HAVING {behind}
         ORDER BY {order}\"{by}\" LIMIT ${limit}"
    );
    Ok((sql, values))
}

fn of(asked: &Sums) -> String {
    asked.of.iter().map(|column| sum(column)).collect::<Vec<_>>().join(", ")
}

fn sum(column: &str) -> String {
    format!("COALESCE(SUM({}), 0)::bigint", text::number(column))
}

/// The condition on keys, and what it compares them with.
fn within(asked: &Sums) -> (String, Values) {
    let (mut conditions, mut values) = (vec!["true".to_owned()], Values::new());
    for (compared, key) in [(">=", &asked.from), ("<", &asked.below)] {
        if let Some(key) = key {
            values.push(Box::new(text::stored(key).into_owned()));
            conditions.push(format!("key {compared} ${}", values.len()));
        }
    }
    (conditions.join(" AND "), values)
}

/// The condition on sums; what it compares them with is added.
fn behind(asked: &Sums, values: &mut Values) -> Result<String, ViewError> {
    let by = asked.by;
    let value = |value: &String| -> Box<dyn ToSql + Sync + Send> {
        Box::new(text::column(&Column::Text(value.clone())))
    };
    match (asked.rank, asked.after.as_ref().map(|cursor| &cursor.0)) {
        (_, None) => Ok("true".to_owned()),
        (Rank::Value, Some(Place::Key(last))) => {
            values.push(value(last));
            Ok(format!("\"{by}\" > ${}", values.len()))
        }
        (Rank::Largest(column), Some(Place::Sum(size, last))) => {
            values.push(Box::new(*size));
            values.push(value(last));
            let (size, last, sum) = (values.len() - 1, values.len(), sum(column));
            Ok(format!("({sum} < ${size} OR ({sum} = ${size} AND \"{by}\" > ${last}))"))
        }
        (Rank::Value, Some(Place::First(_) | Place::Sum(..)))
        | (Rank::Largest(_), Some(Place::First(_) | Place::Key(_))) => Err(ViewError::WrongCursor),
    }
}

fn numbers(row: &Row, from: usize) -> Vec<i64> {
    (from..row.len()).map(|column| row.get(column)).collect()
}
