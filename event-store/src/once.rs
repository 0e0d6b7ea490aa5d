//! A command under an idempotency key: carried out once, on whatever node, and answered as the first time.

use std::error::Error;

use event_model::{Decider, EntityName, Metadata, Version, event_id};
use tokio::time::{Instant, sleep};

use crate::also::Also;
use crate::envelope::Entry;
use crate::error::{ExecuteError, StoreError};
use crate::execute::{Ask, Done, Effect, Expected};
use crate::keys::{Hold, IdempotencyKey, RETRY, Record};
use crate::load::Loaded;
use crate::store::EventStore;
use crate::tail::Tail;

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
        let _turn = self.turns_by_key().take(&key.name, deadline).await.ok_or(ExecuteError::KeyBusy)?;
        let mut folding = self.remembered::<D>(id, Some(metadata.command_id));
        if !folding.is_known() && expected != Expected::New {
            self.look(&mut folding, deadline).await?;
        }
        let fresh = Record {
            request: key.request.clone(),
            command_id: metadata.command_id,
            category: D::CATEGORY.into(),
            id: id.to_string(),
            from: folding.now.last,
            unchanged: None,
        };
        let (mut record, sequence) = self.claim(key, fresh, deadline).await?;
        if record.request != key.request || record.category != D::CATEGORY {
            return Err(ExecuteError::KeyReused);
        }
        let first = record.command_id == metadata.command_id;
        let metadata = metadata.repeated_as(record.command_id);
        let id = record.id.parse::<D::Id>().map_err(|_| {
            let what = format!("the record of idempotency key {:?} names no {}", key.name, D::CATEGORY);
            StoreError::Corrupt(what)
        })?;
        let mut hold = Some(sequence);
        if !first {
            // The state first, the search for the command's events after it: what is in the state is then found.
            folding = self.remembered::<D>(&id, Some(metadata.command_id));
            self.look(&mut folding, deadline).await?;
            if let Some(done) = self.answer_of(&id, &record, deadline).await? {
                return Ok(done);
            }
            // Whoever had the key first has crashed, or is still at work on another node: now it is ours.
            hold = self.write(key, &record, sequence, deadline).await?;
            // The state again: whoever had the key may have decided on a newer one than was read here, and be about
            // to append. Read after the key was taken, it is the one that was decided on, or holds those events.
            self.catch_up(&mut folding, deadline).await?;
        }
        if let Some(sequence) = hold {
            let hold = Some(Hold { key, sequence });
            let ask = Ask { id: id.clone(), expected, command, metadata: &metadata, deadline, hold };
            match self.carry_out(ask, folding, &also).await {
                Ok(done) if done.effect == Effect::Nothing => {
                    record.unchanged = Some(done.entity.version);
                    if self.write(key, &record, sequence, deadline).await?.is_some() {
                        return Ok(done);
                    }
                }
                Err(ExecuteError::KeyBusy) => {}
                other => return other,
            }
        }
        self.answer_of_another(key, &id, deadline).await
    }

    /// Another node has the key now: its answer is the one.
    async fn answer_of_another<D: Decider, R: Error + 'static>(
        &self,
        key: &IdempotencyKey,
        id: &D::Id,
        deadline: Instant,
    ) -> Result<Done<D>, ExecuteError<R>> {
        while Instant::now() + RETRY < deadline {
            sleep(RETRY).await;
            let (record, _) = self.stored(key, deadline).await?;
            if let Some(done) = self.answer_of(id, &record, deadline).await? {
                return Ok(done);
            }
        }
        Err(ExecuteError::KeyBusy)
    }

    /// What the command came to, if it was carried out: from its events, else from what its record says.
    async fn answer_of<D: Decider>(
        &self,
        id: &D::Id,
        record: &Record,
        deadline: Instant,
    ) -> Result<Option<Done<D>>, StoreError> {
        let made = self.made_by(&EntityName::new(D::CATEGORY, id), record, deadline).await?;
        let Some(version) = made.or(record.unchanged) else { return Ok(None) };
        let entity = self.load_at::<D>(id, version).await?;
        Ok(Some(Done { id: id.clone(), entity, effect: Effect::Repeated }))
    }

    /// The version of the last event that the command made on the entity.
    async fn made_by(
        &self,
        entity: &EntityName,
        record: &Record,
        deadline: Instant,
    ) -> Result<Option<Version>, StoreError> {
        let (mut made, mut version, mut last) = (0, None, record.from);
        loop {
            let entries = match self.tail(entity, last, deadline).await? {
                Tail::Whole(entries) => entries,
                Tail::TooLong(_) => self.chunk(entity, last, deadline).await?.entries,
            };
            let Some(end) = entries.last().map(Entry::position) else { return Ok(version) };
            for entry in entries {
                let Entry::Event(event) = entry else { continue };
                if event.id == event_id(record.command_id, entity, made) {
                    (made, version) = (made + 1, event.version);
                } else if version.is_some() {
                    return Ok(version);
                }
            }
            last = end;
        }
    }
}
