//! What people see, and the read models over it.
//!
//! - [`user`], [`order`], [`stock`]: what one thing looks like, and the list of all of them
//!
//! A row is what the entity's own `view` gives at that version; the events carry the totals that it takes. An
//! event counts when its version follows the row's: what a foreign hand wrote elsewhere changes nothing.

pub mod order;
pub mod stock;
pub mod user;

use event_model::{Decider, Recorded, Version};

pub use order::{OrderView, Orders};
pub use stock::{StockView, Stocks};
pub use user::{Credit, UserStatus, UserView, Users};

/// The key of the row that an event touches: the id of its entity, when it is one of these.
fn key_of<D: Decider>(event: &Recorded) -> Option<String> {
    id_of::<D>(event).map(|id| id.to_string())
}

/// The id of the entity that an event is about, when it is one of these. An id that is written otherwise than
/// we would is another subject, and so none of ours.
fn id_of<D: Decider>(event: &Recorded) -> Option<D::Id> {
    if event.entity.category != D::CATEGORY {
        return None;
    }
    let id = event.entity.id.parse::<D::Id>().ok()?;
    (id.to_string() == event.entity.id).then_some(id)
}

/// Whether an event is the one after this version.
fn follows(version: Version, event: &Recorded) -> bool {
    event.version.is_some_and(|next| next.get().checked_sub(1) == Some(version.get()))
}
