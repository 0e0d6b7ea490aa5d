//! Asking a broker of several servers: again while nobody leads, and its leader for what others may not have yet.

use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{RawMessageBuilder, RawMessageErrorKind};
use event_model::{EntityName, Position};
use tokio::time::{Instant, sleep, timeout_at};

use crate::envelope::{self, Entry, Stored};
use crate::error::StoreError;
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::streams::EVENTS;
use crate::subjects;

/// How long to wait before the broker is asked again.
const PAUSE: Duration = Duration::from_millis(25);

/// Asks until there is an answer, for as long as there is time. One question may take no longer than a round trip:
/// it may have gone to a server that died.
pub(crate) async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
    deadline: Instant,
    ask: impl Fn(Instant) -> F,
) -> Result<T, StoreError> {
    loop {
        let by = deadline.min(Instant::now() + ROUND_TRIP);
        let answer = timeout_at(by, ask(by)).await.unwrap_or_else(|elapsed| Err(StoreError::away(elapsed)));
        match answer {
            Err(StoreError::Unavailable(_)) if Instant::now() + PAUSE < deadline => sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

impl EventStore {
    /// A message of a stream as its leader has it, which is never behind what was acknowledged.
    pub(crate) async fn of_leader(
        &self,
        stream: &str,
        which: impl Fn(RawMessageBuilder) -> RawMessageBuilder,
        deadline: Instant,
    ) -> Result<Option<StreamMessage>, StoreError> {
        let which = &which;
        let ask = |_| async move {
            let stream = self.context().get_stream_no_info(stream).await.map_err(StoreError::away)?;
            match which(stream.raw_message_builder()).send().await {
                Ok(message) => Ok(Some(message)),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(StoreError::away(error)),
            }
        };
        patiently(deadline, ask).await
    }

    /// Whether the leader has something on the entity's subject after a position.
    pub(crate) async fn leader_has_more(
        &self,
        entity: &EntityName,
        after: Position,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let subject = subjects::stored(entity);
        let last = self.of_leader(EVENTS, |raw| raw.last_by_subject(subject.clone()), deadline).await?;
        Ok(last.is_some_and(|last| last.sequence > after.get()))
    }
}

/// A message that the leader gave.
pub(crate) fn entry(message: StreamMessage) -> Entry {
    let StreamMessage { subject, sequence, headers, payload: data, time } = message;
    let position = Position::new(sequence);
    envelope::read(Stored { subject: &subject, position, time, headers: Some(&headers), data })
}
