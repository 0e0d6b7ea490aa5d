//! The way of one command: read, decide, append; somebody else was faster: read on, decide again.

use std::error::Error;
use std::sync::Arc;

use event_model::{Decider, Metadata, Version, event_id};
use tokio::time::{Instant, sleep};
use tracing::Instrument as _;

use crate::also::Also;
use crate::append::Write;
use crate::error::{ExecuteError, StoreError};
use crate::fold::Folding;
use crate::keys::Hold;
use crate::load::Loaded;
use crate::store::EventStore;
use crate::trace;

/// The version that a command relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The newest: decided again when somebody else is faster.
    Newest,
    /// This one and no other.
    Exactly(Version),
    /// None: the command makes the entity, under an id that nobody else has. Nothing is read first.
    New,
}

impl Expected {
    fn named(self) -> Option<Version> {
        match self {
            Self::Newest => None,
            Self::Exactly(version) => Some(version),
            Self::New => Some(Version::START),
        }
    }
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Done<D: Decider> {
    /// The entity that it was for.
    pub id: D::Id,
    /// That entity right after the command.
    pub entity: Loaded<D>,
    /// What it did.
    pub effect: Effect,
}

/// What a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Its events were appended.
    Changed,
    /// What it asked for already held.
    Nothing,
    /// It was carried out before, under the same command id.
    Repeated,
}

/// A command on its way, and all that it relies on.
pub(crate) struct Ask<'a, D: Decider> {
    pub(crate) id: D::Id,
    pub(crate) expected: Expected,
    pub(crate) command: D::Command,
    pub(crate) metadata: &'a Metadata,
    pub(crate) deadline: Instant,
    /// Of a keyed command.
    pub(crate) hold: Option<Hold<'a>>,
}

/// No other entity takes part, and nothing but the rules refuses.
///
/// # Errors
/// None.
pub fn alone<D: Decider, R: Error + 'static>(
    _: &D::Id,
    _: &Loaded<D>,
    _: &[D::Event],
) -> Result<Vec<Also<R>>, R> {
    Ok(Vec::new())
}

impl EventStore {
    /// Decides a command on the newest state of an entity and appends what happens.
    ///
    /// The command's id must be new, unless its metadata say that it comes [again](Metadata::again): then the same
    /// id changes nothing more and gives the same answer. For callers who send a key instead of an id there is
    /// [`EventStore::execute_once`].
    ///
    /// # Errors
    /// [`ExecuteError`], by what the caller does next.
    pub async fn execute<D: Decider>(
        &self,
        id: &D::Id,
        command: D::Command,
        metadata: &Metadata,
    ) -> Result<Done<D>, ExecuteError<D::Rejection>> {
        self.execute_with(id, Expected::Newest, command, metadata, alone::<D, D::Rejection>).await
    }

    /// [`EventStore::execute`], unless the entity is no longer at this version.
    ///
    /// # Errors
    /// [`ExecuteError::VersionMismatch`] then.
    pub async fn execute_at<D: Decider>(
        &self,
        id: &D::Id,
        version: Version,
        command: D::Command,
        metadata: &Metadata,
    ) -> Result<Done<D>, ExecuteError<D::Rejection>> {
        self.execute_with(id, Expected::Exactly(version), command, metadata, alone::<D, D::Rejection>).await
    }

