//! Before a writer is let in, and whenever the broker was away: the log behind the last position that is known to be
//! whole is looked through for appends that are not. A power cut leaves one where the broker gathers batches in
//! memory. It is completed from the record that its first event carries, else settled by an event that says that its
//! rest will never come.
//!
//! The position, with the id of the event there, is kept in the broker's bucket: it is this writer's own mark, by
//! which a log that is shorter or another one is noticed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE as EXPECTED;
use event_model::{EntityName, Metadata, Position, Version, event_id};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::committer::Outgoing;
use crate::envelope::{self, Draft, Entry};
use crate::error::StoreError;
use crate::intent;
use crate::parts::{Begun, CATEGORY, CUT, Parts};
use crate::publish::{self, Answer};
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::streams::EVENTS;
use crate::subjects;
use crate::subscribe::Mark;

/// The key of the mark in the bucket.
const MARK: &str = "log-is-whole-up-to";
/// So many positions may lie between the mark and what is known to be whole.
const MARK_EVERY: u64 = 50_000;
/// How long to wait for a broker that is away.
const AGAIN: Duration = Duration::from_millis(200);
/// So often an append is completed in vain before it is given up.
const TRIES: u32 = 3;

/// Up to where the log is known to be whole, and on which connection that was looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Admission(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The connection on which writers are let in; 0 before the first.
    connection: AtomicU64,
    turn: tokio::sync::Mutex<()>,
    /// The process of the broker on which all was settled: where only the network was away nothing can be cut.
    process: Mutex<Option<String>>,
    whole: Mutex<Mark>,
    /// The position of the mark that was kept last.
    kept: AtomicU64,
    /// The log was found to be shorter than it was, or another one.
    differs: AtomicBool,
}

/// The mark, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    position: Position,
    id: Option<Uuid>,
}

impl Admission {
    fn is_settled_on(&self, process: &str) -> bool {
        self.0.process.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(process)
    }

    fn settled_on(&self, process: String) {
        *self.0.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }

    fn whole(&self) -> Mark {
        *self.0.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, mark: Mark) {
        let mut whole = self.0.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if mark.position > whole.position {
            *whole = mark;
        }
    }
}

