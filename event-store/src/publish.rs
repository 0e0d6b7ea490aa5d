//! Messages to a stream, and what came back.

use std::time::Duration;

use async_nats::header::HeaderName;
use async_nats::{Client, HeaderMap, Request};
use event_model::Position;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::committer::Outgoing;
use crate::error::Cause;

const BATCH_ID: HeaderName = HeaderName::from_static("Nats-Batch-Id");
const BATCH_SEQUENCE: HeaderName = HeaderName::from_static("Nats-Batch-Sequence");
const BATCH_COMMIT: HeaderName = HeaderName::from_static("Nats-Batch-Commit");

/// What the broker answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is stored, on disk.
    Stored { sequence: Position, duplicate: bool },
    /// It is not, for the reason with this number (nats-server `errors.json`).
    Refused { code: u64, said: String },
    /// No stream took it, so it is not stored.
    NoStream(Cause),
    /// Nobody knows.
    None(Cause),
    /// Refused, for one of those that it shared a batch with: nothing of it is stored.
    Parted,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Refused {
        error: Refusal,
    },
    Stored {
        seq: u64,
        #[serde(default)]
        duplicate: bool,
    },
}

#[derive(Deserialize)]
struct Refusal {
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl Answer {
    /// The answer for one whose messages lie so many before the last one of a batch.
    pub(crate) fn behind(&self, messages: u64) -> Self {
        match self {
            Self::Stored { sequence, duplicate } => {
                Self::Stored { sequence: Position::new(sequence.get() - messages), duplicate: *duplicate }
            }
            Self::Refused { code, said } => Self::Refused { code: *code, said: said.clone() },
            Self::NoStream(cause) => Self::NoStream(cause.to_string().into()),
            Self::None(cause) => Self::None(cause.to_string().into()),
            Self::Parted => Self::Parted,
        }
    }
}

/// Publishes these messages, all or none: one by itself, several as an atomic batch (ADR-50). The answer is that of
/// the last one.
pub(crate) async fn all(client: &Client, mut messages: Vec<Outgoing>, by: Instant) -> Answer {
    let Some(mut last) = messages.pop() else { return nothing() };
    if !messages.is_empty() {
        let batch = Uuid::now_v7().to_string();
        stamp(&mut last.headers, &batch, messages.len() + 1);
        end(&mut last.headers);
        for (index, message) in messages.into_iter().enumerate() {
            let Outgoing { subject, mut headers, data, .. } = message;
            stamp(&mut headers, &batch, index + 1);
            if let Err(error) = client.publish_with_headers(subject.to_string(), headers, data).await {
                return Answer::NoStream(error.into());
            }
        }
    }
    one(client, last, by).await
}

/// What an append without messages comes to.
pub(crate) fn nothing() -> Answer {
    Answer::NoStream("nothing to store".into())
}

/// Makes it a message of a batch, from 1.
pub(crate) fn stamp(headers: &mut HeaderMap, batch: &str, number: usize) {
    headers.insert(BATCH_ID, batch);
    headers.insert(BATCH_SEQUENCE, number.to_string());
}

/// Makes it the last one.
pub(crate) fn end(headers: &mut HeaderMap) {
    headers.insert(BATCH_COMMIT, "1");
}

/// Publishes one message, and waits for what the broker says.
pub(crate) async fn one(client: &Client, message: Outgoing, by: Instant) -> Answer {
    let Outgoing { subject, headers, data: body, .. } = message;
    // The broker answers each request in its own time; `by` alone says when to give up.
    let request = Request::new().headers(headers).payload(body).timeout(Some(Duration::from_mins(1)));
    match timeout_at(by, client.send_request(subject.to_string(), request)).await {
        Err(elapsed) => Answer::None(elapsed.into()),
        Ok(Err(error)) => match error.kind() {
            async_nats::RequestErrorKind::NoResponders => Answer::NoStream(error.into()),
            async_nats::RequestErrorKind::MaxPayloadExceeded => {
                Answer::Refused { code: TOO_LARGE, said: error.to_string() }
            }
            async_nats::RequestErrorKind::TimedOut
            | async_nats::RequestErrorKind::InvalidSubject
            | async_nats::RequestErrorKind::Other => Answer::None(error.into()),
        },
        Ok(Ok(reply)) => match serde_json::from_slice(&reply.payload) {
            Ok(Reply::Stored { seq, duplicate }) => {
                Answer::Stored { sequence: Position::new(seq), duplicate }
            }
            Ok(Reply::Refused { error }) => Answer::Refused { code: error.err_code, said: error.description },
            Err(error) => Answer::None(error.into()),
        },
    }
}

/// The broker's own number for a message above its limit; the client refuses it before it is sent.
pub(crate) const TOO_LARGE: u64 = 10054;
