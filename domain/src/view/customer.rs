//! What users have open and have spent: over their own events and those of their orders.
//!
//! An order is open from its first event, also as a draft, until it is rejected, cancelled or completed. Spent is what
//! was captured of a user's credit, which happens when an order is shipped. Both outlive the user: its row stays, without
//! a name.

use event_model::{Column, Projection, Recorded, Unreadable, Version};
use serde::{Deserialize, Serialize};

use super::{follows, id_of};
use crate::order::{Order, OrderEvent};
use crate::user::{User, UserEvent};
use crate::value::{Name, UserId};

/// What a user has open and has spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerView {
    /// Which user.
    pub user_id: UserId,
    /// Whether there is such a user.
    pub status: CustomerStatus,
    /// What people call it, while there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// How many of its orders are open.
    pub open_orders: u64,
    /// What it has spent, in minor units.
    pub spent: u64,
    /// How many events the user has; those of its orders do not count.
    pub version: Version,
}

/// Whether there is a user that orders name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CustomerStatus {
    /// It never registered.
    Unknown,
    /// There is.
    Active,
    /// There was.
    Deleted,
}

/// No customer has this status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of unknown, active, deleted")]
pub struct UnknownCustomerStatus;

/// Everybody who registered or was named by an order, by status and by whether orders are open.
#[derive(Debug)]
pub enum Customers {}

impl CustomerStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Active, Self::Deleted];

    /// The word for it, frozen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Active => "active",
            Self::Deleted => "deleted",
        }
    }
}

impl std::str::FromStr for CustomerStatus {
    type Err = UnknownCustomerStatus;

    fn from_str(word: &str) -> Result<Self, UnknownCustomerStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == word).ok_or(UnknownCustomerStatus)
    }
}

impl Projection for Customers {
    const NAME: &'static str = "customers";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[&["status"], &["open"], &["status", "open"]];
    type Row = CustomerView;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        let touched = match id_of::<User>(event) {
            Some(user) => event.version.is_some().then_some(user),
            None => Turn::of(event)?.map(|(user, _)| user),
        };
        Ok(touched.map(|user| user.to_string()).into_iter().collect())
    }

    fn project(
        key: &str,
        row: Option<CustomerView>,
        event: &Recorded,
    ) -> Result<Option<CustomerView>, Unreadable> {
        let Ok(user_id) = key.parse::<UserId>() else { return Ok(row) };
        let (status, version) = (CustomerStatus::Unknown, Version::START);
        let customer =
            row.unwrap_or(CustomerView { user_id, status, name: None, open_orders: 0, spent: 0, version });
        if id_of::<User>(event).is_none() {
            let turn = Turn::of(event)?;
            return Ok(Some(if let Some((_, turn)) = turn { customer.with(turn) } else { customer }));
        }
        let happened = event.decode()?;
        Ok(Some(if follows(customer.version, event) { customer.after(happened) } else { customer }))
    }

    fn columns(row: &CustomerView) -> Vec<(&'static str, Column)> {
        vec![("status", row.status.as_str().into()), ("open", i64::from(row.open_orders > 0).into())]
    }
}

/// What an order's event means for how many are open.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Opens,
    Ends,
}

impl Turn {
    fn of(event: &Recorded) -> Result<Option<(UserId, Self)>, Unreadable> {
        let (Some(_), Some(version)) = (id_of::<Order>(event), event.version) else { return Ok(None) };
        let is_first = version == Version::START.next();
        Ok(match event.decode()? {
            // What is placed was counted before when it was drafted.
            OrderEvent::OrderDrafted { user_id, .. } | OrderEvent::OrderPlaced { user_id, .. } => {
                is_first.then_some((user_id, Self::Opens))
            }
            OrderEvent::OrderRejected { user_id, .. }
            | OrderEvent::OrderCancelled { user_id, .. }
            | OrderEvent::OrderCompleted { user_id } => Some((user_id, Self::Ends)),
            OrderEvent::OrderLinesChanged { .. }
            | OrderEvent::OrderShipToChanged { .. }
            | OrderEvent::OrderConfirmed { .. }
            | OrderEvent::OrderShipped { .. } => None,
        })
    }
}

impl CustomerView {
    fn with(self, turn: Turn) -> Self {
        let open_orders = match turn {
            Turn::Opens => self.open_orders.saturating_add(1),
            Turn::Ends => self.open_orders.saturating_sub(1),
        };
        Self { open_orders, ..self }
    }

    fn after(mut self, happened: UserEvent) -> Self {
        self.version = self.version.next();
        match happened {
            UserEvent::UserRegistered { name, .. } => {
                (self.status, self.name) = (CustomerStatus::Active, Some(name));
            }
            UserEvent::UserProfileChanged { name, .. } => self.name = name.or(self.name),
            UserEvent::UserDeleted { .. } => (self.status, self.name) = (CustomerStatus::Deleted, None),
            UserEvent::CreditCaptured { amount, .. } => self.spent = self.spent.saturating_add(amount.get()),
            UserEvent::UserCreditLimitChanged { .. }
            | UserEvent::CreditReserved { .. }
            | UserEvent::CreditRefused { .. }
            | UserEvent::CreditReleased { .. } => {}
        }
        self
    }
}
