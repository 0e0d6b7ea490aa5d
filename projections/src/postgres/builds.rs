//! A generation beside the serving one: begun, stopped, switched to, and the old one dropped.

use deadpool_postgres::Transaction;
use event_store::Mark;

use super::schema::{self, place};
use super::{PostgresViews, fence};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{Generation, Place};

impl PostgresViews {
    /// Keeps what is being built as it is, or lets it go on.
    pub(super) async fn set_stopped(&self, view: &'static str, stopped: bool) -> Result<(), ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        fence::hold(&transaction, view, self.token).await?;
        let sql = "UPDATE builds SET stopped = $2 WHERE view = $1";
        transaction.execute(sql, &[&view, &stopped]).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes the next generation, without rows.
    pub(super) async fn begin(&self, definition: &Definition) -> Result<Generation, ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        let view = definition.name;
        fence::hold(&transaction, view, self.token).await?;
        // The number of one whose rows are not dropped yet is not given again.
        let sql = "SELECT max(generation) FROM (
                       SELECT generation FROM checkpoints WHERE view = $1
                       UNION ALL SELECT generation FROM leftovers WHERE view = $1) AS given";
        let last = transaction.query_one(sql, &[&view]).await?.get::<_, Option<i64>>(0);
        let last = last.and_then(|last| u32::try_from(last).ok()).ok_or(ViewError::NotBuilt(view))?;
        let rows_in = format!("{view}_{}", last + 1);
        let made = schema::make(&transaction, Place::Building, definition, last + 1, &rows_in).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// Lets lists read what was built, from one moment to the next. It is on the disk when this returns.
    pub(super) async fn switch_to(
        &self,
        definition: &Definition,
        from: &Generation,
        to: u32,
        mark: Mark,
    ) -> Result<(), ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        let view = definition.name;
        transaction.batch_execute("SET LOCAL synchronous_commit = on").await?;
        fence::hold(&transaction, view, self.token).await?;
        let serving = schema::generation(&transaction, Place::Serving, view).await?;
        let serving = serving.ok_or(ViewError::NotBuilt(view))?;
        if serving.number == to && serving.mark == mark {
            // An earlier try was committed, although it was told that it failed.
            return Ok(());
        }
        let built = schema::generation(&transaction, Place::Building, view).await?;
        let built = built.filter(|built| built.number == to && built.mark == mark && serving == *from);
        let built = built.ok_or(ViewError::Overtaken(view))?;
        schema::give_up(&transaction, Place::Serving, view, &serving).await?;
        serve(&transaction, view, &built).await?;
        Ok(transaction.commit().await?)
    }

    /// Drops what nobody needs any more; whether there is more. A list that reads such rows is waited for, and none waits
    /// long for this.
    pub(super) async fn drop_leftover(&self, view: &'static str) -> Result<bool, ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        fence::hold(&transaction, view, self.token).await?;
        let sql = "SELECT rows_in FROM leftovers WHERE view = $1 LIMIT 1";
        let Some(found) = transaction.query_opt(sql, &[&view]).await? else { return Ok(false) };
        let rows_in: String = found.get(0);
        transaction.batch_execute("SET LOCAL lock_timeout = '200ms'").await?;
        transaction.batch_execute(&format!("DROP TABLE IF EXISTS \"{rows_in}\"")).await?;
        transaction.execute("DELETE FROM leftovers WHERE rows_in = $1", &[&rows_in]).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

async fn serve(transaction: &Transaction<'_>, view: &str, built: &Generation) -> Result<(), ViewError> {
    let sql = "INSERT INTO checkpoints (view, version, layout, rows_in, position, event_id, generation)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (version, number) = (i64::from(built.version), i64::from(built.number));
    let (position, id) = (place(built.mark.position), built.mark.id);
    transaction
        .execute(sql, &[&view, &version, &built.layout, &built.rows_in, &position, &id, &number])
        .await?;
    transaction.execute("DELETE FROM builds WHERE view = $1", &[&view]).await?;
    Ok(())
}
