//! Events that were recorded on another log, put on an empty one as they were: ids, versions, times, order, appends.
//!
//! **For import alone.** No rule decides here, and no entity's version is asked for: the log as a whole must end where
//! this has left it, so that nobody else may write meanwhile. Whoever has something new to say uses
//! [`EventStore::append`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_nats::header::{
    NATS_EXPECTED_LAST_SEQUENCE as EXPECTED, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE as EXPECTED_ON_SUBJECT,
};
use event_model::{EntityName, Position, Recorded, Version};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::append::Stand;
use crate::committer::{MOST_EVENTS, Outgoing};
use crate::envelope::{self, Entry};
use crate::error::{Cause, StoreError};
use crate::intent;
use crate::publish::{self, Answer};
use crate::store::EventStore;
use crate::subjects;
use crate::subscribe::Mark;

/// The most bytes of data in one batch.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How long a batch may take, a broker that comes back included.
const PATIENCE: Duration = Duration::from_mins(1);
const AGAIN: Duration = Duration::from_millis(200);

/// A log that is being put together again. Keeps the name and version of each entity in memory.
#[derive(Debug)]
pub struct Restoring {
    store: EventStore,
    /// The last position that is stored for certain.
    stored: Position,
    /// The last position that was taken.
    taken: Position,
    entities: HashMap<EntityName, Stand>,
    /// An append of which some parts came.
    append: Vec<Recorded>,
    batch: Vec<Outgoing>,
    /// The subjects in it.
    touched: HashSet<Arc<str>>,
    bytes: usize,
    last: Option<Uuid>,
}

impl Restoring {
    /// Onto a log of which nothing was looked at yet.
    pub fn new(store: EventStore) -> Self {
        Self {
            store,
            stored: Position::START,
            taken: Position::START,
            entities: HashMap::new(),
            append: Vec::new(),
            batch: Vec::new(),
            touched: HashSet::new(),
            bytes: 0,
            last: None,
        }
    }

    /// The position of the next event that is taken.
    pub fn due(&self) -> Position {
        Position::new(self.taken.get() + self.append.len() as u64 + 1)
    }

    /// An event that is on the log already.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] when its version does not follow.
    pub fn is_there(&mut self, event: &Recorded) -> Result<(), StoreError> {
        self.follow(event)?;
        self.stored = self.taken;
        Ok(())
    }

    /// Takes the next event. It is stored with others, at the latest by [`Restoring::finish`].
    ///
    /// # Errors
    /// [`StoreError::Unfit`] when its version does not follow, or it cannot be stored at all;
    /// [`StoreError::Conflict`] when somebody else has written to the log; [`StoreError::Unavailable`] when the broker
    /// stays away: what was stored so far is a part of the whole, from its beginning.
    pub async fn take(&mut self, event: Recorded) -> Result<(), StoreError> {
        self.check(&event)?;
        if !self.goes_on_with(&event) {
            self.close().await?;
        }
        let is_whole = event.part.is_none_or(|part| part.number == part.of);
        self.append.push(event);
        if is_whole { self.close().await } else { Ok(()) }
    }

    /// Stores what is left.
    ///
    /// # Errors
    /// As [`Restoring::take`]; [`StoreError::Unfit`] when the last append is not whole.
    pub async fn finish(&mut self) -> Result<(), StoreError> {
        if let Some(part) = self.append.last().and_then(|event| event.part) {
            self.append.clear();
            self.flush().await?;
            return Err(StoreError::Unfit(format!("the last append ends after part {part}")));
        }
        self.flush().await?;
        self.store.settle().await
    }

    /// Whether an event is the next part of the append that is open.
    fn goes_on_with(&self, event: &Recorded) -> bool {
        let open = self.append.last().and_then(|last| last.part);
        open.zip(event.part).is_some_and(|(last, part)| part.of == last.of && part.number == last.number + 1)
    }

    /// Whether its version follows, behind what is on the log and in the append that is open.
    fn check(&self, event: &Recorded) -> Result<(), StoreError> {
        let Some(version) = event.version else { return Ok(()) };
        let before = self.entities.get(&event.entity).map_or(Version::START, |stand| stand.version);
        let open = self.append.iter().rev().find(|other| other.entity == event.entity);
        let before = open.and_then(|other| other.version).unwrap_or(before);
        if version == before.next() {
            return Ok(());
        }
        let what = format!("{} would get version {version}, {} follows", event.entity, before.next());
        Err(StoreError::Unfit(what))
    }

