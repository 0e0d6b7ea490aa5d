//! Lists: pages of a view's rows, as new as was asked for.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::{Email, OrderStatus, Orders, Stocks, UserId, Users};
use event_model::{Position, Projection};
use projections::{Cursor, Order, Query, ViewError, Waited};

use crate::api::Api;
use crate::call::{Freshness, POSITION};
use crate::problem::{Kind, Problem};
use crate::query::Parameters;

/// How long a list waits for a position that was asked for.
const WAIT_ASKED: Duration = Duration::from_secs(5);
/// How long a list waits for what this node has just acknowledged.
const WAIT_OWN: Duration = Duration::from_secs(1);

/// `GET /users`
pub(crate) async fn users(
    State(api): State<Api>,
    freshness: Freshness,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let email = parameters.take::<Email>("email")?;
    let mut query = page(&mut parameters, Order::KeyAscending)?;
    if let Some(email) = email {
        query = query.having("email", email.normalized());
    }
    list::<Users>(&api, freshness, &parameters, query).await
}

/// `GET /orders`
pub(crate) async fn orders(
    State(api): State<Api>,
    freshness: Freshness,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let user = parameters.take::<UserId>("user_id")?;
    let status = parameters.take::<OrderStatus>("status")?;
    let mut query = page(&mut parameters, Order::NewestFirst)?;
    if let Some(user) = user {
        query = query.having("user_id", user.to_string());
    }
    if let Some(status) = status {
        query = query.having("status", status.as_str());
    }
    list::<Orders>(&api, freshness, &parameters, query).await
}

/// `GET /stock`
pub(crate) async fn stock(
    State(api): State<Api>,
    freshness: Freshness,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let query = page(&mut parameters, Order::KeyAscending)?;
    list::<Stocks>(&api, freshness, &parameters, query).await
}

fn page(parameters: &mut Parameters, order: Order) -> Result<Query, Problem> {
    let (limit, after) = (parameters.limit()?, parameters.take::<Cursor>("after")?);
    parameters.finish()?;
    Ok(Query::new(order, limit).after(after))
}

async fn list<P: Projection>(
    api: &Api,
    freshness: Freshness,
    parameters: &Parameters,
    query: Query,
) -> Result<Response, Problem> {
    wait::<P>(api, freshness).await?;
    let page = api.views.list(P::NAME, &query).await?;
    let rows: Vec<_> = page.rows.iter().map(|listed| listed.row.as_str()).collect();
    let body = format!("[{}]", rows.join(","));
    let mut answer = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    let headers = answer.headers_mut();
    headers.insert(POSITION, HeaderValue::from(page.position.get()));
    if let Some(link) = page.next.and_then(|after| parameters.next(&after).try_into().ok()) {
        headers.insert(header::LINK, link);
    }
    Ok(answer)
}

/// Waits for the position that the caller named, else a moment for what this node has acknowledged.
pub(crate) async fn wait<P: Projection>(api: &Api, freshness: Freshness) -> Result<(), Problem> {
    let Some(asked) = freshness.position else {
        let patience = freshness.wait.unwrap_or(WAIT_OWN);
        if !patience.is_zero() {
            let reached = api.views.wait_for(P::NAME, api.acknowledged.get(), patience);
            api.ending.run_until_cancelled(reached).await.transpose()?;
        }
        return Ok(());
    };
    let reached = api.views.wait_for(P::NAME, asked, freshness.wait.unwrap_or(WAIT_ASKED));
    match api.ending.run_until_cancelled(reached).await.transpose()? {
        Some(Waited::Reached) => Ok(()),
        Some(Waited::Behind { position }) => Err(behind::<P>(asked, position)),
        None => Err(Problem::new(Kind::ProjectionBehind, "this node ends; ask again").retry_after(1)),
    }
}

fn behind<P: Projection>(asked: Position, found: Position) -> Problem {
    let detail = format!("the view {} is at position {found}, {asked} was asked for; ask again", P::NAME);
    Problem::new(Kind::ProjectionBehind, detail).retry_after(1)
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::WrongCursor => {
                Self::malformed("the query parameter after belongs to another list; begin without it")
            }
            ViewError::NotBuilt(view) => {
                Self::new(Kind::ProjectionBehind, format!("the view {view} is not built yet; ask again"))
                    .retry_after(1)
            }
            ViewError::Home(cause) => {
                tracing::error!(cause, "a view cannot be read");
                Self::new(Kind::Unavailable, "the views cannot be read just now; try again").retry_after(1)
            }
            ViewError::UnknownView(_)
            | ViewError::UnknownColumn { .. }
            | ViewError::Unfit { .. }
            | ViewError::Open { .. }
            | ViewError::Overtaken(_) => Self::internal(&error),
        }
    }
}
