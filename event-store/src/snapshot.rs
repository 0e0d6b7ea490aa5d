//! Snapshots: what an entity's events folded to once, so that a long history is not read from its beginning.
//!
//! A stream of its own holds one for each entity. Nothing depends on it: a snapshot is believed only when the log has
//! the very event at its position that it was taken after, and one that is missing, old or unreadable costs a longer
//! reading and nothing else.

mod keep;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use event_model::{Decider, EntityName, Event as _, Position, Version};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::Instant;
use uuid::Uuid;

use crate::envelope::Entry;
use crate::error::StoreError;
use crate::load::Loaded;
use crate::read;
use crate::store::EventStore;
use crate::streams::{EVENTS, SNAPSHOTS};
use crate::subjects;
use crate::tail::{Step, Tail};

pub(crate) use keep::Snapshots;

/// An entity with fewer events is read as quickly without one.
pub(crate) const FEW: u64 = 4;
/// How long one may take to be read; without it the history is.
const PATIENCE: Duration = Duration::from_millis(250);

/// What is stored of an entity, right after one of its events.
#[derive(Serialize, Deserialize)]
struct Snapshot<'a, S> {
    format: u32,
    /// The types of events that the writer knew. A reader that knows fewer must not step over the others unseen.
    #[serde(borrow)]
    types: Vec<Cow<'a, str>>,
    version: Version,
    /// Where that event lies, and its id.
    position: Position,
    id: Uuid,
    state: S,
}

/// Why a snapshot is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ignored {
    Away,
    Unreadable,
    OtherFormat,
    NewerProgram,
    NotOnTheLog,
}

impl Ignored {
    /// As metrics show it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Unreadable => "unreadable",
            Self::OtherFormat => "other format",
            Self::NewerProgram => "newer program",
            Self::NotOnTheLog => "not on the log",
        }
    }
}

impl EventStore {
    /// The entity's snapshot, if the log bears it out, and what has come since; `last` is the last message on the
    /// entity's subject.
    ///
    /// # Errors
    /// As [`EventStore::load`], of what has come since.
    pub(crate) async fn snapshot<D: Decider>(
        &self,
        entity: &EntityName,
        last: &Step,
        deadline: Instant,
    ) -> Result<Option<(Loaded<D>, Tail)>, StoreError> {
        let by = deadline.min(Instant::now() + PATIENCE);
        let end = last.entry.position();
        let (found, tail) = match self.kept::<D>(entity, by).await {
            Ok(Some(kept)) if kept.position == end => {
                (proven(entity, kept, Some(&last.entry)), Ok(Tail::Whole(Vec::new())))
            }
            Ok(Some(kept)) if kept.position < end => {
                let since = kept.position;
                let walk = self.walk(entity, Some(last.clone()), since, deadline);
                futures_util::join!(self.borne_out(entity, kept, by), walk)
            }
            Ok(Some(_)) => (Err(Ignored::NotOnTheLog), Ok(Tail::Whole(Vec::new()))),
            Ok(None) => return Ok(None),
            Err(ignored) => (Err(ignored), Ok(Tail::Whole(Vec::new()))),
        };
        match counted(entity, found) {
            Some(kept) => Ok(Some((kept, tail?))),
            None => Ok(None),
        }
    }

    /// The entity's snapshot, if it is not of a later version and the log bears it out.
    pub(crate) async fn snapshot_at<D: Decider>(
        &self,
        entity: &EntityName,
        version: Version,
        deadline: Instant,
    ) -> Option<Loaded<D>> {
        let by = deadline.min(Instant::now() + PATIENCE);
        let found = match self.kept::<D>(entity, by).await {
            Ok(Some(kept)) if kept.version <= version => self.borne_out(entity, kept, by).await,
            Ok(Some(_) | None) => return None,
            Err(ignored) => Err(ignored),
        };
        counted(entity, found)
    }

    /// The entity that was kept, after a look at what lies at its position.
    async fn borne_out<D: Decider>(
        &self,
        entity: &EntityName,
        kept: Loaded<D>,
        by: Instant,
    ) -> Result<Loaded<D>, Ignored> {
        let there = self.direct_get(EVENTS, &json!({"seq": kept.position}), by).await;
        let there = there.map_err(|_| Ignored::Away)?;
        let there = there.as_ref().and_then(|message| read::entry(message).ok());
        proven(entity, kept, there.as_ref())
    }

    /// What is kept, as far as this program can read it.
    async fn kept<D: Decider>(&self, entity: &EntityName, by: Instant) -> Result<Option<Loaded<D>>, Ignored> {
        let ask = json!({"last_by_subj": subjects::snapshot(entity)});
        let found = self.direct_get(SNAPSHOTS, &ask, by).await.map_err(|_| Ignored::Away)?;
        found.map(|message| read_snapshot::<D>(&message.payload)).transpose()
    }
}

fn read_snapshot<D: Decider>(body: &[u8]) -> Result<Loaded<D>, Ignored> {
    let unreadable = |_| Ignored::Unreadable;
    let Snapshot { format, types, version, position, id, state } =
        serde_json::from_slice::<Snapshot<'_, &RawValue>>(body).map_err(unreadable)?;
    if format != D::STATE_FORMAT {
        return Err(Ignored::OtherFormat);
    }
    if !types.iter().all(|known| D::Event::TYPES.contains(&known.as_ref())) {
        return Err(Ignored::NewerProgram);
    }
    let state = Arc::new(serde_json::from_str(state.get()).map_err(unreadable)?);
    Ok(Loaded { state, version, position, last_id: id, last: position, kept: version })
}

/// What there is to keep of an entity.
fn written<D: Decider>(entity: &Loaded<D>) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Snapshot {
        format: D::STATE_FORMAT,
        types: D::Event::TYPES.iter().copied().map(Cow::from).collect(),
        version: entity.version,
        position: entity.position,
        id: entity.last_id,
        state: &*entity.state,
    })
}

/// The entity that was kept, if it is this entity right after the event that lies there.
fn proven<D>(entity: &EntityName, kept: Loaded<D>, there: Option<&Entry>) -> Result<Loaded<D>, Ignored> {
    let Some(Entry::Event(event)) = there else { return Err(Ignored::NotOnTheLog) };
    let same = event.entity == *entity && event.id == kept.last_id && event.version == Some(kept.version);
    if same { Ok(kept) } else { Err(Ignored::NotOnTheLog) }
}

fn counted<D>(entity: &EntityName, found: Result<Loaded<D>, Ignored>) -> Option<Loaded<D>> {
    match found {
        Ok(kept) => {
            metrics::counter!("jetsource_snapshots_used_total").increment(1);
            Some(kept)
        }
        Err(ignored) => {
            let reason = ignored.as_str();
            metrics::counter!("jetsource_snapshots_ignored_total", "reason" => reason).increment(1);
            tracing::debug!(%entity, reason, "a snapshot is ignored");
            None
        }
    }
}
