//! A lease: of several processes, one does a piece of work. It is a record in the broker's bucket that its holder writes
//! anew all the time, each time over exactly the record that it wrote last. Another may take it over once it was not
//! renewed for a while, by the other's own clock, so no two clocks need to agree.
//!
//! The holder keeps a note in it, such as a checkpoint: who has lost the lease can write no note any more. Its token
//! rises with every holder; what else a holder writes can be fenced by it.

use std::time::Duration;

use async_nats::jetstream::kv::UpdateErrorKind;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::error::StoreError;
use crate::shared::{KV_STREAM, subject};
use crate::store::EventStore;

/// A holder that did not renew for so long may be gone.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a holder should renew.
pub const RENEW_EVERY: Duration = Duration::from_millis(750);
/// How often one who waits looks.
const LOOK: Duration = Duration::from_millis(250);

/// The record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    /// Who wrote it; nobody once it was given back.
    holder: Option<Uuid>,
    /// How many holders there were.
    token: u64,
    note: Value,
}

/// A lease that is held.
#[derive(Debug)]
pub struct Lease {
    store: EventStore,
    key: String,
    record: Record,
    revision: u64,
    renewed: Instant,
}

/// The lease is another's now, or may be: what it was for must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease is lost")]
pub struct Lost;

impl EventStore {
    /// Waits until the lease of this name is `holder`'s, who may have had it before. Safe to drop. While the broker is
    /// away it waits too.
    pub async fn lease(&self, name: &str, holder: Uuid) -> Lease {
        let key = format!("lease.{name}");
        let mut seen: Option<(u64, Instant)> = None;
        loop {
            match self.try_lease(&key, holder, &mut seen).await {
                Ok(Some(lease)) => return lease,
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, name, "the lease cannot be read"),
            }
            sleep(LOOK).await;
        }
    }

    /// What was last noted under the lease of this name, by whoever held it; null when nobody did.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer, [`StoreError::Corrupt`] when it cannot be read.
    pub async fn noted(&self, name: &str) -> Result<Value, StoreError> {
        let found = self.lease_record(&format!("lease.{name}")).await?;
        Ok(found.map_or(Value::Null, |(record, _)| record.note))
    }

    async fn try_lease(
        &self,
        key: &str,
        holder: Uuid,
        seen: &mut Option<(u64, Instant)>,
    ) -> Result<Option<Lease>, StoreError> {
        let found = self.lease_record(key).await?;
        let (before, revision) = found.unwrap_or((Record { holder: None, token: 0, note: Value::Null }, 0));
        // What was written by an attempt of ours whose answer got lost.
        let ours = before.holder == Some(holder);
        if before.holder.is_some() && !ours {
            match seen {
                Some((known, since)) if *known == revision => {
                    if since.elapsed() < PATIENCE {
                        return Ok(None);
                    }
                }
                Some(_) | None => {
                    *seen = Some((revision, Instant::now()));
                    return Ok(None);
                }
            }
        }
        let record = Record { holder: Some(holder), token: before.token + u64::from(!ours), ..before };
        let renewed = Instant::now();
        let written = self.write_lease(key, &record, revision).await?;
        let lease = |revision| Lease { store: self.clone(), key: key.to_owned(), record, revision, renewed };
        Ok(written.map(lease))
    }

    async fn lease_record(&self, key: &str) -> Result<Option<(Record, u64)>, StoreError> {
        self.shared_bucket().await?;
        let stored =
            self.of_leader(KV_STREAM, |raw| raw.last_by_subject(subject(key)), self.deadline()).await?;
        let Some(stored) = stored else { return Ok(None) };
        let record = serde_json::from_slice(&stored.payload)
            .map_err(|error| StoreError::Corrupt(format!("the record of {key} cannot be read: {error}")))?;
        Ok(Some((record, stored.sequence)))
    }

    /// The new revision; `None` when somebody else was there first.
    async fn write_lease(
        &self,
        key: &str,
        record: &Record,
        revision: u64,
    ) -> Result<Option<u64>, StoreError> {
        let value = serde_json::to_vec(record).map_err(|error| StoreError::Unfit(error.to_string()))?;
        match self.shared_bucket().await?.update(key, Bytes::from(value), revision).await {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(StoreError::away(error)),
        }
    }
}

impl Lease {
    /// Rises with every holder.
    pub fn token(&self) -> u64 {
        self.record.token
    }

    /// What was last noted under the lease, by whoever held it; null before the first.
    pub fn note(&self) -> &Value {
        &self.record.note
    }

    /// Says that the holder is there, and notes how far it is. To be called every [`RENEW_EVERY`].
    ///
    /// # Errors
    /// [`Lost`], also when the broker was away for so long that somebody else may have the lease.
    pub async fn renew(&mut self, note: Value) -> Result<(), Lost> {
        let begun = Instant::now();
        self.record.note = note;
        // The broker away is no loss as long as nobody else can have taken over.
        let by = self.renewed + PATIENCE - RENEW_EVERY;
        let written = tokio::time::timeout_at(by.max(begun + LOOK), self.write()).await;
        match written {
            Ok(Ok(())) => {
                self.renewed = begun;
                Ok(())
            }
            Ok(Err(StoreError::Unavailable(_))) | Err(_) if Instant::now() < by => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Lost),
        }
    }

    /// Raises the token above one that was seen elsewhere: the broker's bucket was restored from an older copy. Such a token
    /// may have two holders, until the next renewal of one of them fails.
    ///
    /// # Errors
    /// As [`Lease::renew`].
    pub async fn outbid(&mut self, token: u64) -> Result<(), Lost> {
        self.record.token = self.record.token.max(token + 1);
        self.renew(self.record.note.clone()).await
    }

    /// Gives it back, with a last note, so that another need not wait.
    pub async fn release(mut self, note: Value) {
        (self.record.note, self.record.holder) = (note, None);
        if let Err(error) = self.store.write_lease(&self.key, &self.record, self.revision).await {
            tracing::debug!(%error, key = self.key, "the lease was not given back");
        }
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        let written = self.store.write_lease(&self.key, &self.record, self.revision).await?;
        if let Some(revision) = written {
            self.revision = revision;
            return Ok(());
        }
        // An earlier write whose answer got lost is ours as well.
        match self.store.lease_record(&self.key).await? {
            Some((found, revision)) if found.holder == self.record.holder => {
                self.revision = revision;
                Ok(())
            }
            Some(_) | None => Err(StoreError::Corrupt("another holds it".into())),
        }
    }
}
