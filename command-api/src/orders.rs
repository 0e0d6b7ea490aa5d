//! The routes of orders.

mod commands;

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{Order, OrderCommand, OrderId, OrderRejection, OrderStatus, OrderView};
use event_model::{Decider, EntityName, Version};
use event_store::{ExecuteError, Expected, Loaded};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::api::{Acted, Api, of_new, shown, tag};
use crate::as_of::AsOf;
use crate::body::Body;
use crate::call::{Call, Freshness};
use crate::entity::Wish;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Parameters;

/// After how long an order that is awaited is looked at without news.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// `POST /orders`
pub(crate) async fn create(State(api): State<Api>, call: Call, body: Body) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let draft = fields.optional("draft").unwrap_or(false);
    let command = commands::create(&mut fields, draft);
    let (id, expected) = match fields.optional("id") {
        Some(own) => (own, Expected::Newest),
        None => (OrderId::from(Uuid::now_v7()), Expected::New),
    };
    let wish = Wish::at(fields.finish_with(command)?, call.expected_of_new(expected));
    let acted = act(&api, &call, &body, &id, wish).await.map_err(of_new)?;
    let location = format!("/orders/{}", acted.body.id);
    Ok(acted.created(location).into_response())
}

/// `GET /orders/{id}`
pub(crate) async fn get(
    State(api): State<Api>,
    Id(id): Id<OrderId>,
    freshness: Freshness,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let as_of = AsOf::take(parameters)?;
    let order = match (as_of, freshness.wait) {
        (AsOf::Now, Some(patience)) if !patience.is_zero() => settled(&api, &id, patience).await?,
        _ => as_of.load::<Order>(&api, &id).await?,
    };
    let view = order.state.view(id, order.version);
    let view = view.ok_or_else(|| as_of.nothing(format_args!("order {id}")))?;
    Ok((tag(order.version), Json(view)).into_response())
}

/// The order once it is no longer `placed`, or as it is when patience ends.
async fn settled(api: &Api, id: &OrderId, patience: Duration) -> Result<Loaded<Order>, Problem> {
    let deadline = Instant::now() + patience;
    let mut news = api.store.hear(&EntityName::new(Order::CATEGORY, id)).await?;
    loop {
        let ended = Instant::now() >= deadline || api.ending.is_cancelled();
        let order = api.store.load::<Order>(id).await?;
        let waits =
            order.state.view(*id, order.version).is_some_and(|view| view.status == OrderStatus::Placed);
        if ended || !waits {
            return Ok(order);
        }
        // News are live: what happens while the broker is away is missed.
        let look_again = deadline.min(Instant::now() + LOOK_AGAIN);
        let _ = timeout_at(look_again, api.ending.run_until_cancelled(news.next())).await;
    }
}

/// `PUT /orders/{id}`
pub(crate) async fn change(
    State(api): State<Api>,
    Id(id): Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    let wish = commands::change(&body, call.expected())?;
    Ok(act(&api, &call, &body, &id, wish).await.map_err(gone_or)?.into_response())
}

/// `POST /orders/{id}/place`
pub(crate) async fn place(
    api: State<Api>,
    id: Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    step(api, id, call, body, OrderCommand::Place).await
}

/// `POST /orders/{id}/ship`
pub(crate) async fn ship(
    api: State<Api>,
    id: Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    step(api, id, call, body, OrderCommand::Ship).await
}

/// `POST /orders/{id}/complete`
pub(crate) async fn complete(
    api: State<Api>,
    id: Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    step(api, id, call, body, OrderCommand::Complete).await
}

/// `POST /orders/{id}/cancel`
pub(crate) async fn cancel(
    State(api): State<Api>,
    Id(id): Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    let wish = commands::cancel(&body, call.expected())?;
    Ok(act(&api, &call, &body, &id, wish).await.map_err(gone_or)?.into_response())
}

/// `DELETE /orders/{id}`
pub(crate) async fn delete(
    State(api): State<Api>,
    Id(id): Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    let wish = commands::step(&body, call.expected(), OrderCommand::Cancel { reason: None })?;
    match api.perform(&call.once(&body), &call.metadata, &id, wish).await {
        Ok(done) => Ok(Acted::new(&done, json!({"message": "Order cancelled"})).into_response()),
        Err(error) => Err(gone_or(error)),
    }
}

async fn step(
    State(api): State<Api>,
    Id(id): Id<OrderId>,
    call: Call,
    body: Body,
    command: OrderCommand,
) -> Result<Response, Problem> {
    let wish = commands::step(&body, call.expected(), command)?;
    Ok(act(&api, &call, &body, &id, wish).await.map_err(gone_or)?.into_response())
}

async fn act(
    api: &Api,
    call: &Call,
    body: &Body,
    id: &OrderId,
    wish: Wish<Order>,
) -> Result<Acted<OrderView>, ExecuteError<Problem>> {
    let done = api.perform(&call.once(body), &call.metadata, id, wish).await?;
    let view = shown(done.entity.state.view(done.id, done.entity.version));
    Ok(Acted::new(&done, view.map_err(ExecuteError::Rejected)?))
}

/// Of something that is not there, no version is the wrong one.
fn gone_or(error: ExecuteError<Problem>) -> Problem {
    if matches!(error, ExecuteError::VersionMismatch { found: Version::START, .. }) {
        return OrderRejection::NotFound.into();
    }
    error.into()
}
