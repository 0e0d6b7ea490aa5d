//! The routes of sagas, for who looks after them.

mod kind;
mod shown;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::{Checkout, Departure, OrderId, Sagas, UserId, value::Invalid};
use event_model::{EntityName, Projection as _, Saga, Version};
use projections::{Cursor, Order, Query};
use sagas::{Asked, ControlError, StuckSagas, ask};
use serde_json::{Value, json};

use crate::api::{Api, tag};
use crate::body::Body;
use crate::call::{Freshness, POSITION};
use crate::lists;
use crate::path::Id;
use crate::problem::{Kind, Problem};
use crate::query::Parameters;
pub(crate) use kind::{SagaKind, SagaState};
use shown::{Row, Timeline};

/// How many events of a saga its page shows.
const MOST_EVENTS: usize = 1000;

/// `GET /sagas`
pub(crate) async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let name = parameters.take::<SagaKind>("name")?;
    let state = parameters.take::<SagaState>("state")?;
    let (limit, after) = (parameters.limit()?, parameters.take::<Cursor>("after")?);
    parameters.finish()?;
    lists::wait::<Sagas>(&api, freshness).await?;
    let mut query = Query::new(Order::NewestFirst, limit).after(after);
    if let Some(name) = name {
        query = query.having("name", name.as_str());
    }
    let stuck = match state {
        Some(SagaState::Stuck) => return stuck_ones(&api, name, limit).await,
        Some(SagaState::Running) => {
            query = query.having("state", "running");
            stuck(&api).await
        }
        Some(SagaState::Done) => {
            query = query.having("state", "done");
            stuck(&api).await
        }
        None => stuck(&api).await,
    };
    let page = api.views.list(Sagas::NAME, &query).await?;
    let rows = page.rows.iter().map(|row| Row::read(&row.row)).collect::<Result<Vec<_>, _>>()?;
    let rows = rows.into_iter().map(|row| row.with(&stuck));
    // Who is stuck waits for nobody but an operator.
    let rows: Vec<Row> = rows.filter(|row| state.is_none() || !row.is_stuck()).collect();
    let mut answer = Json(rows).into_response();
    let headers = answer.headers_mut();
    headers.insert(POSITION, HeaderValue::from(page.position.get()));
    if let Some(link) = page.next.and_then(|after| parameters.next(&after).try_into().ok()) {
        headers.insert(header::LINK, link);
    }
    Ok(answer)
}

/// Those that cannot go on; for longest first.
async fn stuck_ones(api: &Api, name: Option<SagaKind>, limit: u32) -> Result<Response, Problem> {
    let records = StuckSagas::open(&api.store).await?.all(name.map(SagaKind::as_str)).await?;
    let mut rows = Vec::new();
    for record in records.iter().take(limit as usize) {
        let found = api.views.get(Sagas::NAME, &format!("{}/{}", record.name, record.id)).await?;
        let row = found.map(|found| Row::read(&found.row)).transpose()?;
        rows.push(row.unwrap_or_else(|| Row::unseen(record)).with(&records));
    }
    let position = api.views.watch(Sagas::NAME)?.borrow().position;
    let mut answer = Json(rows).into_response();
    answer.headers_mut().insert(POSITION, HeaderValue::from(position.get()));
    Ok(answer)
}

/// What is known of those that are stuck: nothing while the broker is away. The list is there all the same.
async fn stuck(api: &Api) -> Vec<sagas::Stuck> {
    let records = async { StuckSagas::open(&api.store).await?.all(None).await };
    if !api.store.connection().is_up() {
        return Vec::new();
    }
    records.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "it is not known which sagas are stuck");
        Vec::new()
    })
}

/// `GET /sagas/checkout/{id}`
pub(crate) async fn checkout(api: State<Api>, id: Id<OrderId>) -> Result<Response, Problem> {
    one::<Checkout>(api, id).await
}

/// `GET /sagas/departure/{id}`
pub(crate) async fn departure(api: State<Api>, id: Id<UserId>) -> Result<Response, Problem> {
    one::<Departure>(api, id).await
}

async fn one<S: Saga<Id: std::str::FromStr<Err = Invalid>>>(
    State(api): State<Api>,
    Id(id): Id<S::Id>,
) -> Result<Response, Problem> {
    // The state last: what has begun meanwhile would else be shown as what never began, and so as done.
    let (events, _) = api.store.history::<S>(&id, Version::START, MOST_EVENTS).await?;
    let saga = api.store.load::<S>(&id).await?;
    let stuck = StuckSagas::open(&api.store).await?.get(&EntityName::new(S::CATEGORY, &id)).await?;
    let shown = Timeline::of::<S>(&id, &saga.state, events, stuck.as_ref())?;
    let shown = shown.ok_or_else(|| none::<S>(&id))?;
    Ok((tag(saga.version), Json(shown)).into_response())
}

/// `POST /sagas/checkout/{id}/retry`
pub(crate) async fn retry_checkout(
    api: State<Api>,
    id: Id<OrderId>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    body.fields_if_any()?.finish()?;
    asked::<Checkout>(&api, &id.0, Asked::Retry).await
}

/// `POST /sagas/departure/{id}/retry`
pub(crate) async fn retry_departure(
    api: State<Api>,
    id: Id<UserId>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    body.fields_if_any()?.finish()?;
    asked::<Departure>(&api, &id.0, Asked::Retry).await
}

/// `POST /sagas/checkout/{id}/abandon`
pub(crate) async fn abandon_checkout(
    api: State<Api>,
    id: Id<OrderId>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    asked::<Checkout>(&api, &id.0, abandon(&body)?).await
}

/// `POST /sagas/departure/{id}/abandon`
pub(crate) async fn abandon_departure(
    api: State<Api>,
    id: Id<UserId>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    asked::<Departure>(&api, &id.0, abandon(&body)?).await
}

fn abandon(body: &Body) -> Result<Asked, Problem> {
    let mut fields = body.fields()?;
    let reason = fields.required::<domain::Text>("reason");
    fields.finish()?;
    let reason = reason.ok_or_else(|| Problem::invalid(vec![]))?;
    Ok(Asked::Abandon { reason: reason.to_string() })
}

async fn asked<S: Saga>(api: &Api, id: &S::Id, asked: Asked) -> Result<Json<Value>, Problem> {
    let name = EntityName::new(S::CATEGORY, id);
    let known = api.store.load::<S>(id).await?.version > Version::START;
    if !known && StuckSagas::open(&api.store).await?.get(&name).await?.is_none() {
        return Err(none::<S>(id));
    }
    let done = ask(&api.store, &name, asked).await?;
    Ok(Json(json!({ "message": done })))
}

fn none<S: Saga>(id: &S::Id) -> Problem {
    Problem::not_found(&format!("{} {id}", S::CATEGORY))
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        match &error {
            ControlError::Refused(_) => Self::new(Kind::Conflict, error.to_string()),
            ControlError::NoRunner => Self::new(Kind::Unavailable, error.to_string()).retry_after(1),
            ControlError::Unavailable(cause) => {
                tracing::warn!(cause, "a saga was asked in vain");
                Self::new(Kind::Unavailable, error.to_string()).retry_after(1)
            }
        }
    }
}