    /// [`EventStore::execute`] together with what the events ask of other entities or rely on, as one atomic append. `also`
    /// is pure: it sees the entity before the events, and the events, of which there may be none, and may refuse.
    ///
    /// # Errors
    /// [`ExecuteError`]; what another entity refuses is a rejection of the whole.
    pub async fn execute_with<D: Decider, R: Error + From<D::Rejection> + Send + Sync + 'static>(
        &self,
        id: &D::Id,
        expected: Expected,
        command: D::Command,
        metadata: &Metadata,
        also: impl Fn(&D::Id, &Loaded<D>, &[D::Event]) -> Result<Vec<Also<R>>, R> + Send + Sync,
    ) -> Result<Done<D>, ExecuteError<R>> {
        let deadline = self.deadline();
        let mut folding = self.remembered::<D>(id, Some(metadata.command_id));
        if metadata.repeated {
            // What the cache remembers may be younger than the events of this command.
            folding = Folding::new(id, Some(metadata.command_id));
            self.read_on(&mut folding, Version::new(u64::MAX), deadline).await?;
        }
        self.carry_out(
            Ask { id: id.clone(), expected, command, metadata, deadline, hold: None },
            folding,
            &also,
        )
        .await
    }

    /// Decides on what was read, and reads on for as long as others are faster.
    pub(crate) async fn carry_out<D: Decider, R: Error + From<D::Rejection> + Send + Sync + 'static>(
        &self,
        ask: Ask<'_, D>,
        folding: Folding<D>,
        also: &(impl Fn(&D::Id, &Loaded<D>, &[D::Event]) -> Result<Vec<Also<R>>, R> + Send + Sync),
    ) -> Result<Done<D>, ExecuteError<R>> {
        let span = trace::deciding(folding.entity());
        self.decide_until_stored(ask, folding, also).instrument(span).await
    }

    async fn decide_until_stored<D: Decider, R: Error + From<D::Rejection> + Send + Sync + 'static>(
        &self,
        ask: Ask<'_, D>,
        mut folding: Folding<D>,
        also: &(impl Fn(&D::Id, &Loaded<D>, &[D::Event]) -> Result<Vec<Also<R>>, R> + Send + Sync),
    ) -> Result<Done<D>, ExecuteError<R>> {
        let Ask { id, expected, command, metadata, deadline, hold } = ask;
        // One more try that nobody waits out would end as if the broker were away.
        let one_more = self.patience() / 8;
        let mut turn = self.turns_by_entity().join(folding.entity(), deadline - one_more).await;
        if turn.is_some() && !metadata.repeated && folding.repeated.is_none() {
            folding = self.remembered::<D>(&id, Some(metadata.command_id));
        }
        if !folding.is_known() && expected != Expected::New {
            if metadata.repeated {
                self.catch_up(&mut folding, deadline).await?;
            } else {
                self.look(&mut folding, deadline).await?;
            }
        }
        let judge = |entity: &Loaded<D>| {
            let found = entity.version;
            if let Some(expected) = expected.named().filter(|expected| *expected != found) {
                return Err(ExecuteError::VersionMismatch { expected, found });
            }
            let events =
                entity.state.decide(command.clone()).map_err(|no| ExecuteError::Rejected(no.into()))?;
            let others = also(&id, entity, &events).map_err(ExecuteError::Rejected)?;
            Ok((events, others))
        };
        let mut tries = 0;
        let mut read_again = turn.is_some();
        loop {
            if let Some(entity) = folding.repeated.take() {
                return Ok(Done { id, entity, effect: Effect::Repeated });
            }
            let (events, others) = match judge(&folding.now) {
                Ok((events, others)) if !events.is_empty() => (events, others),
                // The broker checks what is appended; what is not must not rest on what the cache remembers.
                Ok(_) | Err(_) if !folding.fresh => {
                    self.catch_up(&mut folding, deadline).await?;
                    read_again = true;
                    continue;
                }
                Ok(_) => return Ok(Done { id, entity: folding.now, effect: Effect::Nothing }),
                Err(refused) => return Err(refused),
            };
            let name = folding.entity().clone();
            let mut writes = vec![Write::new(name.clone(), folding.now.stand(), &events, metadata)?];
            for other in others {
                writes.extend(other.decide(self, metadata, deadline).await?);
            }
            if let Some(hold) = hold.as_ref().filter(|_| read_again)
                && !self.holds(hold, deadline).await?
            {
                return Err(ExecuteError::KeyBusy);
            }
            let appended = self.append_by(&writes, metadata, deadline).await;
            // Those that were written to are no longer as the cache remembers them, whatever came of it; those that
            // were relied on may not be.
            for write in writes.iter().filter(|write| appended.is_err() || !write.is_guard()) {
                self.entities().forget(write.entity());
            }
            match appended {
                Ok(position) => {
                    let version = Version::new(folding.now.version.get() + events.len() as u64);
                    let last_id = event_id(metadata.command_id, &name, events.len() - 1);
                    let Loaded { state: before, kept, .. } = folding.now;
                    let state = events.into_iter().fold(Arc::unwrap_or_clone(before), D::evolve);
                    let state = Arc::new(state);
                    let mut entity = Loaded { state, version, position, last_id, last: position, kept };
                    self.snapshots().after_growth(&name, &mut entity);
                    self.entities().put(name, entity.clone());
                    return Ok(Done { id, entity, effect: Effect::Changed });
                }
                Err(StoreError::Conflict { entity }) => {
                    if turn.is_none() {
                        turn = self.turns_by_entity().take(&entity, deadline - one_more).await;
                    } else {
                        // Whoever was faster runs elsewhere.
                        tries += 1;
                        sleep(backoff(tries, &metadata.command_id)).await;
                    }
                    // Also when patience has ended: what was in the way may be this command, stored before.
                    self.catch_up(&mut folding, deadline.max(Instant::now() + LAST_LOOK)).await?;
                    read_again = true;
                    if folding.repeated.is_none() && Instant::now() + one_more >= deadline {
                        return Err(StoreError::Conflict { entity }.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// How long the last look may take that tells a conflict from a repetition.
const LAST_LOOK: std::time::Duration = std::time::Duration::from_millis(300);

/// Spreads those who met: up to 2 ms after the first time, up to 30 ms in the end.
fn backoff(tries: u32, command: &uuid::Uuid) -> std::time::Duration {
    let spread = command.as_u128().rotate_left(tries * 7) % 1000;
    let most = u64::from(tries.min(15)) * 2000;
    std::time::Duration::from_micros(most * u64::try_from(spread).unwrap_or(0) / 1000)
}
