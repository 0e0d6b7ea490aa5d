//! What every handler has at hand, and the one way in which a command is carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ClaimKey;
use event_model::{Decider, Position, Version};
use event_store::{
    Also, Done, Effect, EventStore, ExecuteError, Expected, IdempotencyKey, Loaded, StoreError,
};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Views;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::auth::Tokens;
use crate::body::Body;
use crate::call::{Call, POSITION};
use crate::problem::{FieldError, Kind, Problem};

/// What the API is made of.
#[derive(Clone)]
pub struct Api {
    /// The log.
    pub store: EventStore,
    /// The read models.
    pub views: Views,
    /// The key under which e-mail addresses become claims.
    pub claim_key: ClaimKey,
    /// Who may call; everybody when there are none.
    pub tokens: Option<Tokens>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// The highest position that this node acknowledged, for lists that are asked right after.
    pub acknowledged: Acknowledged,
    /// Cancelled when the program ends: who waits for something new is answered with what there is.
    pub ending: CancellationToken,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

/// The highest position that this node acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Acknowledged(Arc<AtomicU64>);

impl Acknowledged {
    /// The position; [`Position::START`] before the first command.
    pub fn get(&self) -> Position {
        Position::new(self.0.load(Ordering::Acquire))
    }

    fn raise(&self, position: Position) {
        self.0.fetch_max(position.get(), Ordering::AcqRel);
    }
}

impl Api {
    /// Carries a command out, under its key when it has one. `also` names what other entities must do in the same
    /// append.
    pub(crate) async fn perform<D: Decider>(
        &self,
        call: &Call,
        body: &Body,
        id: &D::Id,
        expected: Expected,
        command: D::Command,
        also: impl Fn(&D::Id, &Loaded<D>, &[D::Event]) -> Result<Vec<Also<Problem>>, Problem> + Send + Sync,
    ) -> Result<Done<D>, ExecuteError<Problem>>
    where
        Problem: From<D::Rejection>,
    {
        if self.views.log_differs() {
            let detail =
                "the log is not the one that the lists were built from; no command is taken, see /readyz";
            return Err(ExecuteError::Rejected(Problem::new(Kind::Unavailable, detail).retry_after(30)));
        }
        let done = match &call.key {
            None => self.store.execute_with::<D, Problem>(id, expected, command, &call.metadata, also).await,
            Some(name) => {
                let key = IdempotencyKey::new(name, &call.method, &call.path, &body.bytes);
                self.store.execute_once::<D, Problem>(&key, id, expected, command, &call.metadata, also).await
            }
        };
        let outcome = outcome(&done);
        metrics::counter!("jetsource_commands_total", "category" => D::CATEGORY, "outcome" => outcome)
            .increment(1);
        if let Ok(done) = &done {
            self.acknowledged.raise(done.entity.position);
            let span = tracing::Span::current();
            span.record("entity", format!("{}/{}", D::CATEGORY, done.id));
            span.record("position", done.entity.position.get());
        }
        done
    }
}

fn outcome<D: Decider>(done: &Result<Done<D>, ExecuteError<Problem>>) -> &'static str {
    match done {
        Ok(done) => match done.effect {
            Effect::Changed => "changed",
            Effect::Nothing => "nothing",
            Effect::Repeated => "repeated",
        },
        Err(ExecuteError::Rejected(_)) => "rejected",
        Err(ExecuteError::VersionMismatch { .. }) => "version_mismatch",
        Err(ExecuteError::KeyReused | ExecuteError::KeyBusy) => "key",
        Err(ExecuteError::Store(StoreError::Conflict { .. })) => "conflict",
        Err(ExecuteError::Store(StoreError::Unavailable(_))) => "unavailable",
        Err(ExecuteError::Store(StoreError::OutcomeUnknown(_))) => "unknown",
        Err(ExecuteError::Store(StoreError::Corrupt(_) | StoreError::Unfit(_))) => "failed",
    }
}

/// The answer to a command: the body, and where the entity stands.
#[derive(Debug)]
pub(crate) struct Acted<T> {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) body: T,
    pub(crate) version: Version,
    pub(crate) position: Position,
    pub(crate) repeated: bool,
}

impl<T> Acted<T> {
    pub(crate) fn new<D: Decider>(done: &Done<D>, body: T) -> Self {
        Self {
            status: StatusCode::OK,
            location: None,
            body,
            version: done.entity.version,
            position: done.entity.position,
            repeated: done.effect == Effect::Repeated,
        }
    }

    pub(crate) fn created(self, location: String) -> Self {
        Self { status: StatusCode::CREATED, location: Some(location), ..self }
    }
}

impl<T: Serialize> IntoResponse for Acted<T> {
    fn into_response(self) -> Response {
        let mut answer = (self.status, tag(self.version), Json(self.body)).into_response();
        let headers = answer.headers_mut();
        headers.insert(POSITION, HeaderValue::from(self.position.get()));
        if let Some(location) = self.location.and_then(|location| location.try_into().ok()) {
            headers.insert(header::LOCATION, location);
        }
        if self.repeated {
            headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        answer
    }
}

/// Of what a command makes, no version can be relied on: there is none to name in its place.
pub(crate) fn of_new(error: ExecuteError<Problem>) -> Problem {
    if matches!(error, ExecuteError::VersionMismatch { .. }) {
        let detail = "what this call makes has no version yet; send it without If-Match";
        return Problem::new(Kind::VersionMismatch, detail);
    }
    error.into()
}

/// The entity's version as an entity tag.
pub(crate) fn tag(version: Version) -> [(header::HeaderName, String); 1] {
    [(header::ETAG, format!("\"{version}\""))]
}

/// What an entity shows, which it must after a command that was accepted.
pub(crate) fn shown<T>(view: Option<T>) -> Result<T, Problem> {
    view.ok_or_else(|| Problem::internal(&"a command was accepted on an entity that is not there"))
}

/// What a caller sent back as it was read, of fields that only reading gives: it must still be so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Map<String, Value>);

impl Seen {
    pub(crate) fn new(sent: Map<String, Value>) -> Self {
        Self(sent)
    }

    /// The fields that are not as they were sent are reported; `instead` names the call that changes a field.
    pub(crate) fn check(
        &self,
        view: Option<impl Serialize>,
        instead: fn(&str) -> &'static str,
    ) -> Result<(), Problem> {
        let view = serde_json::to_value(view).map_err(|error| Problem::internal(&error))?;
        let changed = self.0.iter().filter(|(name, sent)| view.get(name) != Some(sent));
        let wrong = |(name, _): (&String, _)| FieldError {
            pointer: format!("/{name}"),
            detail: instead(name).into(),
        };
        let errors: Vec<_> = changed.map(wrong).collect();
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }
}
