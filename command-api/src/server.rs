//! Serving HTTP with limits that hold, and an orderly end.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Api;
use crate::line::Line;
use crate::{ops, routes};

/// How long the head of a request may take; an idle connection is closed after it too.
const HEAD: Duration = Duration::from_secs(5);
/// How many connections may wait to be accepted when the end is asked for: as many as the system keeps waiting.
const AT_THE_DOOR: usize = 1024;
/// How long a caller who is connected when the end is asked for may take to send anything.
const LAST: Duration = Duration::from_millis(500);
/// How long what runs may go on after the end was asked for.
pub(crate) const END: Duration = Duration::from_secs(10);

/// Serves until [`Api::ending`] is cancelled. Those who wait at the door by then are let in, since their system has told
/// them that they are connected, and they may have sent a command; nobody after them. What runs has 10 s to finish.
///
/// # Errors
/// When the listener cannot be asked any more.
pub async fn run(listener: TcpListener, api: Api) -> io::Result<()> {
    let (shutdown, commands) = (api.ending.clone(), TaskTracker::new());
    let router = routes::router(api, commands.clone());
    serve_until(shutdown, listener, router, commands).await
}

/// Serves `/metrics` and `/livez` alone until `ending` is cancelled, to whoever connects: for a process without the API.
///
/// # Errors
/// As [`run`].
pub async fn run_metrics(
    listener: TcpListener,
    metrics: PrometheusHandle,
    ending: CancellationToken,
) -> io::Result<()> {
    serve_until(ending, listener, ops::without_the_api(metrics), TaskTracker::new()).await
}

/// `commands` counts what is under way besides its connection.
async fn serve_until(
    shutdown: CancellationToken,
    listener: TcpListener,
    router: Router,
    commands: TaskTracker,
) -> io::Result<()> {
    let service = TowerToHyperService::new(router);
    let connections = TaskTracker::new();
    let let_in = |stream| connections.spawn(serve(stream, service.clone(), shutdown.clone()));
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => drop(let_in(stream)),
            Err(error) => {
                // Out of file descriptors, most likely: others must finish first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // The runtime may not have heard yet of those who wait, so the system is asked.
    let listener = listener.into_std()?;
    for (stream, _) in std::iter::from_fn(|| listener.accept().ok()).take(AT_THE_DOOR) {
        match stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
            Ok(stream) => drop(let_in(stream)),
            // What runs is still to be finished.
            Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
        }
    }
    drop(listener);
    commands.close();
    connections.close();
    let finished = async { tokio::join!(connections.wait(), commands.wait()) };
    if tokio::time::timeout(END, finished).await.is_err() {
        tracing::warn!("requests were still running after 10 s");
    }
    Ok(())
}

/// Serves a connection to its end.
async fn serve(stream: TcpStream, service: TowerToHyperService<Router>, shutdown: CancellationToken) {
    // At the end hyper closes what it has read nothing on, also where a request lies there to be read.
    if !something_comes(&stream, &shutdown).await {
        return;
    }
    let _ = stream.set_nodelay(true);
    let line = Line::default();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), on_line(service, line.clone()));
    let mut connection = pin!(connection);
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = line.is_cut(&shutdown) => {
                return tracing::debug!("a connection was cut: nobody takes what is sent");
            }
            () = shutdown.cancelled(), if !told => {
                connection.as_mut().graceful_shutdown();
                told = true;
            }
        }
    }
}

/// Whether a caller sends anything in time.
async fn something_comes(stream: &TcpStream, shutdown: &CancellationToken) -> bool {
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(LAST).await;
    };
    tokio::select! {
        comes = tokio::time::timeout(HEAD, stream.readable()) => matches!(comes, Ok(Ok(()))),
        () = too_late => false,
    }
}

/// The service, whose requests carry the connection that they come on.
fn on_line(
    service: TowerToHyperService<Router>,
    line: Line,
) -> impl Service<
    Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> {
    service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(line.clone());
        service.call(request)
    })
}
