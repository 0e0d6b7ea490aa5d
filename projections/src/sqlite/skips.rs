//! Events of which somebody has said that they count for nothing in a view, should they not be applicable. That holds
//! for all of its generations.

use std::collections::BTreeSet;

use event_model::Position;
use rusqlite::{Connection, params};

use super::schema::{NOW, number, position};
use crate::failure::Failure;

/// What is kept of them.
pub(super) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS skips (
        view TEXT NOT NULL,
        position INTEGER NOT NULL,
        key TEXT NOT NULL,
        event_id TEXT NOT NULL,
        event_type TEXT NOT NULL,
        error TEXT NOT NULL,
        reason TEXT NOT NULL,
        skipped TEXT NOT NULL,
        PRIMARY KEY (view, position)
    ) WITHOUT ROWID;";

/// Notes that an event counts for nothing in a view.
pub(super) fn add(writer: &Connection, view: &str, failure: &Failure, reason: &str) -> rusqlite::Result<()> {
    writer
        .execute(
            &format!(
                "INSERT OR REPLACE INTO skips
                     (view, position, key, event_id, event_type, error, reason, skipped)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, {NOW})"
            ),
            params![
                view,
                number(failure.position),
                failure.key,
                failure.event_id.to_string(),
                failure.event_type,
                failure.reason,
                reason
            ],
        )
        .map(drop)
}

/// The events of which somebody has said that they count for nothing.
pub(super) fn of(reader: &Connection, view: &str) -> rusqlite::Result<BTreeSet<Position>> {
    let mut statement = reader.prepare_cached("SELECT position FROM skips WHERE view = ?1")?;
    statement.query_map([view], |row| position(row, 0))?.collect()
}
