//! The events of one entity, from the log.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::{Order, OrderId, User, UserId};
use event_model::{Decider, Position, Recorded, Version};
use serde::Serialize;
use serde_json::value::RawValue;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::api::Api;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Parameters;

/// An event as it is served.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    id: Uuid,
    r#type: String,
    version: Option<Version>,
    position: Position,
    time: String,
    causation_id: Option<Uuid>,
    correlation_id: Option<Uuid>,
    data: Box<RawValue>,
}

/// `GET /users/{id}/events`
pub(crate) async fn of_user(
    State(api): State<Api>,
    Id(id): Id<UserId>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    events::<User>(&api, id, parameters).await
}

/// `GET /orders/{id}/events`
pub(crate) async fn of_order(
    State(api): State<Api>,
    Id(id): Id<OrderId>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    events::<Order>(&api, id, parameters).await
}

async fn events<D: Decider>(api: &Api, id: D::Id, mut parameters: Parameters) -> Result<Response, Problem> {
    let (limit, after) = (parameters.limit()?, parameters.take::<Version>("after")?);
    parameters.finish()?;
    let after = after.unwrap_or(Version::START);
    let (events, more) = api.store.history::<D>(&id, after, limit as usize).await?;
    if events.is_empty() && api.store.history::<D>(&id, Version::START, 1).await?.0.is_empty() {
        return Err(Problem::not_found(&format!("{} {id}", D::CATEGORY)));
    }
    let last = events.last().and_then(|event| event.version);
    let body = events.into_iter().map(served).collect::<Result<Vec<_>, _>>()?;
    let mut answer = Json(body).into_response();
    if let Some(link) =
        last.filter(|_| more).and_then(|last| HeaderValue::try_from(parameters.next(&last)).ok())
    {
        answer.headers_mut().insert(header::LINK, link);
    }
    Ok(answer)
}

/// An event for callers.
pub(crate) fn served(event: Recorded) -> Result<Event, Problem> {
    Ok(Event {
        id: event.id,
        r#type: event.event_type,
        version: event.version,
        position: event.position,
        time: event.time.format(&Rfc3339).map_err(|error| Problem::internal(&error))?,
        causation_id: event.causation_id,
        correlation_id: event.correlation_id,
        data: serde_json::from_slice(&event.data).map_err(|error| Problem::internal(&error))?,
    })
}
