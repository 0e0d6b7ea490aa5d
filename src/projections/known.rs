//! The read models that this program has.

use domain::{Orders, Stocks, Users};
use event_model::Projection as _;

use crate::exit::{Exit, Failure};

/// Their names.
pub(super) const NAMES: [&str; 3] = [Users::NAME, Orders::NAME, Stocks::NAME];

/// The name, if there is such a read model.
pub(super) fn name(named: &str) -> Result<&'static str, Failure> {
    NAMES.into_iter().find(|name| *name == named).ok_or_else(|| {
        let line = format!("there is no view {named:?}: name one of {}", NAMES.join(", "));
        Failure::new(Exit::NotFound, line)
    })
}
