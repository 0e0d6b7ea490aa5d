//! Storing events, with the optimistic check in the broker, and finding out what became of a write that nobody
//! answered.

pub(crate) mod guard;
mod messages;

use event_model::{EntityName, Event, Metadata, Position, Version, event, event_id};
use tokio::time::{Instant, sleep};
use tracing::Instrument as _;

use crate::committer::{Company, Outgoing};
use crate::envelope::{CE_ID, Draft, Entry};
use crate::error::{Cause, StoreError};
use crate::publish::{Answer, TOO_LARGE};
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::subjects;
use crate::subscribe::Mark;
use crate::trace;

/// Where an entity stood when it was read: what an append relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stand {
    /// The version that was decided on.
    pub version: Version,
    /// The last message on its subject, whoever wrote it; the broker checks that it still is.
    pub(crate) last: Position,
}

/// The events of one entity in an append.
#[derive(Debug, Clone)]
pub struct Write {
    entity: EntityName,
    stand: Stand,
    drafts: Vec<Draft>,
}

impl Write {
    /// Events that follow where the entity stood. Their ids come from the command's id.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] when an event does not serialise to a JSON object.
    pub fn new<E: Event>(
        entity: EntityName,
        stand: Stand,
        events: &[E],
        metadata: &Metadata,
    ) -> Result<Self, StoreError> {
        let mut version = stand.version;
        let draft = |(index, event): (usize, &E)| {
            version = version.next();
            Ok(Draft {
                id: event_id(metadata.command_id, &entity, index),
                event_type: event.event_type(),
                version,
                data: event::encode(event).map_err(|error| StoreError::Unfit(error.to_string()))?,
            })
        };
        let drafts = events.iter().enumerate().map(draft).collect::<Result<_, StoreError>>()?;
        Ok(Self { entity, stand, drafts })
    }

    pub(crate) fn entity(&self) -> &EntityName {
        &self.entity
    }

    /// No events, only the reliance on where the entity stood: what is appended together with this is refused when
    /// the entity is no longer there.
    pub fn guard(entity: EntityName, stand: Stand) -> Self {
        Self { entity, stand, drafts: Vec::new() }
    }

    pub(crate) fn is_guard(&self) -> bool {
        self.drafts.is_empty()
    }
}

/// What one attempt came to.
enum Attempt {
    /// The last event of the first entity lies here.
    Stored(Position),
    /// The broker says that something of it is there already, or that another was faster.
    Taken(EntityName),
    /// Certainly not stored; the same may work in a moment.
    NotNow(Cause),
    /// Nobody answered.
    Unanswered(Cause),
    /// Those that it shared a batch with were in its way: at once again, alone.
    Parted,
    Never(StoreError),
}

/// What of an append is in the log.
enum Found {
    /// All of it; the last event of the first entity lies here.
    All(Position),
    Some,
    Nothing,
}

impl EventStore {
    /// Appends the events of one or several entities: all or none, on disk before it returns, one behind the
    /// other. Returns the position of the last event of the first entity.
    ///
    /// # Errors
    /// - [`StoreError::Conflict`] when an entity is no longer where it stood. It is also what a repetition of an
    ///   append meets that was stored before; [`EventStore::execute`] tells the two apart.
    /// - [`StoreError::OutcomeUnknown`] when the broker went away in between. It may still be stored.
    /// - [`StoreError::Unavailable`], [`StoreError::Unfit`]: nothing was stored.
    pub async fn append(&self, writes: &[Write], metadata: &Metadata) -> Result<Position, StoreError> {
        self.append_by(writes, metadata, self.deadline()).await
    }

    pub(crate) async fn append_by(
        &self,
        writes: &[Write],
        metadata: &Metadata,
        deadline: Instant,
    ) -> Result<Position, StoreError> {
        let first = writes.iter().find(|write| !write.drafts.is_empty());
        let first = first.ok_or_else(|| StoreError::Unfit("an append without events".into()))?;
        let count = writes.iter().map(|write| write.drafts.len()).sum();
        let span = trace::publishing(&subjects::append(&first.entity), &first.entity, count);
        let metadata = trace::sent_by(&span, metadata);
        let stored = self.append_first(first, writes, &metadata, deadline).instrument(span).await;
        if let Err(error) = &stored {
            failed(error);
        }
        stored
    }

