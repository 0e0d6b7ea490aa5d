//! Lists: pages of a view's rows, as new as was asked for.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::{Activity, CustomerStatus, Customers, Email, OrderStatus, Orders, Stocks, UserId, Users};
use event_model::{Column, Position, Projection};
use projections::{Cursor, Order, Query, ViewError, Waited};

use crate::api::Api;
use crate::call::{Freshness, POSITION};
use crate::problem::{Kind, Problem};
use crate::query::Parameters;

/// How long a list waits for a position that was asked for.
const WAIT_ASKED: Duration = Duration::from_secs(5);
/// How long a list waits for what this node has just acknowledged.
const WAIT_OWN: Duration = Duration::from_secs(1);

/// A view that is listed as its rows are: its order, and what it can be looked up by.
pub(crate) trait List: Projection {
    /// The order of the rows.
    const ORDER: Order;

    /// The filters of the query, each a column of the view.
    fn having(query: Query, _: &mut Parameters) -> Result<Query, Problem> {
        Ok(query)
    }
}

/// `GET` of any list.
pub(crate) async fn list<L: List>(
    State(api): State<Api>,
    freshness: Freshness,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let query = L::having(Query::new(L::ORDER, 0), &mut parameters)?;
    let (limit, after) = (parameters.limit()?, parameters.take::<Cursor>("after")?);
    parameters.finish()?;
    wait::<L>(&api, freshness).await?;
    let page = api.views.list(L::NAME, &Query { limit, ..query }.after(after)).await?;
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

/// `GET /users`
impl List for Users {
    const ORDER: Order = Order::KeyAscending;

    fn having(query: Query, parameters: &mut Parameters) -> Result<Query, Problem> {
        let email = parameters.take::<Email>("email")?;
        Ok(having(query, "email", email.map(|email| email.normalized())))
    }
}

/// `GET /orders`
impl List for Orders {
    const ORDER: Order = Order::NewestFirst;

    fn having(query: Query, parameters: &mut Parameters) -> Result<Query, Problem> {
        let query = having(query, "user_id", parameters.take::<UserId>("user_id")?.map(|id| id.to_string()));
        let status = parameters.take::<OrderStatus>("status")?;
        Ok(having(query, "status", status.map(OrderStatus::as_str)))
    }
}

/// `GET /stock`
impl List for Stocks {
    const ORDER: Order = Order::KeyAscending;
}

/// `GET /activity`
impl List for Activity {
    const ORDER: Order = Order::NewestFirst;

    fn having(query: Query, parameters: &mut Parameters) -> Result<Query, Problem> {
        let query = having(query, "user_id", parameters.take::<UserId>("user_id")?.map(|id| id.to_string()));
        Ok(having(query, "category", parameters.take::<String>("category")?))
    }
}

/// `GET /reports/customers`
impl List for Customers {
    const ORDER: Order = Order::KeyAscending;

    fn having(query: Query, parameters: &mut Parameters) -> Result<Query, Problem> {
        let status = parameters.take::<CustomerStatus>("status")?;
        let query = having(query, "status", status.map(CustomerStatus::as_str));
        Ok(having(query, "open", parameters.take::<bool>("open")?.map(i64::from)))
    }
}

/// With a filter, where there is one.
fn having(query: Query, column: &'static str, value: Option<impl Into<Column>>) -> Query {
    match value {
        Some(value) => query.having(column, value),
        None => query,
    }
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
            | ViewError::Unreachable { .. }
            | ViewError::Driven { .. }
            | ViewError::Overtaken(_) => Self::internal(&error),
        }
    }
}
