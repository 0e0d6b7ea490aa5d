//! From the log into rows: one projection, from its checkpoint on, until it is told to stop.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use event_model::Projection;
use event_store::{Batch, Entry, EventStore, Mark, StoreError, Subscription};
use metrics::{counter, gauge, histogram};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::{RunError, ViewError, line};
use crate::sqlite::{Applied, SqliteViews};
use crate::status::Board;

/// The most events of one transaction.
const MOST: usize = 1000;
/// The checkpoint follows what touched no row at the latest after so many positions, or so long.
const LATE_BY: (u64, Duration) = (1000, Duration::from_secs(1));
/// How long to wait after a failure: twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How long to wait before the broker is asked again.
const BROKER: Duration = Duration::from_millis(200);

/// A projection that is ready to run.
#[derive(Debug)]
pub struct Worker<P> {
    home: SqliteViews,
    board: Arc<Board>,
    /// Where the checkpoint stands.
    saved: Mark,
    /// What was read. Beyond the checkpoint lies only what touched no row.
    read: Mark,
    save_by: Instant,
    projection: PhantomData<fn() -> P>,
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Next {
    On,
    Stop,
}

impl<P: Projection> Worker<P> {
    pub(crate) fn new(home: SqliteViews, board: Arc<Board>, saved: Mark) -> Self {
        let save_by = Instant::now();
        Self { home, board, saved, read: saved, save_by, projection: PhantomData }
    }

    /// Runs until `shutdown` is ready; the batch under way is finished. While the broker is away it waits, and
    /// while the home fails it tries again: the view's status says so.
    ///
    /// # Errors
    /// [`RunError`], when it must not go on: the log is not the one that the rows were built from, or another
    /// worker drives the view. The view's status goes on saying so.
    pub async fn run(
        mut self,
        store: EventStore,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        self.board.tell(|status| (status.running, status.error) = (true, None));
        let done = self.follow(&store, pin!(shutdown)).await;
        if let Err(error) = &done {
            self.board.tell(|status| {
                (status.caught_up, status.error) = (false, Some(line(error)));
                status.log_differs = matches!(error, RunError::Log(StoreError::Corrupt(_)));
            });
        }
        done
    }

    async fn follow(
        &mut self,
        store: &EventStore,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), RunError> {
        tokio::select! {
            biased;
            () = shutdown.as_mut() => return Ok(()),
            begun = self.begin(store) => begun?,
        }
        let mut log = store.subscribe(self.saved);
        while let Some(batch) = self.next(&mut log, shutdown.as_mut()).await? {
            if self.apply(batch, shutdown.as_mut()).await? == Next::Stop {
                return Ok(());
            }
        }
        self.save().await?;
        Ok(())
    }

    /// Makes sure that the log is the one that the rows were built from, and asks how far it is.
    async fn begin(&mut self, store: &EventStore) -> Result<(), StoreError> {
        let head = loop {
            match self.look(store).await {
                Err(StoreError::Unavailable(cause)) => {
                    tracing::debug!(view = P::NAME, cause, "waits for the broker");
                    sleep(BROKER).await;
                }
                other => break other?,
            }
        };
        self.tell(head.get().saturating_sub(self.saved.position.get()), None);
        Ok(())
    }

    async fn look(&self, store: &EventStore) -> Result<event_model::Position, StoreError> {
        store.check(self.saved).await?;
        store.head().await
    }

