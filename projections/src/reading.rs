//! The log, read ahead by a task of its own: who takes batches may turn to something else at any time.

use event_store::{Batch, EventStore, Mark, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The most events of one batch, and so of one transaction.
pub(crate) const MOST: usize = 2000;
/// How many batches wait to be taken.
const AHEAD: usize = 1;

/// A reader of the log. It ends with this value.
#[derive(Debug)]
pub(crate) struct Reading {
    batches: mpsc::Receiver<Result<Batch, StoreError>>,
    task: JoinHandle<()>,
}

impl Reading {
    /// Everything on the log after a mark.
    pub(crate) fn after(store: &EventStore, mark: Mark) -> Self {
        let (give, batches) = mpsc::channel(AHEAD);
        let mut log = store.subscribe(mark);
        let task = tokio::spawn(async move {
            loop {
                let batch = log.next(MOST).await;
                let was_last = batch.is_err();
                if give.send(batch).await.is_err() || was_last {
                    return;
                }
            }
        });
        Self { batches, task }
    }

    /// The next batch; waits until there is one. Safe to drop and call again: nothing is lost.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the log is not the one that was read up to the mark. There is nothing more then.
    pub(crate) async fn next(&mut self) -> Result<Batch, StoreError> {
        match self.batches.recv().await {
            Some(batch) => batch,
            // It has told why before, or the program ends.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}
