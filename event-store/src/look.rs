//! What an operator wants to know of a broker before anything is opened on it. Nothing is made and nothing is changed.

use std::time::Duration;

use async_nats::Request;
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, ErrorCode};
use futures_util::StreamExt as _;
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use crate::connection::Connection;
use crate::error::StoreError;
use crate::store::Settings;
use crate::streams::{self, EVENTS, StreamError};

/// How long the broker may take to answer.
const TO_ANSWER: Duration = Duration::from_secs(2);
/// How long nodes may take to answer, after the first of them has.
const TO_GATHER: Duration = Duration::from_millis(250);

/// A stream that other tools rely on, as the broker has it.
#[derive(Debug)]
pub struct Looked {
    /// Its name.
    pub name: String,
    /// How it is.
    pub standing: Standing,
}

/// How a stream is.
#[derive(Debug)]
pub enum Standing {
    /// As it must be.
    Fits {
        /// How many messages it holds.
        messages: u64,
    },
    /// It differs in what readers and writers rely on.
    Differs(StreamError),
    /// It is not there.
    Missing,
}

/// How much the account of this user stores, and may store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that the account has in files.
    pub used: u64,
    /// The most that it may have there; `None` where nobody set a limit.
    pub most: Option<u64>,
}

#[derive(Deserialize)]
struct StreamInfo {
    #[serde(with = "time::serde::rfc3339")]
    ts: OffsetDateTime,
}

#[derive(Deserialize)]
struct Pong {
    version: String,
}

/// Every stream of the contract.
///
/// # Errors
/// [`StoreError::Unavailable`] when the broker does not answer.
pub async fn streams(connection: &Connection) -> Result<Vec<Looked>, StoreError> {
    let context = context(connection);
    let replicas = connection.replicas();
    let wanted = [
        streams::events(replicas),
        streams::keys(Settings::default().key_retention, replicas),
        streams::snapshots(replicas),
        streams::commands(Vec::new(), replicas),
        streams::rejected(replicas),
        streams::deadlines(replicas),
    ];
    let mut looked = Vec::new();
    for wanted in wanted {
        let name = wanted.name.clone();
        let standing = match context.get_stream(&name).await {
            Ok(found) => {
                let info = found.cached_info();
                match streams::differs(&info.config, &as_chosen(&info.config, wanted)) {
                    Some(error) => Standing::Differs(error),
                    None => Standing::Fits { messages: info.state.messages },
                }
            }
            Err(error) if is_missing(&error) => Standing::Missing,
            Err(error) => return Err(StoreError::away(error)),
        };
        looked.push(Looked { name, standing });
    }
    Ok(looked)
}

/// With what each deployment chooses for itself: how long keys count, and whose commands are queued.
fn as_chosen(found: &Config, wanted: Config) -> Config {
    match wanted.name.as_str() {
        streams::KEYS => Config { max_age: found.max_age, ..wanted },
        streams::COMMANDS => Config { subjects: found.subjects.clone(), ..wanted },
        _ => wanted,
    }
}

/// By how much the broker's clock is ahead of this machine's, give or take half of what the answer took. `None` when
/// there is no log yet whose state would tell the time.
///
/// # Errors
/// [`StoreError::Unavailable`] when the broker does not answer.
pub async fn clock_ahead(connection: &Connection) -> Result<Option<time::Duration>, StoreError> {
    let (asked, since) = (OffsetDateTime::now_utc(), Instant::now());
    let request = Request::new().timeout(Some(TO_ANSWER));
    let subject = format!("$JS.API.STREAM.INFO.{EVENTS}");
    let answer = connection.client().send_request(subject, request).await.map_err(StoreError::away)?;
    let told = serde_json::from_slice::<StreamInfo>(&answer.payload).ok();
    Ok(told.map(|info| info.ts - (asked + since.elapsed() / 2)))
}

/// What is stored, and how much may be; of the servers themselves [`Connection::servers`] tells.
///
/// # Errors
/// [`StoreError::Unavailable`] when the broker does not answer.
pub async fn space(connection: &Connection) -> Result<Space, StoreError> {
    let account = context(connection).query_account().await.map_err(StoreError::away)?;
    let most = account.limits.max_storage.and_then(|most| u64::try_from(most).ok());
    Ok(Space { used: account.storage, most })
}

/// The versions of the nodes that answer requests as the service of this name, one each.
///
/// # Errors
/// [`StoreError::Unavailable`] when the broker does not answer.
pub async fn nodes(connection: &Connection, service: &str) -> Result<Vec<String>, StoreError> {
    let client = connection.client();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(StoreError::away)?;
    let asked = client.publish_with_reply(format!("$SRV.PING.{service}"), inbox, "".into()).await;
    asked.map_err(StoreError::away)?;
    let mut versions = Vec::new();
    let mut by = Instant::now() + TO_ANSWER;
    while let Ok(Some(answer)) = timeout_at(by, answers.next()).await {
        if answer.status.is_some() {
            break;
        }
        versions.extend(serde_json::from_slice::<Pong>(&answer.payload).ok().map(|pong| pong.version));
        by = Instant::now() + TO_GATHER;
    }
    Ok(versions)
}

/// Whether the broker has a stream of this name.
///
/// # Errors
/// [`StoreError::Unavailable`] when the broker does not answer.
pub async fn has_stream(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    match context(connection).get_stream(name).await {
        Ok(_) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(StoreError::away(error)),
    }
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn context(connection: &Connection) -> jetstream::Context {
    let mut context = jetstream::new(connection.client().clone());
    context.set_timeout(TO_ANSWER);
    context
}
