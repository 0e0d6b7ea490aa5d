//! Rows that nobody needs any more, dropped in pieces beside everything else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::error::line;
use crate::home::Home;

/// How long to wait after a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// What a view has left behind. Clones hear of the same.
#[derive(Debug, Clone)]
pub(crate) struct Leftovers {
    home: Arc<dyn Home>,
    view: &'static str,
    more: Arc<Notify>,
}

impl Leftovers {
    pub(crate) fn of(home: &Arc<dyn Home>, view: &'static str) -> Self {
        Self { home: Arc::clone(home), view, more: Arc::default() }
    }

    /// There is more.
    pub(crate) fn add(&self) {
        self.more.notify_one();
    }

    /// Drops what is there, and what comes, for ever. Safe to drop.
    pub(crate) async fn sweep(&self) -> Infallible {
        loop {
            match self.home.sweep(self.view).await {
                // Between two pieces the writer is for others.
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => self.more.notified().await,
                Err(error) => {
                    let (view, error) = (self.view, line(&error));
                    tracing::warn!(view, error, "what nobody needs any more could not be dropped");
                    sleep(AGAIN).await;
                }
            }
        }
    }
}
