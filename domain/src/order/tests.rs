//! The rules of an order, by example.

use event_model::given;

use super::*;
use crate::testing::{amount, line, order_id, text, user_id};

fn tea() -> Lines {
    Lines::new(vec![line("tea", 2, 450)]).unwrap()
}

fn cups() -> Lines {
    Lines::new(vec![line("cup", 1, 999), line("cup", 1, 1)]).unwrap()
}

fn user() -> UserId {
    user_id(1)
}

fn drafted() -> OrderEvent {
    OrderEvent::OrderDrafted { user_id: user(), lines: tea(), ship_to: None }
}

fn placed() -> OrderEvent {
    OrderEvent::OrderPlaced { user_id: user(), lines: tea(), total: amount(900), ship_to: None }
}

fn confirmed() -> OrderEvent {
    OrderEvent::OrderConfirmed { user_id: user(), lines: tea() }
}

fn shipped() -> OrderEvent {
    OrderEvent::OrderShipped { user_id: user() }
}

fn completed() -> OrderEvent {
    OrderEvent::OrderCompleted { user_id: user() }
}

fn rejected() -> OrderEvent {
    OrderEvent::OrderRejected { user_id: user(), reason: text("credit: 900 needed, 800 available") }
}

fn cancelled() -> OrderEvent {
    OrderEvent::OrderCancelled { user_id: user(), reason: None, lines: Lines::default() }
}

fn history(status: OrderStatus) -> Vec<OrderEvent> {
    match status {
        OrderStatus::Draft => vec![drafted()],
        OrderStatus::Placed => vec![placed()],
        OrderStatus::Confirmed => vec![placed(), confirmed()],
        OrderStatus::Rejected => vec![placed(), rejected()],
        OrderStatus::Cancelled => vec![placed(), cancelled()],
        OrderStatus::Shipped => vec![placed(), confirmed(), shipped()],
        OrderStatus::Completed => vec![placed(), confirmed(), shipped(), completed()],
    }
}

fn change_lines(lines: Lines) -> OrderCommand {
    OrderCommand::Change { lines: Some(lines), ship_to: None }
}

fn change_ship_to(ship_to: &str) -> OrderCommand {
    OrderCommand::Change { lines: None, ship_to: Some(text(ship_to)) }
}

fn reject() -> OrderCommand {
    OrderCommand::Reject { reason: text("credit: 900 needed, 800 available") }
}

const CANCEL: OrderCommand = OrderCommand::Cancel { reason: None };

/// What comes of a command in every status: the event where it is possible, nothing where it holds already,
/// and the rejection everywhere else.
#[track_caller]
fn table(
    command: &OrderCommand,
    asked: Asked,
    possible: &[OrderStatus],
    holds: &[OrderStatus],
    event: &OrderEvent,
) {
    for status in OrderStatus::ALL {
        let when = given::<Order>(history(status)).when(command.clone());
        if possible.contains(&status) {
            when.then([event.clone()]);
        } else if holds.contains(&status) {
            when.then_nothing();
        } else {
            when.then_rejected(&OrderRejection::State { asked, status });
        }
    }
}

#[test]
fn an_order_is_drafted_or_placed_at_once() {
    let draft = OrderCommand::Draft { user_id: user(), lines: tea(), ship_to: None };
    let place = OrderCommand::PlaceNew { user_id: user(), lines: tea(), ship_to: None };
    given::<Order>([]).when(draft.clone()).then([drafted()]);
    given::<Order>([]).when(place.clone()).then([placed()]);
    for status in OrderStatus::ALL {
        given::<Order>(history(status)).when(draft.clone()).then_rejected(&OrderRejection::Exists);
        given::<Order>(history(status)).when(place.clone()).then_rejected(&OrderRejection::Exists);
    }
}

#[test]
fn a_draft_may_be_empty_and_a_placed_order_may_not() {
    let (user_id, lines, ship_to) = (user(), Lines::default(), None);
    let empty = OrderEvent::OrderDrafted { user_id, lines: lines.clone(), ship_to: ship_to.clone() };
    let draft = OrderCommand::Draft { user_id, lines: lines.clone(), ship_to: ship_to.clone() };
    given::<Order>([]).when(draft).then([empty.clone()]);
    given::<Order>([empty]).when(OrderCommand::Place).then_rejected(&OrderRejection::NoLines);
    let place = OrderCommand::PlaceNew { user_id, lines, ship_to };
    given::<Order>([]).when(place).then_rejected(&OrderRejection::NoLines);
}

#[test]
fn an_order_that_is_not_there_is_not_found() {
    for command in [
        change_lines(tea()),
        OrderCommand::Place,
        OrderCommand::Confirm,
        reject(),
        OrderCommand::Ship,
        OrderCommand::Complete,
        CANCEL,
    ] {
        given::<Order>([]).when(command).then_rejected(&OrderRejection::NotFound);
    }
}

