//! What may happen to a departure.

use event_model::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::OrderId;

/// What a departure notes, and what it sets out to do. Wire names and fields are frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DepartureEvent {
    /// The user has a draft.
    ///
    /// After `order-drafted`.
    DepartureDraftNoted {
        /// Which order.
        order_id: OrderId,
    },
    /// It is no draft any more.
    ///
    /// After `order-placed` or `order-cancelled` of a draft.
    DepartureDraftSettled {
        /// Which order.
        order_id: OrderId,
    },
    /// The user is gone: its orders are to be cancelled.
    ///
    /// After `user-deleted`, and when a draft of a deleted user turns up later.
    DepartureCancelling {
        /// Which orders; none when it left none.
        orders: Vec<OrderId>,
    },
}

impl Event for DepartureEvent {
    const TYPES: &'static [&'static str] =
        &["departure-draft-noted", "departure-draft-settled", "departure-cancelling"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::DepartureDraftNoted { .. } => "departure-draft-noted",
            Self::DepartureDraftSettled { .. } => "departure-draft-settled",
            Self::DepartureCancelling { .. } => "departure-cancelling",
        }
    }
}