    /// [`EventStore::append_by`], where this is the first that has events.
    async fn append_first(
        &self,
        first: &Write,
        writes: &[Write],
        metadata: &Metadata,
        deadline: Instant,
    ) -> Result<Position, StoreError> {
        let started = Instant::now();
        let mut company = Company::Anybody;
        let mut unanswered = false;
        let mut tries = 0_u32;
        loop {
            tries += 1;
            let admitted = if self.connection().is_up() {
                self.admit(deadline).await
            } else {
                Err(StoreError::away("the broker is not connected"))
            };
            let attempt = match admitted {
                Ok(connection) => {
                    let messages = self.messages(writes, metadata)?;
                    let by = deadline.min(Instant::now() + ROUND_TRIP);
                    self.attempt(first, messages, company, connection, by).await
                }
                Err(StoreError::Unavailable(cause)) => Attempt::NotNow(cause),
                Err(error) => Attempt::Never(error),
            };
            let cause = match attempt {
                Attempt::Stored(position) => {
                    metrics::histogram!("jetsource_append_seconds").record(started.elapsed().as_secs_f64());
                    return Ok(position);
                }
                Attempt::Taken(entity) => match self.what_is_stored(writes, deadline).await {
                    Ok(Found::All(position)) if unanswered => return Ok(position),
                    Ok(Found::Some) => "a part of it is stored: its rest will follow".into(),
                    Ok(_) => return Err(StoreError::Conflict { entity }),
                    Err(_) if !unanswered => return Err(StoreError::Conflict { entity }),
                    Err(error) => error.into(),
                },
                Attempt::NotNow(cause) => cause,
                Attempt::Unanswered(cause) => {
                    unanswered = true;
                    cause
                }
                Attempt::Parted => {
                    company = Company::Nobody;
                    continue;
                }
                Attempt::Never(error) => return Err(error),
            };
            metrics::counter!("jetsource_append_retries_total").increment(1);
            if Instant::now() + pause(tries) >= deadline {
                return Err(if unanswered {
                    StoreError::OutcomeUnknown(cause)
                } else {
                    StoreError::Unavailable(cause)
                });
            }
            // The same write again is how its outcome is found out: it carries the same expectation, so it and
            // the one that nobody answered cannot both be stored.
            sleep(pause(tries)).await;
        }
    }

    async fn attempt(
        &self,
        first: &Write,
        messages: Vec<Outgoing>,
        company: Company,
        connection: u64,
        by: Instant,
    ) -> Attempt {
        let behind = (messages.len() - first.drafts.len()) as u64;
        let last = messages.last().and_then(|last| last.headers.get(CE_ID)?.as_str().parse().ok());
        match self.committer().append(messages, company, by).await {
            Answer::Stored { duplicate: true, .. } => Attempt::Taken(first.entity.clone()),
            Answer::Stored { sequence, .. } => {
                self.is_whole_up_to(Mark { position: sequence, id: last }, connection);
                Attempt::Stored(Position::new(sequence.get() - behind))
            }
            Answer::Refused { code, said } => refused(first, code, &said),
            Answer::NoStream(cause) => Attempt::NotNow(cause),
            Answer::None(cause) => Attempt::Unanswered(cause),
            Answer::Parted => Attempt::Parted,
        }
    }

    /// What of these writes is stored: what follows where their entities stood.
    async fn what_is_stored(&self, writes: &[Write], deadline: Instant) -> Result<Found, StoreError> {
        let mut found = Vec::new();
        for write in writes.iter().filter(|write| !write.is_guard()) {
            found.push(self.what_follows(write, deadline).await?);
        }
        Ok(match found.first().copied().flatten() {
            Some(position) if found.iter().all(Option::is_some) => Found::All(position),
            _ if found.iter().any(Option::is_some) => Found::Some,
            _ => Found::Nothing,
        })
    }

    /// Whether what follows the stand of this write is the write itself; then the position of its last event.
    async fn what_follows(&self, write: &Write, deadline: Instant) -> Result<Option<Position>, StoreError> {
        let mut after = write.stand.last;
        for draft in &write.drafts {
            match self.next_after(&write.entity, after, deadline).await? {
                Some(Entry::Event(event)) if event.id == draft.id => after = event.position,
                Some(Entry::Event(_) | Entry::Foreign(_)) | None => return Ok(None),
            }
        }
        Ok(Some(after))
    }
}

/// Counts an append that was not stored. A conflict is no failure: somebody else was faster.
fn failed(error: &StoreError) {
    let reason = match error {
        StoreError::Conflict { .. } => {
            return metrics::counter!("jetsource_append_conflicts_total").increment(1);
        }
        StoreError::Unavailable(_) => "unavailable",
        StoreError::OutcomeUnknown(_) => "unknown",
        StoreError::Corrupt(_) => "log",
        StoreError::Unfit(_) => "unfit",
    };
    metrics::counter!("jetsource_append_failures_total", "reason" => reason).increment(1);
}

/// The broker's refusals, by number.
fn refused(first: &Write, code: u64, said: &str) -> Attempt {
    let said = format!("{said} ({code})");
    match code {
        // Another sequence is last, or an id of the batch is stored already.
        10071 | 10201 => Attempt::Taken(first.entity.clone()),
        10199 | TOO_LARGE => Attempt::Never(StoreError::Unfit(said)),
        10171 | 10177 | 10193 => {
            Attempt::Never(StoreError::Corrupt(format!("the broker does not take our batches: {said}")))
        }
        // 10164 another write in flight, 10176 batch abandoned, 10210 too many batches, and all that is full or
        // away: certainly not stored, and the same may work in a moment.
        _ => Attempt::NotNow(said.into()),
    }
}

fn pause(tries: u32) -> std::time::Duration {
    std::time::Duration::from_millis(u64::from(tries.min(8)) * 25)
}
