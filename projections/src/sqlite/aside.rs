//! Rows that are set aside: looked at, and tried again.

use std::sync::Arc;

use event_model::{Position, Projection, Recorded};
use event_store::Entry;
use tokio::task::spawn_blocking;

use super::connection::lock;
use super::{Applied, SqliteViews, apply, failures, list, schema, skips};
use crate::definition::Definition;
use crate::error::ViewError;
use crate::failure::{FailedRow, Failure, Failures};
use crate::fold::{Change, Failed};
use crate::generation::Target;

impl SqliteViews {
    /// Applies to a row that is set aside what waits there, up to `up_to`; `next` is what waits behind that. Returns
    /// what it is set aside for now, if it still is.
    pub(crate) async fn apply_again<P: Projection>(
        &self,
        target: &Target,
        failure: &Failure,
        entries: Vec<Entry>,
        next: Option<Position>,
    ) -> Result<Applied, ViewError> {
        let (home, target, failure) = (self.clone(), target.clone(), failure.clone());
        spawn_blocking(move || {
            let events: Vec<&Recorded> = entries.iter().filter_map(event).collect();
            let up_to = events.last().map_or(failure.position, |event| event.position);
            let changes =
                home.readers.lend(|reader| apply::again::<P>(reader, &target, &failure.key, &events))?;
            failures::redone(&mut lock(&home.writer), &target, &failure, &changes, up_to, next)?;
            Ok(Applied::of(changes, Vec::new()))
        })
        .await?
    }

    /// Writes what came of another try at an event whose row was not known.
    pub(crate) async fn tried_rowless(
        &self,
        target: &Target,
        failure: &Failure,
        failed: Option<Failed>,
    ) -> Result<(), ViewError> {
        let (target, failure) = (target.clone(), failure.clone());
        let changes: Vec<_> = failed.into_iter().map(Change::SetAside).collect();
        self.write(move |writer| {
            failures::redone(writer, &target, &failure, &changes, failure.position, None)
        })
        .await
    }

    /// Notes that an event counts for nothing in a view, should it not be applicable.
    pub(crate) async fn skip(
        &self,
        view: &'static str,
        failure: &Failure,
        reason: String,
    ) -> Result<(), ViewError> {
        let failure = failure.clone();
        self.write(move |writer| Ok(skips::add(writer, view, &failure, &reason)?)).await
    }

    /// How many rows of a generation are set aside.
    pub(crate) async fn count_failures(&self, view: &'static str, generation: u32) -> Result<u64, ViewError> {
        self.readers.read(move |reader| Ok(failures::count(reader, view, generation)?)).await
    }

    /// The rows of a generation that are set aside, the first by position.
    pub(crate) async fn failures(
        &self,
        view: &'static str,
        generation: u32,
        most: u32,
    ) -> Result<Failures, ViewError> {
        self.readers.read(move |reader| Ok(failures::list(reader, view, generation, most)?)).await
    }

    /// A row that is set aside, and the positions that wait behind it, at most `most`.
    pub(crate) async fn failure(
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

    /// A row of the serving generation that is set aside, with the row.
    pub(crate) async fn failed_row(
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
}

fn event(entry: &Entry) -> Option<&Recorded> {
    match entry {
        Entry::Event(event) => Some(event),
        Entry::Foreign(_) => None,
    }
}
