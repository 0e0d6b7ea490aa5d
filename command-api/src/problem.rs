//! Errors as people and tools get them: RFC 9457 problems. HTTP status codes exist only here.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use event_store::{ExecuteError, StoreError};
use serde::Serialize;

/// The kinds of problem. Their slugs are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Not JSON, not a UUID, a bad header or query.
    MalformedRequest,
    /// No bearer token, or an unknown one.
    Unauthorized,
    /// There is no such thing.
    NotFound,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// Others were faster, or the id exists.
    Conflict,
    /// The address belongs to another user.
    EmailTaken,
    /// The order is not in a status that allows it.
    OrderState,
    /// The entity is no longer at the version that the caller named.
    VersionMismatch,
    /// The body is larger than is taken.
    PayloadTooLarge,
    /// The body is not announced as JSON.
    UnsupportedMediaType,
    /// Fields are missing, wrong or unknown.
    InvalidRequest,
    /// The order is for nobody.
    UnknownUser,
    /// The key was first used for another request.
    IdempotencyKeyReused,
    /// The list is not as new as was asked for.
    ProjectionBehind,
    /// The broker is away.
    Unavailable,
    /// Our fault.
    Internal,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::MalformedRequest,
        Self::Unauthorized,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::EmailTaken,
        Self::OrderState,
        Self::VersionMismatch,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidRequest,
        Self::UnknownUser,
        Self::IdempotencyKeyReused,
        Self::ProjectionBehind,
        Self::Unavailable,
        Self::Internal,
    ];

    /// Slug, status, title, and what to do about it, in words.
    fn card(self) -> (&'static str, StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (
                "malformed-request",
                StatusCode::BAD_REQUEST,
                "The request cannot be read",
                "The body is not JSON, an id in the path is not of its form, or a header or query parameter is wrong. `detail` says which. Correct it and send it again.",
            ),
            Self::Unauthorized => (
                "unauthorized",
                StatusCode::UNAUTHORIZED,
                "No valid token",
                "Send `Authorization: Bearer TOKEN` with a token from the server's token file.",
            ),
            Self::NotFound => (
                "not-found",
                StatusCode::NOT_FOUND,
                "There is no such thing",
                "The path leads nowhere, or what it names never was or was deleted. The events of a deleted entity are still at its `/events`.",
            ),
            Self::MethodNotAllowed => (
                "method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "The method is not allowed here",
                "The header `Allow` lists the methods that this path has.",
            ),
            Self::Conflict => (
                "conflict",
                StatusCode::CONFLICT,
                "Others were faster, or the id exists",
                "Where the id exists, use another one. Otherwise nothing was stored: send the call again after `Retry-After` seconds.",
            ),
            Self::EmailTaken => (
                "email-taken",
                StatusCode::CONFLICT,
                "The e-mail address is taken",
                "An address belongs to at most one user that is not deleted, compared trimmed and without case. Use another address, or change or delete the user that has it.",
            ),
            Self::OrderState => (
                "order-state",
                StatusCode::CONFLICT,
                "The order's status does not allow it",
                "`detail` says what the order is and what that forbids.",
            ),
            Self::VersionMismatch => (
                "version-mismatch",
                StatusCode::PRECONDITION_FAILED,
                "It was changed meanwhile",
                "Read it again, look at what changed, and send the call with the new `ETag` in `If-Match`.",
            ),
            Self::PayloadTooLarge => (
                "payload-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large",
                "A body has at most 256 KiB.",
            ),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The body is not announced as JSON",
                "Send `Content-Type: application/json`, the body in UTF-8 and not compressed.",
            ),
            Self::InvalidRequest => (
                "invalid-request",
                StatusCode::UNPROCESSABLE_ENTITY,
                "Fields are wrong",
                "`errors` lists every field that is missing, wrong or unknown, each with a JSON pointer and what it must be.",
            ),
            Self::UnknownUser => (
                "unknown-user",
                StatusCode::UNPROCESSABLE_ENTITY,
                "There is no such user",
                "The order is for a user that never was or was deleted. Register the user first.",
            ),
            Self::IdempotencyKeyReused => (
                "idempotency-key-reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The idempotency key was used for another request",
                "A key belongs to one method, path and body. Use a new key for a new request.",
            ),
            Self::ProjectionBehind => (
                "projection-behind",
                StatusCode::SERVICE_UNAVAILABLE,
                "The list is not as new as was asked for",
                "Its view has not reached the position in `Jetsource-Position` yet. Ask again after `Retry-After` seconds, or without that header for the list as it is.",
            ),
            Self::Unavailable => (
                "unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "The broker is away",
                "Try again after `Retry-After` seconds. Where `detail` says 'outcome unknown' the command may have been stored: only a call with an `Idempotency-Key` is then safe to repeat.",
            ),
            Self::Internal => (
                "internal",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong here",
                "It is our fault, and it is in the server's log: in the line whose `request_id` is the `trace_id` of this answer.",
            ),
        }
    }

    /// The last part of its `type`.
    pub fn slug(self) -> &'static str {
        self.card().0
    }

    /// Its HTTP status.
    pub fn status(self) -> StatusCode {
        self.card().1
    }

    /// What it is, in a few words.
    pub fn title(self) -> &'static str {
        self.card().2
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        self.card().3
    }
}

