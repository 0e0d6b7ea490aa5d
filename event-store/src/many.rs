//! Several entities of one kind at once.

use std::collections::{HashMap, HashSet};

use event_model::{Decider, EntityName};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use tokio::time::Instant;

use crate::error::StoreError;
use crate::load::Loaded;
use crate::read;
use crate::store::EventStore;
use crate::subjects;
use crate::tail::Step;

/// For how many entities the broker is asked at once.
const AT_ONCE: usize = 256;
/// How many of them are read side by side, where the last message is not enough.
const SIDE_BY_SIDE: usize = 16;

impl EventStore {
    /// These entities as they are now, in this order: one request for the last message of each, and for those that
    /// are not remembered up to there, what is missing.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub async fn load_many<D: Decider>(&self, ids: &[D::Id]) -> Result<Vec<Loaded<D>>, StoreError> {
        let deadline = self.deadline();
        let mut loaded = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            // Where the log is replicated only its leader knows the last message of each.
            let last =
                if self.is_replicated() { None } else { Some(self.last_of::<D>(some, deadline).await?) };
            let reading = some.iter().map(|id| {
                let mut folding = self.remembered::<D>(id, None);
                let last = last.as_ref().map(|last| last.get(&subjects::stored(folding.entity())).cloned());
                async move {
                    match last {
                        Some(last) => self.look_up_to(&mut folding, last, deadline).await?,
                        None => self.look(&mut folding, deadline).await?,
                    }
                    Ok(folding.now)
                }
            });
            let reading: Vec<_> = reading.collect();
            let some: Vec<_> = stream::iter(reading).buffered(SIDE_BY_SIDE).try_collect().await?;
            loaded.extend(some);
        }
        Ok(loaded)
    }

    /// The last message on each subject that has one, by subject.
    async fn last_of<D: Decider>(
        &self,
        ids: &[D::Id],
        deadline: Instant,
    ) -> Result<HashMap<String, Step>, StoreError> {
        let subjects = ids.iter().map(|id| subjects::stored(&EntityName::new(D::CATEGORY, id)));
        let ask = json!({"multi_last": subjects.collect::<HashSet<_>>()});
        let (messages, _) = self.several(&ask, deadline).await?;
        let step = |message| Ok((read::subject(message)?.to_owned(), Step::of(message)?));
        messages.iter().map(step).collect()
    }
}
