//! What a batch touches, read; and what it made of that, written, with the checkpoint.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use event_store::Mark;
use tokio::try_join;
use tokio_postgres::types::ToSql;

use super::schema::{self, execute, place, position, rows};
use super::{PostgresViews, failures, fence, text};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::fold::{Change, Stored};
use crate::generation::Target;
use crate::home::Touched;

impl PostgresViews {
    /// What is there of the rows with these keys.
    pub(super) async fn read(&self, target: &Target, keys: Vec<String>) -> Result<Touched, ViewError> {
        let client = self.worker_client().await?;
        let keys: Vec<_> = keys.iter().map(|key| text::stored(key)).collect();
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect::<Vec<&str>>();
        let (view, generation) = (target.definition.name, i64::from(target.generation));
        let of_rows =
            format!("SELECT key, first_position, \"row\" FROM \"{}\" WHERE key = ANY($1)", target.rows_in);
        let of_failures = "SELECT key FROM failures WHERE view = $1 AND generation = $2 AND key = ANY($3)";
        let (of_key, of_one): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 3]) =
            ([&keys], [&view, &generation, &keys]);
        let (found, aside) =
            try_join!(rows(&client, &of_rows, &of_key), rows(&client, of_failures, &of_one))?;
        let mut stored = HashMap::with_capacity(found.len());
        for row in found {
            let first = position(&row, 1);
            stored.insert(text::read(row.get(0)), Stored { first, json: row.get(2) });
        }
        let aside = aside.iter().map(|row| text::read(row.get(0))).collect();
        Ok(Touched { stored, aside })
    }

    /// Writes changes and moves the checkpoint from one mark to another, or does nothing.
    pub(super) async fn write_batch(
        &self,
        target: &Target,
        changes: &[Change],
        from: Mark,
        to: Mark,
    ) -> Result<(), ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        let view = target.definition.name;
        let sql = format!(
            "UPDATE {} SET position = $5, event_id = $6, updated = now()
             WHERE view = $1 AND generation = $2 AND position = $3 AND event_id IS NOT DISTINCT FROM $4",
            schema::table(target.place)
        );
        let (number, before, after) =
            (i64::from(target.generation), place(from.position), place(to.position));
        let parameters: [&(dyn ToSql + Sync); 6] = [&view, &number, &before, &from.id, &after, &to.id];
        let moved = async { Ok::<_, ViewError>(execute(&transaction, &sql, &parameters).await?) };
        // Asked for at once: the answer to both is there after one round trip.
        let ((), moved) = try_join!(fence::hold(&transaction, view, self.token), moved)?;
        if moved == 0 {
            let found = schema::generation(&transaction, target.place, view).await?;
            let found = found.filter(|found| found.number == target.generation);
            // An earlier try was committed, although it was told that it failed.
            let done = found.is_some_and(|found| found.mark == to);
            return if done { Ok(()) } else { Err(ViewError::Overtaken(view)) };
        }
        write(&transaction, target, changes).await?;
        Ok(transaction.commit().await?)
    }
}

/// Writes changes, each kind of them at once.
pub(super) async fn write(
    transaction: &Transaction<'_>,
    target: &Target,
    changes: &[Change],
) -> Result<(), ViewError> {
    let mut written = Written::of(&target.definition);
    let mut deleted = Vec::new();
    for change in changes {
        match change {
            Change::Write { key, first, last, json, columns } => {
                written.keys.push(text::stored(key).into_owned());
                written.first.push(place(*first));
                written.last.push(place(*last));
                written.rows.push(json);
                for (values, column) in written.columns.iter_mut().zip(columns) {
                    values.push(text::column(column));
                }
            }
            Change::Delete { key } => deleted.push(text::stored(key)),
            Change::SetAside(failed) => failures::set_aside(transaction, target, failed).await?,
            Change::Wait { key, positions } => failures::wait(transaction, target, key, positions).await?,
        }
    }
    let delete = async {
        if !deleted.is_empty() {
            let keys: Vec<&str> = deleted.iter().map(AsRef::as_ref).collect();
            let sql = format!("DELETE FROM \"{}\" WHERE key = ANY($1)", target.rows_in);
            execute(transaction, &sql, &[&keys]).await?;
        }
        Ok::<_, ViewError>(())
    };
    let ((), ()) = try_join!(written.upsert(transaction, target), delete)?;
    Ok(())
}

/// Rows to be written, column by column.
struct Written<'a> {
    keys: Vec<String>,
    first: Vec<i64>,
    last: Vec<i64>,
    rows: Vec<&'a str>,
    columns: Vec<Vec<String>>,
}

impl Written<'_> {
    fn of(definition: &Definition) -> Self {
        let columns = definition.columns.iter().map(|_| Vec::new()).collect();
        Self { keys: Vec::new(), first: Vec::new(), last: Vec::new(), rows: Vec::new(), columns }
    }

    async fn upsert(&self, transaction: &Transaction<'_>, target: &Target) -> Result<(), ViewError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&self.keys, &self.first, &self.last, &self.rows];
        parameters.extend(self.columns.iter().map(|column| column as &(dyn ToSql + Sync)));
        execute(transaction, &upsert(&target.definition, &target.rows_in), &parameters).await?;
        Ok(())
    }
}

fn upsert(definition: &Definition, table: &str) -> String {
    let columns = definition.sql(|column| format!(", \"{column}\""));
    let values: Vec<_> =
        (5..5 + definition.columns.len()).map(|number| format!(", ${number}::text[]")).collect();
    let values = values.concat();
    let updates = definition.sql(|column| format!(", \"{column}\" = excluded.\"{column}\""));
    format!(
        "INSERT INTO \"{table}\" (key, first_position, last_position, \"row\"{columns})
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]{values})
         ON CONFLICT (key) DO UPDATE SET first_position = excluded.first_position,
             last_position = excluded.last_position, \"row\" = excluded.\"row\"{updates}"
    )
}
