//! What the tests share: values made short, and any command and event there could be.

pub(crate) mod sagas;

use std::collections::BTreeMap;

use event_model::{Decider, EntityName, Event, Position, Projection, Recorded, Unreadable, Version, event};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::*;

pub(crate) fn user_id(number: u128) -> UserId {
    Uuid::from_u128(number).into()
}

pub(crate) fn order_id(number: u128) -> OrderId {
    Uuid::from_u128(number).into()
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn email(text: &str) -> Email {
    text.parse().unwrap()
}

pub(crate) fn text(text: &str) -> Text {
    text.parse().unwrap()
}

pub(crate) fn amount(number: u64) -> Amount {
    Amount::new(number).unwrap()
}

pub(crate) fn units(number: u64) -> Units {
    Units::new(number).unwrap()
}

pub(crate) fn quantity(number: u64) -> Quantity {
    Quantity::new(number).unwrap()
}

pub(crate) fn line(sku: &str, count: u64, unit_price: u64) -> Line {
    let unit_price = UnitPrice::new(unit_price).unwrap();
    Line { sku: sku.parse().unwrap(), quantity: quantity(count), unit_price }
}

/// An event as the log would hand it out.
pub(crate) fn recorded<D: Decider>(id: &D::Id, version: u64, event: &D::Event) -> Recorded {
    Recorded {
        id: Uuid::from_u128(version.into()),
        entity: EntityName::new(D::CATEGORY, id),
        event_type: event.event_type().to_owned(),
        position: Position::new(version),
        version: Some(Version::new(version)),
        time: OffsetDateTime::UNIX_EPOCH,
        causation_id: None,
        correlation_id: None,
        part: None,
        actor: None,
        traceparent: None,
        data: event::encode(event).unwrap(),
    }
}

/// The row of an entity's own id after an event.
pub(crate) fn projected<P: Projection>(
    row: Option<P::Row>,
    event: &Recorded,
) -> Result<Option<P::Row>, Unreadable> {
    P::project(&event.entity.id, row, event)
}

/// The rows of a view over a log, by key.
pub(crate) fn rows_of<P: Projection>(log: &[Recorded]) -> BTreeMap<String, P::Row> {
    let mut rows = BTreeMap::new();
    for event in log {
        for key in P::keys(event).unwrap() {
            if let Some(row) = P::project(&key, rows.remove(&key), event).unwrap() {
                rows.insert(key, row);
            }
        }
    }
    rows
}

fn any_user_id() -> impl Strategy<Value = UserId> + Clone {
    (1_u128..4).prop_map(user_id)
}

fn any_order_id() -> impl Strategy<Value = OrderId> + Clone {
    (1_u128..4).prop_map(order_id)
}

fn any_name() -> impl Strategy<Value = Name> + Clone {
    select(&["Ann", "Zoë", "Bob"]).prop_map(name)
}

fn any_email() -> impl Strategy<Value = Email> + Clone {
    select(&["ann@a", "Ann@A", "ann@b", "bob@a"]).prop_map(email)
}

fn any_text() -> impl Strategy<Value = Text> + Clone {
    select(&["1 Main St", "Rue \"Zoë\"\n\t2"]).prop_map(text)
}

/// Few small numbers, so that amounts meet again, and now and then the most there can be.
fn any_number(most: u64) -> impl Strategy<Value = u64> + Clone {
    prop_oneof![9 => 0_u64..12, 1 => Just(most)]
}

fn any_amount() -> impl Strategy<Value = Amount> + Clone {
    any_number(Amount::MAX.get()).prop_map(amount)
}

fn any_units() -> impl Strategy<Value = Units> + Clone {
    any_number(Units::MAX.get()).prop_map(units)
}

fn any_quantity() -> impl Strategy<Value = Quantity> + Clone {
    prop_oneof![9 => 1_u64..12, 1 => Just(Quantity::MAX.get())].prop_map(quantity)
}

pub(crate) fn lines() -> impl Strategy<Value = Lines> + Clone {
    let any_line = (select(&["tea", "cup"]), any_quantity(), any_number(UnitPrice::MAX.get()))
        .prop_map(|(sku, quantity, price)| Line { quantity, ..line(sku, 1, price) });
    vec(any_line, 0..4).prop_filter_map("too much in total", |lines| Lines::new(lines).ok())
}

pub(crate) fn user_command() -> impl Strategy<Value = UserCommand> {
    prop_oneof![
        2 => (any_name(), any_email(), any_amount())
            .prop_map(|(name, email, credit_limit)| UserCommand::Register { name, email, credit_limit }),
        2 => (option::of(any_name()), option::of(any_email()))
            .prop_map(|(name, email)| UserCommand::ChangeProfile { name, email }),
        2 => any_amount().prop_map(|amount| UserCommand::ChangeCreditLimit { amount }),
        1 => Just(UserCommand::Delete),
        6 => (any_order_id(), any_amount())
            .prop_map(|(order_id, amount)| UserCommand::ReserveCredit { order_id, amount }),
        2 => any_order_id().prop_map(|order_id| UserCommand::ReleaseCredit { order_id }),
        2 => any_order_id().prop_map(|order_id| UserCommand::CaptureCredit { order_id }),
    ]
}

pub(crate) fn user_event() -> impl Strategy<Value = UserEvent> {
    let of_order = (any_order_id(), any_amount(), any_amount());
    prop_oneof![
        (any_name(), any_email(), any_amount())
            .prop_map(|(name, email, credit_limit)| UserEvent::UserRegistered { name, email, credit_limit }),
        (option::of(any_name()), option::of(any_email()))
            .prop_map(|(name, email)| UserEvent::UserProfileChanged { name, email }),
        any_amount().prop_map(|credit_limit| UserEvent::UserCreditLimitChanged { credit_limit }),
        vec(any_order_id(), 0..3).prop_map(|orders| UserEvent::UserDeleted { orders }),
        of_order.clone().prop_map(|(order_id, amount, reserved)| UserEvent::CreditReserved {
            order_id,
            amount,
            reserved
        }),
        (any_order_id(), any_amount(), any::<i64>(), any_text()).prop_map(
            |(order_id, amount, available, reason)| UserEvent::CreditRefused {
                order_id,
                amount,
                available,
                reason
            }
        ),
        of_order.clone().prop_map(|(order_id, amount, reserved)| UserEvent::CreditReleased {
            order_id,
            amount,
            reserved
        }),
        of_order.prop_map(|(order_id, amount, reserved)| UserEvent::CreditCaptured {
            order_id,
            amount,
            reserved
        }),
    ]
}

pub(crate) fn email_claim_command() -> impl Strategy<Value = EmailClaimCommand> {
    prop_oneof![
        any_user_id().prop_map(|user_id| EmailClaimCommand::Claim { user_id }),
        any_user_id().prop_map(|user_id| EmailClaimCommand::Release { user_id }),
    ]
}

pub(crate) fn email_claim_event() -> impl Strategy<Value = EmailClaimEvent> {
    prop_oneof![
        any_user_id().prop_map(|user_id| EmailClaimEvent::EmailClaimed { user_id }),
        any_user_id().prop_map(|user_id| EmailClaimEvent::EmailReleased { user_id }),
    ]
}

pub(crate) fn order_command() -> impl Strategy<Value = OrderCommand> {
    let content = (any_user_id(), lines(), option::of(any_text()));
    prop_oneof![
        2 => content
            .clone()
            .prop_map(|(user_id, lines, ship_to)| OrderCommand::Draft { user_id, lines, ship_to }),
        1 => content.prop_map(|(user_id, lines, ship_to)| OrderCommand::PlaceNew { user_id, lines, ship_to }),
        3 => (option::of(lines()), option::of(any_text()))
            .prop_map(|(lines, ship_to)| OrderCommand::Change { lines, ship_to }),
        3 => Just(OrderCommand::Place),
        3 => Just(OrderCommand::Confirm),
        1 => any_text().prop_map(|reason| OrderCommand::Reject { reason }),
        2 => Just(OrderCommand::Ship),
        2 => Just(OrderCommand::Complete),
        1 => option::of(any_text()).prop_map(|reason| OrderCommand::Cancel { reason }),
    ]
}

pub(crate) fn order_event() -> impl Strategy<Value = OrderEvent> {
    let content = (any_user_id(), lines(), option::of(any_text()));
    prop_oneof![
        content.clone().prop_map(|(user_id, lines, ship_to)| OrderEvent::OrderDrafted {
            user_id,
            lines,
            ship_to
        }),
        (content, any_amount()).prop_map(|((user_id, lines, ship_to), total)| OrderEvent::OrderPlaced {
            user_id,
            lines,
            total,
            ship_to
        }),
        (any_user_id(), lines(), any_amount())
            .prop_map(|(user_id, lines, total)| OrderEvent::OrderLinesChanged { user_id, lines, total }),
        (any_user_id(), any_text())
            .prop_map(|(user_id, ship_to)| OrderEvent::OrderShipToChanged { user_id, ship_to }),
        (any_user_id(), lines()).prop_map(|(user_id, lines)| OrderEvent::OrderConfirmed { user_id, lines }),
        (any_user_id(), any_text())
            .prop_map(|(user_id, reason)| OrderEvent::OrderRejected { user_id, reason }),
        (any_user_id(), option::of(any_text()), lines())
            .prop_map(|(user_id, reason, lines)| OrderEvent::OrderCancelled { user_id, reason, lines }),
        any_user_id().prop_map(|user_id| OrderEvent::OrderShipped { user_id }),
        any_user_id().prop_map(|user_id| OrderEvent::OrderCompleted { user_id }),
    ]
}

pub(crate) fn stock_command() -> impl Strategy<Value = StockCommand> {
    prop_oneof![
        2 => any_quantity().prop_map(|quantity| StockCommand::Receive { quantity }),
        4 => (any_order_id(), any_units())
            .prop_map(|(order_id, quantity)| StockCommand::Reserve { order_id, quantity }),
        1 => any_order_id().prop_map(|order_id| StockCommand::Release { order_id }),
        1 => any_order_id().prop_map(|order_id| StockCommand::Ship { order_id }),
    ]
}

pub(crate) fn stock_event() -> impl Strategy<Value = StockEvent> {
    let of_order = (any_order_id(), any_units(), any_units());
    prop_oneof![
        (any_quantity(), any_units())
            .prop_map(|(quantity, on_hand)| StockEvent::StockReceived { quantity, on_hand }),
        of_order.clone().prop_map(|(order_id, quantity, reserved)| StockEvent::StockReserved {
            order_id,
            quantity,
            reserved
        }),
        of_order.clone().prop_map(|(order_id, quantity, available)| StockEvent::StockRefused {
            order_id,
            quantity,
            available
        }),
        of_order.clone().prop_map(|(order_id, quantity, reserved)| StockEvent::StockReleased {
            order_id,
            quantity,
            reserved
        }),
        (of_order, any_units()).prop_map(|((order_id, quantity, reserved), on_hand)| {
            StockEvent::StockShipped { order_id, quantity, on_hand, reserved }
        }),
    ]
}
