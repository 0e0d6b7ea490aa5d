//! A command on a subject, whichever way it came: read as a call over HTTP is, carried out as it is, and only once.

use std::fmt::Write as _;

use bytes::Bytes;
use domain::{Order, Stock, User};
use event_model::{Decider as _, Metadata, Position, Version};
use event_store::{ExecuteError, IdempotencyKey, QueuedCommand, StoreError, Unreadable, trace};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tracing::Span;
use uuid::Uuid;

use crate::api::Api;
use crate::body::Body;
use crate::call::is_traceparent;
use crate::entity::{Entity, Once};
use crate::problem::{Kind, Problem};

/// The categories whose commands are taken here.
pub const CATEGORIES: [&str; 3] = [User::CATEGORY, Order::CATEGORY, Stock::CATEGORY];

/// Under which the ids of commands that bear repetition are derived; another one would do them twice.
const COMMANDS: Uuid = Uuid::from_u128(0x5e1c_94a2_7d0b_4f63_9a58_3c27_e1f4_0b96);

/// Where the entity stands after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) version: Version,
    pub(crate) position: Position,
}

/// Why a command was not carried out, by what is to be done with it.
#[derive(Debug)]
pub(crate) enum Unmet {
    /// Tell the sender: it will not be, as it is.
    Refused(Problem),
    /// Try it again in a moment.
    Later(Problem),
    /// Call somebody; until then, keep it.
    Broken(String),
}

/// The place of a command in the trace that its sender named, within the span that its log lines are in, which learns
/// the trace.
pub(crate) fn traced(within: &Span, reader: &str, subject: &str, command: Option<&QueuedCommand>) -> Span {
    let id = command.map_or("", |command| command.id.as_str());
    let sender =
        command.and_then(|command| command.traceparent.as_deref()).filter(|text| is_traceparent(text));
    let span = within.in_scope(|| trace::processing(reader, subject, id));
    trace::follow(&span, sender);
    note_trace(within, &span, sender);
    span
}

/// Lets log lines name their trace: the one that is collected, or the one that the caller named.
pub(crate) fn note_trace(within: &Span, traced: &Span, caller: Option<&str>) {
    let place = trace::place(traced);
    if let Some(id) = place.as_deref().or(caller).and_then(trace::trace_id) {
        within.record("trace_id", id);
    }
}

/// Carries a command out. One that came without an id of its own is not known when it comes again.
pub(crate) async fn carry_out(
    api: &Api,
    command: &Result<QueuedCommand, Unreadable>,
    has_id: bool,
) -> Result<Carried, Unmet> {
    let command =
        command.as_ref().map_err(|unreadable| refused(Problem::malformed(unreadable.to_string())))?;
    match command.entity.category.as_str() {
        User::CATEGORY => of::<User>(api, command, has_id).await,
        Order::CATEGORY => of::<Order>(api, command, has_id).await,
        Stock::CATEGORY => of::<Stock>(api, command, has_id).await,
        other => {
            Err(refused(Problem::new(Kind::NotFound, format!("commands to {other} are not taken here"))))
        }
    }
}

async fn of<D: Entity>(api: &Api, command: &QueuedCommand, has_id: bool) -> Result<Carried, Unmet>
where
    Problem: From<D::Rejection>,
{
    let id = command.entity.id.parse::<D::Id>();
    let id = id.map_err(|why| refused(Problem::malformed(format!("the id in the subject: {why}"))))?;
    let body = Body::of_message(trimmed(&command.body)).map_err(refused)?;
    let wish = D::asked(&id, &command.command, &body).map_err(refused)?;
    let path = format!("{}/{id}/{}", D::CATEGORY, command.command);
    let (command_id, once) = if !has_id {
        (Uuid::now_v7(), Once::Unknown)
    } else if D::bears_repetition(&wish.command) {
        (derived(&path, &command.id, &body.bytes), Once::Named)
    } else {
        // No key of an HTTP call has a space in it.
        let name = format!("command {}", command.id);
        (Uuid::now_v7(), Once::Keyed(IdempotencyKey::new(name, "COMMAND", &path, &body.bytes)))
    };
    let _turn = api.turns.turn(&format!("{}/{id}", D::CATEGORY)).await.ok_or_else(|| {
        let detail = "others are being carried out on this entity, and take their time; send it again";
        Unmet::Later(Problem::new(Kind::Conflict, detail).retry_after(1))
    })?;
    let done = api.perform(&once, &metadata(command, command_id), &id, wish).await.map_err(unmet)?;
    Ok(Carried { version: done.entity.version, position: done.entity.position })
}

