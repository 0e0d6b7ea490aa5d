//! Headers of answers.

use serde_json::json;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::{Ref, ResponseBuilder};

use super::shapes::{TAG, VISIBLE, at_least, of, some_text, text, text_of_format, words};

/// Every header that an answer may carry.
pub(super) fn all() -> Vec<(&'static str, Header)> {
    let header = |says: &str| HeaderBuilder::new().description(Some(says));
    vec![
        (
            "ETag",
            header("The version, in quotes, for `If-Match`.")
                .schema(Some(text(3, 22).pattern(Some(TAG))))
                .example(Some(json!("\"3\""))),
        ),
        (
            "Jetsource-Position",
            header(
                "Of a command: the log position of the last event of what it was for; send it with a list to see \
                 the change there. Of a list: the position that its view has reached.",
            )
            .schema(Some(of("Position")))
            .example(Some(json!(42))),
        ),
        (
            "Idempotency-Replayed",
            header("`true` when this `Idempotency-Key` was answered before: this is that answer. Else left out.")
                .schema(Some(words(["true"])))
                .example(Some(json!("true"))),
        ),
        (
            "Location",
            header("Where it is.")
                .schema(Some(text_of_format("uri-reference")))
                .example(Some(json!("/orders/0190b5c6-8a10-7f42-9d3b-5e2f7c1a0b64"))),
        ),
        (
            "Link",
            header("Where the next page is, while there is more (RFC 8288).")
                .schema(Some(some_text()))
                .example(Some(json!("</orders?limit=50&after=c2Vl>; rel=\"next\""))),
        ),
        (
            "X-Request-Id",
            header("The id of this request: the caller's own where it sent a fitting one. It is in the log too.")
                .schema(Some(text(1, 128).pattern(Some(VISIBLE))))
                .example(Some(json!("0190b5c7-0c5e-7b1d-a3f2-64d8e9b01c37"))),
        ),
        (
            "Retry-After",
            header("After how many seconds it is worth trying again.")
                .schema(Some(at_least(1)))
                .example(Some(json!(1))),
        ),
        (
            "Allow",
            header("The methods that the path takes.")
                .schema(Some(some_text()))
                .example(Some(json!("GET,HEAD,POST"))),
        ),
        (
            "WWW-Authenticate",
            header("What is asked for.")
                .schema(Some(words(["Bearer"])))
                .example(Some(json!("Bearer"))),
        ),
    ]
    .into_iter()
    .map(|(name, header)| (name, header.build()))
    .collect()
}

/// The answer with these headers, and that which every answer has.
pub(super) fn on(answer: ResponseBuilder, names: &[&str]) -> ResponseBuilder {
    let names = names.iter().chain(&["X-Request-Id"]);
    names.fold(answer, |answer, name| {
        answer.header_ref(*name, Ref::new(format!("#/components/headers/{name}")))
    })
}
