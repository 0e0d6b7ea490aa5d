//! The database as a home of rows.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_model::Position;
use event_store::Mark;
use uuid::Uuid;

use super::{PostgresViews, failures, fence, schema};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::failure::{FailedRow, Failure, Failures};
use crate::fold::Change;
use crate::generation::{Generation, Place, Prepared, Target};
use crate::home::{Claim, Found, Home, Touched};
use crate::query::{Listed, Page, Query};
use crate::sums::{Sums, SumsPage};

/// What touched no row is waited for in other processes, too, and those see the checkpoint alone.
const LATE_BY: Duration = Duration::from_millis(20);

#[async_trait]
impl Home for PostgresViews {
    async fn found(&self, definition: &Arc<Definition>) -> Result<Found, ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        let home = schema::ensure(&transaction).await?;
        let view = definition.name;
        fence::found(&transaction, view).await?;
        let serving = match schema::generation(&transaction, Place::Serving, view).await? {
            Some(serving) => serving,
            None => schema::make(&transaction, Place::Serving, definition, 1, view).await?,
        };
        transaction.commit().await?;
        Ok(Found { serving, lease: Some(format!("view.{}.{view}", home.simple())) })
    }

    async fn claim(&self, view: &'static str, token: u64, holder: Uuid) -> Result<Claim, ViewError> {
        self.take(view, token, holder).await
    }

    async fn prepare(&self, definition: &Arc<Definition>) -> Result<Prepared, ViewError> {
        let mut client = self.worker_client().await?;
        let transaction = client.transaction().await?;
        fence::hold(&transaction, definition.name, self.token).await?;
        let prepared = schema::prepare(&transaction, definition).await?;
        transaction.commit().await?;
        Ok(prepared)
    }

    fn late_by(&self) -> Duration {
        LATE_BY
    }

    fn is_read(&self) -> bool {
        true
    }

    async fn serving(&self, view: &'static str) -> Result<Option<Generation>, ViewError> {
        self.pointer(view).await
    }

    async fn list(&self, definition: &Arc<Definition>, query: Query) -> Result<Page, ViewError> {
        self.page(definition, &query).await
    }

    async fn sums(&self, definition: &Arc<Definition>, asked: Sums) -> Result<SumsPage, ViewError> {
        self.summed(definition, &asked).await
    }

    async fn get(&self, definition: &Arc<Definition>, key: String) -> Result<Option<Listed>, ViewError> {
        self.row(definition, &key).await
    }

    async fn touched(&self, target: &Target, keys: Vec<String>) -> Result<Touched, ViewError> {
        self.read(target, keys).await
    }

    async fn commit(
        &self,
        target: &Target,
        changes: Arc<Vec<Change>>,
        from: Mark,
        to: Mark,
    ) -> Result<(), ViewError> {
        self.write_batch(target, &changes, from, to).await
    }

    async fn redone(
        &self,
        target: &Target,
        failure: &Failure,
        changes: Vec<Change>,
        up_to: Position,
        next: Option<Position>,
    ) -> Result<(), ViewError> {
        self.write_again(target, failure, &changes, up_to, next).await
    }

    async fn skip(&self, view: &'static str, failure: &Failure, reason: String) -> Result<(), ViewError> {
        self.write_skip(view, failure, &reason).await
    }

    async fn count_failures(&self, view: &'static str, generation: u32) -> Result<u64, ViewError> {
        failures::count(&self.list_client().await?, view, generation).await
    }

    async fn failures(&self, view: &'static str, generation: u32, most: u32) -> Result<Failures, ViewError> {
        failures::list(&self.list_client().await?, view, generation, most).await
    }

    async fn failure(
        &self,
        target: &Target,
        key: &str,
        most: u32,
    ) -> Result<Option<(Failure, Vec<Position>)>, ViewError> {
        let client = self.list_client().await?;
        let found = failures::get(&client, target.definition.name, target.generation, key).await?;
        let Some(failure) = found else { return Ok(None) };
        Ok(Some((failure, failures::waiting(&client, target, key, most).await?)))
    }

    async fn failed_row(
        &self,
        definition: &Arc<Definition>,
        key: String,
    ) -> Result<Option<FailedRow>, ViewError> {
        let serving = self.pointer(definition.name).await?.ok_or(ViewError::NotBuilt(definition.name))?;
        let client = self.list_client().await?;
        let Some(failure) = failures::get(&client, definition.name, serving.number, &key).await? else {
            return Ok(None);
        };
        drop(client);
        let row = self.row(definition, &key).await?.map(|listed| listed.row);
        Ok(Some(FailedRow { failure, row }))
    }

    async fn begin_build(&self, definition: &Arc<Definition>) -> Result<Generation, ViewError> {
        self.begin(definition).await
    }

    async fn stop_build(&self, view: &'static str) -> Result<(), ViewError> {
        self.set_stopped(view, true).await
    }

    async fn resume_build(&self, view: &'static str) -> Result<(), ViewError> {
        self.set_stopped(view, false).await
    }

    async fn switch(
        &self,
        definition: &Arc<Definition>,
        from: Generation,
        to: u32,
        mark: Mark,
    ) -> Result<(), ViewError> {
        self.switch_to(definition, &from, to, mark).await
    }

    async fn sweep(&self, view: &'static str) -> Result<bool, ViewError> {
        self.drop_leftover(view).await
    }
}