impl EventStore {
    /// Looks for appends that are not whole, and settles them. Writers wait for it by themselves; call it at the start
    /// to have it done before the first one comes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the log is shorter than it was, or another one; [`StoreError::Unavailable`]
    /// without the broker, or when patience ends before all is looked through: what was looked through stays so.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.admit(self.deadline()).await.map(drop)
    }

    /// Whether writers were kept out when last looked at, because the log is shorter than it was, or another one.
    pub fn log_differs(&self) -> bool {
        self.admission().0.differs.load(Ordering::Relaxed)
    }

    /// Settles whenever a connection was made anew, for ever.
    pub async fn keep_settled(&self) {
        let mut made = self.connection().made();
        loop {
            match self.settle().await {
                Err(StoreError::Unavailable(cause)) => {
                    tracing::debug!(
                        cause,
                        "what is behind the last known whole position is looked through again"
                    );
                    sleep(AGAIN).await;
                    continue;
                }
                Err(error) => tracing::error!(%error, "the log cannot be written to"),
                Ok(()) => {}
            }
            if made.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns once writers may come in, with the number of the connection on which they may.
    pub(crate) async fn admit(&self, deadline: Instant) -> Result<u64, StoreError> {
        let connection = self.connection().number();
        if self.admission().0.connection.load(Ordering::Acquire) == connection {
            return Ok(connection);
        }
        let settled = async {
            let _turn = self.admission().0.turn.lock().await;
            if self.admission().0.connection.load(Ordering::Acquire) != connection {
                let process = self.connection().server_process().await?;
                if !self.admission().is_settled_on(&process) {
                    let looked = self.look_through(deadline).await;
                    let differs = matches!(looked, Err(StoreError::Corrupt(_)));
                    self.admission().0.differs.store(differs, Ordering::Relaxed);
                    looked?;
                    self.admission().settled_on(process);
                }
                self.admission().0.connection.store(connection, Ordering::Release);
            }
            Ok(connection)
        };
        timeout_at(deadline, settled).await.map_err(StoreError::away)?
    }

    /// An append ended here, on the connection on which it was let in. So all before it is whole.
    pub(crate) fn is_whole_up_to(&self, mark: Mark, connection: u64) {
        if self.connection().number() != connection {
            return;
        }
        self.admission().advance(mark);
        let kept = self.admission().0.kept.load(Ordering::Relaxed);
        if mark.position.get() >= kept + MARK_EVERY {
            self.admission().0.kept.store(mark.position.get(), Ordering::Relaxed);
            let store = self.clone();
            tokio::spawn(async move {
                if let Err(error) = store.keep_mark(mark).await {
                    tracing::debug!(%error, "the mark of what is whole was not kept; the next one will be");
                }
            });
        }
    }

    async fn look_through(&self, deadline: Instant) -> Result<(), StoreError> {
        let kept = self.kept_mark(deadline).await?;
        self.admission().advance(kept);
        let mut tries = HashMap::new();
        loop {
            let from = self.admission().whole();
            self.check(from).await?;
            let head = self.head().await?;
            // Several servers store an append whole or not at all.
            let cut = if self.is_replicated() { Vec::new() } else { self.cut_appends(from, head).await? };
            if cut.is_empty() {
                let whole = self.admission().whole();
                if whole.position > kept.position {
                    self.keep_mark(whole).await?;
                }
                return Ok(());
            }
            for append in cut {
                let tries = tries.entry(append.position).or_insert(0);
                *tries += 1;
                self.complete(&append, *tries).await?;
            }
        }
    }

    /// The appends behind a mark that are not whole.
    async fn cut_appends(&self, from: Mark, head: Position) -> Result<Vec<Begun>, StoreError> {
        let mut parts = Parts::default();
        let mut reader = self.subscribe(from);
        let mut read = from.position;
        while read < head {
            for entry in reader.next(5000).await?.entries {
                read = entry.position();
                if let Entry::Event(event) = &entry
                    && event.version.is_some()
                {
                    // A part without a beginning is for the check of the log to tell.
                    let _ = parts.take(event);
                }
                if parts.are_whole() {
                    self.admission().advance(Mark::on(&entry));
                }
            }
        }
        Ok(parts.end())
    }

    async fn complete(&self, append: &Begun, tries: u32) -> Result<(), StoreError> {
        let Begun { position, last, .. } = append;
        let first = self.direct_get(EVENTS, &json!({"seq": position}), self.deadline()).await?;
        let rest = first.and_then(|first| intent::read(first.headers.as_ref()));
        let Some(rest) = rest else {
            return self.give_up(append, "its first event does not say what was to follow").await;
        };
        if tries > TRIES {
            return self.give_up(append, "others have changed the entities that it was to change").await;
        }
        let follows = |subject: &str| {
            let on = append.stored.iter().rev().find(|(entity, _)| subjects::stored(entity) == subject);
            on.map(|(_, position)| *position)
        };
        let mut begun = std::collections::HashSet::new();
        let missing = rest.into_iter().skip(last.number as usize - 1).map(|later| {
            // Only an entity's first event of what is sent now has an expectation.
            let subject = later.stored_on();
            let stored = follows(&subject);
            let is_first = begun.insert(subject);
            let mut message = later.into_message(stored.filter(|_| is_first));
            if is_first && message.headers.get(EXPECTED).is_none() {
                // It only carried a guard, on an entity of the command's own.
                message.headers.insert(EXPECTED, "0");
            }
            message
        });
        if self.send(missing.collect()).await? {
            metrics::counter!("jetsource_cut_appends_total", "outcome" => "completed").increment(1);
            tracing::warn!(%position, after = %last, "an append was cut off; it was completed");
        }
        Ok(())
    }

    /// Says in the log, once, that the rest of an append will never come.
    async fn give_up(&self, append: &Begun, reason: &str) -> Result<(), StoreError> {
        let Begun { position, id, last, .. } = append;
        let entity = EntityName::new(CATEGORY, id);
        let mut metadata = Metadata::first(event_id(*id, &entity, 0), OffsetDateTime::now_utc());
        metadata.causation_id = *id;
        let data = json!({"position": position, "stored": last.number, "of": last.of, "reason": reason});
        let draft = Draft {
            id: event_id(*id, &entity, 0),
            event_type: CUT,
            version: Version::new(1),
            data: data.to_string().into(),
        };
        let mut headers = envelope::headers(&draft, &entity, &metadata, None)?;
        headers.insert(EXPECTED, "0");
        let subject = subjects::append(&entity).into();
        if self.send(vec![Outgoing { subject, relies_on: None, headers, data: draft.data }]).await? {
            metrics::counter!("jetsource_cut_appends_total", "outcome" => "given up").increment(1);
            tracing::error!(%position, after = %last, reason, "an append was cut off, and stays so");
        }
        Ok(())
    }

    /// Whether it was stored; not when somebody else has settled it meanwhile, or is in the way.
    async fn send(&self, messages: Vec<Outgoing>) -> Result<bool, StoreError> {
        match publish::all(self.client(), messages, Instant::now() + ROUND_TRIP).await {
            Answer::Stored { .. } => Ok(true),
            Answer::Refused { code: 10071 | 10201, .. } | Answer::Parted => Ok(false),
            Answer::Refused { code, said } => Err(StoreError::away(format!("{said} ({code})"))),
            Answer::NoStream(cause) | Answer::None(cause) => Err(StoreError::Unavailable(cause)),
        }
    }

    /// The mark that a writer has kept.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without the broker, [`StoreError::Corrupt`] when it cannot be read.
    pub async fn whole_up_to(&self) -> Result<Mark, StoreError> {
        self.kept_mark(self.deadline()).await
    }

    async fn kept_mark(&self, deadline: Instant) -> Result<Mark, StoreError> {
        let Some(kept) = self.shared(MARK, deadline).await? else { return Ok(Mark::START) };
        let Kept { position, id } = serde_json::from_slice(&kept)
            .map_err(|error| StoreError::Corrupt(format!("the key {MARK} cannot be read: {error}")))?;
        Ok(Mark { position, id })
    }

    async fn keep_mark(&self, mark: Mark) -> Result<(), StoreError> {
        let Mark { position, id } = mark;
        let kept = serde_json::to_vec(&Kept { position, id }).unwrap_or_default();
        self.share(MARK, kept).await
    }
}
