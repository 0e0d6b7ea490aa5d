//! The stock of an article: how many are there, and how many of them are set aside for orders.
//!
//! An article without a receipt is not tracked: orders for it need no stock.

mod event;
#[cfg(test)]
mod tests;

use event_model::{Decider, Version};
use serde::{Deserialize, Serialize};

pub use event::StockEvent;

use crate::reservations::{Reservations, Wish};
use crate::value::{OrderId, Quantity, Sku, Units};
use crate::view::StockView;

/// The stock of one article, and what it is set aside for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    on_hand: Option<Units>,
    orders: Reservations,
}

/// What may be asked of an article's stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockCommand {
    /// Take in more. Twice is twice as many: a repetition has to be known by its command's id.
    Receive {
        /// How many.
        quantity: Quantity,
    },
    /// Set the reservation of an order to this many. Never rejected: the answer is an event.
    Reserve {
        /// For which order.
        order_id: OrderId,
        /// How many, summed over the order's lines.
        quantity: Units,
    },
    /// Let go what is set aside for an order. Never rejected.
    Release {
        /// For which order.
        order_id: OrderId,
    },
    /// Send away what is set aside for an order. Never rejected.
    Ship {
        /// For which order.
        order_id: OrderId,
    },
}

/// Why stock refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockRejection {
    /// More cannot be counted.
    #[error("at most {} can be on hand, there are {on_hand} already", Units::MAX)]
    TooMany {
        /// How many there are.
        on_hand: Units,
    },
}

impl Stock {
    /// What people see of it at this version; `None` while it is not tracked.
    pub fn view(&self, sku: Sku, version: Version) -> Option<StockView> {
        Some(StockView::new(sku, self.on_hand?, Units::saturating(self.orders.held()), version))
    }
}

impl Decider for Stock {
    const CATEGORY: &'static str = "stock";
    const STATE_FORMAT: u32 = 1;
    type Id = Sku;
    type Command = StockCommand;
    type Event = StockEvent;
    type Rejection = StockRejection;

    fn decide(&self, command: StockCommand) -> Result<Vec<StockEvent>, StockRejection> {
        let event = match command {
            StockCommand::Receive { quantity } => Some(self.receive(quantity)?),
            StockCommand::Reserve { order_id, quantity } => self.reserve(order_id, quantity),
            StockCommand::Release { order_id } => self.release(order_id),
            StockCommand::Ship { order_id } => self.ship(order_id),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(mut self, event: StockEvent) -> Self {
        match event {
            StockEvent::StockReceived { on_hand, .. } => self.on_hand = Some(on_hand),
            StockEvent::StockReserved { order_id, quantity, .. } => {
                if self.on_hand.is_none() && quantity == Units::ZERO {
                    self.orders.waived(order_id);
                } else {
                    self.orders.reserved(order_id, quantity.get());
                }
            }
            StockEvent::StockRefused { order_id, quantity, .. } => {
                self.orders.refused(order_id, quantity.get());
            }
            StockEvent::StockReleased { order_id, .. } => self.orders.released(order_id),
            StockEvent::StockShipped { order_id, on_hand, .. } => {
                self.on_hand = self.on_hand.map(|_| on_hand);
                self.orders.settled(order_id);
            }
        }
        self
    }
}

impl Stock {
    fn receive(&self, quantity: Quantity) -> Result<StockEvent, StockRejection> {
        let before = self.on_hand.unwrap_or(Units::ZERO);
        match Units::new(before.get().saturating_add(quantity.get())) {
            Ok(on_hand) => Ok(StockEvent::StockReceived { quantity, on_hand }),
            Err(_) => Err(StockRejection::TooMany { on_hand: before }),
        }
    }

    fn reserve(&self, order_id: OrderId, quantity: Units) -> Option<StockEvent> {
        let available = self.available();
        let refused = Some(StockEvent::StockRefused { order_id, quantity, available });
        match (self.on_hand, self.orders.wish(order_id, quantity.get())) {
            (_, Wish::Answered) => None,
            (_, Wish::Closed(_)) => refused,
            (None, Wish::Open { .. }) => Some(self.reserved(order_id, Units::ZERO)),
            (Some(_), Wish::Open { held }) => {
                // What the order holds already is available to it.
                let enough = quantity.get() <= available.get().saturating_add(held);
                if enough { Some(self.reserved(order_id, quantity)) } else { refused }
            }
        }
    }

    fn reserved(&self, order_id: OrderId, quantity: Units) -> StockEvent {
        let reserved = Units::saturating(self.orders.held_with(order_id, quantity.get()));
        StockEvent::StockReserved { order_id, quantity, reserved }
    }

    fn release(&self, order_id: OrderId) -> Option<StockEvent> {
        let quantity = Units::saturating(self.orders.to_release(order_id)?);
        let reserved = Units::saturating(self.orders.held_with(order_id, 0));
        Some(StockEvent::StockReleased { order_id, quantity, reserved })
    }

    fn ship(&self, order_id: OrderId) -> Option<StockEvent> {
        let quantity = Units::saturating(self.orders.to_settle(order_id)?);
        let on_hand = self.on_hand.unwrap_or(Units::ZERO).less(quantity);
        let reserved = Units::saturating(self.orders.held_with(order_id, 0));
        Some(StockEvent::StockShipped { order_id, quantity, on_hand, reserved })
    }

    fn available(&self) -> Units {
        self.on_hand.unwrap_or(Units::ZERO).less(Units::saturating(self.orders.held()))
    }
}
