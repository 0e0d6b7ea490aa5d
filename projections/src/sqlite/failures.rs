//! Rows that are set aside, and what waits behind them.

use event_model::Position;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::schema::{self, NOW, number, position};
use crate::error::ViewError;
use crate::failure::{Failure, Failures};
use crate::fold::{Change, Failed};
use crate::generation::Target;

/// What is kept of them, for each generation.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS failures (
        view TEXT NOT NULL,
        generation INTEGER NOT NULL,
        key TEXT NOT NULL,
        rowless INTEGER NOT NULL,
        position INTEGER NOT NULL,
        event_id TEXT NOT NULL,
        event_type TEXT NOT NULL,
        reason TEXT NOT NULL,
        tries INTEGER NOT NULL,
        since TEXT NOT NULL,
        tried TEXT NOT NULL,
        PRIMARY KEY (view, generation, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS queued (
        view TEXT NOT NULL,
        generation INTEGER NOT NULL,
        key TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (view, generation, key, position)
    ) WITHOUT ROWID;";

const OF_ONE: &str = "WHERE view = ?1 AND generation = ?2";

/// Whether a row is set aside, asked for one after the other.
pub(super) struct Aside<'a> {
    reader: &'a Connection,
    target: &'a Target,
    any: bool,
}

impl<'a> Aside<'a> {
    pub(super) fn of(reader: &'a Connection, target: &'a Target) -> rusqlite::Result<Self> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM failures {OF_ONE})");
        let asked = params![target.definition.name, target.generation];
        let any = reader.prepare_cached(&sql)?.query_row(asked, |row| row.get(0))?;
        Ok(Self { reader, target, any })
    }

    pub(super) fn has(&self, key: &str) -> rusqlite::Result<bool> {
        // Mostly there are none, and then nothing is looked up.
        if !self.any {
            return Ok(false);
        }
        let sql = format!("SELECT 1 FROM failures {OF_ONE} AND key = ?3");
        let asked = params![self.target.definition.name, self.target.generation, key];
        self.reader.prepare_cached(&sql)?.exists(asked)
    }
}

/// Sets a row aside, or notes that it still is.
pub(super) fn set_aside(
    transaction: &Transaction<'_>,
    target: &Target,
    failed: &Failed,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(&format!(
            "INSERT INTO failures (view, generation, key, rowless, position, event_id, event_type, reason,
                                   tries, since, tried)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, {NOW}, {NOW})
             ON CONFLICT (view, generation, key) DO UPDATE SET
                 tries = CASE position WHEN excluded.position THEN tries + 1 ELSE 1 END,
                 since = CASE position WHEN excluded.position THEN since ELSE excluded.since END,
                 position = excluded.position, event_id = excluded.event_id,
                 event_type = excluded.event_type, reason = excluded.reason, tried = excluded.tried"
        ))?
        .execute(params![
            target.definition.name,
            target.generation,
            failed.key,
            failed.rowless,
            number(failed.position),
            failed.event_id.to_string(),
            failed.event_type,
            failed.reason
        ])?;
    wait(transaction, target, &failed.key, &failed.waiting)
}

/// Lets events wait behind the one that could not be applied.
pub(super) fn wait(
    transaction: &Transaction<'_>,
    target: &Target,
    key: &str,
    positions: &[Position],
) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO queued (view, generation, key, position) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = transaction.prepare_cached(sql)?;
    for position in positions {
        statement.execute(params![target.definition.name, target.generation, key, number(*position)])?;
    }
    Ok(())
}

