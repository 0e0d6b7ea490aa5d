//! A departure: when a user is deleted, its open orders are cancelled.
//!
//! The user itself knows which orders hold credit. Drafts hold none, so the departure notes them as they come and go. What
//! becomes of the cancellations is not waited for: the queue carries each of them out once, and an order that refuses was
//! shipped, or has ended.

mod event;
mod machine;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use event_model::{Decider, Outgoing, Progress, Recorded, Routed, Saga, Unreadable};
use serde::{Deserialize, Serialize};

pub use event::DepartureEvent;

use crate::order::{Order, OrderEvent};
use crate::requests;
use crate::user::{User, UserEvent};
use crate::value::{OrderId, UserId};
use crate::view::id_of;

/// The departure of one user, and the drafts that it would leave behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    departed: bool,
    drafts: BTreeMap<OrderId, Draft>,
}

/// What a departure learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepartureCommand {
    /// The user has a draft.
    NoteDraft {
        /// Which order.
        order_id: OrderId,
    },
    /// It is no draft any more.
    SettleDraft {
        /// Which order.
        order_id: OrderId,
    },
    /// The user is deleted.
    Depart {
        /// The orders for which credit was set aside at that moment.
        orders: Vec<OrderId>,
    },
    /// An operator gives it up: there is nothing to give up.
    Abandon,
}

impl Decider for Departure {
    const CATEGORY: &'static str = "departure";
    const STATE_FORMAT: u32 = 1;
    type Id = UserId;
    type Command = DepartureCommand;
    type Event = DepartureEvent;
    /// A saga refuses nothing: what it cannot use it steps over.
    type Rejection = Infallible;

    fn decide(&self, command: DepartureCommand) -> Result<Vec<DepartureEvent>, Infallible> {
        Ok(match command {
            DepartureCommand::NoteDraft { order_id } if !self.drafts.contains_key(&order_id) => {
                let noted = DepartureEvent::DepartureDraftNoted { order_id };
                let cancelling = DepartureEvent::DepartureCancelling { orders: vec![order_id] };
                [noted].into_iter().chain(self.departed.then_some(cancelling)).collect()
            }
            DepartureCommand::SettleDraft { order_id } if self.open().contains(&order_id) => {
                vec![DepartureEvent::DepartureDraftSettled { order_id }]
            }
            DepartureCommand::Depart { orders } if !self.departed => {
                let orders = self.open().into_iter().chain(orders).collect::<BTreeSet<_>>();
                vec![DepartureEvent::DepartureCancelling { orders: orders.into_iter().collect() }]
            }
            DepartureCommand::NoteDraft { .. }
            | DepartureCommand::SettleDraft { .. }
            | DepartureCommand::Depart { .. }
            | DepartureCommand::Abandon => vec![],
        })
    }

    fn evolve(mut self, event: DepartureEvent) -> Self {
        match event {
            DepartureEvent::DepartureDraftNoted { order_id } => {
                self.drafts.insert(order_id, Draft::Open);
            }
            DepartureEvent::DepartureDraftSettled { order_id } => {
                self.drafts.insert(order_id, Draft::Settled);
            }
            DepartureEvent::DepartureCancelling { orders } => {
                self.departed = true;
                for order_id in orders {
                    self.drafts.entry(order_id).and_modify(|draft| *draft = Draft::Settled);
                }
            }
        }
        self
    }
}

impl Saga for Departure {
    type Settings = ();

    fn route(event: &Recorded, (): &()) -> Result<Routed<Self>, Unreadable> {
        let Some(version) = event.version else { return Ok(None) };
        Ok(match (event.entity.category.as_str(), event.event_type.as_str()) {
            (Order::CATEGORY, "order-drafted" | "order-cancelled") => of_order(event)?,
            // An order that was placed at once was never a draft.
            (Order::CATEGORY, "order-placed") if version.get() > 1 => of_order(event)?,
            (User::CATEGORY, "user-deleted") => of_user(event)?,
            _ => None,
        })
    }

    fn send(_id: &UserId, event: &DepartureEvent) -> Vec<Outgoing> {
        match event {
            DepartureEvent::DepartureCancelling { orders } => {
                let cancel = |order_id: &OrderId| requests::cancel_order(*order_id, "the user was deleted");
                orders.iter().map(cancel).map(Outgoing::Request).collect()
            }
            DepartureEvent::DepartureDraftNoted { .. } | DepartureEvent::DepartureDraftSettled { .. } => {
                vec![]
            }
        }
    }

    fn expire(_deadline: &str) -> Option<DepartureCommand> {
        None
    }

    fn abandon(_reason: &str) -> DepartureCommand {
        DepartureCommand::Abandon
    }

    fn progress(&self) -> Progress {
        if self.departed { Progress::Done { outcome: "departed".to_owned() } } else { Progress::NotBegun }
    }
}

/// Settled ones are remembered: an event that is read again must not make a draft of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Draft {
    Open,
    Settled,
}

impl Departure {
    fn open(&self) -> BTreeSet<OrderId> {
        let open = self.drafts.iter().filter(|(_, draft)| **draft == Draft::Open);
        open.map(|(order_id, _)| *order_id).collect()
    }
}

fn of_order(event: &Recorded) -> Result<Routed<Departure>, Unreadable> {
    let Some(order_id) = id_of::<Order>(event) else { return Ok(None) };
    Ok(match event.decode::<OrderEvent>()? {
        OrderEvent::OrderDrafted { user_id, .. } => Some((user_id, DepartureCommand::NoteDraft { order_id })),
        OrderEvent::OrderPlaced { user_id, .. } | OrderEvent::OrderCancelled { user_id, .. } => {
            Some((user_id, DepartureCommand::SettleDraft { order_id }))
        }
        OrderEvent::OrderLinesChanged { .. }
        | OrderEvent::OrderShipToChanged { .. }
        | OrderEvent::OrderConfirmed { .. }
        | OrderEvent::OrderRejected { .. }
        | OrderEvent::OrderShipped { .. }
        | OrderEvent::OrderCompleted { .. } => None,
    })
}

fn of_user(event: &Recorded) -> Result<Routed<Departure>, Unreadable> {
    let Some(user_id) = id_of::<User>(event) else { return Ok(None) };
    Ok(match event.decode::<UserEvent>()? {
        UserEvent::UserDeleted { orders } => Some((user_id, DepartureCommand::Depart { orders })),
        UserEvent::UserRegistered { .. }
        | UserEvent::UserProfileChanged { .. }
        | UserEvent::UserCreditLimitChanged { .. }
        | UserEvent::CreditReserved { .. }
        | UserEvent::CreditRefused { .. }
        | UserEvent::CreditReleased { .. }
        | UserEvent::CreditCaptured { .. } => None,
    })
}
