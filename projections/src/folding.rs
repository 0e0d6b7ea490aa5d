//! The log, folded by a task of its own: while one batch is written the next is folded, and the one behind it decoded.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use event_model::{Position, Projection};
use event_store::{Batch, Entry, EventStore, Mark};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::ahead::Ahead;
use crate::applying::{Applied, changes};
use crate::background::Background;
use crate::error::{RunError, ViewError, line};
use crate::fold::Change;
use crate::following::{PAUSES, failed, paused};
use crate::generation::{Place, Target};
use crate::home::Home;
use crate::reading::{MOST, Reading};
use crate::status::Board;

/// How many batches wait to be written.
const AHEAD: usize = 1;

/// What a batch comes to, to be written.
#[derive(Debug)]
pub(crate) struct Folded {
    pub(crate) entries: Arc<Vec<Entry>>,
    pub(crate) to: Mark,
    /// How many events the log held behind them.
    pub(crate) behind: u64,
    pub(crate) changes: Arc<Vec<Change>>,
    pub(crate) applied: Applied,
}

/// What folds the log into changes of the rows of one generation. It ends with this value.
#[derive(Debug)]
pub(crate) struct Folding {
    folded: mpsc::Receiver<Result<Folded, RunError>>,
    written: watch::Sender<Position>,
    task: JoinHandle<()>,
}

/// Where a view and its log are.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) home: Arc<dyn Home>,
    pub(crate) board: Arc<Board>,
    pub(crate) store: EventStore,
    pub(crate) background: Background,
}

impl Folding {
    /// Everything behind a mark, folded on these threads.
    pub(crate) fn start<P: Projection>(
        threads: &Handle,
        source: Source,
        target: Target,
        after: Mark,
    ) -> Self {
        let (give, folded) = mpsc::channel(AHEAD);
        let (written, seen) = watch::channel(after.position);
        let task = threads.spawn(async move {
            if let Err(error) = run::<P>(&source, &target, after, &give, seen).await {
                let _ = give.send(Err(error)).await;
            }
        });
        Self { folded, written, task }
    }

    /// The next batch; waits until there is one. Safe to drop and call again: nothing is lost.
    ///
    /// # Errors
    /// [`RunError`], when the worker must not go on. There is nothing more then.
    pub(crate) async fn next(&mut self) -> Result<Folded, RunError> {
        match self.folded.recv().await {
            Some(folded) => folded,
            // It has told why before, or the program ends.
            None => pending().await,
        }
    }

    /// Everything up to this position is written.
    pub(crate) fn written(&self, position: Position) {
        self.written.send_replace(position);
    }
}

impl Drop for Folding {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Folds until nobody takes it any more.
async fn run<P: Projection>(
    source: &Source,
    target: &Target,
    after: Mark,
    give: &mpsc::Sender<Result<Folded, RunError>>,
    mut written: watch::Receiver<Position>,
) -> Result<(), RunError> {
    let mut reading = Reading::after(&log(source, target.place).await, after);
    let mut ahead = Ahead::default();
    let mut read = after.position;
    loop {
        let Batch { entries, behind } = reading.next().await?;
        let Some(last) = entries.last() else { continue };
        let to = Mark::on(last);
        let entries = Arc::new(entries);
        ahead.written(*written.borrow_and_update());
        let (changes, applied) = insist::<P>(source, target, &entries, read, &ahead).await?;
        read = to.position;
        let changes = Arc::new(changes);
        let sets_aside =
            changes.iter().any(|change| matches!(change, Change::SetAside(_) | Change::Wait { .. }));
        if !sets_aside {
            ahead.add(to.position, &changes);
        }
        if give.send(Ok(Folded { entries, to, behind, changes, applied })).await.is_err() {
            return Ok(());
        }
        // What waits behind a row is read from the home. Close to the end of the log nothing is folded ahead: what comes
        // while a batch is written makes one batch, and so one transaction.
        let is_close = behind < MOST as u64;
        if (sets_aside || is_close) && written.wait_for(|written| *written >= to.position).await.is_err() {
            return Ok(());
        }
    }
}

/// The log. What is built reads it over a connection of its own: nobody else waits behind what it is sent.
async fn log(source: &Source, place: Place) -> EventStore {
    if place == Place::Serving {
        return source.store.clone();
    }
    match source.store.beside().await {
        Ok(beside) => beside,
        Err(error) => {
            let view = source.board.definition.name;
            tracing::warn!(view, error = line(&error), "is built over the connection that all share");
            source.store.clone()
        }
    }
}

/// What entries make of rows, however often that must be tried.
async fn insist<P: Projection>(
    source: &Source,
    target: &Target,
    entries: &Arc<Vec<Entry>>,
    after: Position,
    ahead: &Ahead,
) -> Result<(Vec<Change>, Applied), ViewError> {
    let mut pause = PAUSES.0;
    loop {
        match changes::<P>(source.home.as_ref(), target, entries, after, ahead).await {
            Ok(changes) => return Ok(changes),
            Err(error) => failed(&source.board, error)?,
        }
        paused(&mut pause, pin!(pending())).await;
    }
}
