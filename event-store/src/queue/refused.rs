//! Commands from subjects that were refused: put aside with the reason, for people to look at and to send again.

use std::sync::Arc;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{DeleteMessageErrorKind, Stream};
use bytes::Bytes;
use event_model::EntityName;
use futures_util::StreamExt as _;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};

use super::inbox::Delivery;
use crate::committer::Outgoing;
use crate::error::StoreError;
use crate::publish::{self, Answer};
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::streams::REJECTED;
use crate::subjects;

/// A command that was refused.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Where it lies among those that were.
    pub sequence: u64,
    /// When it was refused.
    pub time: OffsetDateTime,
    /// `rejected.` and what its own subject was behind the first token.
    pub subject: String,
    /// Why, as whoever refused it has written it.
    pub problem: Bytes,
    pub(crate) headers: HeaderMap,
}

impl Refused {
    /// To whom it was sent, and which command; `None` when its subject names none.
    pub fn asked(&self) -> Option<(EntityName, String)> {
        subjects::asked(&self.subject)
    }

    /// Its headers, as name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.headers.iter().map(|(name, values)| (name.as_ref(), values));
        named.flat_map(|(name, values)| values.iter().map(move |value| (name, value.as_str())))
    }
}

impl EventStore {
    /// Puts a command that was taken from the queue aside, with the reason. It must still be acknowledged. One that is
    /// delivered again, because that was lost, is not put aside twice.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer; [`StoreError::Unfit`] when the problem is too large.
    pub async fn reject(&self, refused: &Delivery, problem: Bytes) -> Result<(), StoreError> {
        let subject = subjects::rejected(refused.subject());
        let headers = kept(refused.headers());
        if refused.times > 1 && self.is_aside(&subject, &headers, &problem).await? {
            return Ok(());
        }
        let subject = Arc::<str>::from(subject);
        let message = Outgoing { subject, relies_on: None, headers, data: problem };
        match publish::one(self.client(), message, Instant::now() + ROUND_TRIP).await {
            Answer::Stored { duplicate: false, .. } => Ok(()),
            // The broker has dropped this one. When it comes again it is compared with the other.
            Answer::Stored { duplicate: true, .. } => {
                Err(StoreError::away("one of its id was put aside a moment ago"))
            }
            Answer::Refused { code: publish::TOO_LARGE, said } => Err(StoreError::Unfit(said)),
            Answer::Refused { code, said } => Err(StoreError::away(format!("{REJECTED}: {said} ({code})"))),
            Answer::NoStream(cause) | Answer::None(cause) => Err(StoreError::Unavailable(cause)),
            Answer::Parted => Err(StoreError::away("it was parted")),
        }
    }

    async fn is_aside(&self, subject: &str, headers: &HeaderMap, problem: &[u8]) -> Result<bool, StoreError> {
        let last = |stream| self.of_leader(stream, |raw| raw.last_by_subject(subject), self.deadline());
        let last = last(REJECTED).await?;
        let id = |headers: &HeaderMap| headers.get(NATS_MESSAGE_ID).map(|id| id.as_str().to_owned());
        Ok(last.is_some_and(|last| id(&last.headers) == id(headers) && last.payload[..] == *problem))
    }

    /// The commands that were refused last, at most `most`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn refused(&self, most: usize) -> Result<Vec<Refused>, StoreError> {
        let Some(stream) = self.rejected_stream().await? else { return Ok(Vec::new()) };
        let state = &stream.cached_info().state;
        if state.messages == 0 || most == 0 {
            return Ok(Vec::new());
        }
        let holes = state.deleted_count.unwrap_or_default();
        let back = (most as u64).saturating_add(holes);
        let begin = (state.last_sequence + 1).saturating_sub(back).max(state.first_sequence);
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: begin.max(1) },
            ack_policy: AckPolicy::None,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(StoreError::away)?;
        let mut messages = consumer.messages().await.map_err(StoreError::away)?;
        let mut refused = Vec::new();
        loop {
            let next = timeout(self.patience(), messages.next()).await.map_err(StoreError::away)?;
            let message =
                next.ok_or_else(|| StoreError::away("it ended early"))?.map_err(StoreError::away)?;
            let info = message.info().map_err(StoreError::away)?;
            let (sequence, time, pending) = (info.stream_sequence, info.published, info.pending);
            let async_nats::Message { subject, payload: problem, headers, .. } = message.message;
            let headers = headers.unwrap_or_default();
            refused.push(Refused { sequence, time, subject: subject.to_string(), problem, headers });
            if pending == 0 {
                return Ok(refused.split_off(refused.len().saturating_sub(most)));
            }
        }
    }

    /// The command that was refused at this place.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn refused_at(&self, sequence: u64) -> Result<Option<Refused>, StoreError> {
        if self.rejected_stream().await?.is_none() {
            return Ok(None);
        }
        let found = self.of_leader(REJECTED, |raw| raw.sequence(sequence), self.deadline()).await?;
        Ok(found.map(|found| Refused {
            sequence,
            time: found.time,
            subject: found.subject.to_string(),
            problem: found.payload,
            headers: found.headers,
        }))
    }

    /// Deletes what lies there; `false` when nothing does.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn forget_refused(&self, sequence: u64) -> Result<bool, StoreError> {
        let Some(stream) = self.rejected_stream().await? else { return Ok(false) };
        match stream.delete_message(sequence).await {
            Ok(deleted) => Ok(deleted),
            Err(error) => {
                let none = [ErrorCode::NO_MESSAGE_FOUND, ErrorCode::SEQUENCE_NOT_FOUND];
                if let DeleteMessageErrorKind::JetStream(no) = error.kind()
                    && none.contains(&no.error_code())
                {
                    return Ok(false);
                }
                Err(StoreError::away(error))
            }
        }
    }

    async fn rejected_stream(&self) -> Result<Option<Stream>, StoreError> {
        match self.context().get_stream(REJECTED).await {
            Ok(stream) => Ok(Some(stream)),
            Err(error) => {
                if let GetStreamErrorKind::JetStream(no) = error.kind()
                    && no.error_code() == ErrorCode::STREAM_NOT_FOUND
                {
                    return Ok(None);
                }
                Err(StoreError::away(error))
            }
        }
    }
}

/// The headers that are the sender's own.
fn kept(headers: Option<&HeaderMap>) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let text: &str = name.as_ref();
        let brokers = text.to_ascii_lowercase().starts_with("nats-");
        if !brokers || text.eq_ignore_ascii_case(NATS_MESSAGE_ID.as_ref()) {
            for value in values {
                kept.append(name.clone(), value.clone());
            }
        }
    }
    kept
}
