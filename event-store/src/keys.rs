//! Idempotency keys: a command that is sent again under its key happens once, and is answered as the first time.
//!
//! A key is one message on a stream of its own, written with expected sequence 0 *before* the command is decided.
//! Who finds it there has a repetition. The answer of a repetition comes from the entity's own history: the events
//! of the command carry ids that only this command makes. Only a command that changed nothing leaves its answer,
//! a version, in the key.

use std::fmt::Write as _;
use std::sync::Arc;

use event_model::{Position, Version};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::committer::{Company, Outgoing};
use crate::error::{Cause, StoreError};
use crate::publish::Answer;
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::streams::KEYS;
use crate::subjects;

/// A caller's key, and what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub(crate) name: String,
    pub(crate) request: String,
}

impl IdempotencyKey {
    /// The key of this request. Another request under the same key is refused.
    pub fn new(name: impl Into<String>, method: &str, path: &str, body: &[u8]) -> Self {
        let digest =
            Sha256::new().chain_update(method).chain_update([0]).chain_update(path).chain_update([0]);
        let digest = digest.chain_update(body).finalize();
        let mut request = String::with_capacity(64);
        for byte in digest {
            let _ = write!(request, "{byte:02x}");
        }
        Self { name: name.into(), request }
    }
}

/// What is stored under a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// SHA-256 of method, path and body.
    pub(crate) request: String,
    pub(crate) command_id: Uuid,
    /// The entity that the command is for; where the command makes it, with the id that it was given.
    pub(crate) category: String,
    pub(crate) id: String,
    /// Where the entity stood when the key was first used: the command's events lie behind it.
    pub(crate) from: Position,
    /// The entity right after a command that changed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unchanged: Option<Version>,
}

/// The right to carry a keyed command out: the key's record is still as this holder wrote it. Asked after the state
/// was read and before an append, it keeps two nodes from giving one key two answers: whoever takes a key over reads
/// the state later, so it decides on the same one or meets the events.
pub(crate) struct Hold<'a> {
    pub(crate) key: &'a IdempotencyKey,
    pub(crate) sequence: Position,
}

/// A record and its sequence, which an update of it expects.
pub(crate) type Stored = (Record, Position);

impl EventStore {
    /// Whether the key is still held by whoever wrote its record at that sequence.
    pub(crate) async fn holds(&self, hold: &Hold<'_>, deadline: Instant) -> Result<bool, StoreError> {
        Ok(self.stored(hold.key, deadline).await?.1 == hold.sequence)
    }

    /// The record of the key: the fresh one if there was none.
    pub(crate) async fn claim(
        &self,
        key: &IdempotencyKey,
        fresh: Record,
        deadline: Instant,
    ) -> Result<Stored, StoreError> {
        match self.write(key, &fresh, Position::START, deadline).await? {
            Some(sequence) => Ok((fresh, sequence)),
            None => self.stored(key, deadline).await,
        }
    }

    /// Writes the record when the key's last one is still the expected one; `None` when it is not.
    pub(crate) async fn write(
        &self,
        key: &IdempotencyKey,
        record: &Record,
        expected: Position,
        deadline: Instant,
    ) -> Result<Option<Position>, StoreError> {
        let body = serde_json::to_vec(record).map_err(|error| StoreError::Unfit(error.to_string()))?;
        let body = bytes::Bytes::from(body);
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        let subject = Arc::<str>::from(subjects::key(&key.name));
        let mut company = Company::Anybody;
        loop {
            let by = deadline.min(Instant::now() + ROUND_TRIP);
            let cause: Cause = if self.connection().is_up() {
                let (subject, headers, data) = (subject.clone(), headers.clone(), body.clone());
                let message = vec![Outgoing { subject, relies_on: None, headers, data }];
                match self.key_committer().append(message, company, by).await {
                    Answer::Parted => {
                        company = Company::Nobody;
                        continue;
                    }
                    Answer::Stored { sequence, .. } => return Ok(Some(sequence)),
                    Answer::Refused { code: 10071, .. } => return Ok(None),
                    Answer::Refused { code, said } => format!("{said} ({code})").into(),
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

    /// What is stored under a key, read from the stream's leader.
    pub(crate) async fn stored(&self, key: &IdempotencyKey, deadline: Instant) -> Result<Stored, StoreError> {
        let subject = subjects::key(&key.name);
        let last = self.of_leader(KEYS, |raw| raw.last_by_subject(subject.clone()), deadline).await?;
        let last = last.ok_or_else(|| StoreError::away("the record of the key is gone"))?;
        let record = serde_json::from_slice(&last.payload).map_err(|error| {
            StoreError::Corrupt(format!(
                "the record of idempotency key {:?} cannot be read: {error}",
                key.name
            ))
        })?;
        Ok((record, Position::new(last.sequence)))
    }
}

pub(crate) const RETRY: std::time::Duration = std::time::Duration::from_millis(50);