#[test]
fn a_draft_is_placed_with_its_full_content() {
    let to = |place: &str| OrderEvent::OrderShipToChanged { user_id: user(), ship_to: text(place) };
    let lines = OrderEvent::OrderLinesChanged { user_id: user(), lines: cups(), total: amount(1_000) };
    given::<Order>([drafted(), lines, to("1 Main St")]).when(OrderCommand::Place).then([
        OrderEvent::OrderPlaced {
            user_id: user(),
            lines: cups(),
            total: amount(1_000),
            ship_to: Some(text("1 Main St")),
        },
    ]);
}

#[test]
fn each_step_has_its_statuses() {
    use OrderStatus::{Completed, Confirmed, Draft, Placed, Rejected, Shipped};
    table(&OrderCommand::Place, Asked::Place, &[Draft], &[Placed, Confirmed], &placed());
    table(&OrderCommand::Confirm, Asked::Confirm, &[Placed], &[Confirmed], &confirmed());
    table(&reject(), Asked::Reject, &[Placed], &[Rejected], &rejected());
    table(&OrderCommand::Ship, Asked::Ship, &[Confirmed], &[Shipped], &shipped());
    table(&OrderCommand::Complete, Asked::Complete, &[Shipped], &[Completed], &completed());
}

#[test]
fn what_is_cancelled_says_what_had_been_sold() {
    use OrderStatus::{Cancelled, Completed, Draft, Placed, Rejected, Shipped};
    for status in [Draft, Placed] {
        given::<Order>(history(status)).when(CANCEL).then([cancelled()]);
    }
    let taken_back = OrderEvent::OrderCancelled { user_id: user(), reason: None, lines: tea() };
    given::<Order>([placed(), confirmed()]).when(CANCEL).then([taken_back]);
    given::<Order>(history(Cancelled)).when(CANCEL).then_nothing();
    for status in [Rejected, Shipped, Completed] {
        let state = OrderRejection::State { asked: Asked::Cancel, status };
        given::<Order>(history(status)).when(CANCEL).then_rejected(&state);
    }
}

#[test]
fn lines_change_while_it_is_a_draft_and_its_destination_until_it_is_shipped() {
    use OrderStatus::{Confirmed, Draft, Placed};
    let lines = OrderEvent::OrderLinesChanged { user_id: user(), lines: cups(), total: amount(1_000) };
    table(&change_lines(cups()), Asked::ChangeLines, &[Draft], &[], &lines);
    let ship_to = OrderEvent::OrderShipToChanged { user_id: user(), ship_to: text("1 Main St") };
    let pending = [Draft, Placed, Confirmed];
    table(&change_ship_to("1 Main St"), Asked::ChangeShipTo, &pending, &[], &ship_to);
}

#[test]
fn lines_and_destination_change_together_or_not_at_all() {
    let both = OrderCommand::Change { lines: Some(cups()), ship_to: Some(text("1 Main St")) };
    let lines = OrderEvent::OrderLinesChanged { user_id: user(), lines: cups(), total: amount(1_000) };
    let ship_to = OrderEvent::OrderShipToChanged { user_id: user(), ship_to: text("1 Main St") };
    given::<Order>([drafted()]).when(both.clone()).then([lines, ship_to]);
    let too_late = OrderRejection::State { asked: Asked::ChangeLines, status: OrderStatus::Placed };
    given::<Order>([placed()]).when(both).then_rejected(&too_late);
}

#[test]
fn a_change_to_what_it_is_already_is_fine_in_every_status() {
    for status in OrderStatus::ALL {
        given::<Order>(history(status)).when(change_lines(tea())).then_nothing();
        let nothing = OrderCommand::Change { lines: None, ship_to: None };
        given::<Order>(history(status)).when(nothing).then_nothing();
    }
    let ship_to = OrderEvent::OrderShipToChanged { user_id: user(), ship_to: text("1 Main St") };
    given::<Order>([placed(), ship_to, confirmed(), shipped()])
        .when(change_ship_to("1 Main St"))
        .then_nothing();
}

#[test]
fn a_draft_may_lose_its_lines_again() {
    let emptied =
        OrderEvent::OrderLinesChanged { user_id: user(), lines: Lines::default(), total: amount(0) };
    given::<Order>([drafted()]).when(change_lines(Lines::default())).then([emptied]);
}

#[test]
fn a_rejection_says_what_is_impossible() {
    let told = |asked, status| OrderRejection::State { asked, status }.to_string();
    assert_eq!(told(Asked::Cancel, OrderStatus::Shipped), "a shipped order cannot be cancelled");
    assert_eq!(
        told(Asked::ChangeLines, OrderStatus::Placed),
        "the lines of a placed order cannot be changed"
    );
}

#[test]
fn people_see_why_it_came_to_nothing() {
    let id = order_id(7);
    let view = Order::fold([placed(), rejected()]).view(id, Version::new(2));
    assert_eq!(
        serde_json::to_value(view).unwrap(),
        serde_json::json!({
            "id": id.to_string(), "user_id": user().to_string(), "status": "rejected",
            "lines": [{"sku": "tea", "quantity": 2, "unit_price": 450}], "total": 900,
            "reason": "credit: 900 needed, 800 available", "version": 2,
        })
    );
    assert_eq!(Order::default().view(id, Version::START), None);
    assert_eq!(Order::default().status(), None);
}
