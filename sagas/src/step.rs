//! One thing that a saga learns or sends, until it is done. What may pass is tried again for as long as it takes.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use event_model::{EntityName, Metadata, Outgoing, Position, Recorded, Request, Saga};
use event_store::{Done, Due, Effect, EventStore, ExecuteError, QueuedCommand, StoreError, subjects, trace};
use futures_util::FutureExt as _;
use futures_util::future::ready;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

/// What an operator is told: what was done, or why not.
pub(crate) type Told = Result<String, String>;

/// How long to wait after a failure that may pass: twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How much of what one saga sends is under way at once: one that sends to hundreds leaves room for others.
const SENT_AT_ONCE: usize = 16;

/// Something for one saga to do.
#[derive(Debug)]
pub(crate) enum Step<S: Saga> {
    /// Another entity's event tells it something.
    Learn { command: S::Command, cause: Cause },
    /// Its own event says what to send.
    Send(Box<Recorded>),
    /// A deadline has passed.
    Expire(Box<Due>),
    /// An operator gives it up.
    Abandon { reason: String, told: Option<oneshot::Sender<Told>> },
}

/// Whose a step is, and where on the log it comes from.
#[derive(Debug)]
pub(crate) struct Task<S: Saga> {
    pub(crate) id: S::Id,
    pub(crate) step: Step<S>,
    /// From where the saga would have to go on if it cannot do this.
    pub(crate) position: Position,
}

/// What a saga learns from.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    id: Uuid,
    correlation_id: Option<Uuid>,
    traceparent: Option<String>,
}

/// Why a saga goes no further.
#[derive(Debug)]
pub(crate) enum Halt {
    /// It cannot: it is to be set aside, and the others go on.
    Stuck(String),
    /// The log is not what it must be: nobody may go on.
    Log(StoreError),
}

impl Cause {
    pub(crate) fn of(event: &Recorded) -> Self {
        let (id, correlation_id, traceparent) = (event.id, event.correlation_id, event.traceparent.clone());
        Self { id, correlation_id, traceparent }
    }

    /// The command that a saga is given for this: the same one whenever it is given again.
    fn metadata(self, saga: &EntityName) -> Metadata {
        let command_id = Uuid::new_v5(&self.id, saga.to_string().as_bytes());
        Metadata {
            causation_id: self.id,
            correlation_id: self.correlation_id.unwrap_or(self.id),
            traceparent: self.traceparent,
            ..Metadata::first(command_id, OffsetDateTime::now_utc())
        }
    }
}

/// Does it. What came of it, where anything was decided. A panic of the rules is a reason to be stuck.
pub(crate) async fn carry_out<S: Saga>(
    store: &EventStore,
    id: &S::Id,
    step: &Step<S>,
) -> Result<Effect, Halt> {
    let span = traced::<S>(id, step);
    carry_out_once(store, id, step).instrument(span).await
}

async fn carry_out_once<S: Saga>(store: &EventStore, id: &S::Id, step: &Step<S>) -> Result<Effect, Halt> {
    let done = match step {
        Step::Learn { command, cause } => {
            AssertUnwindSafe(learn::<S>(store, id, command.clone(), cause.clone())).catch_unwind().await
        }
        Step::Send(event) => AssertUnwindSafe(send::<S>(store, id, event)).catch_unwind().await,
        Step::Expire(due) => AssertUnwindSafe(expire::<S>(store, id, due)).catch_unwind().await,
        Step::Abandon { reason, .. } => {
            let (command, cause) =
                (S::abandon(reason), Cause { id: Uuid::now_v7(), correlation_id: None, traceparent: None });
            AssertUnwindSafe(learn::<S>(store, id, command, cause)).catch_unwind().await
        }
    };
    done.unwrap_or_else(|panic| Err(Halt::Stuck(format!("it panicked: {}", said(panic.as_ref())))))
}

/// The place of a step in the trace of its cause; of a deadline, which the broker held back, that is not known.
fn traced<S: Saga>(id: &S::Id, step: &Step<S>) -> Span {
    let cause = match step {
        Step::Learn { cause, .. } => Some((cause.id, cause.traceparent.as_deref())),
        Step::Send(event) => Some((event.id, event.traceparent.as_deref())),
        Step::Expire(_) | Step::Abandon { .. } => None,
    };
    let subject = subjects::stored(&EntityName::new(S::CATEGORY, id));
    let (cause, traceparent) = cause.unwrap_or_default();
    let span = trace::processing(S::CATEGORY, &subject, cause);
    trace::follow(&span, traceparent);
    span
}

async fn learn<S: Saga>(
    store: &EventStore,
    id: &S::Id,
    command: S::Command,
    cause: Cause,
) -> Result<Effect, Halt> {
    let metadata = cause.metadata(&EntityName::new(S::CATEGORY, id));
    let mut pause = PAUSES.0;
    loop {
        match store.execute::<S>(id, command.clone(), &metadata).await {
            Ok(Done { effect, .. }) => return Ok(effect),
            Err(ExecuteError::Store(error)) => may_pass(store, error, &mut pause).await?,
            Err(ExecuteError::Rejected(refusal)) => {
                return Err(Halt::Stuck(format!("it refuses to learn: {refusal}")));
            }
            Err(
                error @ (ExecuteError::VersionMismatch { .. }
                | ExecuteError::KeyReused
                | ExecuteError::KeyBusy),
            ) => return Err(Halt::Stuck(error.to_string())),
        }
    }
}

