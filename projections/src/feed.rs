//! From the log into the rows of one generation.

use std::marker::PhantomData;
use std::sync::Arc;

use event_model::{Position, Projection};
use event_store::{Batch, Entry, EventStore, Mark, StoreError};
use tokio::time::Instant;

use crate::applying::{Applied, apply};
use crate::error::ViewError;
use crate::generation::{Generation, Target};
use crate::home::Home;
use crate::reading::Reading;

/// The checkpoint follows what touched no row at the latest after so many positions, or as long as the
/// home says.
const LATE_BY: u64 = 1000;

/// A generation that follows the log.
#[derive(Debug)]
pub(crate) struct Feed<P> {
    home: Arc<dyn Home>,
    pub(crate) target: Target,
    reading: Reading,
    /// Where the checkpoint stands.
    saved: Mark,
    /// What was read. Beyond the checkpoint lies only what touched no row.
    read: Mark,
    save_by: Instant,
    /// How many events the log held beyond what was read.
    pub(crate) behind: u64,
    projection: PhantomData<fn() -> P>,
}

/// A batch under way into the rows. It may be tried as often as it takes.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) entries: Arc<Vec<Entry>>,
    to: Mark,
    behind: u64,
}

impl Work {
    /// Of a batch; `None` of an empty one.
    pub(crate) fn of(batch: Batch) -> Option<Self> {
        let to = Mark::on(batch.entries.last()?);
        Some(Self { entries: Arc::new(batch.entries), to, behind: batch.behind })
    }
}

impl<P: Projection> Feed<P> {
    /// From where the generation stands. `behind` is how much the log holds beyond that.
    pub(crate) fn new(
        home: &Arc<dyn Home>,
        store: &EventStore,
        target: Target,
        generation: &Generation,
        behind: u64,
    ) -> Self {
        let mark = generation.mark;
        Self {
            home: Arc::clone(home),
            target,
            reading: Reading::after(store, mark),
            saved: mark,
            read: mark,
            save_by: Instant::now(),
            behind,
            projection: PhantomData,
        }
    }

    /// What the log has next. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Result<Batch, StoreError> {
        self.reading.next().await
    }

    /// Every event up to here is in the rows.
    pub(crate) fn position(&self) -> Position {
        self.read.position
    }

    /// Where the checkpoint stands.
    pub(crate) fn saved(&self) -> Mark {
        self.saved
    }

    /// Applies a batch, or does nothing.
    pub(crate) async fn apply(&mut self, work: &Work) -> Result<Applied, ViewError> {
        let applied =
            apply::<P>(self.home.as_ref(), &self.target, &work.entries, self.saved, work.to).await?;
        if self.read == self.saved {
            self.save_by = Instant::now() + self.home.late_by();
        }
        (self.read, self.behind) = (work.to, work.behind);
        if applied.rows > 0 {
            self.saved = work.to;
        }
        Ok(applied)
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
        self.save_by = Instant::now() + self.home.late_by();
        self.home.commit(&self.target, Vec::new(), self.saved, self.read).await?;
        self.saved = self.read;
        Ok(())
    }
}
