//! Rows that are set aside, and what waits behind them.

use deadpool_postgres::{GenericClient, Transaction};
use event_model::Position;
use tokio_postgres::Row;

use super::schema::{self, execute, number, place, position, rows};
use super::{PostgresViews, apply, fence, text};
use crate::error::ViewError;
use crate::failure::{Failure, Failures};
use crate::fold::{Change, Failed};
use crate::generation::Target;

/// What is kept of them, for each generation.
pub(super) const TABLES: &str = "
    CREATE TABLE failures (
        view text NOT NULL,
        generation bigint NOT NULL,
        key text COLLATE \"C\" NOT NULL,
        rowless boolean NOT NULL,
        position bigint NOT NULL,
        event_id uuid NOT NULL,
        event_type text NOT NULL,
        reason text NOT NULL,
        tries bigint NOT NULL DEFAULT 1,
        since timestamptz NOT NULL DEFAULT now(),
        tried timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (view, generation, key)
    );
    CREATE TABLE queued (
        view text NOT NULL,
        generation bigint NOT NULL,
        key text COLLATE \"C\" NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (view, generation, key, position)
    );";

const OF_ONE: &str = "WHERE view = $1 AND generation = $2";

/// Sets a row aside, or notes that it still is.
pub(super) async fn set_aside(
    transaction: &Transaction<'_>,
    target: &Target,
    failed: &Failed,
) -> Result<(), ViewError> {
    let sql = "
        INSERT INTO failures (view, generation, key, rowless, position, event_id, event_type, reason)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (view, generation, key) DO UPDATE SET
            tries = CASE failures.position WHEN excluded.position THEN failures.tries + 1 ELSE 1 END,
            since = CASE failures.position WHEN excluded.position THEN failures.since ELSE excluded.since END,
            position = excluded.position, event_id = excluded.event_id,
            event_type = excluded.event_type, reason = excluded.reason, tried = excluded.tried";
    let (view, generation) = (target.definition.name, i64::from(target.generation));
    let (key, event_type) = (text::stored(&failed.key), text::stored(&failed.event_type));
    let (reason, at) = (text::stored(&failed.reason), place(failed.position));
    execute(
        transaction,
        sql,
        &[
            &view,
            &generation,
            &key.as_ref(),
            &failed.rowless,
            &at,
            &failed.event_id,
            &event_type.as_ref(),
            &reason.as_ref(),
        ],
    )
    .await?;
    wait(transaction, target, &failed.key, &failed.waiting).await
}

/// Lets events wait behind the one that could not be applied.
pub(super) async fn wait(
    transaction: &Transaction<'_>,
    target: &Target,
    key: &str,
    positions: &[Position],
) -> Result<(), ViewError> {
    let sql = "INSERT INTO queued (view, generation, key, position)
               SELECT $1, $2, $3, unnest($4::bigint[]) ON CONFLICT DO NOTHING";
    let (view, generation) = (target.definition.name, i64::from(target.generation));
    let positions: Vec<_> = positions.iter().map(|position| place(*position)).collect();
    if !positions.is_empty() {
        execute(transaction, sql, &[&view, &generation, &text::stored(key).as_ref(), &positions]).await?;
    }
    Ok(())
}