async fn send<S: Saga>(store: &EventStore, id: &S::Id, event: &Recorded) -> Result<Effect, Halt> {
    let intent = event.decode::<S::Event>().map_err(|error| {
        let position = event.position;
        Halt::Stuck(format!(
            "its event at position {position} cannot be read: {error}; a newer program may have written it"
        ))
    })?;
    let outgoing = stream::iter(S::send(id, &intent).into_iter().enumerate());
    let sent = outgoing.map(|(index, outgoing)| async move {
        match outgoing {
            Outgoing::Request(request) => {
                let command = queued(event, index, request)?;
                let mut pause = PAUSES.0;
                while let Err(error) = store.enqueue(&command).await {
                    may_pass(store, error, &mut pause).await?;
                }
            }
            Outgoing::Deadline(deadline) => {
                let mut pause = PAUSES.0;
                let cause = (event.id, event.correlation_id);
                while let Err(error) = store.set_deadline(&event.entity, &deadline, cause).await {
                    may_pass(store, error, &mut pause).await?;
                }
            }
        }
        Ok(())
    });
    sent.buffer_unordered(SENT_AT_ONCE).try_for_each(|()| ready(Ok(()))).await?;
    Ok(Effect::Nothing)
}

/// The command under an id of its own, that it has whenever it is sent again.
fn queued(event: &Recorded, index: usize, request: Request) -> Result<QueuedCommand, Halt> {
    let body = serde_json::to_vec(&request.body).map_err(|error| Halt::Stuck(error.to_string()))?;
    Ok(QueuedCommand {
        id: Uuid::new_v5(&event.id, index.to_string().as_bytes()).to_string(),
        entity: request.entity,
        command: request.command.to_owned(),
        body: Bytes::from(body),
        causation_id: Some(event.id),
        correlation_id: event.correlation_id,
        traceparent: event.traceparent.clone(),
    })
}

async fn expire<S: Saga>(store: &EventStore, id: &S::Id, due: &Due) -> Result<Effect, Halt> {
    let Some(command) = S::expire(&due.name) else {
        return Err(Halt::Stuck(format!("it knows no deadline named {:?}", due.name)));
    };
    // Of the deadline itself, so that it is the same one whenever it comes again.
    let set_by = due.causation_id.unwrap_or(Uuid::NAMESPACE_OID);
    let cause = Cause {
        id: Uuid::new_v5(&set_by, due.name.as_bytes()),
        correlation_id: due.correlation_id,
        traceparent: None,
    };
    let effect = learn::<S>(store, id, command, cause).await?;
    due.done().await;
    Ok(effect)
}

/// Waits when it may pass.
async fn may_pass(store: &EventStore, error: StoreError, pause: &mut Duration) -> Result<(), Halt> {
    match error {
        StoreError::Unavailable(cause) | StoreError::OutcomeUnknown(cause) => {
            tracing::debug!(cause, "a saga waits for the broker");
        }
        StoreError::Conflict { entity } => tracing::debug!(%entity, "a saga tries again"),
        error @ StoreError::Unfit(_) => return Err(Halt::Stuck(error.to_string())),
        // This saga's history alone, or the whole log?
        error @ StoreError::Corrupt(_) => {
            return Err(match store.settle().await {
                Err(log @ StoreError::Corrupt(_)) => Halt::Log(log),
                Ok(()) | Err(_) => Halt::Stuck(error.to_string()),
            });
        }
    }
    sleep(*pause).await;
    *pause = (*pause * 2).min(PAUSES.1);
    Ok(())
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// What an entry of the log means for sagas of a kind: which of them, and what it has to do.
///
/// # Errors
/// Why the event cannot be read, or what a panic said.
pub(crate) fn of_event<S: Saga>(event: &Recorded, settings: &S::Settings) -> Result<Option<Task<S>>, String> {
    let position = event.position;
    if event.entity.category == S::CATEGORY {
        // A foreign hand's, which has no version, is none of the saga's own.
        let own = event.version.and_then(|_| event.entity.id.parse().ok());
        let step = || Step::Send(Box::new(event.clone()));
        return Ok(own.map(|id| Task { id, step: step(), position }));
    }
    let routed = std::panic::catch_unwind(AssertUnwindSafe(|| S::route(event, settings)));
    match routed {
        Ok(Ok(routed)) => {
            let learn = |command| Step::Learn { command, cause: Cause::of(event) };
            Ok(routed.map(|(id, command)| Task { id, step: learn(command), position }))
        }
        Ok(Err(unreadable)) => Err(unreadable.to_string()),
        Err(panic) => Err(format!("it panicked: {}", said(panic.as_ref()))),
    }
}
