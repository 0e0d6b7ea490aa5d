//! The file as a home of rows.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_model::Position;
use event_store::Mark;
use uuid::Uuid;

use super::{SqliteViews, apply, builds, failures, list, schema, skips, sums};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::failure::{FailedRow, Failure, Failures};
use crate::fold::Change;
use crate::generation::{Generation, Prepared, Target};
use crate::home::{Claim, Found, Home, Touched};
use crate::query::{Listed, Page, Query};
use crate::sums::{Sums, SumsPage};

/// Whoever waits is mostly in this process, and hears of it by other ways.
const LATE_BY: Duration = Duration::from_secs(1);

#[async_trait]
impl Home for SqliteViews {
    async fn found(&self, definition: &Arc<Definition>) -> Result<Found, ViewError> {
        self.lock.hold().await?;
        Ok(Found { serving: self.prepare(definition).await?.serving, lease: None })
    }

    async fn claim(&self, _: &'static str, _: u64, _: Uuid) -> Result<Claim, ViewError> {
        // No other process can write.
        Ok(Claim::Held(Arc::new(self.clone())))
    }

    async fn prepare(&self, definition: &Arc<Definition>) -> Result<Prepared, ViewError> {
        let definition = Arc::clone(definition);
        self.write(move |writer| Ok(schema::prepare(writer, &definition)?)).await
    }

    fn late_by(&self) -> Duration {
        LATE_BY
    }

    fn is_read(&self) -> bool {
        self.readers.are_asked()
    }

    async fn serving(&self, view: &'static str) -> Result<Option<Generation>, ViewError> {
        self.readers.read(move |reader| Ok(schema::serving(reader, view)?)).await
    }

    async fn list(&self, definition: &Arc<Definition>, query: Query) -> Result<Page, ViewError> {
        let definition = Arc::clone(definition);
        self.readers.read(move |reader| list::page(reader, &definition, &query)).await
    }

    async fn sums(&self, definition: &Arc<Definition>, asked: Sums) -> Result<SumsPage, ViewError> {
        let definition = Arc::clone(definition);
        self.readers.read(move |reader| sums::page(reader, &definition, &asked)).await
    }

    async fn get(&self, definition: &Arc<Definition>, key: String) -> Result<Option<Listed>, ViewError> {
        let definition = Arc::clone(definition);
        self.readers.read(move |reader| list::row(reader, &definition, &key)).await
    }

    async fn touched(&self, target: &Target, keys: Vec<String>) -> Result<Touched, ViewError> {
        let target = target.clone();
        self.readers.work(move |reader| Ok(apply::touched(reader, &target, keys)?)).await
    }

    async fn commit(
        &self,
        target: &Target,
        changes: Arc<Vec<Change>>,
        from: Mark,
        to: Mark,
    ) -> Result<(), ViewError> {
        let target = target.clone();
        self.write(move |writer| apply::commit(writer, &target, &changes, from, to)).await
    }

    async fn redone(
        &self,
        target: &Target,
        failure: &Failure,
        changes: Vec<Change>,
        up_to: Position,
        next: Option<Position>,
    ) -> Result<(), ViewError> {
        let (target, failure) = (target.clone(), failure.clone());
        self.write(move |writer| failures::redone(writer, &target, &failure, &changes, up_to, next)).await
    }

    async fn skip(&self, view: &'static str, failure: &Failure, reason: String) -> Result<(), ViewError> {
        let failure = failure.clone();
        self.write(move |writer| Ok(skips::add(writer, view, &failure, &reason)?)).await
    }

    async fn count_failures(&self, view: &'static str, generation: u32) -> Result<u64, ViewError> {
        self.readers.read(move |reader| Ok(failures::count(reader, view, generation)?)).await
    }

    async fn failures(&self, view: &'static str, generation: u32, most: u32) -> Result<Failures, ViewError> {
        self.readers.read(move |reader| Ok(failures::list(reader, view, generation, most)?)).await
    }

    async fn failure(
        &self,
        target: &Target,
        key: &str,
        most: u32,
    ) -> Result<Option<(Failure, Vec<Position>)>, ViewError> {
        let (target, key) = (target.clone(), key.to_owned());
        self.readers
            .read(move |reader| {
                let view = target.definition.name;
                let Some(failure) = failures::get(reader, view, target.generation, &key)? else {
                    return Ok(None);
                };
                Ok(Some((failure, failures::waiting(reader, &target, &key, most)?)))
            })
            .await
    }

    async fn failed_row(
        &self,
        definition: &Arc<Definition>,
        key: String,
    ) -> Result<Option<FailedRow>, ViewError> {
        let definition = Arc::clone(definition);
        self.readers
            .read(move |reader| {
                let serving = schema::serving(reader, definition.name)?;
                let number = serving.ok_or(ViewError::NotBuilt(definition.name))?.number;
                let Some(failure) = failures::get(reader, definition.name, number, &key)? else {
                    return Ok(None);
                };
                let row = list::row(reader, &definition, &key)?.map(|listed| listed.row);
                Ok(Some(FailedRow { failure, row }))
            })
            .await
    }

    async fn begin_build(&self, definition: &Arc<Definition>) -> Result<Generation, ViewError> {
        let definition = Arc::clone(definition);
        self.write(move |writer| Ok(builds::begin(writer, &definition)?)).await
    }

    async fn stop_build(&self, view: &'static str) -> Result<(), ViewError> {
        self.write(move |writer| Ok(builds::set_stopped(writer, view, true)?)).await
    }

    async fn resume_build(&self, view: &'static str) -> Result<(), ViewError> {
        self.write(move |writer| Ok(builds::set_stopped(writer, view, false)?)).await
    }

    async fn switch(
        &self,
        definition: &Arc<Definition>,
        from: Generation,
        to: u32,
        mark: Mark,
    ) -> Result<(), ViewError> {
        let definition = Arc::clone(definition);
        self.write(move |writer| builds::switch(writer, &definition, &from, to, mark)).await
    }

    async fn sweep(&self, view: &'static str) -> Result<bool, ViewError> {
        self.write(move |writer| Ok(builds::sweep(writer, view)?)).await
    }
}
