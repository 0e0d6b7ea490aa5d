//! Which events a reader wants.

use std::collections::BTreeSet;

use event_model::{EntityName, Recorded};
use uuid::Uuid;

/// What an event must be; what is not named may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// What it is about.
    pub entity: Option<EntityName>,
    /// What kind of thing it is about.
    pub categories: Option<BTreeSet<String>>,
    /// What happened.
    pub types: Option<BTreeSet<String>>,
    /// The first cause of its chain.
    pub correlation: Option<Uuid>,
}

impl Filter {
    /// Whether it lets this event through.
    pub fn wants(&self, event: &Recorded) -> bool {
        let named = |names: &Option<BTreeSet<String>>, name: &str| {
            names.as_ref().is_none_or(|names| names.contains(name))
        };
        self.entity.as_ref().is_none_or(|entity| *entity == event.entity)
            && named(&self.categories, &event.entity.category)
            && named(&self.types, &event.event_type)
            && self.correlation.is_none_or(|correlation| event.correlation_id == Some(correlation))
    }
}
