//! Whether the rows that serve are the fold of the log: it is folded anew, into a file beside them, and compared row by
//! row at one position. Reads the rows only, so that any process may do it while their worker goes on.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use event_model::{Position, Projection};
use event_store::{Batch, Entry, EventStore, Mark, StoreError};
use serde::Serialize;
use tokio::time::timeout;

use crate::address::HomeAddress;
use crate::applying::apply;
use crate::compare::compare;
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::{Generation, Place, Target};
use crate::home::Home as _;
use crate::reading::Reading;
use crate::sqlite::{self, SqliteViews};

/// How long the log may take for its next piece.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the comparison came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Which view.
    pub view: &'static str,
    /// Which of its generations serves.
    pub generation: u32,
    /// The version of the projection that has folded it.
    pub version: u32,
    /// Up to where the log was folded and compared.
    pub position: Position,
    /// How many rows the fold gives, and those that are set aside.
    pub rows: u64,
    /// How many rows differ.
    pub different: u64,
    /// The first of them, by key.
    pub first: Vec<Difference>,
    /// What is wrong with the table and its indexes.
    pub damage: Vec<String>,
}

/// A row that is not what the log gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its key.
    pub key: String,
    /// What it should be; `None` when there should be none.
    pub should_be: Option<Image>,
    /// What it is; `None` when there is none.
    pub is: Option<Image>,
}

/// A row with all that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// The row as people see it, JSON; `None` when it is set aside before there was one.
    pub row: Option<String>,
    /// The position of the event that made it.
    pub first_position: Option<Position>,
    /// The position of the last event that changed it.
    pub last_position: Option<Position>,
    /// What lists look it up by.
    pub columns: Vec<String>,
    /// The event that it is set aside for, and how many wait behind that.
    pub set_aside: Option<(Position, u64)>,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Wait for the rebuild, or run the program that has folded the rows.
    #[error(
        "the rows of view {view} are of version {found}, this program folds version {known}: verify them when the rebuild is done"
    )]
    OtherVersion {
        /// Which view.
        view: &'static str,
        /// The version of the rows.
        found: u32,
        /// The version of the program.
        known: u32,
    },
    /// The rows cannot be read, or the log cannot be folded here.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The log cannot be read, or is not the one that the rows were built from.
    #[error(transparent)]
    Log(#[from] StoreError),
}

/// Compares the rows of the home at `views` with the log. What is folded lies in the folder `scratch`, which must be there.
/// `progress` hears how far it is, and how far it has to go.
///
/// # Errors
/// [`VerifyError`], by what the caller does next.
pub async fn verify<P: Projection>(
    views: &HomeAddress,
    store: &EventStore,
    scratch: &Path,
    mut progress: impl FnMut(Position, Position),
) -> Result<Verified, VerifyError> {
    let definition = Arc::new(Definition::of::<P>()?);
    // The rows are not held still while the log is folded: that would keep the file growing. What they gain meanwhile
    // is folded once they are.
    let mut now = views.pin().await?;
    let (before, skips) = (now.serving(&definition).await?, now.skips(&definition).await?);
    drop(now);
    is_of(&before, &definition)?;
    store.check(before.mark).await?;
    let file = scratch.join(format!("{}.sqlite", P::NAME));
    let mut reference = Reference::<P>::new(&file, &definition, store, skips).await?;
    reference.fold(before.mark.position, &mut progress).await?;
    let mut pinned = views.pin().await?;
    let serving = pinned.serving(&definition).await?;
    is_of(&serving, &definition)?;
    store.check(serving.mark).await?;
    // Somebody may have said of an event since that it counts for nothing.
    let skips = pinned.skips(&definition).await?;
    if skips != *reference.target.skips {
        let file = scratch.join(format!("{}-again.sqlite", P::NAME));
        reference = Reference::new(&file, &definition, store, skips).await?;
    }
    reference.fold(serving.mark.position, &mut progress).await?;
    let mut right = sqlite::Pinned::open(reference.file.clone()).await?;
    let compared = compare(&definition, (&mut right, &reference.made), (pinned.as_mut(), &serving)).await?;
    Ok(Verified {
        view: P::NAME,
        generation: serving.number,
        version: serving.version,
        position: serving.mark.position,
        rows: compared.rows,
        different: compared.different,
        first: compared.first,
        damage: pinned.damage(&serving).await?,
    })
}

fn is_of(serving: &Generation, definition: &Definition) -> Result<(), VerifyError> {
    if serving.is_of(definition) {
        return Ok(());
    }
    let (view, found, known) = (definition.name, serving.version, definition.version);
    Err(VerifyError::OtherVersion { view, found, known })
}

/// The log folded anew.
struct Reference<P> {
    file: PathBuf,
    home: SqliteViews,
    made: Generation,
    target: Target,
    mark: Mark,
    reading: Reading,
    /// What was read and lies behind what was to be folded.
    rest: Vec<Entry>,
    projection: PhantomData<fn() -> P>,
}

impl<P: Projection> Reference<P> {
    async fn new(
        file: &Path,
        definition: &Arc<Definition>,
        store: &EventStore,
        skips: BTreeSet<Position>,
    ) -> Result<Self, VerifyError> {
        let home = SqliteViews::scratch(file)?;
        let made = home.prepare(definition).await?.serving;
        let target = made.target(definition, Place::Serving, &Arc::new(skips));
        let reading = Reading::after(store, Mark::START);
        let (mark, rest, projection) = (Mark::START, Vec::new(), PhantomData);
        let file = file.to_owned();
        Ok(Self { file, home, made, target, mark, reading, rest, projection })
    }

    /// Folds up to a position, which the log has.
    async fn fold(
        &mut self,
        goal: Position,
        progress: &mut impl FnMut(Position, Position),
    ) -> Result<(), VerifyError> {
        let mut read = self.mark;
        while read.position < goal {
            let mut entries = std::mem::take(&mut self.rest);
            if entries.is_empty() {
                entries = self.next().await?.entries;
            }
            let beyond = entries.partition_point(|entry| entry.position() <= goal);
            self.rest = entries.split_off(beyond);
            let Some(last) = entries.last() else { break };
            read = Mark::on(last);
            let entries = Arc::new(entries);
            let applied = apply::<P>(&self.home, &self.target, &entries, self.mark, read).await?;
            if applied.rows > 0 {
                self.mark = read;
            }
            progress(read.position, goal);
        }
        if read != self.mark {
            self.home.commit(&self.target, Arc::default(), self.mark, read).await?;
            self.mark = read;
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Batch, StoreError> {
        let next = timeout(PATIENCE, self.reading.next()).await;
        next.map_err(|elapsed| StoreError::Unavailable(elapsed.into()))?
    }
}
