//! The routes of orders.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{
    Lines, Order, OrderCommand, OrderEvent, OrderId, OrderRejection, OrderStatus, OrderView, Text, User,
    UserId,
};
use event_model::{Decider, EntityName, Version};
use event_store::{Also, ExecuteError, Expected, Loaded, alone};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::api::{Acted, Api, Seen, of_new, shown, tag};
use crate::body::Body;
use crate::call::{Call, Freshness};
use crate::field::lines;
use crate::path::Id;
use crate::problem::{FieldError, Kind, Problem};

/// After how long an order that is awaited is looked at without news.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// `POST /orders`
pub(crate) async fn create(State(api): State<Api>, call: Call, body: Body) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let user_id = fields.required::<UserId>("user_id");
    let draft = fields.optional("draft").unwrap_or(false);
    let sent = fields.has("lines");
    let lines = lines(&mut fields);
    if !draft && (!sent || lines.as_ref().is_some_and(Lines::is_empty)) {
        fields.wrong("lines", "must have at least one line, unless the order is a draft");
    }
    let ship_to = fields.optional("ship_to");
    let (id, expected) = match fields.optional("id") {
        Some(own) => (own, Expected::Newest),
        None => (OrderId::from(Uuid::now_v7()), Expected::New),
    };
    fields.finish()?;
    let Some(user_id) = user_id else { return Err(Problem::invalid(vec![])) };
    let lines = lines.unwrap_or_default();
    let command = if draft {
        OrderCommand::Draft { user_id, lines, ship_to }
    } else {
        OrderCommand::PlaceNew { user_id, lines, ship_to }
    };
    let expected = call.expected_of_new(expected);
    let acted = act(&api, &call, &body, &id, expected, command, &Seen::default()).await;
    let acted = acted.map_err(of_new)?;
    let location = format!("/orders/{}", acted.body.id);
    Ok(acted.created(location).into_response())
}

/// `GET /orders/{id}`
pub(crate) async fn get(
    State(api): State<Api>,
    Id(id): Id<OrderId>,
    freshness: Freshness,
) -> Result<Response, Problem> {
    let order = match freshness.wait {
        Some(patience) if !patience.is_zero() => settled(&api, &id, patience).await?,
        Some(_) | None => api.store.load::<Order>(&id).await?,
    };
    let view =
        order.state.view(id, order.version).ok_or_else(|| Problem::not_found(&format!("order {id}")))?;
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
    let mut fields = body.fields()?;
    let (lines, ship_to) = (lines(&mut fields), fields.optional("ship_to"));
    let seen = Seen::new(fields.as_sent(&["id", "user_id", "status", "total", "reason"]));
    let expected = fields.version_or(call.expected());
    fields.finish()?;
    let command = OrderCommand::Change { lines, ship_to };
    let acted = act(&api, &call, &body, &id, expected, command, &seen).await;
    Ok(acted.map_err(gone_or)?.into_response())
}

/// `POST /orders/{id}/place`
pub(crate) async fn place(
    api: State<Api>,
    id: Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    body.fields_if_any()?.finish()?;
    step(api, id, call, body, OrderCommand::Place).await
}

/// `POST /orders/{id}/ship`
pub(crate) async fn ship(
    api: State<Api>,
    id: Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    body.fields_if_any()?.finish()?;
    step(api, id, call, body, OrderCommand::Ship).await
}

/// `POST /orders/{id}/complete`
pub(crate) async fn complete(
    api: State<Api>,
    id: Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    body.fields_if_any()?.finish()?;
    step(api, id, call, body, OrderCommand::Complete).await
}

/// `POST /orders/{id}/cancel`
pub(crate) async fn cancel(
    api: State<Api>,
    id: Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    let mut fields = body.fields_if_any()?;
    let reason = fields.optional::<Text>("reason");
    fields.finish()?;
    step(api, id, call, body, OrderCommand::Cancel { reason }).await
}

/// `DELETE /orders/{id}`
pub(crate) async fn delete(
    State(api): State<Api>,
    Id(id): Id<OrderId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    body.fields_if_any()?.finish()?;
    let command = OrderCommand::Cancel { reason: None };
    let done =
        api.perform::<Order>(&call, &body, &id, call.expected(), command, alone::<Order, Problem>).await;
    match done {
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
    let acted = act(&api, &call, &body, &id, call.expected(), command, &Seen::default()).await;
    Ok(acted.map_err(gone_or)?.into_response())
}

async fn act(
    api: &Api,
    call: &Call,
    body: &Body,
    id: &OrderId,
    expected: Expected,
    command: OrderCommand,
    seen: &Seen,
) -> Result<Acted<OrderView>, ExecuteError<Problem>> {
    let also = |id: &OrderId, order: &Loaded<Order>, events: &[OrderEvent]| {
        seen.check(order.state.view(*id, order.version), instead)?;
        Ok(buyers(events).map(|user| Also::look::<User>(user, is_there)).collect())
    };
    let done = api.perform::<Order>(call, body, id, expected, command, also).await?;
    let view = shown(done.entity.state.view(done.id, done.entity.version));
    Ok(Acted::new(&done, view.map_err(ExecuteError::Rejected)?))
}

/// Who must be there for these events.
fn buyers(events: &[OrderEvent]) -> impl Iterator<Item = UserId> {
    events.iter().filter_map(|event| match event {
        OrderEvent::OrderDrafted { user_id, .. } | OrderEvent::OrderPlaced { user_id, .. } => Some(*user_id),
        OrderEvent::OrderLinesChanged { .. }
        | OrderEvent::OrderShipToChanged { .. }
        | OrderEvent::OrderConfirmed { .. }
        | OrderEvent::OrderRejected { .. }
        | OrderEvent::OrderCancelled { .. }
        | OrderEvent::OrderShipped { .. }
        | OrderEvent::OrderCompleted { .. } => None,
    })
}

/// A courtesy to who orders for nobody; the checkout is the authority.
fn is_there(user: &Loaded<User>) -> Result<(), Problem> {
    if user.state.email().is_some() {
        return Ok(());
    }
    let detail = "user_id: there is no such user, or it was deleted; register the user first";
    let errors =
        vec![FieldError { pointer: "/user_id".into(), detail: "must be a user that is not deleted".into() }];
    Err(Problem { errors, ..Problem::new(Kind::UnknownUser, detail) })
}

/// Of something that is not there, no version is the wrong one.
fn gone_or(error: ExecuteError<Problem>) -> Problem {
    if matches!(error, ExecuteError::VersionMismatch { found: Version::START, .. }) {
        return OrderRejection::NotFound.into();
    }
    error.into()
}

fn instead(field: &str) -> &'static str {
    match field {
        "status" => "cannot be changed here; POST /orders/{id}/place, /ship, /complete or /cancel changes it",
        "total" => "cannot be changed; it follows from the lines",
        "reason" => "cannot be changed here; POST /orders/{id}/cancel gives a reason",
        _ => "cannot be changed",
    }
}

impl From<OrderRejection> for Problem {
    fn from(rejection: OrderRejection) -> Self {
        match rejection {
            OrderRejection::NotFound => Self::not_found("this order"),
            OrderRejection::Exists => Self::new(Kind::Conflict, "this id exists; use another one"),
            OrderRejection::NoLines | OrderRejection::State { .. } => {
                Self::new(Kind::OrderState, rejection.to_string())
            }
        }
    }
}
