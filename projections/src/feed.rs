//! From the log into the rows of one generation.

use std::marker::PhantomData;
use std::sync::Arc;

use event_model::{Position, Projection};
use event_store::Mark;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::error::{RunError, ViewError};
use crate::folding::{Folded, Folding, Source};
use crate::generation::{Place, Target};

/// The checkpoint follows what touched no row at the latest after so many positions, or as long as the
/// home says.
const LATE_BY: u64 = 1000;

/// A generation that follows the log.
#[derive(Debug)]
pub(crate) struct Feed<P> {
    source: Source,
    pub(crate) target: Target,
    folding: Folding,
    /// Where the checkpoint stands.
    saved: Mark,
    /// What was read. Beyond the checkpoint lies only what touched no row.
    read: Mark,
    save_by: Instant,
    /// How many events the log held beyond what was read.
    pub(crate) behind: u64,
    projection: PhantomData<fn() -> P>,
}

impl<P: Projection> Feed<P> {
    /// From where the rows stand. `behind` is how much the log holds beyond that.
    pub(crate) fn new(source: &Source, target: Target, mark: Mark, behind: u64) -> Self {
        Self {
            folding: fold::<P>(source, &target, mark),
            source: source.clone(),
            target,
            saved: mark,
            read: mark,
            save_by: Instant::now(),
            behind,
            projection: PhantomData,
        }
    }

    /// Folds anew what is not written: somebody has changed rows by hand, or what counts for nothing.
    pub(crate) fn fold_anew(&mut self) {
        self.folding = fold::<P>(&self.source, &self.target, self.read);
    }

    /// What the log has next. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Result<Folded, RunError> {
        self.folding.next().await
    }

    /// Every event up to here is in the rows.
    pub(crate) fn position(&self) -> Position {
        self.read.position
    }

    /// Where the checkpoint stands.
    pub(crate) fn saved(&self) -> Mark {
        self.saved
    }

    /// Writes what a batch came to, or does nothing. It may be tried as often as it takes.
    pub(crate) async fn write(&mut self, folded: &Folded) -> Result<(), ViewError> {
        if folded.applied.rows > 0 {
            let changes = Arc::clone(&folded.changes);
            self.source.home.commit(&self.target, changes, self.saved, folded.to).await?;
            self.saved = folded.to;
        } else if self.read == self.saved {
            self.save_by = Instant::now() + self.source.home.late_by();
        }
        (self.read, self.behind) = (folded.to, folded.behind);
        self.folding.written(folded.to.position);
        Ok(())
    }

    /// When the checkpoint must follow; `None` when it stands where the reading does.
    pub(crate) fn save_by(&self) -> Option<Instant> {
        let far = self.read.position.get() - self.saved.position.get() >= LATE_BY;
        let by = if far { Instant::now() } else { self.save_by };
        (self.read != self.saved).then_some(by)
    }

    /// Lets the checkpoint follow what touched no row. When that fails it is due again a little later.
    pub(crate) async fn save(&mut self) -> Result<(), ViewError> {
        if self.read == self.saved {
            return Ok(());
        }
        self.save_by = Instant::now() + self.source.home.late_by();
        self.source.home.commit(&self.target, Arc::default(), self.saved, self.read).await?;
        self.saved = self.read;
        Ok(())
    }
}

/// What is built yields to everything else.
fn fold<P: Projection>(source: &Source, target: &Target, after: Mark) -> Folding {
    let threads = match target.place {
        Place::Serving => Handle::current(),
        Place::Building => source.background.handle(),
    };
    Folding::start::<P>(&threads, source.clone(), target.clone(), after)
}
