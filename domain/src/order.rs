//! An order: what a user wants, and how far it has come.
//!
//! Whether the credit and the stock suffice is not decided here: the checkout saga asks for them, and tells
//! the order to confirm or to reject.

mod event;
mod status;
#[cfg(test)]
mod tests;

use event_model::{Decider, Version};
use serde::{Deserialize, Serialize};

pub use event::OrderEvent;
pub use status::{OrderStatus, UnknownStatus};

use crate::value::{Lines, OrderId, Text, UserId};
use crate::view::OrderView;

/// One order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order(Option<Content>);

/// What may be asked of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCommand {
    /// Come into being as a draft, which may have no lines yet.
    Draft {
        /// Whose order.
        user_id: UserId,
        /// What for.
        lines: Lines,
        /// Where it goes.
        ship_to: Option<Text>,
    },
    /// Come into being as placed at once.
    PlaceNew {
        /// Whose order.
        user_id: UserId,
        /// What for.
        lines: Lines,
        /// Where it goes.
        ship_to: Option<Text>,
    },
    /// Be for something else, while it is a draft, or go elsewhere, until it is shipped.
    Change {
        /// The new lines; `None` leaves them.
        lines: Option<Lines>,
        /// Where it goes now; `None` leaves it.
        ship_to: Option<Text>,
    },
    /// Be wanted for good, no longer a draft.
    Place,
    /// Go ahead: credit and stock are set aside.
    Confirm,
    /// Come to nothing, because something is missing.
    Reject {
        /// What is missing, for people.
        reason: Text,
    },
    /// Be on its way.
    Ship,
    /// Have arrived.
    Complete,
    /// Come to nothing, because the user wishes so.
    Cancel {
        /// Why, for people.
        reason: Option<Text>,
    },
}

/// Why an order refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderRejection {
    /// It was never drafted nor placed.
    #[error("there is no such order")]
    NotFound,
    /// There is one with this id.
    #[error("an order with this id exists")]
    Exists,
    /// There is nothing to be placed.
    #[error("an order without lines cannot be placed")]
    NoLines,
    /// It has come too far, or not far enough.
    #[error("{}", asked.impossible_for(*status))]
    State {
        /// What was asked for.
        asked: Asked,
        /// What the order is.
        status: OrderStatus,
    },
}

/// What an order can be asked for in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Other lines.
    ChangeLines,
    /// Another place to go to.
    ChangeShipTo,
    /// To be placed.
    Place,
    /// To be confirmed.
    Confirm,
    /// To be rejected.
    Reject,
    /// To be shipped.
    Ship,
    /// To be completed.
    Complete,
    /// To be cancelled.
    Cancel,
}

impl Order {
    /// How far it has come; `None` when there is no such order.
    pub fn status(&self) -> Option<OrderStatus> {
        self.0.as_ref().map(|content| content.status)
    }

    /// What people see of it at this version; `None` when there is no such order.
    pub fn view(&self, id: OrderId, version: Version) -> Option<OrderView> {
        let Content { user_id, status, lines, ship_to, reason } = self.0.clone()?;
        let total = lines.total();
        Some(OrderView { id, user_id, status, lines, total, ship_to, reason, version })
    }
}

impl Decider for Order {
    const CATEGORY: &'static str = "order";
    const STATE_FORMAT: u32 = 1;
    type Id = OrderId;
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Rejection = OrderRejection;

