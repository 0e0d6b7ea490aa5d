//! Which events of the log are meant.

use clap::Args;
use event_model::EntityName;
use event_store::{Entry, Filter, subjects};
use uuid::Uuid;

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    /// Only events of these categories
    #[arg(long, value_name = "CATEGORY,…", value_delimiter = ',')]
    category: Vec<String>,
    /// Only events of these types
    #[arg(long = "type", value_name = "TYPE,…", value_delimiter = ',')]
    types: Vec<String>,
    /// Only events of this entity
    #[arg(long, value_name = "CATEGORY/ID", value_parser = entity)]
    entity: Option<EntityName>,
    /// Only events with this first cause
    #[arg(long, value_name = "UUID")]
    correlation: Option<Uuid>,
}

fn entity(text: &str) -> Result<EntityName, String> {
    let parts = text.split_once('/').filter(|(category, id)| !category.is_empty() && !id.is_empty());
    let (category, id) = parts.ok_or("write CATEGORY/ID, such as stock/tea")?;
    Ok(EntityName::new(category, id))
}

impl Filters {
    /// Whether an entry is meant. What is no event belongs to the entity that its subject names.
    pub(crate) fn wanted(&self) -> impl Fn(&Entry) -> bool {
        let names = |names: &[String]| (!names.is_empty()).then(|| names.iter().cloned().collect());
        let filter = Filter {
            entity: self.entity.clone(),
            categories: names(&self.category),
            types: names(&self.types),
            correlation: self.correlation,
        };
        move |entry| match entry {
            Entry::Event(event) => filter.wants(event),
            Entry::Foreign(foreign) => {
                let entity = subjects::entity(&foreign.subject);
                let category = entity.as_ref().map(|entity| entity.category.as_str());
                filter.types.is_none()
                    && filter.correlation.is_none()
                    && filter.entity.as_ref().is_none_or(|wanted| entity.as_ref() == Some(wanted))
                    && filter
                        .categories
                        .as_ref()
                        .is_none_or(|all| category.is_some_and(|one| all.contains(one)))
            }
        }
    }
}
