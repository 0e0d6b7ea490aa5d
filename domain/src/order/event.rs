//! What may happen to an order.

use event_model::Event;
use serde::{Deserialize, Serialize};

use crate::value::{Amount, Lines, Text, UserId};

/// What happened to an order. Wire names and fields are frozen; each event says whose order it is, so that
/// nobody needs a second look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderEvent {
    /// It came into being as a draft.
    OrderDrafted {
        /// Whose order.
        user_id: UserId,
        /// What for.
        lines: Lines,
        /// Where it goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ship_to: Option<Text>,
    },
    /// It is wanted for good: its full content, also when it was a draft before.
    OrderPlaced {
        /// Whose order.
        user_id: UserId,
        /// What for.
        lines: Lines,
        /// What the lines cost together.
        total: Amount,
        /// Where it goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ship_to: Option<Text>,
    },
    /// The draft is for something else.
    OrderLinesChanged {
        /// Whose order.
        user_id: UserId,
        /// All lines as they are now.
        lines: Lines,
        /// What they cost together.
        total: Amount,
    },
    /// It goes elsewhere.
    OrderShipToChanged {
        /// Whose order.
        user_id: UserId,
        /// Where it goes now.
        ship_to: Text,
    },
    /// Credit and stock are set aside.
    OrderConfirmed {
        /// Whose order.
        user_id: UserId,
        /// What is sold by it. Programs before this field stored none.
        #[serde(default, skip_serializing_if = "Lines::is_empty")]
        lines: Lines,
    },
    /// Something was missing.
    OrderRejected {
        /// Whose order.
        user_id: UserId,
        /// What was missing, for people.
        reason: Text,
    },
    /// The user wished so.
    OrderCancelled {
        /// Whose order.
        user_id: UserId,
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Text>,
        /// What was sold by it and is taken back: none of an order that was not confirmed, and none that programs
        /// before this field stored.
        #[serde(default, skip_serializing_if = "Lines::is_empty")]
        lines: Lines,
    },
    /// It is on its way.
    OrderShipped {
        /// Whose order.
        user_id: UserId,
    },
    /// It arrived.
    OrderCompleted {
        /// Whose order.
        user_id: UserId,
    },
}

impl Event for OrderEvent {
    const TYPES: &'static [&'static str] = &[
        "order-drafted",
        "order-placed",
        "order-lines-changed",
        "order-ship-to-changed",
        "order-confirmed",
        "order-rejected",
        "order-cancelled",
        "order-shipped",
        "order-completed",
    ];

    fn event_type(&self) -> &'static str {
        match self {
            Self::OrderDrafted { .. } => "order-drafted",
            Self::OrderPlaced { .. } => "order-placed",
            Self::OrderLinesChanged { .. } => "order-lines-changed",
            Self::OrderShipToChanged { .. } => "order-ship-to-changed",
            Self::OrderConfirmed { .. } => "order-confirmed",
            Self::OrderRejected { .. } => "order-rejected",
            Self::OrderCancelled { .. } => "order-cancelled",
            Self::OrderShipped { .. } => "order-shipped",
            Self::OrderCompleted { .. } => "order-completed",
        }
    }
}