    /// The next position is this event's.
    fn follow(&mut self, event: &Recorded) -> Result<(), StoreError> {
        self.check(event)?;
        self.taken = self.taken.next();
        let stand = self.entities.entry(event.entity.clone()).or_default();
        *stand = Stand { version: event.version.unwrap_or(stand.version), last: self.taken };
        self.last = Some(event.id);
        Ok(())
    }

    /// Puts the append that is open into the batch.
    async fn close(&mut self) -> Result<(), StoreError> {
        let append = std::mem::take(&mut self.append);
        if append.is_empty() {
            return Ok(());
        }
        let subjects: Vec<Arc<str>> =
            append.iter().map(|event| subjects::append(&event.entity).into()).collect();
        let touched = subjects.iter().any(|subject| self.touched.contains(subject));
        let full = self.batch.len() + append.len() > MOST_EVENTS || self.bytes > MOST_BYTES;
        // The record of an append names where each of its entities stands, and so does its first message.
        if full || (append.len() > 1 && touched) {
            self.flush().await?;
        }
        let touched = touched && !self.batch.is_empty();
        let mut begun = HashSet::new();
        let mut messages = Vec::with_capacity(append.len());
        for (event, subject) in append.iter().zip(subjects) {
            let mut headers = envelope::headers_of(event)?;
            // A batch may say this once of a subject.
            if begun.insert(subject.clone()) && !touched {
                let last = self.entities.get(&event.entity).map_or(Position::START, |stand| stand.last);
                headers.insert(EXPECTED_ON_SUBJECT, last.to_string());
            }
            self.bytes += event.data.len();
            self.touched.insert(subject.clone());
            messages.push(Outgoing { subject, relies_on: None, headers, data: event.data.clone() });
        }
        for event in &append {
            self.follow(event)?;
        }
        if !self.store.is_replicated() {
            intent::record(&mut messages)?;
        }
        self.batch.append(&mut messages);
        Ok(())
    }

    /// Stores the batch, all or nothing, right behind what is stored.
    async fn flush(&mut self) -> Result<(), StoreError> {
        let mut batch = std::mem::take(&mut self.batch);
        self.touched.clear();
        self.bytes = 0;
        let Some(first) = batch.first_mut() else { return Ok(()) };
        first.headers.insert(EXPECTED, self.stored.to_string());
        let end = Mark { position: Position::new(self.stored.get() + batch.len() as u64), id: self.last };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let connection = self.store.admit(deadline).await?;
            let copies = batch.iter().map(Outgoing::copy).collect();
            let by = deadline.min(Instant::now() + self.store.patience());
            let cause: Cause = match publish::all(self.store.client(), copies, by).await {
                Answer::Stored { sequence, .. } if sequence == end.position => {
                    self.store.is_whole_up_to(end, connection);
                    self.stored = end.position;
                    return Ok(());
                }
                Answer::Refused { code: code @ (10199 | publish::TOO_LARGE), said } => {
                    return Err(StoreError::Unfit(format!("{said} ({code})")));
                }
                Answer::Refused { code, said } => format!("{said} ({code})").into(),
                Answer::NoStream(cause) | Answer::None(cause) => cause,
                Answer::Stored { .. } | Answer::Parted => "it was not stored where it belongs".into(),
            };
            match self.store.at(end.position).await {
                // Nobody answered, and it is stored all the same.
                Ok(Some(entry)) if Mark::on(&entry) == end => {
                    self.stored = end.position;
                    return Ok(());
                }
                Ok(_) if self.store.state().await.is_ok_and(|log| log.last_sequence != self.stored.get()) => {
                    let entity = EntityName::new("the log", "as a whole");
                    return Err(StoreError::Conflict { entity });
                }
                Ok(_) | Err(StoreError::Unavailable(_)) if Instant::now() + AGAIN < deadline => {
                    sleep(AGAIN).await;
                }
                Ok(_) => return Err(StoreError::Unavailable(cause)),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether what lies on a log is the same event, whatever its position.
pub fn is_same(entry: &Entry, event: &Recorded) -> bool {
    matches!(entry, Entry::Event(there) if Recorded { position: event.position, ..there.clone() } == *event)
}
