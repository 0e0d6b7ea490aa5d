//! Serving HTTP with limits that hold, and an orderly end.

use std::io;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::api::Api;
use crate::routes;

/// How long the head of a request may take; an idle connection is closed after it too.
const HEAD: Duration = Duration::from_secs(5);
/// How long what runs may go on after the end was asked for.
pub(crate) const END: Duration = Duration::from_secs(10);

/// Serves until [`Api::ending`] is cancelled; then no connection is accepted any more, and what runs has 10 s to finish.
///
/// # Errors
/// When the listener cannot say where it listens.
pub async fn run(listener: TcpListener, api: Api) -> io::Result<()> {
    let shutdown = api.ending.clone();
    let commands = TaskTracker::new();
    let service = TowerToHyperService::new(routes::router(api, commands.clone()));
    let connections = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: others must finish first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .serve_connection(TokioIo::new(stream), service.clone());
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    commands.close();
    let finished = async { tokio::join!(connections.shutdown(), commands.wait()) };
    if tokio::time::timeout(END, finished).await.is_err() {
        tracing::warn!("requests were still running after 10 s");
    }
    Ok(())
}
