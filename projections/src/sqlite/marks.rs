//! How all views of a file stand, read by somebody who drives none of them.

use std::path::Path;

use event_store::Mark;
use rusqlite::Connection;

use super::{connection, failures, schema};
use crate::report::{Rebuild, Report};

/// Every view of the file and its mark, by name; none where no worker has made the table yet.
pub(super) fn marks(path: &Path) -> rusqlite::Result<Vec<(String, Mark)>> {
    let connection = connection::reader(path)?;
    if !has(&connection, "checkpoints")? {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("SELECT position, event_id, view FROM checkpoints ORDER BY view")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(2)?, schema::mark(row, 0)?));
    statement.query_map([], read)?.collect()
}

/// Every view of the file, by name.
pub(super) fn reports(path: &Path) -> rusqlite::Result<Vec<Report>> {
    let mut connection = connection::reader(path)?;
    let transaction = connection.transaction()?;
    // An older program has written a file without these; its worker brings it up to date.
    if !has(&transaction, "builds")? {
        return Ok(Vec::new());
    }
    let mut statement = transaction.prepare("SELECT view FROM checkpoints ORDER BY view")?;
    let views = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let mut reports = Vec::with_capacity(views.len());
    for view in views {
        let Some(serving) = schema::serving(&transaction, &view)? else { continue };
        let failures = failures::count(&transaction, &view, serving.number)?;
        let rebuild = schema::build(&transaction, &view)?.map(|build| Rebuild::at_rest(&build));
        reports.push(Report::at_rest(view, &serving, failures, rebuild));
    }
    Ok(reports)
}

fn has(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection.prepare(sql)?.exists([table])
}
