//! The routes of stock.

mod commands;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{Sku, Stock};

use crate::api::{Acted, Api, shown, tag};
use crate::as_of::AsOf;
use crate::body::Body;
use crate::call::Call;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Parameters;

/// `POST /stock/{sku}/receipts`
pub(crate) async fn receive(
    State(api): State<Api>,
    Id(sku): Id<Sku>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    let wish = commands::receive(&body, call.expected())?;
    let done = api.perform(&call.once(&body), &call.metadata, &sku, wish).await?;
    let view = shown(done.entity.state.view(sku.clone(), done.entity.version))?;
    Ok(Acted::new(&done, view).into_response())
}

/// `GET /stock/{sku}`
pub(crate) async fn get(
    State(api): State<Api>,
    Id(sku): Id<Sku>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let as_of = AsOf::take(parameters)?;
    let stock = as_of.load::<Stock>(&api, &sku).await?;
    let view = stock.state.view(sku.clone(), stock.version);
    let view = view.ok_or_else(|| as_of.nothing(format_args!("article {sku}")))?;
    Ok((tag(stock.version), Json(view)).into_response())
}
