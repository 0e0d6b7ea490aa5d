//! Every route.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};
use domain::{Activity, Customers, Orders, Stocks, Users};
use tokio_util::task::TaskTracker;

use crate::api::Api;
use crate::lists::list;
use crate::problem::{Kind, Problem};
use crate::{answer, auth, docs, history, live, ops, orders, reports, sagas, stock, users};

/// The whole API. `commands` counts the commands that are under way.
pub(crate) fn router(api: Api, commands: TaskTracker) -> Router {
    let tokens = api.tokens.clone();
    Router::new()
        .route("/users", get(list::<Users>).post(users::register))
        .route("/users/{id}", get(users::get).put(users::change).delete(users::delete))
        .route("/users/{id}/credit-limit", put(users::change_credit_limit))
        .route("/users/{id}/events", get(history::of_user))
        .route("/orders", get(list::<Orders>).post(orders::create))
        .route("/orders/{id}", get(orders::get).put(orders::change).delete(orders::delete))
        .route("/orders/{id}/place", post(orders::place))
        .route("/orders/{id}/ship", post(orders::ship))
        .route("/orders/{id}/complete", post(orders::complete))
        .route("/orders/{id}/cancel", post(orders::cancel))
        .route("/orders/{id}/events", get(history::of_order))
        .route("/stock", get(list::<Stocks>))
        .route("/stock/{sku}", get(stock::get))
        .route("/stock/{sku}/receipts", post(stock::receive))
        .route("/activity", get(list::<Activity>))
        .route("/reports/customers", get(list::<Customers>))
        .route("/reports/sales", get(reports::sales))
        .route("/sagas", get(sagas::list))
        .route("/sagas/checkout/{id}", get(sagas::checkout))
        .route("/sagas/checkout/{id}/retry", post(sagas::retry_checkout))
        .route("/sagas/checkout/{id}/abandon", post(sagas::abandon_checkout))
        .route("/sagas/departure/{id}", get(sagas::departure))
        .route("/sagas/departure/{id}/retry", post(sagas::retry_departure))
        .route("/sagas/departure/{id}/abandon", post(sagas::abandon_departure))
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
        .route("/problems/{slug}", get(ops::problem))
        .merge(docs::routes())
        .merge(live::routes(&api))
        .fallback(async || {
            Problem::new(Kind::NotFound, "there is nothing at this path; GET /docs shows what there is")
        })
        .method_not_allowed_fallback(async || {
            Problem::new(
                Kind::MethodNotAllowed,
                "this path does not take this method; the header Allow lists those it takes",
            )
        })
        .with_state(api)
        .layer(from_fn_with_state(commands, answer::in_a_task_of_its_own))
        .layer(from_fn_with_state(tokens, auth::guard))
        .layer(from_fn(answer::finish))
}
