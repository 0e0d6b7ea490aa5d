//! The read models that this program has.

use std::path::Path;

use event_model::{Position, Projection as _};
use event_store::EventStore;
use projections::{HomeAddress, Verified};

use crate::exit::{Exit, Failure};
use crate::read_models::each_read_model;

/// Their names.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names = Vec::new();
    each_read_model!(|View| names.push(View::NAME));
    names
}

/// The name, if there is such a read model.
pub(super) fn name(named: &str) -> Result<&'static str, Failure> {
    names().into_iter().find(|name| *name == named).ok_or_else(|| no_such(named))
}

fn no_such(named: &str) -> Failure {
    let line = format!("there is no view {named:?}: name one of {}", names().join(", "));
    Failure::new(Exit::NotFound, line)
}

/// Compares the rows of one of them with the log.
pub(super) async fn verify(
    name: &str,
    views: &HomeAddress,
    store: &EventStore,
    scratch: &Path,
    progress: impl FnMut(Position, Position),
) -> Result<Verified, Failure> {
    each_read_model!(|View| if name == View::NAME {
        return Ok(projections::verify::<View>(views, store, scratch, progress).await?);
    });
    Err(no_such(name))
}