/// How many wrong fields stand in `detail`; `errors` has all of them.
const NAMED: usize = 5;

/// A wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where it is: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What it must be.
    pub detail: String,
}

/// The body of a problem, as RFC 9457 has it.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemBody<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

/// A problem, on its way to the caller.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Which.
    pub kind: Kind,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// The wrong fields, all at once.
    pub errors: Vec<FieldError>,
    /// After how many seconds it is worth trying again.
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// Something in the request that cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Kind::MalformedRequest, detail)
    }

    /// Fields that are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let said = |error: &FieldError| format!("{} {}", error.pointer, error.detail);
        let mut named: Vec<_> = errors.iter().take(NAMED).map(said).collect();
        if errors.len() > NAMED {
            named.push(format!("and {} more", errors.len() - NAMED));
        }
        Self { errors, ..Self::new(Kind::InvalidRequest, named.join("; ")) }
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("{what} is not here: it never was, or it was deleted"))
    }

    /// Worth trying again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Our fault: the cause goes to the log, once, and not to the caller.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(Kind::Internal, Kind::Internal.advice())
    }

    /// Its body, for a caller who asked for `instance`; `trace` finds it in the log.
    pub(crate) fn body<'a>(&'a self, instance: &'a str, trace: &'a str) -> ProblemBody<'a> {
        ProblemBody {
            r#type: format!("/problems/{}", self.kind.slug()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            instance,
            errors: &self.errors,
            trace_id: (self.kind == Kind::Internal).then_some(trace),
        }
    }

    /// The answer to a request.
    pub(crate) fn answer(&self, instance: &str, trace: &str) -> Response {
        let body = self.body(instance, trace);
        let mut answer = (self.kind.status(), Json(body)).into_response();
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == Kind::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.kind == Kind::PayloadTooLarge {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

/// Travels as an extension: the outermost layer knows the path and the request id, and writes the body.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut answer = self.kind.status().into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { entity } => Self::new(
                Kind::Conflict,
                format!("others kept changing {entity}; nothing was stored, try again"),
            )
            .retry_after(1),
            StoreError::Unavailable(cause) => {
                tracing::warn!(cause, "the broker is away");
                Self::new(Kind::Unavailable, "the broker is away; nothing was changed, try again")
                    .retry_after(1)
            }
            StoreError::OutcomeUnknown(cause) => {
                tracing::warn!(cause, "the outcome of a command is unknown");
                let detail = "outcome unknown: the broker did not answer and may have stored the command; only a \
                              call with an Idempotency-Key is safe to repeat";
                Self::new(Kind::Unavailable, detail).retry_after(1)
            }
            StoreError::Corrupt(_) | StoreError::Unfit(_) => Self::internal(&error),
        }
    }
}

impl From<ExecuteError<Self>> for Problem {
    fn from(error: ExecuteError<Self>) -> Self {
        match error {
            ExecuteError::Rejected(problem) => problem,
            ExecuteError::VersionMismatch { found, .. } => Self::new(
                Kind::VersionMismatch,
                format!("it is at version {found} now; read it again and send If-Match: \"{found}\""),
            ),
            ExecuteError::KeyReused => Self::new(
                Kind::IdempotencyKeyReused,
                "this Idempotency-Key was first used with another method, path or body; use a new one",
            ),
            ExecuteError::KeyBusy => Self::new(
                Kind::Conflict,
                "the first call with this Idempotency-Key is still under way; try again",
            )
            .retry_after(1),
            ExecuteError::Store(error) => error.into(),
        }
    }
}
