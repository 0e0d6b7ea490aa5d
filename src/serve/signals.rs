//! The signals that ask for the end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What was asked for by SIGTERM or SIGINT.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// Cancelled by the first: to end, with all that belongs to it.
    pub(crate) end: CancellationToken,
    /// Cancelled by the second: not to wait any longer for work to go elsewhere.
    pub(crate) hurry: CancellationToken,
}

/// Listens for both signals from here on.
pub(crate) fn listen() -> io::Result<Asked> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked = Asked::default();
    let Asked { end, hurry } = asked.clone();
    tokio::spawn(async move {
        either(&mut term, &mut int).await;
        tracing::info!("asked to end: finishing what runs");
        end.cancel();
        either(&mut term, &mut int).await;
        hurry.cancel();
    });
    Ok(asked)
}

async fn either(term: &mut Signal, int: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
