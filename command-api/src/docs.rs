//! The API described, and a page to try it, all from the program itself.

use std::sync::Arc;

use axum::extract::Path;
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
        .route("/docs/{file}", get(async |Path(name): Path<String>| file(&name)))
}

fn file(name: &str) -> Result<Response, Problem> {
    let config = Arc::new(Config::from("/openapi.json"));
    let file = utoipa_swagger_ui::serve(name, config).map_err(|error| Problem::internal(&error))?;
    let file = file.ok_or_else(|| Problem::new(Kind::NotFound, "the page is at /docs"))?;
    // The page is served at /docs itself, its files below: they are named from there.
    let bytes = if name == "index.html" {
        String::from_utf8_lossy(&file.bytes).replace("./", "/docs/").into_bytes()
    } else {
        file.bytes.into_owned()
    };
    Ok(([(header::CONTENT_TYPE, file.content_type)], bytes).into_response())
}
