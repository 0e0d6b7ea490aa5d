//! Which checkout learns what from an event.

use std::collections::BTreeSet;
use std::time::Duration;

use event_model::{Decider as _, Recorded, Routed, Unreadable};
use serde::Deserialize;
use time::macros::utc_datetime;
use time::{OffsetDateTime, UtcOffset};

use super::{Answered, Begin, Checkout, CheckoutCommand, Needed, Step};
use crate::order::{Order, OrderEvent};
use crate::stock::{Stock, StockEvent};
use crate::user::{User, UserEvent};
use crate::value::{OrderId, Participant, Text};
use crate::view::id_of;

/// What a deployment chooses about its checkouts. One that has begun keeps what was chosen then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutSettings {
    /// How long after an order was placed all have to answer.
    pub deadline: Duration,
    /// Who is asked beside credit and stock.
    pub participants: Vec<Participant>,
}

pub(super) fn route(event: &Recorded, settings: &CheckoutSettings) -> Result<Routed<Checkout>, Unreadable> {
    let is_versioned = event.version.is_some();
    match event.entity.category.as_str() {
        Order::CATEGORY if is_versioned => of_order(event, settings),
        User::CATEGORY if is_versioned => of_user(event),
        Stock::CATEGORY if is_versioned => of_stock(event),
        category => {
            let participant = settings.participants.iter().find(|one| one.as_str() == category);
            Ok(participant.and_then(|participant| of_participant(event, participant)))
        }
    }
}

fn of_order(event: &Recorded, settings: &CheckoutSettings) -> Result<Routed<Checkout>, Unreadable> {
    let command = match event.event_type.as_str() {
        "order-placed" => begin(event, settings)?,
        "order-confirmed" => Some(CheckoutCommand::OrderConfirmed),
        "order-rejected" => Some(CheckoutCommand::OrderRejected),
        "order-cancelled" => Some(CheckoutCommand::OrderCancelled),
        "order-shipped" => Some(CheckoutCommand::OrderShipped),
        _ => None,
    };
    Ok(command.and_then(|command| Some((id_of::<Order>(event)?, command))))
}

fn begin(event: &Recorded, settings: &CheckoutSettings) -> Result<Option<CheckoutCommand>, Unreadable> {
    let order = event.decode::<OrderEvent>()?;
    let OrderEvent::OrderPlaced { user_id, lines, total, .. } = order else { return Ok(None) };
    let units = lines.units().into_iter();
    Ok(Some(CheckoutCommand::Begin(Begin {
        user_id,
        total,
        articles: units.map(|(sku, quantity)| Needed { sku, quantity }).collect(),
        participants: BTreeSet::from_iter(&settings.participants).into_iter().cloned().collect(),
        placed: event.time.to_offset(UtcOffset::UTC),
        deadline: after(event.time, settings.deadline),
    })))
}

/// The last moment that RFC 3339 can write.
const LAST: OffsetDateTime = utc_datetime!(9999-12-31 23:59:59).to_offset(UtcOffset::UTC);

fn after(placed: OffsetDateTime, wait: Duration) -> OffsetDateTime {
    let deadline = wait.try_into().ok().and_then(|wait| placed.checked_add(wait));
    deadline.map_or(LAST, |deadline| deadline.to_offset(UtcOffset::UTC).min(LAST))
}

fn of_user(event: &Recorded) -> Result<Routed<Checkout>, Unreadable> {
    if !event.event_type.starts_with("credit-") {
        return Ok(None);
    }
    let Some(user_id) = id_of::<User>(event) else { return Ok(None) };
    let (order_id, answer) = match event.decode::<UserEvent>()? {
        UserEvent::CreditReserved { order_id, amount, .. } => {
            (order_id, Answered::Held { amount: amount.get() })
        }
        UserEvent::CreditRefused { order_id, amount, reason, .. } => {
            (order_id, Answered::Refused { amount: amount.get(), reason })
        }
        UserEvent::CreditReleased { order_id, .. } => (order_id, Answered::GivenBack),
        UserEvent::CreditCaptured { order_id, .. } => (order_id, Answered::Settled),
        UserEvent::UserRegistered { .. }
        | UserEvent::UserProfileChanged { .. }
        | UserEvent::UserCreditLimitChanged { .. }
        | UserEvent::UserDeleted { .. } => return Ok(None),
    };
    Ok(Some(answered(order_id, Step::Credit(user_id), answer)))
}

fn of_stock(event: &Recorded) -> Result<Routed<Checkout>, Unreadable> {
    if event.event_type == "stock-received" {
        return Ok(None);
    }
    let Some(sku) = id_of::<Stock>(event) else { return Ok(None) };
    let (order_id, answer) = match event.decode::<StockEvent>()? {
        StockEvent::StockReserved { order_id, quantity, .. } => {
            (order_id, Answered::Held { amount: quantity.get() })
        }
        StockEvent::StockRefused { order_id, quantity, available } => {
            let reason = Text::clipped(format!("{quantity} needed, {available} available"));
            (order_id, Answered::Refused { amount: quantity.get(), reason })
        }
        StockEvent::StockReleased { order_id, .. } => (order_id, Answered::GivenBack),
        StockEvent::StockShipped { order_id, .. } => (order_id, Answered::Settled),
        StockEvent::StockReceived { .. } => return Ok(None),
    };
    Ok(Some(answered(order_id, Step::Stock(sku), answer)))
}

fn of_participant(event: &Recorded, participant: &Participant) -> Option<(OrderId, CheckoutCommand)> {
    let answer = match event.event_type.strip_prefix(participant.as_str())? {
        "-authorised" => Answered::Held { amount: 0 },
        "-declined" => Answered::Refused { amount: 0, reason: declined(event) },
        _ => return None,
    };
    let order_id = event.entity.id.parse().ok()?;
    Some(answered(order_id, Step::Participant(participant.clone()), answer))
}

/// Why a participant declined. Its data is its own affair: what can't be read as a reason is none.
fn declined(event: &Recorded) -> Text {
    #[derive(Deserialize)]
    struct Declined {
        reason: String,
    }
    let reason = serde_json::from_slice(&event.data).map(|Declined { reason }| reason).unwrap_or_default();
    Text::clipped(if reason.trim().is_empty() { "declined" } else { &reason })
}

fn answered(order_id: OrderId, step: Step, answer: Answered) -> (OrderId, CheckoutCommand) {
    (order_id, CheckoutCommand::Answered { step, answer })
}
