//! What is learned from which event, what is sent, and what people see.

use std::time::Duration;

use event_model::{Deadline, EntityName, Outgoing, Recorded};

use super::*;
use crate::requests::*;
use crate::testing::{amount, line, order_id, recorded, units};
use crate::{Lines, Order, OrderEvent, Stock, StockEvent, User, UserEvent};

fn settings() -> CheckoutSettings {
    let participants = vec!["payment".parse().unwrap(), "fraud-check".parse().unwrap()];
    CheckoutSettings { deadline: Duration::from_secs(30), participants }
}

fn routed(event: &Recorded) -> Option<CheckoutCommand> {
    let (id, command) = Checkout::route(event, &settings()).unwrap()?;
    assert_eq!(id, order_id(1));
    Some(command)
}

fn of_order(event: &OrderEvent) -> Option<CheckoutCommand> {
    routed(&recorded::<Order>(&order_id(1), 1, event))
}

fn of_payment(event_type: &str, data: &'static str) -> Recorded {
    let any = recorded::<Order>(&order_id(1), 1, &OrderEvent::OrderShipped { user_id: user_id(7) });
    let (entity, event_type) = (EntityName::new("payment", order_id(1)), event_type.to_owned());
    Recorded { entity, event_type, version: None, data: data.into(), ..any }
}

fn placed() -> OrderEvent {
    let lines = Lines::new(vec![line("tea", 2, 100), line("cup", 1, 400), line("tea", 3, 100)]).unwrap();
    OrderEvent::OrderPlaced { user_id: user_id(7), lines, total: amount(900), ship_to: None }
}

#[test]
fn a_placed_order_begins_a_checkout() {
    let participants = ["fraud-check", "payment"].map(|name| name.parse().unwrap()).to_vec();
    let wanted = Begin { participants, ..begin() };
    assert_eq!(of_order(&placed()), Some(CheckoutCommand::Begin(wanted)));
}

#[test]
fn a_clock_that_is_off_by_a_minute_moves_the_deadline_by_a_minute() {
    let deadline = |event: &Recorded| {
        let command = routed(event);
        let Some(CheckoutCommand::Begin(begin)) = command else { panic!("{command:?}") };
        begin.deadline
    };
    let event = recorded::<Order>(&order_id(1), 1, &placed());
    let minute = Duration::from_mins(1);
    let late = Recorded { time: event.time + minute, ..event.clone() };
    assert_eq!(deadline(&event), event.time + settings().deadline);
    assert_eq!(deadline(&late), deadline(&event) + minute);
}

#[test]
fn a_deadline_that_is_too_far_is_the_last_there_is() {
    let settings = CheckoutSettings { deadline: Duration::MAX, participants: vec![] };
    let event = recorded::<Order>(&order_id(1), 1, &placed());
    let (_, command) = Checkout::route(&event, &settings).unwrap().unwrap();
    let CheckoutCommand::Begin(begin) = command else { panic!("{command:?}") };
    assert_eq!(begin.deadline.to_string(), "9999-12-31 23:59:59.0 +00:00:00");
}

#[test]
fn what_becomes_of_the_order_is_learned() {
    let user_id = user_id(7);
    let learned = |event| of_order(&event);
    assert_eq!(
        learned(OrderEvent::OrderConfirmed { user_id, lines: Lines::default() }),
        Some(CheckoutCommand::OrderConfirmed)
    );
    let reason = text("no");
    assert_eq!(learned(OrderEvent::OrderRejected { user_id, reason }), Some(CheckoutCommand::OrderRejected));
    let cancelled = OrderEvent::OrderCancelled { user_id, reason: None, lines: Lines::default() };
    assert_eq!(learned(cancelled), Some(CheckoutCommand::OrderCancelled));
    assert_eq!(learned(OrderEvent::OrderShipped { user_id }), Some(CheckoutCommand::OrderShipped));
    assert_eq!(learned(OrderEvent::OrderCompleted { user_id }), None);
}

#[test]
fn credit_and_stock_answer() {
    let (order_id, amount, reserved) = (order_id(1), amount(900), amount(900));
    let of_user = |event| routed(&recorded::<User>(&user_id(7), 3, &event));
    assert_eq!(of_user(UserEvent::CreditReserved { order_id, amount, reserved }), Some(holds(credit())));
    let reason = text("900 needed, 800 available");
    let event = UserEvent::CreditRefused { order_id, amount, available: 800, reason };
    assert_eq!(of_user(event), Some(refuses(credit(), "900 needed, 800 available")));
    assert_eq!(of_user(UserEvent::CreditReleased { order_id, amount, reserved }), Some(gives_back(credit())));
    assert_eq!(of_user(UserEvent::CreditCaptured { order_id, amount, reserved }), Some(settles(credit())));
    assert_eq!(of_user(UserEvent::UserDeleted { orders: vec![order_id] }), None);

    let (quantity, reserved, on_hand) = (units(5), units(5), units(9));
    let of_stock = |event| routed(&recorded::<Stock>(&"tea".parse().unwrap(), 3, &event));
    assert_eq!(of_stock(StockEvent::StockReserved { order_id, quantity, reserved }), Some(holds(tea())));
    let event = StockEvent::StockRefused { order_id, quantity, available: units(3) };
    assert_eq!(of_stock(event), Some(refuses(tea(), "5 needed, 3 available")));
    assert_eq!(of_stock(StockEvent::StockReleased { order_id, quantity, reserved }), Some(gives_back(tea())));
    let event = StockEvent::StockShipped { order_id, quantity, on_hand, reserved };
    assert_eq!(of_stock(event), Some(settles(tea())));
    let quantity = crate::Quantity::MIN;
    assert_eq!(of_stock(StockEvent::StockReceived { quantity, on_hand }), None);
}

