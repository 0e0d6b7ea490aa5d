//! What every handler has at hand, and the one way in which a command is carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ClaimKey;
use event_model::{Decider, Metadata, Position, Version};
use event_store::{Done, Effect, EventStore, ExecuteError, Loaded, StoreError};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Views;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::auth::Tokens;
use crate::call::POSITION;
use crate::entity::{Entity, Once, Wish};
use crate::problem::{Kind, Problem};
use crate::turns::Turns;

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
    /// Whose turn it is among commands from subjects.
    pub turns: Turns,
    /// Cancelled some time before the program ends: `/readyz` says so, and everything is still served.
    pub leaving: CancellationToken,
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
    /// Carries out what is wished of an entity. `once` says how a repetition is known.
    pub(crate) async fn perform<D: Entity>(
        &self,
        once: &Once,
        metadata: &Metadata,
        id: &D::Id,
        wish: Wish<D>,
    ) -> Result<Done<D>, ExecuteError<Problem>>
    where
        Problem: From<D::Rejection>,
    {
        if self.views.log_differs() {
            let detail =
                "the log is not the one that the lists were built from; no command is taken, see /readyz";
            return Err(ExecuteError::Rejected(Problem::new(Kind::Unavailable, detail).retry_after(30)));
        }
        let done = self.execute(once, metadata, id, wish).await;
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

    async fn execute<D: Entity>(
        &self,
        once: &Once,
        metadata: &Metadata,
        id: &D::Id,
        wish: Wish<D>,
    ) -> Result<Done<D>, ExecuteError<Problem>>
    where
        Problem: From<D::Rejection>,
    {
        let Wish { command, expected, seen } = wish;
        let also =
            |id: &D::Id, entity: &Loaded<D>, events: &[D::Event]| D::also(self, &seen, id, entity, events);
        match once {
            Once::Unknown => self.store.execute_with(id, expected, command, metadata, also).await,
            Once::Keyed(key) => self.store.execute_once(key, id, expected, command, metadata, also).await,
            Once::Named => {
                let first = |id: &D::Id, entity: &Loaded<D>, events: &[D::Event]| {
                    if !events.is_empty() && entity.state.may_have_met(&command) {
                        return Err(Problem::new(Kind::Conflict, "it may be a repetition"));
                    }
                    also(id, entity, events)
                };
                let done = self.store.execute_with(id, expected, command.clone(), metadata, first).await;
                if !matches!(done, Err(ExecuteError::Rejected(_))) {
                    return done;
                }
                // It may be refused because it was carried out, and the entity has moved on since.
                let again = metadata.clone().again();
                self.store.execute_with(id, expected, command, &again, also).await
            }
        }
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