impl PostgresViews {
    /// Writes what came of another try at what waits up to a position; `next` is what still waits behind that.
    pub(super) async fn write_again(
        &self,
        target: &Target,
        failure: &Failure,
        changes: &[Change],
        up_to: Position,
        next: Option<Position>,
    ) -> Result<(), ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        let view = target.definition.name;
        fence::hold(&transaction, view, self.token).await?;
        let found = schema::generation(&transaction, target.place, view).await?;
        if found.is_none_or(|found| found.number != target.generation) {
            return Err(ViewError::Overtaken(view));
        }
        let (generation, key) = (i64::from(target.generation), text::stored(&failure.key));
        let (key, up_to) = (key.as_ref(), place(next.unwrap_or(up_to)));
        let sql = format!("DELETE FROM queued {OF_ONE} AND key = $3 AND position <= $4");
        execute(&transaction, &sql, &[&view, &generation, &key, &up_to]).await?;
        let still = changes.iter().any(|change| matches!(change, Change::SetAside(_)));
        match next {
            _ if still => {}
            // What is left waits as before, so that a crash loses none of it.
            Some(next) => {
                let sql = format!("UPDATE failures SET position = $4 {OF_ONE} AND key = $3");
                execute(&transaction, &sql, &[&view, &generation, &key, &place(next)]).await?;
            }
            None => {
                let sql = format!("DELETE FROM failures {OF_ONE} AND key = $3");
                execute(&transaction, &sql, &[&view, &generation, &key]).await?;
            }
        }
        apply::write(&transaction, target, changes).await?;
        if let (true, Some(next)) = (still, next) {
            wait(&transaction, target, &failure.key, &[next]).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Notes that an event counts for nothing in a view. It is on the disk when this returns.
    pub(super) async fn write_skip(
        &self,
        view: &'static str,
        failure: &Failure,
        reason: &str,
    ) -> Result<(), ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        transaction.batch_execute("SET LOCAL synchronous_commit = on").await?;
        fence::hold(&transaction, view, self.token).await?;
        let sql = "INSERT INTO skips (view, position, key, event_id, event_type, error, reason)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (view, position) DO UPDATE SET key = excluded.key, event_id = excluded.event_id,
                       event_type = excluded.event_type, error = excluded.error, reason = excluded.reason,
                       skipped = excluded.skipped";
        let texts = [&failure.key, &failure.event_type, &failure.reason, reason].map(text::stored);
        let [key, event_type, error, reason] = texts.each_ref().map(AsRef::as_ref);
        let at = place(failure.position);
        transaction
            .execute(sql, &[&view, &at, &key, &failure.event_id, &event_type, &error, &reason])
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// How many rows are set aside.
pub(super) async fn count(
    client: &impl GenericClient,
    view: &str,
    generation: u32,
) -> Result<u64, ViewError> {
    let sql = format!("SELECT count(*) FROM failures {OF_ONE}");
    let counted = rows(client, &sql, &[&view, &i64::from(generation)]).await?;
    Ok(counted.first().map_or(0, |row| row.get::<_, i64>(0).unsigned_abs()))
}

/// Those that are set aside, the first by position.
pub(super) async fn list(
    client: &impl GenericClient,
    view: &str,
    generation: u32,
    most: u32,
) -> Result<Failures, ViewError> {
    let sql = format!("{} ORDER BY position, key LIMIT $3", selected());
    let first = rows(client, &sql, &[&view, &i64::from(generation), &i64::from(most)]).await?;
    let first = first.iter().map(failure).collect();
    Ok(Failures { count: count(client, view, generation).await?, first })
}

/// One that is set aside.
pub(super) async fn get(
    client: &impl GenericClient,
    view: &str,
    generation: u32,
    key: &str,
) -> Result<Option<Failure>, ViewError> {
    let sql = format!("{} AND key = $3", selected());
    let found = rows(client, &sql, &[&view, &i64::from(generation), &text::stored(key).as_ref()]).await?;
    Ok(found.first().map(failure))
}

/// The first positions that wait behind one.
pub(super) async fn waiting(
    client: &impl GenericClient,
    target: &Target,
    key: &str,
    most: u32,
) -> Result<Vec<Position>, ViewError> {
    let sql = format!("SELECT position FROM queued {OF_ONE} AND key = $3 ORDER BY position LIMIT $4");
    let (view, generation) = (target.definition.name, i64::from(target.generation));
    let key = text::stored(key);
    let found = rows(client, &sql, &[&view, &generation, &key.as_ref(), &i64::from(most)]).await?;
    Ok(found.iter().map(|row| position(row, 0)).collect())
}

/// Forgets the failures of a generation.
pub(super) async fn forget(
    transaction: &Transaction<'_>,
    view: &str,
    generation: u32,
) -> Result<(), ViewError> {
    for table in ["failures", "queued"] {
        let sql = format!("DELETE FROM {table} {OF_ONE}");
        transaction.execute(&sql, &[&view, &i64::from(generation)]).await?;
    }
    Ok(())
}

fn selected() -> String {
    let utc =
        |column: &str| format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')");
    let (since, tried) = (utc("since"), utc("tried"));
    format!(
        "SELECT key, rowless, position, event_id, event_type, reason, tries, {since}, {tried},
                (SELECT count(*) FROM queued WHERE queued.view = failures.view
                     AND queued.generation = failures.generation AND queued.key = failures.key)
         FROM failures {OF_ONE}"
    )
}

fn failure(row: &Row) -> Failure {
    Failure {
        key: text::read(row.get(0)),
        rowless: row.get(1),
        position: position(row, 2),
        event_id: row.get(3),
        event_type: text::read(row.get(4)),
        reason: text::read(row.get(5)),
        tries: number(row, 6),
        since: row.get(7),
        tried: row.get(8),
        waiting: row.get::<_, i64>(9).unsigned_abs(),
    }
}