fn metadata(command: &QueuedCommand, id: Uuid) -> Metadata {
    let causation_id = command.causation_id.unwrap_or(id);
    Metadata {
        causation_id,
        correlation_id: command.correlation_id.unwrap_or(causation_id),
        traceparent: command.traceparent.clone().filter(|text| is_traceparent(text)),
        ..Metadata::first(id, OffsetDateTime::now_utc())
    }
}

/// The id of a command, the same whenever it comes. With other content it is another command.
fn derived(path: &str, id: &str, body: &[u8]) -> Uuid {
    let mut name = format!("{path}/{id}/");
    for byte in Sha256::digest(body) {
        let _ = write!(name, "{byte:02x}");
    }
    Uuid::new_v5(&COMMANDS, name.as_bytes())
}

/// Without the white space around it, which nobody keeps who shows a command, and sends it again.
fn trimmed(body: &Bytes) -> Bytes {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let begin = body.iter().position(is_text).unwrap_or(body.len());
    let end = body.iter().rposition(is_text).map_or(begin, |last| last + 1);
    body.slice(begin..end)
}

fn refused(problem: Problem) -> Unmet {
    Unmet::Refused(problem)
}

fn unmet(error: ExecuteError<Problem>) -> Unmet {
    match error {
        ExecuteError::Rejected(problem) if problem.kind == Kind::Unavailable => Unmet::Later(problem),
        ExecuteError::Rejected(problem) if problem.kind == Kind::Internal => Unmet::Broken(problem.detail),
        ExecuteError::Rejected(problem) => Unmet::Refused(problem),
        ExecuteError::VersionMismatch { found: Version::START, .. } => {
            refused(Problem::not_found("this entity"))
        }
        ExecuteError::VersionMismatch { found, .. } => refused(Problem::new(
            Kind::VersionMismatch,
            format!("it is at version {found} now; read it again and send that one as `version`"),
        )),
        ExecuteError::KeyReused => refused(Problem::new(
            Kind::IdempotencyKeyReused,
            "this Nats-Msg-Id was first used with another subject or body; use a new one",
        )),
        ExecuteError::KeyBusy => {
            let detail = "the first command with this Nats-Msg-Id is still under way; send it again";
            Unmet::Later(Problem::new(Kind::Conflict, detail).retry_after(1))
        }
        ExecuteError::Store(StoreError::OutcomeUnknown(cause)) => {
            tracing::warn!(cause, "the outcome of a command is unknown");
            let detail = "outcome unknown: the broker did not answer and may have stored the command; only one \
                          with a Nats-Msg-Id is safe to send again";
            Unmet::Later(Problem::new(Kind::Unavailable, detail).retry_after(1))
        }
        ExecuteError::Store(error @ (StoreError::Corrupt(_) | StoreError::Unfit(_))) => {
            Unmet::Broken(error.to_string())
        }
        ExecuteError::Store(error @ (StoreError::Conflict { .. } | StoreError::Unavailable(_))) => {
            Unmet::Later(error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_one_id_and_another_command_another() {
        let id = derived("user/7/release-credit", "a", b"{}");
        assert_eq!(id, derived("user/7/release-credit", "a", b"{}"));
        // Frozen: another id would do again what was done.
        assert_eq!(id.to_string(), "606c3638-bdd9-53d3-9d99-d4def25f947a");
        for other in [
            derived("user/8/release-credit", "a", b"{}"),
            derived("user/7/capture-credit", "a", b"{}"),
            derived("user/7/release-credit", "b", b"{}"),
            derived("user/7/release-credit", "a", b"{ }"),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn white_space_around_a_body_is_no_difference() {
        for (body, inside) in
            [(" \n{ } \r\t", "{ }"), ("", ""), (" \n", ""), ("{}", "{}"), ("\u{c}", "\u{c}")]
        {
            assert_eq!(trimmed(&Bytes::copy_from_slice(body.as_bytes())), inside.as_bytes());
        }
    }
}
