//! One projection, from its checkpoint on, until it is told to stop: what it follows, and what it is asked.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;

use event_model::Projection;
use event_store::{EventStore, StoreError};
use tokio::sync::mpsc;

use crate::control::Ask;
use crate::error::{RunError, line};
use crate::following::Following;
use crate::generation::Prepared;
use crate::home::Home;
use crate::leftovers::Leftovers;
use crate::status::Board;

/// A projection that is ready to run.
#[derive(Debug)]
pub struct Worker<P> {
    home: Arc<dyn Home>,
    board: Arc<Board>,
    prepared: Prepared,
    asks: mpsc::Receiver<Ask>,
    projection: PhantomData<fn() -> P>,
}

impl<P: Projection> Worker<P> {
    pub(crate) fn new(home: Arc<dyn Home>, board: Arc<Board>, prepared: Prepared) -> Self {
        let asks = board.connect();
        Self { home, board, prepared, asks, projection: PhantomData }
    }

    /// Runs until `shutdown` is ready; the batch under way is finished. While the broker is away it waits, and
    /// while the home fails it tries again: the view's status says so.
    ///
    /// # Errors
    /// [`RunError`], when it must not go on: the log is not the one that the rows were built from, or another
    /// worker drives the view. The view's status goes on saying so.
    pub async fn run(self, store: EventStore, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let Self { home, board, prepared, asks, .. } = self;
        board.tell(|status| (status.running, status.error) = (true, None));
        let running = Running(Arc::clone(&board));
        let leftovers = Leftovers::of(&home, board.definition.name);
        let following = Following::<P>::new(home, Arc::clone(&board), store, leftovers.clone(), asks);
        let shutdown = pin!(shutdown);
        let done = tokio::select! {
            done = following.run(prepared, shutdown) => done,
            never = leftovers.sweep() => match never {},
        };
        if let Err(error) = &done {
            board.tell(|status| {
                (status.caught_up, status.error) = (false, Some(line(error)));
                status.log_differs = matches!(error, RunError::Log(StoreError::Corrupt(_)));
            });
        }
        drop(running);
        done
    }
}

/// The view says that it is driven for as long as this is there.
struct Running(Arc<Board>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.tell(|status| status.running = false);
    }
}