    fn decide(&self, command: OrderCommand) -> Result<Vec<OrderEvent>, OrderRejection> {
        let event = match (command, &self.0) {
            (OrderCommand::Draft { user_id, lines, ship_to }, None) => {
                Some(OrderEvent::OrderDrafted { user_id, lines, ship_to })
            }
            (OrderCommand::PlaceNew { user_id, lines, ship_to }, None) => {
                Some(placed(user_id, lines, ship_to)?)
            }
            (OrderCommand::Draft { .. } | OrderCommand::PlaceNew { .. }, Some(_)) => {
                return Err(OrderRejection::Exists);
            }
            (_, None) => return Err(OrderRejection::NotFound),
            (OrderCommand::Change { lines, ship_to }, Some(order)) => return order.change(lines, ship_to),
            (OrderCommand::Place, Some(order)) => order.place()?,
            (OrderCommand::Confirm, Some(order)) => order.confirm()?,
            (OrderCommand::Reject { reason }, Some(order)) => order.reject(reason)?,
            (OrderCommand::Ship, Some(order)) => order.ship()?,
            (OrderCommand::Complete, Some(order)) => order.complete()?,
            (OrderCommand::Cancel { reason }, Some(order)) => order.cancel(reason)?,
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(self, event: OrderEvent) -> Self {
        let content = match event {
            OrderEvent::OrderDrafted { user_id, lines, ship_to } => {
                Some(Content { user_id, status: OrderStatus::Draft, lines, ship_to, reason: None })
            }
            OrderEvent::OrderPlaced { user_id, lines, ship_to, .. } => {
                Some(Content { user_id, status: OrderStatus::Placed, lines, ship_to, reason: None })
            }
            OrderEvent::OrderLinesChanged { lines, .. } => self.0.map(|order| Content { lines, ..order }),
            OrderEvent::OrderShipToChanged { ship_to, .. } => {
                self.0.map(|order| Content { ship_to: Some(ship_to), ..order })
            }
            OrderEvent::OrderConfirmed { .. } => self.turned(OrderStatus::Confirmed, None),
            OrderEvent::OrderRejected { reason, .. } => self.turned(OrderStatus::Rejected, Some(reason)),
            OrderEvent::OrderCancelled { reason, .. } => self.turned(OrderStatus::Cancelled, reason),
            OrderEvent::OrderShipped { .. } => self.turned(OrderStatus::Shipped, None),
            OrderEvent::OrderCompleted { .. } => self.turned(OrderStatus::Completed, None),
        };
        Self(content)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    user_id: UserId,
    status: OrderStatus,
    lines: Lines,
    ship_to: Option<Text>,
    reason: Option<Text>,
}

impl Order {
    fn turned(self, status: OrderStatus, reason: Option<Text>) -> Option<Content> {
        self.0.map(|order| Content { status, reason, ..order })
    }
}

type Decided = Result<Option<OrderEvent>, OrderRejection>;

impl Content {
    fn change(&self, lines: Option<Lines>, ship_to: Option<Text>) -> Result<Vec<OrderEvent>, OrderRejection> {
        let user_id = self.user_id;
        let mut events = Vec::new();
        if let Some(lines) = lines.filter(|lines| *lines != self.lines) {
            if self.status != OrderStatus::Draft {
                return Err(self.impossible(Asked::ChangeLines));
            }
            events.push(OrderEvent::OrderLinesChanged { user_id, total: lines.total(), lines });
        }
        if let Some(ship_to) = ship_to.filter(|ship_to| Some(ship_to) != self.ship_to.as_ref()) {
            if !self.is_pending() {
                return Err(self.impossible(Asked::ChangeShipTo));
            }
            events.push(OrderEvent::OrderShipToChanged { user_id, ship_to });
        }
        Ok(events)
    }

    fn place(&self) -> Decided {
        match self.status {
            OrderStatus::Draft => placed(self.user_id, self.lines.clone(), self.ship_to.clone()).map(Some),
            OrderStatus::Placed | OrderStatus::Confirmed => Ok(None),
            OrderStatus::Rejected
            | OrderStatus::Cancelled
            | OrderStatus::Shipped
            | OrderStatus::Completed => Err(self.impossible(Asked::Place)),
        }
    }

    fn confirm(&self) -> Decided {
        let event = OrderEvent::OrderConfirmed { user_id: self.user_id, lines: self.lines.clone() };
        self.turn(Asked::Confirm, self.status == OrderStatus::Placed, OrderStatus::Confirmed, event)
    }

    fn reject(&self, reason: Text) -> Decided {
        let event = OrderEvent::OrderRejected { user_id: self.user_id, reason };
        self.turn(Asked::Reject, self.status == OrderStatus::Placed, OrderStatus::Rejected, event)
    }

    fn ship(&self) -> Decided {
        let event = OrderEvent::OrderShipped { user_id: self.user_id };
        self.turn(Asked::Ship, self.status == OrderStatus::Confirmed, OrderStatus::Shipped, event)
    }

    fn complete(&self) -> Decided {
        let event = OrderEvent::OrderCompleted { user_id: self.user_id };
        self.turn(Asked::Complete, self.status == OrderStatus::Shipped, OrderStatus::Completed, event)
    }

    fn cancel(&self, reason: Option<Text>) -> Decided {
        let sold = self.status == OrderStatus::Confirmed;
        let lines = if sold { self.lines.clone() } else { Lines::default() };
        let event = OrderEvent::OrderCancelled { user_id: self.user_id, reason, lines };
        self.turn(Asked::Cancel, self.is_pending(), OrderStatus::Cancelled, event)
    }

    fn turn(&self, asked: Asked, possible: bool, into: OrderStatus, event: OrderEvent) -> Decided {
        if possible {
            Ok(Some(event))
        } else if self.status == into {
            Ok(None)
        } else {
            Err(self.impossible(asked))
        }
    }

    fn is_pending(&self) -> bool {
        matches!(self.status, OrderStatus::Draft | OrderStatus::Placed | OrderStatus::Confirmed)
    }

    fn impossible(&self, asked: Asked) -> OrderRejection {
        OrderRejection::State { asked, status: self.status }
    }
}

impl Asked {
    fn impossible_for(self, status: OrderStatus) -> String {
        match self {
            Self::ChangeLines => format!("the lines of a {status} order cannot be changed"),
            Self::ChangeShipTo => format!("where a {status} order goes cannot be changed"),
            Self::Place => format!("a {status} order cannot be placed"),
            Self::Confirm => format!("a {status} order cannot be confirmed"),
            Self::Reject => format!("a {status} order cannot be rejected"),
            Self::Ship => format!("a {status} order cannot be shipped"),
            Self::Complete => format!("a {status} order cannot be completed"),
            Self::Cancel => format!("a {status} order cannot be cancelled"),
        }
    }
}

fn placed(user_id: UserId, lines: Lines, ship_to: Option<Text>) -> Result<OrderEvent, OrderRejection> {
    if lines.is_empty() {
        return Err(OrderRejection::NoLines);
    }
    Ok(OrderEvent::OrderPlaced { user_id, total: lines.total(), lines, ship_to })
}
