//! The rules of a departure, by example.

use event_model::given;

use super::*;
use crate::Lines;
use crate::testing::{order_id, recorded, user_id};

fn note(order: u128) -> DepartureCommand {
    DepartureCommand::NoteDraft { order_id: order_id(order) }
}

fn settle(order: u128) -> DepartureCommand {
    DepartureCommand::SettleDraft { order_id: order_id(order) }
}

fn depart(orders: &[u128]) -> DepartureCommand {
    DepartureCommand::Depart { orders: ids(orders) }
}

fn noted(order: u128) -> DepartureEvent {
    DepartureEvent::DepartureDraftNoted { order_id: order_id(order) }
}

fn settled(order: u128) -> DepartureEvent {
    DepartureEvent::DepartureDraftSettled { order_id: order_id(order) }
}

fn cancelling(orders: &[u128]) -> DepartureEvent {
    DepartureEvent::DepartureCancelling { orders: ids(orders) }
}

fn ids(orders: &[u128]) -> Vec<OrderId> {
    orders.iter().copied().map(order_id).collect()
}

#[test]
fn drafts_are_noted_and_settled_once() {
    given::<Departure>([]).when(note(1)).then([noted(1)]);
    given::<Departure>([noted(1)]).when(note(1)).then_nothing();
    given::<Departure>([noted(1)]).when(settle(1)).then([settled(1)]);
    given::<Departure>([noted(1), settled(1)]).when(settle(1)).then_nothing();
    given::<Departure>([noted(1), settled(1)]).when(note(1)).then_nothing();
    given::<Departure>([noted(1)]).when(settle(2)).then_nothing();
}

#[test]
fn who_departs_has_its_orders_and_drafts_cancelled() {
    given::<Departure>([]).when(depart(&[])).then([cancelling(&[])]);
    given::<Departure>([noted(1), noted(2), settled(2), noted(3)])
        .when(depart(&[5, 4, 3]))
        .then([cancelling(&[1, 3, 4, 5])]);
    given::<Departure>([noted(1), cancelling(&[1])]).when(depart(&[1, 2])).then_nothing();
    given::<Departure>([noted(1), cancelling(&[1])]).when(settle(1)).then_nothing();
}

#[test]
fn a_draft_that_comes_after_the_departure_is_cancelled_too() {
    given::<Departure>([cancelling(&[])]).when(note(7)).then([noted(7), cancelling(&[7])]);
    given::<Departure>([cancelling(&[]), noted(7), cancelling(&[7])]).when(note(7)).then_nothing();
}

#[test]
fn there_is_nothing_to_give_up_and_no_deadline() {
    given::<Departure>([noted(1)]).when(Departure::abandon("why")).then_nothing();
    given::<Departure>([cancelling(&[])]).when(Departure::abandon("why")).then_nothing();
    assert_eq!(Departure::expire("answers"), None);
}

#[test]
fn it_is_seen_once_the_user_is_gone() {
    assert_eq!(Departure::fold([noted(1)]).progress(), Progress::NotBegun);
    let done = Progress::Done { outcome: "departed".to_owned() };
    assert_eq!(Departure::fold([noted(1), cancelling(&[1])]).progress(), done);
}

#[test]
fn each_order_is_asked_to_cancel() {
    let sent = Departure::send(&user_id(1), &cancelling(&[1, 2]));
    let wanted = ids(&[1, 2]).into_iter().map(|order| requests::cancel_order(order, "the user was deleted"));
    assert_eq!(sent, wanted.map(Outgoing::Request).collect::<Vec<_>>());
    assert_eq!(Departure::send(&user_id(1), &noted(1)), []);
}

#[test]
fn it_learns_from_drafts_and_from_the_user() {
    let (user, order) = (user_id(1), order_id(2));
    let of_order = |version, event: &OrderEvent| {
        Departure::route(&recorded::<Order>(&order, version, event), &()).unwrap()
    };
    let (lines, total) = (Lines::default(), crate::Amount::ZERO);
    let drafted = OrderEvent::OrderDrafted { user_id: user, lines: lines.clone(), ship_to: None };
    let placed = OrderEvent::OrderPlaced { user_id: user, lines, total, ship_to: None };
    let cancelled = OrderEvent::OrderCancelled { user_id: user, reason: None, lines: Lines::default() };
    assert_eq!(of_order(1, &drafted), Some((user, note(2))));
    assert_eq!(of_order(1, &placed), None);
    assert_eq!(of_order(2, &placed), Some((user, settle(2))));
    assert_eq!(of_order(2, &cancelled), Some((user, settle(2))));
    assert_eq!(of_order(3, &OrderEvent::OrderConfirmed { user_id: user, lines: Lines::default() }), None);
    let deleted = UserEvent::UserDeleted { orders: ids(&[2]) };
    let event = recorded::<User>(&user, 4, &deleted);
    assert_eq!(Departure::route(&event, &()).unwrap(), Some((user, depart(&[2]))));
    assert_eq!(Departure::route(&Recorded { version: None, ..event.clone() }, &()).unwrap(), None);
    assert!(Departure::route(&Recorded { data: "[".into(), ..event }, &()).is_err());
}
