//! The newest part of a subject's history, walked back from its last message.
//!
//! A batch read costs the broker a scan of whole blocks; the last message of a subject costs it next to nothing, and
//! each of our events says in its own headers which message it follows. So a short tail is read message by message.

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::RawMessageBuilder;
use async_nats::{HeaderMap, Message};
use event_model::{EntityName, Position};
use serde_json::json;
use tokio::time::Instant;

use crate::append::guard::EXPECTED_SUBJECT;
use crate::envelope::Entry;
use crate::error::StoreError;
use crate::leader;
use crate::read;
use crate::snapshot;
use crate::store::EventStore;
use crate::streams::EVENTS;
use crate::subjects;

/// How many messages are walked back before a batch read is the better way.
const STEPS: usize = 16;

/// What lies on a subject after a position.
pub(crate) enum Tail {
    /// All of it, oldest first.
    Whole(Vec<Entry>),
    /// More than is walked, or something that does not say what it follows. The last of it lies here.
    TooLong(Position),
}

/// A message, and the one that it was appended behind on the same subject, where it says so.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) entry: Entry,
    pub(crate) follows: Option<Position>,
}

impl Step {
    /// A message that was read.
    pub(crate) fn of(message: &Message) -> Result<Self, StoreError> {
        let entry = read::entry(message)?;
        Ok(Self { follows: follows(message.headers.as_ref(), &entry), entry })
    }

    fn of_leader(message: StreamMessage) -> Self {
        let headers = message.headers.clone();
        let entry = leader::entry(message);
        Self { follows: follows(Some(&headers), &entry), entry }
    }

    fn is_of(&self, entity: &EntityName) -> bool {
        matches!(&self.entry, Entry::Event(event) if event.entity == *entity)
    }

    /// Whether this is an event of a later version.
    pub(crate) fn is_beyond(&self, version: u64) -> bool {
        matches!(&self.entry, Entry::Event(event) if event.version.is_some_and(|this| this.get() > version))
    }

    /// Whether enough may lie before this for a snapshot to be the shorter way.
    pub(crate) fn is_worth_a_snapshot(&self) -> bool {
        match &self.entry {
            Entry::Event(event) => event.version.is_none_or(|version| version.get() >= snapshot::FEW),
            Entry::Foreign(_) => true,
        }
    }
}

impl EventStore {
    /// What lies on the entity's subject after a position at which a reader has seen something.
    pub(crate) async fn tail(
        &self,
        entity: &EntityName,
        after: Position,
        deadline: Instant,
    ) -> Result<Tail, StoreError> {
        let last = self.last_on(entity, deadline).await?;
        self.walk(entity, last, after, deadline).await
    }

    /// What lies on the entity's subject from after that position to its last message, which was read.
    pub(crate) async fn walk(
        &self,
        entity: &EntityName,
        last: Option<Step>,
        after: Position,
        deadline: Instant,
    ) -> Result<Tail, StoreError> {
        let Some(mut step) = last else {
            return if after == Position::START {
                Ok(Tail::Whole(Vec::new()))
            } else {
                Err(shorter(entity, after))
            };
        };
        let last = step.entry.position();
        if last < after {
            return Err(shorter(entity, after));
        }
        let mut walked = Vec::new();
        while step.entry.position() > after {
            let follows = step.follows;
            walked.push(step.entry);
            match follows {
                Some(before) if before == after => break,
                Some(before) if before > after && walked.len() < STEPS => {
                    match self.step(entity, before, deadline).await? {
                        Some(earlier) => step = earlier,
                        None => return Ok(Tail::TooLong(last)),
                    }
                }
                Some(_) | None => return Ok(Tail::TooLong(last)),
            }
        }
        walked.reverse();
        Ok(Tail::Whole(walked))
    }

    /// The message at a position, if it is one on the entity's subject.
    pub(crate) async fn step(
        &self,
        entity: &EntityName,
        at: Position,
        deadline: Instant,
    ) -> Result<Option<Step>, StoreError> {
        let Some(message) = self.direct_get(EVENTS, &json!({"seq": at}), deadline).await? else {
            if self.is_replicated() {
                return Ok(None);
            }
            return Err(StoreError::Corrupt(format!(
                "{entity} has lost the event at position {at}: run log verify"
            )));
        };
        Ok(Some(Step::of(&message)?).filter(|step| step.is_of(entity)))
    }

    /// The last message on the entity's subject. Where the log is replicated its leader is asked: a replica may be
    /// some milliseconds behind what was acknowledged.
    pub(crate) async fn last_on(
        &self,
        entity: &EntityName,
        deadline: Instant,
    ) -> Result<Option<Step>, StoreError> {
        let subject = subjects::stored(entity);
        if !self.is_replicated() {
            let last = self.direct_get(EVENTS, &json!({"last_by_subj": subject}), deadline).await?;
            return last.as_ref().map(Step::of).transpose();
        }
        let last = |raw: RawMessageBuilder| raw.last_by_subject(subject.clone());
        Ok(self.of_leader(EVENTS, last, deadline).await?.map(Step::of_leader))
    }

    /// The message at a position as the leader has it, if it is one on the entity's subject.
    pub(crate) async fn step_of_leader(
        &self,
        entity: &EntityName,
        at: Position,
        deadline: Instant,
    ) -> Result<Option<Step>, StoreError> {
        let found = self.of_leader(EVENTS, |raw| raw.sequence(at.get()), deadline).await?;
        Ok(found.map(Step::of_leader).filter(|step| step.is_of(entity)))
    }
}

fn shorter(entity: &EntityName, after: Position) -> StoreError {
    StoreError::Corrupt(format!("{entity} was read up to position {after}, and the log no longer holds that"))
}

/// The message that this one was appended behind, on the same subject.
fn follows(headers: Option<&HeaderMap>, entry: &Entry) -> Option<Position> {
    let Entry::Event(event) = entry else { return None };
    // An expectation that names a subject guards another entity, and says nothing of this one.
    let guards = headers.is_some_and(|headers| headers.get(EXPECTED_SUBJECT).is_some());
    let expected = if guards { None } else { read::number(headers, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE) };
    // Within one append only an entity's first event carries an expectation; the others lie one behind the other.
    let within = event.part.filter(|part| part.number > 1).and_then(|_| event.position.get().checked_sub(1));
    expected.or(within).map(Position::new)
}
