//! `GET /events`: the log as it grows, for browsers and whoever else speaks HTTP alone.
//!
//! In reading order:
//! - `accept`, `filter`, `begin`: what is asked for, in which form, and from where on
//! - `pages`: as pages of JSON
//! - `said`: as server-sent events, on the wire
//! - `listener`: one who listens: catches up by itself (`behind`), then hears what comes
//! - `hub`, `crowd`: all who listen, and the one reader of the log that they share
//! - `pulse`: who takes nothing any more is told, and cut off
//!
//! Deliberately not here: any category or type that the shop knows.

mod accept;
mod begin;
mod behind;
mod crowd;
mod filter;
mod hub;
mod listener;
mod pages;
mod pulse;
mod said;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use crate::api::Api;
use crate::call::POSITION;
use crate::line::Line;
use crate::problem::Problem;
use crate::query::Parameters;
use accept::Form;
use begin::Begin;
use hub::Hub;
use listener::Listener;

/// The routes of the log as it grows. All who listen share what is made here.
pub(crate) fn routes(api: &Api) -> Router<Api> {
    let hub = Hub::new(api.store.clone(), api.ending.clone());
    Router::new().route("/events", get(events)).layer(Extension(hub))
}

/// `GET /events`
async fn events(
    State(api): State<Api>,
    Extension(hub): Extension<Hub>,
    Extension(line): Extension<Line>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let mut answer = match Form::asked(&headers) {
        Form::Pages => pages::page(&api.store, parameters).await?,
        Form::Stream => stream(&api, hub, line, &headers, parameters).await?,
    };
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(answer)
}

async fn stream(
    api: &Api,
    hub: Hub,
    line: Line,
    headers: &HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let filter = filter::taken(&mut parameters)?;
    let begin = Begin::taken(headers, &mut parameters)?;
    parameters.finish()?;
    let after = begin.position(&api.store).await?;
    let mut answer = axum::body::Body::from_stream(Listener::new(hub, filter, begin, after, line).stream())
        .into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold events back until it has a buffer full of them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    if let Some(after) = after {
        headers.insert(POSITION, HeaderValue::from(after.get()));
    }
    Ok(answer)
}
