//! Messages to a stream, and what came back.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Request};
use bytes::Bytes;
use event_model::Position;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::committer::Outgoing;
use crate::error::Cause;

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
        }
    }
}

/// Publishes these messages, all or none: one by itself, several as an atomic batch (ADR-50). The answer is that of
/// the last one.
pub(crate) async fn all(client: &Client, messages: &[&Outgoing], by: Instant) -> Answer {
    let Some((last, before)) = messages.split_last() else {
        return Answer::NoStream("nothing to store".into());
    };
    let batch = (!before.is_empty()).then(|| Uuid::now_v7().to_string());
    for (index, message) in before.iter().enumerate() {
        let headers = in_batch(message, batch.as_deref(), index + 1, false);
        if let Err(error) =
            client.publish_with_headers(message.subject.clone(), headers, message.data.clone()).await
        {
            return Answer::NoStream(error.into());
        }
    }
    let headers = in_batch(last, batch.as_deref(), messages.len(), true);
    one(client, last.subject.clone(), headers, last.data.clone(), by).await
}

fn in_batch(message: &Outgoing, batch: Option<&str>, sequence: usize, last: bool) -> HeaderMap {
    let mut headers = message.headers.clone();
    if let Some(batch) = batch {
        headers.insert("Nats-Batch-Id", batch);
        headers.insert("Nats-Batch-Sequence", sequence.to_string());
        if last {
            headers.insert("Nats-Batch-Commit", "1");
        }
    }
    headers
}

async fn one(client: &Client, subject: String, headers: HeaderMap, body: Bytes, by: Instant) -> Answer {
    // The broker answers each request in its own time; `by` alone says when to give up.
    let request = Request::new().headers(headers).payload(body).timeout(Some(Duration::from_mins(1)));
    match timeout_at(by, client.send_request(subject, request)).await {
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
