//! Where the rows of views live: what workers and lists ask of such a place, whatever it is.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_model::Position;
use event_store::Mark;
use uuid::Uuid;

use crate::definition::Definition;
use crate::error::ViewError;
use crate::failure::{FailedRow, Failure, Failures};
use crate::fold::{Change, Stored};
use crate::generation::{Generation, Prepared, Target};
use crate::query::{Listed, Page, Query};
use crate::sums::{Sums, SumsPage};
use crate::verify::Image;

/// A home of rows. Whatever is written is one transaction that happens or does not, and a worker that is no longer the
/// one that drives the view gets [`ViewError::Overtaken`] instead. Lists never wait for who writes.
#[async_trait]
pub(crate) trait Home: Debug + Send + Sync {
    /// Makes the rows of a view that has none yet, and all that is needed beside them. Any process may do that.
    async fn found(&self, definition: &Arc<Definition>) -> Result<Found, ViewError>;

    /// The home as the worker with this token writes it: from now on whoever has a lower one cannot.
    async fn claim(&self, view: &'static str, token: u64, holder: Uuid) -> Result<Claim, ViewError>;

    /// What there is of a view, for the worker that drives it. What another version of its projection folded stays, and
    /// goes on serving; what such a one had begun to build is given up.
    async fn prepare(&self, definition: &Arc<Definition>) -> Result<Prepared, ViewError>;

    /// How long the checkpoint may stay behind what touched no row.
    fn late_by(&self) -> Duration;

    /// Whether lists read it just now, or might: this process need not know of all of them.
    fn is_read(&self) -> bool;

    /// The rows of a view that lists read; `None` when no worker has made them yet.
    async fn serving(&self, view: &'static str) -> Result<Option<Generation>, ViewError>;

    /// A page, read at one moment together with its position.
    async fn list(&self, definition: &Arc<Definition>, query: Query) -> Result<Page, ViewError>;

    /// Sums over its rows, likewise.
    async fn sums(&self, definition: &Arc<Definition>, asked: Sums) -> Result<SumsPage, ViewError>;

    /// One row.
    async fn get(&self, definition: &Arc<Definition>, key: String) -> Result<Option<Listed>, ViewError>;

    /// What is there of the rows with these keys. Nobody but the worker writes them, so this and [`Home::commit`] need
    /// not be one transaction.
    async fn touched(&self, target: &Target, keys: Vec<String>) -> Result<Touched, ViewError>;

    /// Writes changes and moves the checkpoint from one mark to another. When it stands at the second already, an
    /// earlier try was committed although it was told that it failed.
    async fn commit(
        &self,
        target: &Target,
        changes: Arc<Vec<Change>>,
        from: Mark,
        to: Mark,
    ) -> Result<(), ViewError>;

    /// Writes what came of another try at what waits in a row up to a position; `next` is what still waits behind that.
    async fn redone(
        &self,
        target: &Target,
        failure: &Failure,
        changes: Vec<Change>,
        up_to: Position,
        next: Option<Position>,
    ) -> Result<(), ViewError>;

    /// Notes that an event counts for nothing in a view, should it not be applicable.
    async fn skip(&self, view: &'static str, failure: &Failure, reason: String) -> Result<(), ViewError>;

    /// How many rows of a generation are set aside.
    async fn count_failures(&self, view: &'static str, generation: u32) -> Result<u64, ViewError>;

    /// The rows of a generation that are set aside, the first by position.
    async fn failures(&self, view: &'static str, generation: u32, most: u32) -> Result<Failures, ViewError>;

    /// A row that is set aside, and the positions that wait behind it, at most `most`.
    async fn failure(
        &self,
        target: &Target,
        key: &str,
        most: u32,
    ) -> Result<Option<(Failure, Vec<Position>)>, ViewError>;

    /// A row of the serving generation that is set aside, with the row.
    async fn failed_row(
        &self,
        definition: &Arc<Definition>,
        key: String,
    ) -> Result<Option<FailedRow>, ViewError>;

    /// Makes a generation beside the serving one.
    async fn begin_build(&self, definition: &Arc<Definition>) -> Result<Generation, ViewError>;

    /// Keeps what is being built as it is.
    async fn stop_build(&self, view: &'static str) -> Result<(), ViewError>;

    /// Lets what was being built go on.
    async fn resume_build(&self, view: &'static str) -> Result<(), ViewError>;

    /// Lets lists read the generation `to`, built up to `mark`, instead of this one, from one moment to the next.
    async fn switch(
        &self,
        definition: &Arc<Definition>,
        from: Generation,
        to: u32,
        mark: Mark,
    ) -> Result<(), ViewError>;

    /// Drops a piece of what a view has left behind; whether there is more. Who reads such rows goes on reading them.
    async fn sweep(&self, view: &'static str) -> Result<bool, ViewError>;
}

/// A view that has rows.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) serving: Generation,
    /// The lease under which it must be driven, where more than one process could.
    pub(crate) lease: Option<String>,
}

/// What a claim came to.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Through this the view is written.
    Held(Arc<dyn Home>),
    /// Somebody had this token, which is not lower.
    Outbid(u64),
}

/// What is there of the rows that a batch touches.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Those that are there.
    pub(crate) stored: HashMap<String, Stored>,
    /// Those that are set aside; they need not be there.
    pub(crate) aside: HashSet<String>,
}

/// The rows of a home, held at one moment: what happens to them meanwhile is not seen. Neither makes nor changes
/// anything.
#[async_trait]
pub(crate) trait Pinned: Debug + Send {
    /// The rows of a view that lists read.
    async fn serving(&mut self, definition: &Definition) -> Result<Generation, ViewError>;

    /// The events of which somebody has said that they count for nothing.
    async fn skips(&mut self, definition: &Definition) -> Result<BTreeSet<Position>, ViewError>;

    /// Each row with its failure, and each failure without a row, by key, behind this one; none at the end.
    async fn images(
        &mut self,
        definition: &Definition,
        generation: &Generation,
        after: Option<&str>,
    ) -> Result<Vec<(String, Image)>, ViewError>;

    /// What is wrong with a table and its indexes: lists go by these.
    async fn damage(&mut self, generation: &Generation) -> Result<Vec<String>, ViewError>;
}
