//! The read models that this program has.

use std::path::Path;

use domain::{Orders, Sagas, Stocks, Users};
use event_model::{Position, Projection as _};
use event_store::EventStore;
use projections::{HomeAddress, Verified, VerifyError};

use crate::exit::{Exit, Failure};

/// Their names.
pub(super) const NAMES: [&str; 4] = [Users::NAME, Orders::NAME, Stocks::NAME, Sagas::NAME];

/// The name, if there is such a read model.
pub(super) fn name(named: &str) -> Result<&'static str, Failure> {
    NAMES.into_iter().find(|name| *name == named).ok_or_else(|| {
        let line = format!("there is no view {named:?}: name one of {}", NAMES.join(", "));
        Failure::new(Exit::NotFound, line)
    })
}

/// Compares the rows of one of them with the log.
pub(super) async fn verify(
    name: &str,
    views: &HomeAddress,
    store: &EventStore,
    scratch: &Path,
    progress: impl FnMut(Position, Position),
) -> Result<Verified, VerifyError> {
    match name {
        Users::NAME => projections::verify::<Users>(views, store, scratch, progress).await,
        Orders::NAME => projections::verify::<Orders>(views, store, scratch, progress).await,
        Sagas::NAME => projections::verify::<Sagas>(views, store, scratch, progress).await,
        _ => projections::verify::<Stocks>(views, store, scratch, progress).await,
    }
}
