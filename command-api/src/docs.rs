//! The API described, and a page to try it, all from the program itself.

use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa_swagger_ui::Config;

use crate::api::Api;
use crate::openapi;
use crate::problem::{Kind, Problem};

/// The routes of the description.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/openapi.json", get(async || Json(openapi::document())))
        .route("/docs", get(async || file("index.html")))
        .route("/docs/{file}", get(below))
}

async fn below(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(name) = name.map_err(|_| nothing())?;
    file(&name)
}

fn nothing() -> Problem {
    Problem::new(Kind::NotFound, "the page is at /docs")
}

fn file(name: &str) -> Result<Response, Problem> {
    // Without a validator: the page would ask somebody else's.
    let config = Arc::new(Config::from("/openapi.json").validator_url("none"));
    let file = utoipa_swagger_ui::serve(name, config).map_err(|error| Problem::internal(&error))?;
    let file = file.ok_or_else(nothing)?;
    // The page is served at /docs itself, its files below: they are named from there.
    let bytes = if name == "index.html" {
        let page = String::from_utf8_lossy(&file.bytes).replace("\"./", "\"/docs/");
        page.replace("\"index.css\"", "\"/docs/index.css\"").into_bytes()
    } else {
        file.bytes.into_owned()
    };
    Ok(([(header::CONTENT_TYPE, file.content_type)], bytes).into_response())
}
