//! Commands on subjects: put on their queue, taken from it, and put aside when they are refused.
//!
//! - `asked`: a command as it is read from a message
//! - [`inbox`]: what is taken from the queue
//! - [`refused`]: what was refused, for people to look at

pub(crate) mod asked;
pub mod inbox;
pub mod refused;

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, NATS_MESSAGE_ID};
use bytes::Bytes;
use event_model::{EntityName, Metadata};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::committer::{Company, Outgoing};
use crate::error::{Cause, StoreError};
use crate::look;
use crate::publish::Answer;
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::streams::{self, COMMANDS, StreamError};
use crate::subjects;

/// The name of the header with the command or event that caused a command.
pub const CAUSATION: HeaderName = HeaderName::from_static("ce-causationid");
/// The name of the header with the first cause of the chain.
pub const CORRELATION: HeaderName = HeaderName::from_static("ce-correlationid");
/// The name of the header with the W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A command as a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedCommand {
    /// The command's own id, 1 to 255 visible ASCII characters: under one id it is carried out once.
    pub id: String,
    /// To whom.
    pub entity: EntityName,
    /// Which, in its wire name.
    pub command: String,
    /// With what, a JSON object.
    pub body: Bytes,
    /// The command or event that caused it.
    pub causation_id: Option<Uuid>,
    /// The first cause of the chain.
    pub correlation_id: Option<Uuid>,
    /// W3C trace context, where there is one.
    pub traceparent: Option<String>,
}

/// Under which [`QueuedCommand::metadata`] derives the ids of commands; another one would do them twice.
const COMMANDS_TAKEN: Uuid = Uuid::from_u128(0x9c41_6a0d_53e8_4b7f_8d26_f07b_1c95_e3a4);

impl QueuedCommand {
    /// With what it is decided, by whoever takes it from the queue: the same id whenever it comes, which with another
    /// body is another one; its causes, and itself where it names none.
    pub fn metadata(&self, time: OffsetDateTime) -> Metadata {
        let mut name = format!("{}/{}/{}/", self.entity, self.command, self.id).into_bytes();
        name.extend_from_slice(&self.body);
        let first = Metadata::first(Uuid::new_v5(&COMMANDS_TAKEN, &name), time);
        let causation_id = self.causation_id.unwrap_or(first.command_id);
        Metadata {
            causation_id,
            correlation_id: self.correlation_id.unwrap_or(causation_id),
            traceparent: self.traceparent.clone(),
            ..first
        }
    }
}

impl EventStore {
    /// Makes the queue take commands to these categories, besides those that it takes already, and makes the stream of
    /// those that are refused.
    ///
    /// # Errors
    /// [`StreamError`], as [`EventStore::open`].
    pub async fn open_queue(&self, categories: &[&str]) -> Result<(), StreamError> {
        let replicas = self.connection().replicas();
        let subjects = categories.iter().map(|category| subjects::commands(category)).collect();
        streams::ensure_taking(self.context(), streams::commands(subjects, replicas)).await?;
        streams::ensure(self.context(), streams::rejected(replicas)).await?;
        Ok(())
    }

    /// Whether the queue takes commands to a category: a node that carries them out was there once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn takes_commands_to(&self, category: &str) -> Result<bool, StoreError> {
        if !look::has_stream(self.connection(), COMMANDS).await? {
            return Ok(false);
        }
        let queue = self.context().get_stream(COMMANDS).await.map_err(StoreError::away)?;
        Ok(queue.cached_info().config.subjects.contains(&subjects::commands(category)))
    }

    /// Puts a command on the queue; returns once it is stored, on disk. Putting it there again changes nothing in the
    /// end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer, or the queue is full;
    /// [`StoreError::Unfit`] when no queue takes commands of its category, or it is too large.
    pub async fn enqueue(&self, command: &QueuedCommand) -> Result<(), StoreError> {
        let deadline = self.deadline();
        let subject = std::sync::Arc::<str>::from(subjects::command(&command.entity, &command.command));
        let headers = headers(command);
        let mut company = Company::Anybody;
        loop {
            let by = deadline.min(Instant::now() + ROUND_TRIP);
            let cause: Cause = if self.connection().is_up() {
                let (subject, headers, data) = (subject.clone(), headers.clone(), command.body.clone());
                let message = vec![Outgoing { subject, relies_on: None, headers, data }];
                match self.command_committer().append(message, company, by).await {
                    Answer::Stored { .. } => return Ok(()),
                    // The second of these numbers: one with its id is there, or in the same batch; alone it is known.
                    Answer::Parted | Answer::Refused { code: 10201, .. } => {
                        company = Company::Nobody;
                        continue;
                    }
                    Answer::Refused { code: crate::publish::TOO_LARGE, said } => {
                        return Err(StoreError::Unfit(format!("the command to {}: {said}", command.entity)));
                    }
                    Answer::Refused { code, said } => format!("{COMMANDS}: {said} ({code})").into(),
                    Answer::NoStream(cause) | Answer::None(cause) => cause,
                }
            } else {
                "the broker is not connected".into()
            };
            if Instant::now() + RETRY >= deadline {
                return Err(StoreError::Unavailable(cause));
            }
            sleep(RETRY).await;
        }
    }
}

const RETRY: Duration = Duration::from_millis(50);

/// The headers of a command.
pub(crate) fn headers(command: &QueuedCommand) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, command.id.as_str());
    let ids = [(CAUSATION, command.causation_id), (CORRELATION, command.correlation_id)];
    for (name, id) in ids {
        if let Some(id) = id {
            headers.insert(name, id.to_string());
        }
    }
    if let Some(traceparent) = &command.traceparent {
        headers.insert(TRACEPARENT, crate::envelope::header_text(traceparent));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(body: &'static [u8]) -> QueuedCommand {
        QueuedCommand {
            id: "a".into(),
            entity: EntityName::new("stock", "tea"),
            command: "reserve".into(),
            body: Bytes::from_static(body),
            causation_id: None,
            correlation_id: None,
            traceparent: None,
        }
    }

    #[test]
    fn one_has_one_id_whenever_it_comes() {
        let at = |command: &QueuedCommand, second| {
            command.metadata(OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(second)).command_id
        };
        assert_eq!(at(&command(b"1"), 0), at(&command(b"1"), 1));
        assert_ne!(at(&command(b"1"), 0), at(&command(b"2"), 0));
        assert_ne!(at(&command(b"1"), 0), at(&QueuedCommand { id: "b".into(), ..command(b"1") }, 0));
    }

    #[test]
    fn the_chain_of_causes_goes_on() {
        let alone = command(b"").metadata(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(alone, Metadata::first(alone.command_id, OffsetDateTime::UNIX_EPOCH));
        let (cause, chain) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let caused = QueuedCommand { causation_id: Some(cause), ..command(b"") };
        let metadata = caused.metadata(OffsetDateTime::UNIX_EPOCH);
        assert_eq!((metadata.causation_id, metadata.correlation_id), (cause, cause));
        let chained = QueuedCommand { correlation_id: Some(chain), ..caused };
        let metadata = chained.metadata(OffsetDateTime::UNIX_EPOCH);
        assert_eq!((metadata.causation_id, metadata.correlation_id), (cause, chain));
    }
}