    /// What the log has next; `None` when it is time to stop.
    async fn next(
        &mut self,
        log: &mut Subscription,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Option<Batch>, RunError> {
        let mut next = pin!(log.next(MOST));
        loop {
            tokio::select! {
                biased;
                () = shutdown.as_mut() => return Ok(None),
                batch = &mut next => return Ok(Some(batch?)),
                () = sleep_until(self.save_by), if self.read != self.saved => self.save().await?,
            }
        }
    }

    async fn apply(
        &mut self,
        batch: Batch,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Next, ViewError> {
        let Some(last) = batch.entries.last() else { return Ok(Next::On) };
        let to = Mark::on(last);
        let entries = Arc::new(batch.entries);
        let mut pause = PAUSES.0;
        let started = Instant::now();
        let applied = loop {
            match self.home.apply::<P>(&self.board.definition, &entries, self.saved, to).await {
                Ok(applied) => break applied,
                Err(error) => self.failed(error)?,
            }
            tokio::select! {
                biased;
                () = shutdown.as_mut() => return Ok(Next::Stop),
                () = sleep(pause) => pause = (pause * 2).min(PAUSES.1),
            }
        };
        self.applied(&entries, &applied, to);
        self.tell(batch.behind, Some(&entries));
        histogram!("jetsource_view_batch_seconds", "view" => P::NAME).record(started.elapsed().as_secs_f64());
        if to.position.get() - self.saved.position.get() >= LATE_BY.0 {
            self.save().await?;
        }
        Ok(Next::On)
    }

    fn applied(&mut self, entries: &[Entry], applied: &Applied, to: Mark) {
        for skipped in &applied.skipped {
            let (view, position, reason) = (P::NAME, skipped.position, &skipped.reason);
            tracing::warn!(view, %position, reason, "an event cannot be read and is stepped over");
        }
        counter!("jetsource_view_unreadable_total", "view" => P::NAME)
            .increment(applied.skipped.len() as u64);
        counter!("jetsource_view_events_total", "view" => P::NAME).increment(entries.len() as u64);
        if self.read == self.saved {
            self.save_by = Instant::now() + LATE_BY.1;
        }
        self.read = to;
        if applied.rows > 0 {
            self.saved = to;
        }
    }

    /// Tells how far the view is.
    fn tell(&self, behind: u64, entries: Option<&[Entry]>) {
        let time = entries.into_iter().flatten().rev().find_map(|entry| match entry {
            Entry::Event(event) => Some(event.time),
            Entry::Foreign(_) => None,
        });
        let position = self.read.position;
        self.board.tell(|status| {
            (status.position, status.behind, status.caught_up) = (position, Some(behind), behind == 0);
            status.error = None;
            status.last_event_time = time.or(status.last_event_time);
        });
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; below 2^53 nothing is lost")]
        let (position, behind) = (position.get() as f64, behind as f64);
        gauge!("jetsource_view_position", "view" => P::NAME).set(position);
        gauge!("jetsource_view_events_behind", "view" => P::NAME).set(behind);
        if let Some(time) = time {
            let lag = (OffsetDateTime::now_utc() - time).as_seconds_f64().max(0.0);
            gauge!("jetsource_view_lag_seconds", "view" => P::NAME).set(lag);
        }
    }

    /// Lets the checkpoint follow what touched no row. When that fails it is tried again a little later.
    async fn save(&mut self) -> Result<(), ViewError> {
        if self.read != self.saved {
            match self.home.advance(&self.board.definition, self.saved, self.read).await {
                Ok(()) => {
                    self.saved = self.read;
                    self.board.tell(|status| status.error = None);
                }
                Err(error) => self.failed(error)?,
            }
            self.save_by = Instant::now() + LATE_BY.1;
        }
        Ok(())
    }

    /// Shows a failure of the home that may pass; any other is given back.
    fn failed(&self, error: ViewError) -> Result<(), ViewError> {
        if let ViewError::Overtaken(_) | ViewError::Unfit { .. } = error {
            return Err(error);
        }
        let text = line(&error);
        tracing::error!(view = P::NAME, error = text, "a batch could not be applied and is tried again");
        counter!("jetsource_view_failures_total", "view" => P::NAME).increment(1);
        self.board.tell(|status| status.error = Some(text));
        Ok(())
    }
}

impl<P> Drop for Worker<P> {
    fn drop(&mut self) {
        self.board.tell(|status| status.running = false);
    }
}
