//! What may happen to an article's stock.

use event_model::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::{OrderId, Quantity, Units};

/// What happened to an article's stock. Wire names and fields are frozen; `on_hand` and `reserved` are the
/// totals after the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StockEvent {
    /// More were taken in; from the first time on the article is tracked.
    ///
    /// By the command `receive`.
    StockReceived {
        /// How many.
        quantity: Quantity,
        /// How many are there.
        on_hand: Units,
    },
    /// An order holds this many now, in place of what it held before; 0 of an article that is not tracked.
    ///
    /// By the command `reserve`, when there is enough, or the article is not tracked.
    StockReserved {
        /// Which order.
        order_id: OrderId,
        /// How many it holds.
        quantity: Units,
        /// How many all orders hold.
        reserved: Units,
    },
    /// An order does not get this many; what it held before stays.
    ///
    /// By the command `reserve`, when there is not enough, or what was held was given back before.
    StockRefused {
        /// Which order.
        order_id: OrderId,
        /// How many were asked for.
        quantity: Units,
        /// How many were available.
        available: Units,
    },
    /// An order holds none any more, and never will.
    ///
    /// By the command `release`, once for each order.
    StockReleased {
        /// Which order.
        order_id: OrderId,
        /// How many it held; 0 when that was none.
        quantity: Units,
        /// How many all orders hold.
        reserved: Units,
    },
    /// What an order held is sent away.
    ///
    /// By the command `ship`, once for each order.
    StockShipped {
        /// Which order.
        order_id: OrderId,
        /// How many it held; 0 when that was none.
        quantity: Units,
        /// How many are there.
        on_hand: Units,
        /// How many all orders hold.
        reserved: Units,
    },
}

impl Event for StockEvent {
    const TYPES: &'static [&'static str] =
        &["stock-received", "stock-reserved", "stock-refused", "stock-released", "stock-shipped"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::StockReceived { .. } => "stock-received",
            Self::StockReserved { .. } => "stock-reserved",
            Self::StockRefused { .. } => "stock-refused",
            Self::StockReleased { .. } => "stock-released",
            Self::StockShipped { .. } => "stock-shipped",
        }
    }
}
