//! The connection that a request came on, for those who must end it from within.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long a stream may take to say farewell when the program ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection. Every request on it carries this as an extension.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    cut: CancellationToken,
    streams: Arc<AtomicBool>,
}

impl Line {
    /// An answer without an end begins on it.
    pub(crate) fn streams(&self) {
        self.streams.store(true, Ordering::Relaxed);
    }

    /// That answer has ended after all; others may follow.
    pub(crate) fn streams_no_more(&self) {
        self.streams.store(false, Ordering::Relaxed);
    }

    /// Ends it at once, whether or not somebody still reads.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    /// Returns when it must be ended: it was cut, or the program ends and nobody reads a stream's farewell.
    pub(crate) async fn is_cut(&self, ending: &CancellationToken) {
        tokio::select! {
            () = self.cut.cancelled() => return,
            () = ending.cancelled() => {}
        }
        if self.streams.load(Ordering::Relaxed) {
            tokio::time::sleep(FAREWELL).await;
        } else {
            self.cut.cancelled().await;
        }
    }
}
