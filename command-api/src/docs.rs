//! The doors described, for people and for tools, all from the program itself.

use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use domain::schema::EventSchema;
use serde_json::{Value, json};
use utoipa_swagger_ui::Config;

use crate::api::Api;
use crate::asyncapi::page;
use crate::problem::{Kind, Problem};
use crate::{asyncapi, openapi, stored};

/// The routes of the description.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/openapi.json", get(async || Json(openapi::document())))
        .route("/docs", get(async || file("index.html")))
        .route("/docs/{file}", get(below))
        .route("/asyncapi.json", get(async || Json(asyncapi::document())))
        .route("/docs/events", get(async || Html(page::html())))
        .route("/schemas", get(schemas))
        .route("/schemas/{event_type}", get(schema_of))
}

/// `GET /schemas`
async fn schemas() -> Json<Value> {
    let categories = stored::all().into_iter();
    let all = categories.flat_map(|category| {
        category.events.into_iter().map(move |EventSchema { event_type, means, when, .. }| {
            let path = format!("/schemas/{event_type}");
            json!({"type": event_type, "category": category.name, "means": means, "when": when, "schema": path})
        })
    });
    Json(all.collect())
}

/// `GET /schemas/{event_type}`
async fn schema_of(asked: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let events = stored::all().into_iter().flat_map(|category| category.events);
    let found = asked.ok().and_then(|Path(asked)| events.into_iter().find(|event| event.event_type == asked));
    let none = || Problem::new(Kind::NotFound, "there is no such event type; GET /schemas lists them all");
    let EventSchema { event_type, mut schema, .. } = found.ok_or_else(none)?;
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$id"] = json!(format!("/schemas/{event_type}"));
    Ok(([(header::CONTENT_TYPE, "application/schema+json")], schema.to_string()).into_response())
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
