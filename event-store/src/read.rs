//! Reading messages: several in one round trip, or one.

use std::time::Duration;

use async_nats::jetstream::stream::RawMessageBuilder;
use async_nats::{HeaderMap, Message, StatusCode};
use event_model::{EntityName, Position};
use futures_util::StreamExt as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep, timeout_at};

use crate::envelope::{self, Entry, Stored};
use crate::error::StoreError;
use crate::leader::{self, patiently};
use crate::store::EventStore;
use crate::streams::EVENTS;
use crate::subjects;

/// The most that one request may answer; the rest is asked for again.
pub(crate) const CHUNK: u64 = 1000;

/// Some messages, oldest first.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) entries: Vec<Entry>,
    /// Whether there were more when this was read.
    pub(crate) more: bool,
}

impl EventStore {
    /// What lies on the entity's subject after a position, oldest first, as far as one answer goes. Asked again when
    /// an answer is torn, or comes from a server that is behind, for as long as there is time.
    pub(crate) async fn chunk(
        &self,
        entity: &EntityName,
        after: Position,
        deadline: Instant,
    ) -> Result<Chunk, StoreError> {
        let subject = subjects::stored(entity);
        let ask = serde_json::json!({"seq": after.next(), "next_by_subj": subject, "batch": CHUNK});
        loop {
            let (messages, more) = self.several(&ask, deadline).await?;
            let entries: Vec<_> = messages.iter().map(entry).collect::<Result<_, _>>()?;
            let end = entries.last().map_or(after, Entry::position);
            if more || !self.is_replicated() || !self.leader_has_more(entity, end, deadline).await? {
                return Ok(Chunk { entries, more });
            }
            // A replica answered that is still behind the leader.
            if Instant::now() + AGAIN >= deadline {
                return Err(StoreError::away("no replica is as far as the leader"));
            }
            sleep(AGAIN).await;
        }
    }

    /// The messages that one request asks for, and whether there were more. Asked again when an answer is torn, for
    /// as long as there is time.
    pub(crate) async fn several(
        &self,
        ask: &serde_json::Value,
        deadline: Instant,
    ) -> Result<(Vec<Message>, bool), StoreError> {
        patiently(deadline, |by| self.several_once(ask, by)).await
    }

    async fn several_once(
        &self,
        ask: &serde_json::Value,
        by: Instant,
    ) -> Result<(Vec<Message>, bool), StoreError> {
        let client = self.client();
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.map_err(StoreError::away)?;
        client
            .publish_with_reply(format!("$JS.API.DIRECT.GET.{EVENTS}"), inbox, ask.to_string().into())
            .await
            .map_err(StoreError::away)?;
        let mut messages = Vec::new();
        let mut before = 0;
        loop {
            let answer = timeout_at(by, answers.next()).await.map_err(StoreError::away)?;
            let answer = answer.ok_or_else(|| StoreError::away("the connection was closed"))?;
            let headers = answer.headers.as_ref();
            // Each part names the one before it: where the connection was made anew in between, some went astray.
            if number(headers, "Nats-Last-Sequence").is_some_and(|last| last != before) {
                return Err(StoreError::away("a part of the answer was lost"));
            }
            match answer.status {
                Some(StatusCode::NOT_FOUND) => return Ok((messages, false)),
                None | Some(StatusCode::OK) => {
                    before = sequence(&answer)?;
                    messages.push(answer);
                }
                Some(status) if status.as_u16() == 204 => {
                    let more = number(headers, "Nats-Num-Pending").unwrap_or(0) > 0;
                    return Ok((messages, more));
                }
                Some(status) => return Err(StoreError::away(format!("reading {ask}: status {status}"))),
            }
        }
    }

    /// The first message on an entity's subject after a position.
    pub(crate) async fn next_after(
        &self,
        entity: &EntityName,
        after: Position,
        deadline: Instant,
    ) -> Result<Option<Entry>, StoreError> {
        let subject = subjects::stored(entity);
        if self.is_replicated() {
            let next =
                |raw: RawMessageBuilder| raw.sequence(after.next().get()).next_by_subject(subject.clone());
            return Ok(self.of_leader(EVENTS, next, deadline).await?.map(leader::entry));
        }
        let ask = serde_json::json!({"seq": after.next(), "next_by_subj": subject});
        self.direct_get(EVENTS, &ask, deadline).await?.as_ref().map(entry).transpose()
    }

    /// What lies at a position, `None` where the log does not reach it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn at(&self, position: Position) -> Result<Option<Entry>, StoreError> {
        if self.is_replicated() {
            let at = |raw: RawMessageBuilder| raw.sequence(position.get());
            return Ok(self.of_leader(EVENTS, at, self.deadline()).await?.map(leader::entry));
        }
        let ask = serde_json::json!({"seq": position});
        self.direct_get(EVENTS, &ask, self.deadline()).await?.as_ref().map(entry).transpose()
    }

    /// One message, of whichever server is asked: where there are several it may be behind.
    pub(crate) async fn direct_get(
        &self,
        stream: &str,
        ask: &serde_json::Value,
        deadline: Instant,
    ) -> Result<Option<Message>, StoreError> {
        let subject = &format!("$JS.API.DIRECT.GET.{stream}");
        patiently(deadline, |_| async move {
            let request = self.client().request(subject.clone(), ask.to_string().into());
            let answer = request.await.map_err(StoreError::away)?;
            match answer.status {
                Some(StatusCode::NOT_FOUND) => Ok(None),
                None | Some(StatusCode::OK) => Ok(Some(answer)),
                Some(status) => Err(StoreError::away(format!("reading {stream}: status {status}"))),
            }
        })
        .await
    }

    /// When the patience for one command or one read is over, counted from now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.patience()
    }
}

/// How long one round trip may take before it is tried again.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(1500);

/// How soon a replica is asked again that is behind the leader.
pub(crate) const AGAIN: Duration = Duration::from_millis(2);

/// What a message is.
pub(crate) fn entry(answer: &Message) -> Result<Entry, StoreError> {
    let (subject, position) = (subject(answer)?, Position::new(sequence(answer)?));
    let (headers, data) = (answer.headers.as_ref(), answer.payload.clone());
    let time = headers.and_then(|headers| headers.get("Nats-Time-Stamp"));
    let time = time.and_then(|time| OffsetDateTime::parse(time.as_str(), &Rfc3339).ok());
    let time = time.ok_or_else(|| StoreError::away("an answer without a time"))?;
    Ok(envelope::read(Stored { subject, position, time, headers, data }))
}

/// The subject that a message is stored on.
pub(crate) fn subject(answer: &Message) -> Result<&str, StoreError> {
    let subject = answer.headers.as_ref().and_then(|headers| headers.get("Nats-Subject"));
    subject
        .map(async_nats::HeaderValue::as_str)
        .ok_or_else(|| StoreError::away("an answer without a subject"))
}

fn sequence(answer: &Message) -> Result<u64, StoreError> {
    let sequence = number(answer.headers.as_ref(), "Nats-Sequence");
    sequence.ok_or_else(|| StoreError::away("an answer without a sequence"))
}

pub(crate) fn number(
    headers: Option<&HeaderMap>,
    name: impl async_nats::header::IntoHeaderName,
) -> Option<u64> {
    headers?.get(name)?.as_str().parse().ok()
}
