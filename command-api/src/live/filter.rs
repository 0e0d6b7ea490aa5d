//! Which events are wanted, as a query names them.

use std::collections::BTreeSet;
use std::str::FromStr;

use event_model::EntityName;
use event_store::Filter;

use crate::problem::Problem;
use crate::query::Parameters;

/// Names, separated by commas.
struct Names(BTreeSet<String>);

/// `<category>/<id>`
struct Entity(EntityName);

impl FromStr for Names {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: BTreeSet<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.contains("") { Err("must be names, separated by commas") } else { Ok(Self(names)) }
    }
}

impl FromStr for Entity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/').filter(|(category, id)| !category.is_empty() && !id.is_empty());
        let (category, id) = parts.ok_or("must be <category>/<id>, such as order/0190…")?;
        Ok(Self(EntityName::new(category, id)))
    }
}

/// What the query names.
pub(crate) fn taken(parameters: &mut Parameters) -> Result<Filter, Problem> {
    Ok(Filter {
        entity: parameters.take::<Entity>("entity")?.map(|entity| entity.0),
        categories: parameters.take::<Names>("category")?.map(|names| names.0),
        types: parameters.take::<Names>("type")?.map(|names| names.0),
        correlation: parameters.take("correlation")?,
    })
}
