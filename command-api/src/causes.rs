//! `GET /correlations/{id}`: what caused what, from the first cause on.
//!
//! The log is looked through for it, so it costs reading: few of these calls are under way at once on a node, the others
//! wait, and whoever goes away no longer costs anything.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use event_model::causes::{Causes, What};
use event_model::{Position, Recorded};
use event_store::{Chain, cloud_event};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::accept::quality;
use crate::api::Api;
use crate::call::POSITION;
use crate::problem::{Kind, Problem};
use crate::query::Parameters;

/// The media type of Mermaid's language.
pub(crate) const MERMAID: &str = "text/vnd.mermaid";
/// How many look through the log at once.
const AT_ONCE: usize = 2;

/// In which form the tree is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Mermaid,
}

/// The tree, and what was looked through for it.
#[derive(Debug, Serialize)]
struct Told {
    correlation_id: Uuid,
    /// Whether the log was looked through to its end.
    complete: bool,
    after: Position,
    upto: Position,
    tree: Vec<Place>,
}

/// A place in the tree.
#[derive(Debug, Serialize)]
struct Place {
    depth: usize,
    /// The index of what caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<usize>,
    /// A command or a deadline, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
}

/// The route.
pub(crate) fn routes() -> Router<Api> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    Router::new().route("/correlations/{id}", get(correlation)).layer(Extension(places))
}

/// `GET /correlations/{id}`
async fn correlation(
    State(api): State<Api>,
    Extension(places): Extension<Arc<Semaphore>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let id = id.ok().and_then(|Path(id)| Uuid::try_parse(&id).ok());
    let id = id.ok_or_else(|| Problem::malformed("the id in the path must be a UUID"))?;
    let form = parameters.take("format")?.unwrap_or_else(|| Form::accepted(&headers));
    let after = parameters.take::<Position>("after")?;
    parameters.finish()?;
    let _place = places.acquire_owned().await.map_err(|closed| Problem::internal(&closed))?;
    let Chain { events, after, upto, more } = api.store.chain(id, after).await?;
    if events.is_empty() && !more {
        let detail = "no event on the log has this first cause; the correlation_id of an event names one";
        return Err(Problem::new(Kind::NotFound, detail));
    }
    let tree = Causes::of(events);
    let mut answer = match form {
        Form::Mermaid => ([(header::CONTENT_TYPE, MERMAID)], tree.mermaid()).into_response(),
        Form::Json => {
            let tree = tree.links().iter().map(Place::of).collect::<Result<_, _>>()?;
            Json(Told { correlation_id: id, complete: !more, after, upto, tree }).into_response()
        }
    };
    let headers = answer.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(POSITION, HeaderValue::from(upto.get()));
    if let Some(link) = HeaderValue::try_from(parameters.next(&upto)).ok().filter(|_| more) {
        headers.insert(header::LINK, link);
    }
    Ok(answer)
}

impl Place {
    fn of(link: &event_model::causes::Link) -> Result<Self, Problem> {
        let json = |event: &Recorded| {
            let text = cloud_event::to_json(event)?;
            RawValue::from_string(text).map_err(|error| Problem::internal(&error))
        };
        let (command, event) = match &link.what {
            What::Cause(id) => (Some(*id), None),
            What::Event(event) => (None, Some(json(event)?)),
        };
        Ok(Self { depth: link.depth, cause: link.cause, command, event })
    }
}

impl Form {
    /// The picture for those who would rather have that.
    fn accepted(headers: &HeaderMap) -> Self {
        let picture = quality(headers, MERMAID);
        if picture > 0.0 && picture > quality(headers, "application/json") {
            Self::Mermaid
        } else {
            Self::Json
        }
    }
}

impl FromStr for Form {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "mermaid" => Ok(Self::Mermaid),
            _ => Err("must be json or mermaid"),
        }
    }
}
