//! The routes of stock.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{Sku, Stock, StockCommand, StockRejection};
use event_store::alone;

use crate::api::{Acted, Api, shown, tag};
use crate::body::Body;
use crate::call::Call;
use crate::path::Id;
use crate::problem::{FieldError, Problem};

/// `POST /stock/{sku}/receipts`
pub(crate) async fn receive(
    State(api): State<Api>,
    Id(sku): Id<Sku>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let quantity = fields.required("quantity");
    fields.finish()?;
    let Some(quantity) = quantity else { return Err(Problem::invalid(vec![])) };
    let command = StockCommand::Receive { quantity };
    let done =
        api.perform::<Stock>(&call, &body, &sku, call.expected(), command, alone::<Stock, Problem>).await?;
    let view = shown(done.entity.state.view(sku.clone(), done.entity.version))?;
    Ok(Acted::new(&done, view).into_response())
}

/// `GET /stock/{sku}`
pub(crate) async fn get(State(api): State<Api>, Id(sku): Id<Sku>) -> Result<Response, Problem> {
    let stock = api.store.load::<Stock>(&sku).await?;
    let view = stock
        .state
        .view(sku.clone(), stock.version)
        .ok_or_else(|| Problem::not_found(&format!("article {sku}")))?;
    Ok((tag(stock.version), Json(view)).into_response())
}

impl From<StockRejection> for Problem {
    fn from(rejection: StockRejection) -> Self {
        match rejection {
            StockRejection::TooMany { .. } => {
                Self::invalid(vec![FieldError { pointer: "/quantity".into(), detail: rejection.to_string() }])
            }
        }
    }
}
