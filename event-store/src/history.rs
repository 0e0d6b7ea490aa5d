//! The events of one entity, page by page, in either direction.

use event_model::{Decider, EntityName, Position, Recorded, Version};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::envelope::Entry;
use crate::error::StoreError;
use crate::fold::{Counted, counted, stepped_over};
use crate::read;
use crate::store::EventStore;
use crate::streams::EVENTS;
use crate::subjects;
use crate::tail::Step;

/// So many events are passed by one after the other; beyond that the place is searched for.
const NEAR: u64 = 64;

impl EventStore {
    /// The events of an entity after a version, oldest first, at most `most` of them, and whether there are more.
    /// Events of a newer program are among them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker.
    pub async fn history<D: Decider>(
        &self,
        id: &D::Id,
        after: Version,
        most: usize,
    ) -> Result<(Vec<Recorded>, bool), StoreError> {
        let deadline = self.deadline();
        let entity = EntityName::new(D::CATEGORY, id);
        let (mut events, mut version, mut last) = (Vec::new(), Version::START, Position::START);
        if after.get() > read::CHUNK
            && let Some(newest) = self.last_on(&entity, deadline).await?
            && let Some(found) = self.search(&entity, after, &newest, deadline).await?
        {
            (version, last) = (after, found.entry.position());
        }
        loop {
            let chunk = self.chunk(&entity, last, deadline).await?;
            for entry in chunk.entries {
                last = entry.position();
                match counted::<D>(entry, version.next()) {
                    Counted::Event(event, _) | Counted::OfNewerProgram(event) => {
                        version = version.next();
                        if version > after {
                            events.push(event);
                        }
                    }
                    Counted::No => stepped_over(&entity, last),
                }
                if events.len() > most {
                    events.truncate(most);
                    return Ok((events, true));
                }
            }
            if !chunk.more {
                return Ok((events, false));
            }
        }
    }

    /// The events of an entity before a version, newest first, at most `most` of them, and whether there are more.
    /// Walks back from the newest, or from where that version is found. Events of a newer program are among them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker, [`StoreError::Corrupt`] when one of them is gone.
    pub async fn history_before<D: Decider>(
        &self,
        id: &D::Id,
        before: Version,
        most: usize,
    ) -> Result<(Vec<Recorded>, bool), StoreError> {
        let deadline = self.deadline();
        let entity = EntityName::new(D::CATEGORY, id);
        if before <= Version::new(1) {
            return Ok((Vec::new(), false));
        }
        let mut step = self.last_on(&entity, deadline).await?;
        if let Some(newest) = step.as_ref().filter(|step| step.is_beyond(before.get().saturating_add(NEAR))) {
            let wanted = less(before);
            let found = self.search(&entity, wanted, newest, deadline).await?;
            step = found.or(step);
        }
        let (mut events, mut version) = (Vec::new(), None);
        while let Some(Step { entry, follows }) = step {
            let position = entry.position();
            let next = version.map_or_else(|| version_of(&entry), |version: Version| Some(less(version)));
            match next.map_or(Counted::No, |next| counted::<D>(entry, next)) {
                Counted::Event(event, _) | Counted::OfNewerProgram(event) => {
                    version = event.version;
                    if event.version.is_some_and(|version| version < before) {
                        events.push(event);
                    }
                }
                Counted::No => stepped_over(&entity, position),
            }
            let more = version.is_none_or(|version| version.get() > 1);
            if events.len() == most || !more {
                return Ok((events, more));
            }
            step = self.before(&entity, position, follows, deadline).await?;
            if step.is_none()
                && let Some(version) = version
            {
                step = Some(self.before_that(&entity, position, version, deadline).await?);
            }
        }
        Ok((events, false))
    }

    /// The message before that of this version, of which no server knew. Where the log is replicated, the server that
    /// was asked may have been behind: so it is read again for as long as there is time.
    async fn before_that(
        &self,
        entity: &EntityName,
        position: Position,
        version: Version,
        deadline: Instant,
    ) -> Result<Step, StoreError> {
        while self.is_replicated() && Instant::now() + read::AGAIN < deadline {
            sleep(read::AGAIN).await;
            if let Some(step) = self.before(entity, position, None, deadline).await? {
                return Ok(step);
            }
        }
        Err(StoreError::Corrupt(format!("{entity} has lost what lies before version {version}")))
    }

    /// The message before this one on the entity's subject.
    async fn before(
        &self,
        entity: &EntityName,
        position: Position,
        follows: Option<Position>,
        deadline: Instant,
    ) -> Result<Option<Step>, StoreError> {
        if let Some(follows) = follows {
            let found = match self.step(entity, follows, deadline).await? {
                // The server that was asked may be behind; the leader is not.
                None if self.is_replicated() => self.step_of_leader(entity, follows, deadline).await?,
                found => found,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        self.as_of(entity, Position::new(position.get() - 1), deadline).await
    }

    /// The last message on the entity's subject up to a position.
    async fn as_of(
        &self,
        entity: &EntityName,
        position: Position,
        deadline: Instant,
    ) -> Result<Option<Step>, StoreError> {
        if position == Position::START {
            return Ok(None);
        }
        let ask = json!({"multi_last": [subjects::stored(entity)], "up_to_seq": position});
        self.direct_get(EVENTS, &ask, deadline).await?.as_ref().map(Step::of).transpose()
    }

    /// The event of a version, by halving the log: versions and positions grow together.
    async fn search(
        &self,
        entity: &EntityName,
        wanted: Version,
        newest: &Step,
        deadline: Instant,
    ) -> Result<Option<Step>, StoreError> {
        let (mut from, mut to) = (0, newest.entry.position().get() + 1);
        while from < to {
            let middle = from + (to - from) / 2;
            let Some(step) = self.as_of(entity, Position::new(middle), deadline).await? else {
                from = middle + 1;
                continue;
            };
            match version_of(&step.entry) {
                Some(version) if version == wanted => return Ok(Some(step)),
                Some(version) if version < wanted => from = middle + 1,
                Some(_) => to = step.entry.position().get(),
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

fn version_of(entry: &Entry) -> Option<Version> {
    match entry {
        Entry::Event(event) => event.version,
        Entry::Foreign(_) => None,
    }
}

fn less(version: Version) -> Version {
    Version::new(version.get().saturating_sub(1))
}
