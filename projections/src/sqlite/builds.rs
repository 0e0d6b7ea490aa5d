//! A generation beside the serving one: begun, stopped, switched to, and the old one dropped in pieces.

use event_store::Mark;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::schema::{self, NOW, number};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{Generation, Place};

/// How many rows of a leftover go in one transaction.
const PIECE: u32 = 500;

/// Makes the next generation, without rows.
pub(super) fn begin(writer: &mut Connection, definition: &Definition) -> rusqlite::Result<Generation> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let view = definition.name;
    // The number of one whose rows are not all dropped yet is not given again.
    let last: u32 = transaction.query_row(
        "SELECT max(generation) FROM (
             SELECT generation FROM checkpoints WHERE view = ?1
             UNION ALL SELECT generation FROM leftovers WHERE view = ?1)",
        [view],
        |row| row.get(0),
    )?;
    let rows_in = format!("{view}_{}", last + 1);
    let generation = schema::make(&transaction, Place::Building, definition, last + 1, &rows_in)?;
    transaction.commit()?;
    Ok(generation)
}

/// Keeps what is being built as it is, or lets it go on.
pub(super) fn set_stopped(writer: &Connection, view: &str, stopped: bool) -> rusqlite::Result<()> {
    writer.execute("UPDATE builds SET stopped = ?2 WHERE view = ?1", params![view, stopped]).map(drop)
}

/// Lets lists read what was built, from one moment to the next.
///
/// # Errors
/// [`ViewError::Overtaken`] when either generation is not where this worker has left it.
pub(super) fn switch(
    writer: &mut Connection,
    definition: &Definition,
    from: &Generation,
    to: u32,
    mark: Mark,
) -> Result<(), ViewError> {
    let view = definition.name;
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let serving = schema::serving(&transaction, view)?.ok_or(ViewError::NotBuilt(view))?;
    if serving.number == to && serving.mark == mark {
        // An earlier try was committed, although it was told that it failed.
        return Ok(());
    }
    let built = schema::generation(&transaction, Place::Building, view)?;
    let built = built.filter(|built| built.number == to && built.mark == mark && serving == *from);
    let built = built.ok_or(ViewError::Overtaken(view))?;
    schema::give_up(&transaction, Place::Serving, view, &serving)?;
    transaction.execute(
        &format!(
            "INSERT INTO checkpoints (view, version, layout, rows_in, position, event_id, generation, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, {NOW})"
        ),
        params![
            view,
            built.version,
            built.layout,
            built.rows_in,
            number(mark.position),
            mark.id.map(|id| id.to_string()),
            to
        ],
    )?;
    transaction.execute("DELETE FROM builds WHERE view = ?1", [view])?;
    transaction.commit()?;
    Ok(())
}

/// Drops a piece of what nobody needs any more; whether there is more. Who reads such rows goes on reading them: the
/// file keeps what a transaction has begun to read until it ends.
pub(super) fn sweep(writer: &mut Connection, view: &str) -> rusqlite::Result<bool> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "SELECT rows_in FROM leftovers WHERE view = ?1 LIMIT 1";
    let found = transaction.query_row(sql, [view], |row| row.get::<_, String>(0)).optional()?;
    let Some(rows_in) = found else { return Ok(false) };
    let piece =
        format!("DELETE FROM \"{rows_in}\" WHERE rowid IN (SELECT rowid FROM \"{rows_in}\" LIMIT {PIECE})");
    if transaction.execute(&piece, [])? == 0 {
        transaction.execute_batch(&format!("DROP TABLE \"{rows_in}\""))?;
        transaction.execute("DELETE FROM leftovers WHERE rows_in = ?1", [rows_in])?;
    }
    transaction.commit()?;
    Ok(true)
}
