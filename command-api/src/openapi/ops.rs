//! The calls for operators, and the description itself.

use utoipa::openapi::{ObjectBuilder, Type};

use super::entry::{Entry, JSON, list_of};
use super::shapes::of;
use crate::problem::Kind;

const TEXT: &str = "text/plain";
const HTML: &str = "text/html";
const SCHEMA: &str = "application/schema+json";

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::get(("/livez", "livez", "Whether the process lives"))
            .answers(200, "It does.", &[], TEXT, string().examples(["alive\n"]))
            .open(),
        Entry::get(("/readyz", "readyz", "Whether the server can serve"))
            .says(
                "`notes`, where there are any, are for somebody to look at, and keep nobody from serving. With the \
                 query `verbose`, `views` tells how each read model is.",
            )
            .takes(&["verbose"])
            .answers(200, "It can.", &[], JSON, of("Readiness"))
            .answers(503, "It cannot, and why.", &[], JSON, of("Readiness"))
            .open(),
        Entry::get(("/metrics", "metrics", "Metrics for Prometheus")).answers(
            200,
            "In Prometheus' text format, version 0.0.4.",
            &[],
            TEXT,
            string(),
        ),
        Entry::get(("/problems/{slug}", "explainProblem", "What a problem means, and what to do about it"))
            .of("slug")
            .answers(200, "A page in words.", &[], HTML, string())
            .refuses(&[Kind::NotFound]),
        Entry::get(("/openapi.json", "openapi", "This document")).answers(
            200,
            "It, as OpenAPI 3.1.",
            &[],
            JSON,
            ObjectBuilder::new().schema_type(Type::Object),
        ),
        Entry::get(("/docs", "docs", "A page to try the API in a browser")).answers(
            200,
            "The page, which fetches nothing from elsewhere.",
            &[],
            HTML,
            string(),
        ),
        Entry::get(("/asyncapi.json", "asyncapi", "What is heard and may be said over NATS")).answers(
            200,
            "A document, as AsyncAPI 3.0.",
            &[],
            JSON,
            ObjectBuilder::new().schema_type(Type::Object),
        ),
        Entry::get(("/docs/events", "eventsPage", "A page of all events, for people")).answers(
            200,
            "The page, which fetches nothing.",
            &[],
            HTML,
            string(),
        ),
        Entry::get(("/schemas", "listSchemas", "List the event types")).answers(
            200,
            "All of them.",
            &[],
            JSON,
            list_of("EventType"),
        ),
        Entry::get(("/schemas/{event_type}", "getSchema", "See what the data of an event looks like"))
            .of("event_type")
            .answers(
                200,
                "A JSON Schema (2020-12), which stands for itself.",
                &[],
                SCHEMA,
                ObjectBuilder::new().schema_type(Type::Object),
            )
            .refuses(&[Kind::NotFound]),
        Entry::get(("/docs/{file}", "docsFile", "A part of that page"))
            .of("file")
            .answers(200, "The part.", &[], "*/*", string())
            .refuses(&[Kind::NotFound]),
    ]
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
