//! Idempotency keys: a command that is sent again under its key happens once, and is answered as the first time.
//!
//! A key is one message on a stream of its own, written with expected sequence 0 *before* the command is decided.
//! Who finds it there has a repetition. The answer of a repetition comes from the entity's own history: the events
//! of the command carry ids that only this command makes. Only a command that changed nothing leaves its answer,
//! a version, in the key.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use event_model::{Decider, Metadata, Position, Version};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::committer::Outgoing;
use crate::error::{Cause, ExecuteError, StoreError};
use crate::execute::{Also, Ask, Done, Effect, Expected};
use crate::load::{Folding, Loaded};
use crate::publish::Answer;
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::streams::KEYS;
use crate::subjects;

/// A caller's key, and what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    name: String,
    request: String,
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
struct Record {
    /// SHA-256 of method, path and body.
    request: String,
    command_id: Uuid,
    /// The entity that the command is for; where the command makes it, with the id that it was given.
    category: String,
    id: String,
    /// The entity's version before the command.
    since: Version,
    /// The entity right after a command that changed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unchanged: Option<Version>,
}

/// A record and its sequence, which an update of it expects.
type Stored = (Record, Position);

/// The commands of this process that are under way, by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>>);

impl Waiting {
    async fn turn(&self, key: &str, deadline: Instant) -> Option<OwnedMutexGuard<()>> {
        let turn = {
            let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            under_way.retain(|_, turn| turn.strong_count() > 0);
            under_way.get(key).and_then(Weak::upgrade).unwrap_or_else(|| {
                let turn = Arc::default();
                under_way.insert(key.to_owned(), Arc::downgrade(&turn));
                turn
            })
        };
        timeout_at(deadline, turn.lock_owned()).await.ok()
    }
}

impl EventStore {
    /// [`EventStore::execute_with`] under an idempotency key. For a command that makes its entity, `id` is the id
    /// that it gets the first time; a repetition gives back the first one, in [`Done::id`].
    ///
    /// # Errors
    /// [`ExecuteError::KeyReused`] for another request under the key, [`ExecuteError::KeyBusy`] when the first one
    /// is still under way when patience ends; else as [`EventStore::execute_with`].
    pub async fn execute_once<D: Decider, R: Error + From<D::Rejection> + Send + Sync + 'static>(
        &self,
        key: &IdempotencyKey,
        id: &D::Id,
        expected: Expected,
        command: D::Command,
        metadata: &Metadata,
        also: impl Fn(&D::Id, &Loaded<D>, &[D::Event]) -> Result<Vec<Also<R>>, R> + Send + Sync,
    ) -> Result<Done<D>, ExecuteError<R>> {
        let deadline = self.deadline();
        let _turn = self.waiting().turn(&key.name, deadline).await.ok_or(ExecuteError::KeyBusy)?;
        let mut folding = self.remembered::<D>(id, Some(metadata.command_id));
        if !folding.is_known() && expected != Expected::New {
            self.catch_up(&mut folding, deadline).await?;
        }
        let fresh = Record {
            request: key.request.clone(),
            command_id: metadata.command_id,
            category: D::CATEGORY.into(),
            id: id.to_string(),
            since: folding.now.version,
            unchanged: None,
        };
        let (mut record, mut sequence) = self.claim(key, fresh, deadline).await?;
        if record.request != key.request || record.category != D::CATEGORY {
            return Err(ExecuteError::KeyReused);
        }
        let metadata = metadata.repeated_as(record.command_id);
        let id = record.id.parse().map_err(|_| {
            StoreError::Corrupt(format!(
                "the record of idempotency key {:?} names no {}",
                key.name,
                D::CATEGORY
            ))
        })?;
        if folding.command() != Some(metadata.command_id) {
            folding = Folding::new(&id, Some(metadata.command_id));
            self.read_on(&mut folding, Version::new(u64::MAX), deadline).await?;
        }
        loop {
            if let (None, Some(version)) = (&folding.repeated, record.unchanged) {
                let entity = self.load_at::<D>(&id, version).await?;
                return Ok(Done { id, entity, effect: Effect::Repeated });
            }
            let ask =
                Ask { id: id.clone(), expected, command: command.clone(), metadata: &metadata, deadline };
            let done = self.carry_out(ask, folding.clone(), &also).await?;
            if done.effect != Effect::Nothing {
                return Ok(done);
            }
            record.unchanged = Some(done.entity.version);
            if self.write(key, &record, sequence, deadline).await?.is_some() {
                return Ok(done);
            }
            // Another node answered the same key meanwhile: its answer is the one.
            (record, sequence) = self.stored(key, deadline).await?;
        }
    }

    /// The record of the key: the fresh one if there was none.
    async fn claim(
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
    async fn write(
        &self,
        key: &IdempotencyKey,
        record: &Record,
        expected: Position,
        deadline: Instant,
    ) -> Result<Option<Position>, StoreError> {
        let body = serde_json::to_vec(record).map_err(|error| StoreError::Unfit(error.to_string()))?;
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        let subject = subjects::key(&key.name);
        let message: Arc<[Outgoing]> = [Outgoing { subject, headers, data: body.into() }].into();
        loop {
            let by = deadline.min(Instant::now() + ROUND_TRIP);
            let cause: Cause = if self.connection().is_up() {
                match self.key_committer().append(Arc::clone(&message), by).await {
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
    async fn stored(&self, key: &IdempotencyKey, deadline: Instant) -> Result<Stored, StoreError> {
        let read = async {
            let stream = self.context().get_stream_no_info(KEYS).await.map_err(StoreError::away)?;
            let last = stream.get_last_raw_message_by_subject(&subjects::key(&key.name)).await;
            let last = last.map_err(StoreError::away)?;
            let record = serde_json::from_slice(&last.payload).map_err(|error| {
                StoreError::Corrupt(format!(
                    "the record of idempotency key {:?} cannot be read: {error}",
                    key.name
                ))
            })?;
            Ok((record, Position::new(last.sequence)))
        };
        timeout_at(deadline, read).await.map_err(StoreError::away)?
    }
}

const RETRY: std::time::Duration = std::time::Duration::from_millis(50);
