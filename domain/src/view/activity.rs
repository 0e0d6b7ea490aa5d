//! What happened, in words: a row for each event that is worth telling.
//!
//! Not told are the steps on the way (what is set aside, let go and asked for) and changes of an order that nobody but its
//! user waits for. No name and no address is told: those are the user's own, and go with it.

use event_model::{Column, Decider as _, Position, Projection, Recorded, Unreadable};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::id_of;
use crate::order::{Order, OrderEvent};
use crate::stock::{Stock, StockEvent};
use crate::user::{User, UserEvent};
use crate::value::{Lines, UserId};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityView {
    /// Where it lies on the log.
    pub position: Position,
    /// When the command that caused it was taken in.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// The event's id.
    pub event_id: Uuid,
    /// The event's type.
    pub r#type: String,
    /// What it is about: `user`, `order`, `stock`.
    pub category: String,
    /// Which of these.
    pub id: String,
    /// The user that it concerns, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// What happened, for people.
    pub what: String,
}

/// What happened, by category and by user; the key is the position.
#[derive(Debug)]
pub enum Activity {}

impl Projection for Activity {
    const NAME: &'static str = "activity";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] =
        &[&["user_id"], &["category"], &["user_id", "category"]];
    type Row = ActivityView;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        // As many digits as the largest position has, so that keys are in the order of the log.
        Ok(told(event)?.map(|_| format!("{:020}", event.position.get())).into_iter().collect())
    }

    fn project(
        _: &str,
        row: Option<ActivityView>,
        event: &Recorded,
    ) -> Result<Option<ActivityView>, Unreadable> {
        let Some((user_id, what)) = told(event)? else { return Ok(row) };
        Ok(Some(ActivityView {
            position: event.position,
            time: event.time,
            event_id: event.id,
            r#type: event.event_type.clone(),
            category: event.entity.category.clone(),
            id: event.entity.id.clone(),
            user_id,
            what,
        }))
    }

    fn columns(row: &ActivityView) -> Vec<(&'static str, Column)> {
        let user = row.user_id.map(|user| user.to_string()).unwrap_or_default();
        vec![("user_id", user.into()), ("category", row.category.as_str().into())]
    }
}

/// Whom it concerns and what it says, when it is worth telling.
fn told(event: &Recorded) -> Result<Option<(Option<UserId>, String)>, Unreadable> {
    if event.version.is_none() {
        return Ok(None);
    }
    Ok(match event.entity.category.as_str() {
        User::CATEGORY => match id_of::<User>(event) {
            Some(user) => of_user(event.decode()?).map(|what| (Some(user), what)),
            None => None,
        },
        Order::CATEGORY if id_of::<Order>(event).is_some() => {
            of_order(event.decode()?).map(|(user, what)| (Some(user), what))
        }
        Stock::CATEGORY if id_of::<Stock>(event).is_some() => {
            of_stock(&event.entity.id, event.decode()?).map(|what| (None, what))
        }
        _ => None,
    })
}

fn of_user(happened: UserEvent) -> Option<String> {
    match happened {
        UserEvent::UserRegistered { .. } => Some("a user registered".to_owned()),
        UserEvent::UserProfileChanged { name, email } => Some(match (name, email) {
            (Some(_), None) => "a user took another name".to_owned(),
            (None, Some(_)) => "a user took another address".to_owned(),
            (Some(_), Some(_)) | (None, None) => "a user changed its profile".to_owned(),
        }),
        UserEvent::UserCreditLimitChanged { credit_limit } => {
            Some(format!("a user's credit limit is {credit_limit} now"))
        }
        UserEvent::UserDeleted { .. } => Some("a user was deleted".to_owned()),
        UserEvent::CreditReserved { .. }
        | UserEvent::CreditRefused { .. }
        | UserEvent::CreditReleased { .. }
        | UserEvent::CreditCaptured { .. } => None,
    }
}

fn of_order(happened: OrderEvent) -> Option<(UserId, String)> {
    let because = |what: &str, reason: Option<String>| match reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    };
    match happened {
        OrderEvent::OrderDrafted { user_id, .. } => Some((user_id, "an order was drafted".to_owned())),
        OrderEvent::OrderPlaced { user_id, lines, total, .. } => {
            Some((user_id, format!("an order was placed: {} units for {total}", units(&lines))))
        }
        OrderEvent::OrderConfirmed { user_id, .. } => Some((user_id, "an order was confirmed".to_owned())),
        OrderEvent::OrderRejected { user_id, reason } => {
            Some((user_id, because("an order was rejected", Some(reason.to_string()))))
        }
        OrderEvent::OrderCancelled { user_id, reason, .. } => {
            let reason = reason.map(|reason| reason.to_string());
            Some((user_id, because("an order was cancelled", reason)))
        }
        OrderEvent::OrderShipped { user_id } => Some((user_id, "an order was shipped".to_owned())),
        OrderEvent::OrderCompleted { user_id } => Some((user_id, "an order arrived".to_owned())),
        OrderEvent::OrderLinesChanged { .. } | OrderEvent::OrderShipToChanged { .. } => None,
    }
}

fn of_stock(sku: &str, happened: StockEvent) -> Option<String> {
    match happened {
        StockEvent::StockReceived { quantity, on_hand } => {
            Some(format!("{quantity} of {sku} came in, {on_hand} are there"))
        }
        StockEvent::StockReserved { .. }
        | StockEvent::StockRefused { .. }
        | StockEvent::StockReleased { .. }
        | StockEvent::StockShipped { .. } => None,
    }
}

fn units(lines: &Lines) -> u64 {
    lines.as_slice().iter().map(|line| line.quantity.get()).sum()
}
