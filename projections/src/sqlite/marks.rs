//! The marks of all views, read by somebody who drives none of them.

use std::path::Path;

use event_store::Mark;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::connection::PATIENCE;
use super::schema;

/// Every view of the file and its mark, by name; none where no worker has made the table yet.
pub(super) fn marks(path: &Path) -> rusqlite::Result<Vec<(String, Mark)>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(PATIENCE)?;
    let table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'checkpoints'";
    if connection.query_row(table, [], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("SELECT position, event_id, view FROM checkpoints ORDER BY view")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(2)?, schema::mark(row, 0)?));
    statement.query_map([], read)?.collect()
}
