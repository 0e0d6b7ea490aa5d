//! Entities that were decided lately, so that a hot one is decided without reading the log.
//!
//! What is in here may be old. The broker's own check keeps it honest: an append that was decided on an old state is a
//! conflict, and what needs no append is only answered after a look at the log.

use std::any::Any;
use std::sync::Arc;

use event_model::{Decider, EntityName};
use moka::sync::Cache;

use crate::load::Loaded;
use crate::snapshot::Snapshots;

/// A bounded cache of entities of any kind, by name. One that has to make room may leave a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Entities(Cache<EntityName, Remembered>);

/// An entity, and what to do when it leaves.
#[derive(Debug, Clone)]
struct Remembered {
    entity: Arc<dyn Any + Send + Sync>,
    leaving: fn(&Snapshots, &EntityName, &(dyn Any + Send + Sync)),
}

impl Entities {
    /// At most so many.
    pub(crate) fn new(most: u64, snapshots: Snapshots) -> Self {
        let cache = Cache::builder().max_capacity(most).eviction_listener(
            move |name: Arc<EntityName>, Remembered { entity, leaving }, why| {
                if why.was_evicted() {
                    leaving(&snapshots, &name, &*entity);
                }
            },
        );
        Self(cache.build())
    }

    pub(crate) fn get<D: Decider>(&self, name: &EntityName) -> Option<Loaded<D>> {
        let found = self.0.get(name).and_then(|found| found.entity.downcast_ref::<Loaded<D>>().cloned());
        let outcome = if found.is_some() { "hit" } else { "miss" };
        metrics::counter!("jetsource_state_cache_lookups_total", "outcome" => outcome).increment(1);
        found
    }

    pub(crate) fn put<D: Decider>(&self, name: EntityName, entity: Loaded<D>) {
        self.0.insert(name, Remembered { entity: Arc::new(entity), leaving: Snapshots::leaving::<D> });
    }

    pub(crate) fn forget(&self, name: &EntityName) {
        self.0.invalidate(name);
    }
}