/// Writes what came of another try at what waits up to a position; `next` is what still waits behind that.
pub(super) fn redone(
    writer: &mut Connection,
    target: &Target,
    failure: &Failure,
    changes: &[Change],
    up_to: Position,
    next: Option<Position>,
) -> Result<(), ViewError> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let view = target.definition.name;
    let found = schema::generation(&transaction, target.place, view)?;
    if found.is_none_or(|found| found.number != target.generation) {
        return Err(ViewError::Overtaken(view));
    }
    let (generation, key, up_to) = (target.generation, &failure.key, number(next.unwrap_or(up_to)));
    let sql = format!("DELETE FROM queued {OF_ONE} AND key = ?3 AND position <= ?4");
    transaction.execute(&sql, params![view, generation, key, up_to])?;
    let still = changes.iter().any(|change| matches!(change, Change::SetAside(_)));
    match next {
        _ if still => {}
        // What is left waits as before, so that a crash loses none of it.
        Some(next) => {
            let sql = format!("UPDATE failures SET position = ?4 {OF_ONE} AND key = ?3");
            transaction.execute(&sql, params![view, generation, key, number(next)])?;
        }
        None => {
            let sql = format!("DELETE FROM failures {OF_ONE} AND key = ?3");
            transaction.execute(&sql, params![view, generation, key])?;
        }
    }
    super::apply::write(&transaction, target, changes)?;
    if let (true, Some(next)) = (still, next) {
        wait(&transaction, target, &failure.key, &[next])?;
    }
    transaction.commit()?;
    Ok(())
}

/// How many rows are set aside.
pub(super) fn count(reader: &Connection, view: &str, generation: u32) -> rusqlite::Result<u64> {
    let sql = format!("SELECT count(*) FROM failures {OF_ONE}");
    let count: i64 = reader.prepare_cached(&sql)?.query_row(params![view, generation], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Those that are set aside, the first by position.
pub(super) fn list(
    reader: &Connection,
    view: &str,
    generation: u32,
    most: u32,
) -> rusqlite::Result<Failures> {
    let sql = format!("{} ORDER BY position, key LIMIT ?3", selected());
    let mut statement = reader.prepare_cached(&sql)?;
    let first = statement.query_map(params![view, generation, most], failure)?.collect::<Result<_, _>>()?;
    Ok(Failures { count: count(reader, view, generation)?, first })
}

/// One that is set aside.
pub(super) fn get(
    reader: &Connection,
    view: &str,
    generation: u32,
    key: &str,
) -> rusqlite::Result<Option<Failure>> {
    let sql = format!("{} AND key = ?3", selected());
    reader.prepare_cached(&sql)?.query_row(params![view, generation, key], failure).optional()
}

/// The first positions that wait behind one.
pub(super) fn waiting(
    reader: &Connection,
    target: &Target,
    key: &str,
    most: u32,
) -> rusqlite::Result<Vec<Position>> {
    let sql = format!("SELECT position FROM queued {OF_ONE} AND key = ?3 ORDER BY position LIMIT ?4");
    let mut statement = reader.prepare_cached(&sql)?;
    let asked = params![target.definition.name, target.generation, key, most];
    statement.query_map(asked, |row| position(row, 0))?.collect()
}

/// Forgets the failures of a generation.
pub(super) fn forget(transaction: &Transaction<'_>, view: &str, generation: u32) -> rusqlite::Result<()> {
    for table in ["failures", "queued"] {
        transaction.execute(&format!("DELETE FROM {table} {OF_ONE}"), params![view, generation])?;
    }
    Ok(())
}

fn selected() -> String {
    format!(
        "SELECT key, rowless, position, event_id, event_type, reason, tries, since, tried,
                (SELECT count(*) FROM queued WHERE queued.view = failures.view
                     AND queued.generation = failures.generation AND queued.key = failures.key)
         FROM failures {OF_ONE}"
    )
}

fn failure(row: &rusqlite::Row<'_>) -> rusqlite::Result<Failure> {
    let id: String = row.get(3)?;
    let event_id = id.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Failure {
        key: row.get(0)?,
        rowless: row.get(1)?,
        position: position(row, 2)?,
        event_id,
        event_type: row.get(4)?,
        reason: row.get(5)?,
        tries: row.get(6)?,
        since: row.get(7)?,
        tried: row.get(8)?,
        waiting: row.get::<_, i64>(9)?.unsigned_abs(),
    })
}
