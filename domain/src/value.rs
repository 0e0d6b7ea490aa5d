//! What commands and events are made of. A value that exists is valid: parse at the door, trust inside.
//!
//! - [`id`]: who and which order
//! - [`text`]: names, addresses for parcels, reasons
//! - [`email`]: an e-mail address as typed, and as it is compared
//! - [`claim`]: an e-mail address as the id of its claim, which does not give the address away
//! - [`number`]: money and counts
//! - [`sku`]: an article
//! - [`lines`]: what an order is for
//! - [`participant`]: who else has a say in a checkout

pub mod claim;
pub mod email;
pub mod id;
pub mod lines;
pub mod number;
pub mod participant;
pub mod sku;
pub mod text;

pub use claim::{ClaimId, ClaimKey};
pub use email::Email;
pub use id::{OrderId, UserId};
pub use lines::{Line, Lines};
pub use number::{Amount, Quantity, UnitPrice, Units};
pub use participant::Participant;
pub use sku::Sku;
pub use text::{Name, Text};

/// Why something is not a value of its kind, for people: "name must be 1 to 200 characters …, not 0".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {why}")]
pub struct Invalid {
    /// The kind of value, such as `name`.
    pub what: &'static str,
    /// What it must be and is not, such as `must be 1 to 200 characters after trimming, not 0`.
    pub why: String,
}

impl Invalid {
    pub(crate) fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, why: why.into() }
    }
}