#[test]
fn participants_answer_in_their_own_words() {
    let says = |event_type, data| routed(&of_payment(event_type, data));
    assert!(matches!(
        says("payment-authorised", "not JSON"),
        Some(CheckoutCommand::Answered { step, answer: Answered::Held { .. } }) if step == payment()
    ));
    for (data, wanted) in [
        (r#"{"reason":"the card expired","code":7}"#, "the card expired"),
        (r#"{"reason":" "}"#, "declined"),
        (r#"{"reason":7}"#, "declined"),
        ("{}", "declined"),
        ("not JSON", "declined"),
    ] {
        let Some(CheckoutCommand::Answered { answer: Answered::Refused { reason, .. }, .. }) =
            says("payment-declined", data)
        else {
            panic!("{data}")
        };
        assert_eq!(reason.as_str(), wanted);
    }
    for other in ["payment-started", "fraud-check-authorised", "authorised", "payment"] {
        assert_eq!(says(other, "{}"), None, "{other}");
    }
    let of_nobody = EntityName::new("payment", "order 1");
    assert_eq!(routed(&Recorded { entity: of_nobody, ..of_payment("payment-authorised", "{}") }), None);
    let not_asked = EntityName::new("customs", order_id(1));
    assert_eq!(routed(&Recorded { entity: not_asked, ..of_payment("customs-authorised", "{}") }), None);
}

#[test]
fn what_is_not_ours_is_nothing_and_what_cannot_be_read_is_told() {
    let event = recorded::<Order>(&order_id(1), 1, &placed());
    assert_eq!(routed(&Recorded { version: None, ..event.clone() }), None);
    let entity = EntityName::new("order", "an order");
    assert_eq!(routed(&Recorded { entity, ..event.clone() }), None);
    let unreadable = Recorded { data: "{}".into(), ..event };
    assert!(Checkout::route(&unreadable, &settings()).is_err());
}

#[test]
fn everybody_is_asked_at_once_and_then_the_clock_is_set() {
    let (id, user) = (order_id(1), user_id(7));
    let requests = [
        reserve_credit(user, id, amount(900)),
        reserve_stock(&"cup".parse().unwrap(), id, units(1)),
        reserve_stock(&"tea".parse().unwrap(), id, units(5)),
        authorise(&"payment".parse().unwrap(), id, user, amount(900)),
    ];
    let deadline = Deadline { name: "answers", at: begin().deadline };
    let wanted = requests.map(Outgoing::Request).into_iter().chain([Outgoing::Deadline(deadline)]);
    assert_eq!(Checkout::send(&id, &started()), wanted.collect::<Vec<_>>());
    assert_eq!(Checkout::expire("answers"), Some(CheckoutCommand::DeadlinePassed));
    assert_eq!(Checkout::expire("others"), None);
}

#[test]
fn each_intent_is_sent() {
    let (id, user) = (order_id(1), user_id(7));
    let (cup, tea, payment) = ("cup".parse().unwrap(), "tea".parse().unwrap(), "payment".parse().unwrap());
    let sent = |event: &CheckoutEvent| Checkout::send(&id, event);
    let requests = |requests: Vec<_>| requests.into_iter().map(Outgoing::Request).collect::<Vec<_>>();
    let back =
        vec![release_credit(user, id), release_stock(&cup, id), release_stock(&tea, id), void(&payment, id)];
    assert_eq!(sent(&failed("why", all())), requests(back.clone()));
    assert_eq!(sent(&withdrawn(Outcome::Cancelled, all())), requests(back));
    let used_up = vec![capture_credit(user, id), ship_stock(&cup, id), ship_stock(&tea, id)];
    assert_eq!(sent(&shipping(ours())), requests(used_up));
    assert_eq!(sent(&voiding()), requests(vec![void(&payment, id)]));
    assert_eq!(sent(&CONFIRMING), requests(vec![confirm_order(id)]));
    assert_eq!(sent(&rejecting("why")), requests(vec![reject_order(id, &text("why"))]));
    assert_eq!(sent(&cancelling("why")), requests(vec![cancel_order(id, "why")]));
    for note in [held(self::tea()), CONFIRMED, DEADLINE_PASSED, abandoned("why"), ended(Outcome::Shipped)] {
        assert_eq!(sent(&note), []);
    }
}

#[test]
fn people_see_who_is_waited_for() {
    let order = || vec!["order".to_owned()];
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (history, waits_for) in [
        (vec![started(), held(cup())], words(&["credit", "stock of tea", "payment"])),
        (all_held(), order()),
        (with(failing(), [given_back(credit())]), words(&["stock of cup", "stock of tea"])),
        (all_given_back(), order()),
        (with(all_given_back(), [CONFIRMED, cancelling("why")]), order()),
        (with(confirmed(), [shipping(ours()), settled(tea())]), words(&["credit", "stock of cup"])),
    ] {
        assert_eq!(Checkout::fold(history).progress(), Progress::Running { waits_for });
    }
    assert_eq!(Checkout::default().progress(), Progress::NotBegun);
    assert_eq!(Checkout::fold([given_back(tea())]).progress(), Progress::NotBegun);
    for (history, outcome) in [(confirmed(), "confirmed"), (rejected(), "rejected")] {
        assert_eq!(Checkout::fold(history).progress(), Progress::Done { outcome: outcome.to_owned() });
    }
}
