//! What may happen to a user.

use event_model::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::{Amount, Email, Name, OrderId, Text};

/// What happened to a user. Wire names and fields are frozen; `reserved` is what all its orders hold together
/// after the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UserEvent {
    /// It came into being.
    ///
    /// By the command `register`.
    UserRegistered {
        /// What people call the user.
        name: Name,
        /// The address as typed.
        email: Email,
        /// How much may be set aside for orders at once.
        credit_limit: Amount,
    },
    /// It took another name, another address, or both; only what changed is there.
    ///
    /// By the command `change-profile`, when it changes something.
    UserProfileChanged {
        /// The new name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Name")]
        name: Option<Name>,
        /// The new address, as typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Email")]
        email: Option<Email>,
    },
    /// Its limit is another.
    ///
    /// By the command `change-credit-limit`, when it changes something.
    UserCreditLimitChanged {
        /// The new limit.
        credit_limit: Amount,
    },
    /// It is gone for good.
    ///
    /// By the command `delete`.
    UserDeleted {
        /// The orders for which credit was set aside at that moment.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        orders: Vec<OrderId>,
    },
    /// An order holds this amount now, in place of what it held before.
    ///
    /// By the command `reserve-credit`, when there is enough.
    CreditReserved {
        /// Which order.
        order_id: OrderId,
        /// What it holds.
        amount: Amount,
        /// What all orders hold.
        reserved: Amount,
    },
    /// An order does not get this amount; what it held before stays.
    ///
    /// By the command `reserve-credit`, when there is not enough, the user is gone, or what was held was given
    /// back before.
    CreditRefused {
        /// Which order.
        order_id: OrderId,
        /// What was asked for.
        amount: Amount,
        /// What was available, negative when the limit is below what is set aside.
        #[schemars(example = 800)]
        available: i64,
        /// Why, for people.
        #[schemars(extend("examples" = ["900 needed, 800 available"]))]
        reason: Text,
    },
    /// An order holds nothing any more, and never will.
    ///
    /// By the command `release-credit`, once for each order.
    CreditReleased {
        /// Which order.
        order_id: OrderId,
        /// What it held; 0 when that was nothing.
        amount: Amount,
        /// What all orders hold.
        reserved: Amount,
    },
    /// What an order held is used up.
    ///
    /// By the command `capture-credit`, once for each order.
    CreditCaptured {
        /// Which order.
        order_id: OrderId,
        /// What it held; 0 when that was nothing.
        amount: Amount,
        /// What all orders hold.
        reserved: Amount,
    },
}

impl Event for UserEvent {
    const TYPES: &'static [&'static str] = &[
        "user-registered",
        "user-profile-changed",
        "user-credit-limit-changed",
        "user-deleted",
        "credit-reserved",
        "credit-refused",
        "credit-released",
        "credit-captured",
    ];

    fn event_type(&self) -> &'static str {
        match self {
            Self::UserRegistered { .. } => "user-registered",
            Self::UserProfileChanged { .. } => "user-profile-changed",
            Self::UserCreditLimitChanged { .. } => "user-credit-limit-changed",
            Self::UserDeleted { .. } => "user-deleted",
            Self::CreditReserved { .. } => "credit-reserved",
            Self::CreditRefused { .. } => "credit-refused",
            Self::CreditReleased { .. } => "credit-released",
            Self::CreditCaptured { .. } => "credit-captured",
        }
    }
}
