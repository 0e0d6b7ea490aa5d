//! What people see of orders.

use event_model::{Column, Projection, Recorded, Unreadable, Version};
use serde::{Deserialize, Serialize};

use super::{follows, id_of, key_of};
use crate::order::{Order, OrderEvent, OrderStatus};
use crate::value::{Amount, Lines, OrderId, Text, UserId};

/// What people see of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// Which order.
    pub id: OrderId,
    /// Whose order.
    pub user_id: UserId,
    /// How far it has come.
    pub status: OrderStatus,
    /// What for.
    pub lines: Lines,
    /// What the lines cost together, in minor units.
    pub total: Amount,
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ship_to: Option<Text>,
    /// Why it was rejected or cancelled, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// How many events it has.
    pub version: Version,
}

/// The list of orders, by user and by status.
#[derive(Debug)]
pub enum Orders {}

impl Projection for Orders {
    const NAME: &'static str = "orders";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[&["user_id"], &["status"], &["user_id", "status"]];
    type Row = OrderView;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        Ok(key_of::<Order>(event))
    }

    fn project(_: &str, row: Option<OrderView>, event: &Recorded) -> Result<Option<OrderView>, Unreadable> {
        let (Some(id), Some(version)) = (id_of::<Order>(event), event.version) else { return Ok(row) };
        let before = row.as_ref().map_or(Version::START, |row| row.version);
        let happened = event.decode()?;
        Ok(if follows(before, event) { after(row, id, version, happened) } else { row })
    }

    fn columns(row: &OrderView) -> Vec<(&'static str, Column)> {
        vec![("user_id", row.user_id.to_string().into()), ("status", row.status.as_str().into())]
    }
}

fn after(row: Option<OrderView>, id: OrderId, version: Version, happened: OrderEvent) -> Option<OrderView> {
    let turned =
        |row: Option<OrderView>, status, reason| row.map(|row| OrderView { status, reason, version, ..row });
    match happened {
        OrderEvent::OrderDrafted { user_id, lines, ship_to } => {
            let (status, total) = (OrderStatus::Draft, lines.total());
            Some(OrderView { id, user_id, status, lines, total, ship_to, reason: None, version })
        }
        OrderEvent::OrderPlaced { user_id, lines, total, ship_to } => {
            let status = OrderStatus::Placed;
            Some(OrderView { id, user_id, status, lines, total, ship_to, reason: None, version })
        }
        OrderEvent::OrderLinesChanged { lines, total, .. } => {
            row.map(|row| OrderView { lines, total, version, ..row })
        }
        OrderEvent::OrderShipToChanged { ship_to, .. } => {
            row.map(|row| OrderView { ship_to: Some(ship_to), version, ..row })
        }
        OrderEvent::OrderConfirmed { .. } => turned(row, OrderStatus::Confirmed, None),
        OrderEvent::OrderRejected { reason, .. } => turned(row, OrderStatus::Rejected, Some(reason)),
        OrderEvent::OrderCancelled { reason, .. } => turned(row, OrderStatus::Cancelled, reason),
        OrderEvent::OrderShipped { .. } => turned(row, OrderStatus::Shipped, None),
        OrderEvent::OrderCompleted { .. } => turned(row, OrderStatus::Completed, None),
    }
}
