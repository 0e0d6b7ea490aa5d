//! A line of the table: one call, and what calls of its sort have in common.

use serde_json::Value;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{
    Content, ContentBuilder, HttpMethod, RefOr, Required, Response, ResponseBuilder, Schema,
};

use super::shapes::of;
use super::{headers, parameters, problems};
use crate::body;
use crate::problem::Kind;

pub(super) const JSON: &str = "application/json";

/// What the answer to every command carries.
const ACTED: [&str; 3] = ["ETag", "Jetsource-Position", "Idempotency-Replayed"];

/// One call.
pub(super) struct Entry {
    pub(super) method: HttpMethod,
    pub(super) path: &'static str,
    id: &'static str,
    summary: &'static str,
    says: Option<&'static str>,
    takes: Vec<&'static str>,
    body: Option<RequestBody>,
    answers: Vec<(u16, Response)>,
    refuses: Vec<Kind>,
    open: bool,
}

/// A call for the table: its path, its `operationId`, its summary.
pub(super) type Line = (&'static str, &'static str, &'static str);

/// An example of a body: its name, what it shows, and the body.
pub(super) type Sample = (&'static str, &'static str, Value);

impl Entry {
    /// A call that has nothing in common with others.
    pub(super) fn get((path, id, summary): Line) -> Self {
        Self {
            method: HttpMethod::Get,
            path,
            id,
            summary,
            says: None,
            takes: Vec::new(),
            body: None,
            answers: Vec::new(),
            refuses: Vec::new(),
            open: false,
        }
    }

    /// Reads one thing, from the log.
    pub(super) fn one(line: Line, schema: &str) -> Self {
        Self::get(line).answers(200, "As it is now.", &["ETag"], JSON, of(schema)).refuses(&[
            Kind::MalformedRequest,
            Kind::NotFound,
            Kind::Unavailable,
        ])
    }

    /// Also as it was at a version or at a time.
    pub(super) fn or_as_it_was(mut self) -> Self {
        if let Some((_, answer)) = self.answers.last_mut() {
            "As it is now, or was then; the `ETag` is of that version.".clone_into(&mut answer.description);
        }
        self.takes(&["as_of_version", "as_of_time"])
    }

    /// Reads a page of a list, from its view.
    pub(super) fn list(line: Line, schema: &str) -> Self {
        Self::get(line)
            .takes(&["limit", "after", "Jetsource-Position", "PreferFresh"])
            .answers(200, "A page of the list.", &["Jetsource-Position", "Link"], JSON, page_of(schema))
            .refuses(&[Kind::MalformedRequest, Kind::ProjectionBehind, Kind::Unavailable])
    }

    /// Reads a page of the events of one thing, from the log.
    pub(super) fn events(line: Line) -> Self {
        Self::get(line)
            .takes(&["limit", "after"])
            .answers(200, "A page of the events, oldest first.", &["Link"], JSON, page_of("Event"))
            .refuses(&[Kind::MalformedRequest, Kind::NotFound, Kind::Unavailable])
    }

    /// A command that makes something.
    pub(super) fn make(line: Line, schema: &str) -> Self {
        let carries = [&ACTED[..], &["Location"]].concat();
        Self::command(HttpMethod::Post, line).answers(201, "It is made.", &carries, JSON, of(schema))
    }

    /// A command to something that is there.
    pub(super) fn act(method: HttpMethod, line: Line, schema: &str) -> Self {
        let says = "Done. A command that changes nothing leaves no event.";
        Self::command(method, line).answers(200, says, &ACTED, JSON, of(schema))
    }

    fn command(method: HttpMethod, line: Line) -> Self {
        Self { method, ..Self::get(line) }.takes(&["Idempotency-Key", "If-Match"]).refuses(&[
            Kind::MalformedRequest,
            Kind::Conflict,
            Kind::VersionMismatch,
            Kind::IdempotencyKeyReused,
            Kind::Unavailable,
        ])
    }

    /// By another method.
    pub(super) fn by(self, method: HttpMethod) -> Self {
        Self { method, ..self }
    }

    /// What there is to know beyond the summary.
    pub(super) fn says(self, says: &'static str) -> Self {
        Self { says: Some(says), ..self }
    }

    /// Parameters, by the names of their components.
    pub(super) fn takes(mut self, names: &[&'static str]) -> Self {
        self.takes.extend(names);
        self
    }

    /// What the path names, by its component.
    pub(super) fn of(mut self, name: &'static str) -> Self {
        self.takes.insert(0, name);
        self
    }

    /// A body that must be there.
    pub(super) fn body(self, schema: &str, samples: Vec<Sample>) -> Self {
        self.reads(Required::True, schema, samples)
    }

    /// A body that may be left out.
    pub(super) fn body_if_any(self, schema: &str, samples: Vec<Sample>) -> Self {
        self.reads(Required::False, schema, samples)
    }

    fn reads(self, required: Required, schema: &str, samples: Vec<Sample>) -> Self {
        let samples = samples.into_iter().map(|(name, shows, value)| (name, sample(shows, value)));
        let content = ContentBuilder::new().schema(Some(of(schema))).examples_from_iter(samples).build();
        let says = format!("One JSON object in UTF-8, at most {} KiB.", body::MOST / 1024);
        let body =
            RequestBodyBuilder::new().description(Some(says)).required(Some(required)).content(JSON, content);
        Self { body: Some(body.build()), ..self }.refuses(&[
            Kind::PayloadTooLarge,
            Kind::UnsupportedMediaType,
            Kind::InvalidRequest,
        ])
    }

    /// An answer that is no problem.
    pub(super) fn answers(
        mut self,
        status: u16,
        says: &str,
        carries: &[&str],
        media: &str,
        schema: impl Into<RefOr<Schema>>,
    ) -> Self {
        let content = Content::new(Some(schema));
        let answer = ResponseBuilder::new().description(says).content(media, content);
        self.answers.push((status, headers::on(answer, carries).build()));
        self
    }

    /// The last answer in another media type.
    pub(super) fn or(mut self, media: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        if let Some((_, answer)) = self.answers.last_mut() {
            answer.content.insert(media.to_owned(), RefOr::T(Content::new(Some(schema))));
        }
        self
    }

    /// Problems beside those that every call has.
    pub(super) fn refuses(mut self, kinds: &[Kind]) -> Self {
        self.refuses.extend(kinds);
        self
    }

    /// Needs no token.
    pub(super) fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// The problems of the call, those with one status together.
    pub(super) fn problems(&self) -> impl Iterator<Item = Vec<Kind>> {
        let everywhere = |kind: &Kind| *kind == Kind::Internal || (*kind == Kind::Unauthorized && !self.open);
        let kinds: Vec<_> =
            Kind::ALL.into_iter().filter(|kind| everywhere(kind) || self.refuses.contains(kind)).collect();
        let groups: Vec<_> = kinds.chunk_by(|a, b| a.status() == b.status()).map(<[Kind]>::to_vec).collect();
        groups.into_iter()
    }

    /// As the document has it.
    pub(super) fn operation(self, tag: &str) -> Operation {
        let mut operation = OperationBuilder::new()
            .tag(tag)
            .operation_id(Some(self.id))
            .summary(Some(self.summary))
            .description(self.says);
        for kinds in self.problems() {
            operation = operation.response(problems::status(&kinds), problems::at(&kinds));
        }
        for (status, answer) in self.answers {
            operation = operation.response(status.to_string(), answer);
        }
        for name in self.takes.into_iter().chain(["X-Request-Id"]) {
            operation = operation.parameter_ref(parameters::at(name));
        }
        if self.open {
            operation = operation.securities(Some([]));
        }
        operation.request_body(self.body).build()
    }
}

/// A page of these.
pub(super) fn page_of(schema: &str) -> RefOr<Schema> {
    ArrayBuilder::new().items(of(schema)).max_items(Some(parameters::LARGEST_PAGE)).into()
}

fn sample(shows: &str, value: Value) -> Example {
    ExampleBuilder::new().summary(shows).value(Some(value)).build()
}
