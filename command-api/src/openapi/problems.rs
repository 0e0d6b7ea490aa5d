//! Problems: one response for each set of kinds that a call may answer with one status.

use serde_json::{Value, json};
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::{headers, shapes};
use crate::problem::Kind;

pub(super) const MEDIA: &str = "application/problem+json";

/// What a problem of this kind looks like.
pub(super) fn example(kind: Kind) -> Example {
    ExampleBuilder::new().summary(kind.title()).value(Some(body(kind))).build()
}

/// The status that these kinds share.
pub(super) fn status(kinds: &[Kind]) -> String {
    kinds.first().map_or_else(|| "default".to_owned(), |kind| kind.status().as_u16().to_string())
}

/// Where the response for these kinds is.
pub(super) fn at(kinds: &[Kind]) -> Ref {
    Ref::from_response_name(name(kinds))
}

/// The response for these kinds, under its name.
pub(super) fn component(kinds: &[Kind]) -> (String, RefOr<Response>) {
    let says: Vec<_> =
        kinds.iter().map(|kind| format!("`{}`: {}. {}", kind.slug(), kind.title(), kind.advice())).collect();
    let examples = kinds.iter().map(|kind| {
        let slug = kind.slug();
        (slug, RefOr::<Example>::Ref(Ref::new(format!("#/components/examples/{slug}"))))
    });
    let content =
        ContentBuilder::new().schema(Some(shapes::of("Problem"))).examples_from_iter(examples).build();
    let carries = CARRIES.iter().filter(|(_, of)| of.iter().any(|kind| kinds.contains(kind)));
    let carries: Vec<_> = carries.map(|(header, _)| *header).collect();
    let response = ResponseBuilder::new().description(says.join("\n\n")).content(MEDIA, content);
    (name(kinds), headers::on(response, &carries).into())
}

/// Which headers problems carry.
const CARRIES: [(&str, &[Kind]); 3] = [
    ("Retry-After", &[Kind::Conflict, Kind::ProjectionBehind, Kind::Unavailable]),
    ("WWW-Authenticate", &[Kind::Unauthorized]),
    ("Allow", &[Kind::MethodNotAllowed]),
];

fn name(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| format!("{kind:?}")).collect::<Vec<_>>().join("Or")
}

/// As [`Problem`](crate::problem::Problem) answers it.
pub(super) fn body(kind: Kind) -> Value {
    let mut body = json!({
        "type": format!("/problems/{}", kind.slug()),
        "title": kind.title(),
        "status": kind.status().as_u16(),
        "detail": kind.advice(),
        "instance": "/orders",
    });
    if kind == Kind::InvalidRequest {
        body["errors"] = json!([{"pointer": "/lines/0/quantity", "detail": "is required"}]);
    }
    if kind == Kind::Internal {
        body["trace_id"] = json!("0190b5c7-0c5e-7b1d-a3f2-64d8e9b01c37");
    }
    body
}
