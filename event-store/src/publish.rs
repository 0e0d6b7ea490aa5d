//! One message to a stream, and what came back.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Request};
use bytes::Bytes;
use event_model::Position;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::error::Cause;

/// What the broker answered.
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

/// Publishes, and waits for the broker's answer.
pub(crate) async fn ask(
    client: &Client,
    subject: String,
    headers: HeaderMap,
    body: Bytes,
    by: Instant,
) -> Answer {
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
