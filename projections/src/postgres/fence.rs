//! Who drives a view: the highest token that was seen. Whatever a worker writes holds this row first, so one with a
//! lower token can write nothing, however late it wakes up.

use deadpool_postgres::Transaction;
use uuid::Uuid;

use super::PostgresViews;
use crate::error::ViewError;
use crate::home::Claim;

/// A row for each view, before anybody drives it.
pub(super) const TABLE: &str = "
    CREATE TABLE fences (
        view text PRIMARY KEY,
        token bigint NOT NULL DEFAULT 0,
        holder uuid
    );";

/// Makes sure that there is a row of a view.
pub(super) async fn found(transaction: &Transaction<'_>, view: &str) -> Result<(), ViewError> {
    let sql = "INSERT INTO fences (view) VALUES ($1) ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[&view]).await?;
    Ok(())
}

/// Nobody takes the view over before this transaction ends.
///
/// # Errors
/// [`ViewError::Overtaken`] when somebody has.
pub(super) async fn hold(
    transaction: &Transaction<'_>,
    view: &'static str,
    token: Option<i64>,
) -> Result<(), ViewError> {
    let statement = transaction.prepare_cached("SELECT token FROM fences WHERE view = $1 FOR SHARE").await?;
    let found = transaction.query_opt(&statement, &[&view]).await?;
    if found.map(|row| row.get::<_, i64>(0)) == token && token.is_some() {
        Ok(())
    } else {
        Err(ViewError::Overtaken(view))
    }
}

impl PostgresViews {
    /// From here on whoever has a lower token writes nothing any more. Waits for what is being written just now, which
    /// the server ends when it stands still. It is on the disk when this returns.
    pub(super) async fn take(
        &self,
        view: &'static str,
        token: u64,
        holder: Uuid,
    ) -> Result<Claim, ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        transaction.batch_execute("SET LOCAL synchronous_commit = on").await?;
        let wanted = token.cast_signed();
        let sql = "UPDATE fences SET token = $2, holder = $3
                   WHERE view = $1 AND (token < $2 OR (token = $2 AND holder = $3))";
        if transaction.execute(sql, &[&view, &wanted, &holder]).await? == 0 {
            let sql = "SELECT token FROM fences WHERE view = $1";
            let found = transaction.query_opt(sql, &[&view]).await?;
            let found = found.ok_or(ViewError::NotBuilt(view))?.get::<_, i64>(0);
            return Ok(Claim::Outbid(found.cast_unsigned()));
        }
        transaction.commit().await?;
        Ok(Claim::Held(std::sync::Arc::new(Self { token: Some(wanted), ..self.clone() })))
    }
}
