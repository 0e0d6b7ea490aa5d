//! What every answer has, whatever happened inside: a request id, a problem body where there is a problem, a line in
//! the log and a count where an operator needs them.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use event_store::trace;
use futures_util::FutureExt as _;
use tokio_util::task::TaskTracker;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::call::traceparent;
use crate::problem::Problem;
use crate::subject::note_trace;

const REQUEST_ID: &str = "x-request-id";

/// The outermost layer.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        %method,
        path,
        request_id = id,
        trace_id = Empty,
        entity = Empty,
        position = Empty
    );
    let traced = span.in_scope(|| traced(&method, &route, &path));
    let caller = traceparent(request.headers());
    trace::follow(&traced, caller.as_deref());
    note_trace(&span, &traced, caller.as_deref());
    let inside = next.run(request).instrument(traced.clone()).instrument(span.clone());
    let inside = AssertUnwindSafe(inside).catch_unwind().await;
    let mut answer =
        inside.unwrap_or_else(|_| span.in_scope(|| Problem::internal(&"a handler panicked")).into_response());
    if let Some(problem) = answer.extensions_mut().remove::<Problem>() {
        let allow = answer.headers_mut().remove("allow");
        answer = problem.answer(&path, &id);
        answer.headers_mut().extend(allow.map(|allow| (axum::http::header::ALLOW, allow)));
    }
    if let Ok(id) = HeaderValue::try_from(&id) {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    let status = answer.status().as_u16().to_string();
    traced.record("http.response.status_code", answer.status().as_u16());
    if answer.status().is_server_error() {
        traced.record("otel.status_code", "ERROR");
    }
    let seconds = started.elapsed().as_secs_f64();
    span.in_scope(|| tracing::debug!(status, seconds, "answered"));
    metrics::histogram!("jetsource_http_request_duration_seconds", "method" => counted(&method), "route" => route, "status" => status)
        .record(seconds);
    answer
}

/// The place of a request in its trace.
fn traced(method: &Method, route: &str, path: &str) -> Span {
    let span = tracing::debug_span!(
        target: trace::TARGET,
        "http",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method.as_str(),
        http.route = route,
        http.response.status_code = Empty,
        url.path = path,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("{} {route}", counted(method)));
    }
    span
}

/// A command runs in a task of its own: a caller who hangs up leaves nothing half done. `tasks` lets the program
/// wait for them before it ends.
pub(crate) async fn in_a_task_of_its_own(
    State(tasks): State<TaskTracker>,
    request: Request,
    next: Next,
) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    match tasks.spawn(next.run(request).in_current_span()).await {
        Ok(answer) => answer,
        Err(panic) => Problem::internal(&panic).into_response(),
    }
}

/// The method as a label: callers may make up methods, and each would be a time series for ever.
fn counted(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("other")
}

/// The caller's own id for the request, where it is fit to be sent back and logged; else a new one.
fn request_id(request: &Request) -> String {
    let own = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    own.filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}
