//! The checker finds what it is there for. One that found nothing would fail here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Report;
use crate::raw::Event;

/// An entity, what happened to it, and with what.
type Line = (&'static str, &'static str, Value);

fn log(lines: impl IntoIterator<Item = Line>) -> Vec<Event> {
    let event = |(index, (entity, kind, data)): (usize, Line)| {
        let (category, entity) = entity.split_once('/').unwrap();
        Event {
            position: index as u64 + 1,
            category: category.to_owned(),
            entity: entity.to_owned(),
            kind: kind.to_owned(),
            id: format!("event {index}"),
            cause: format!("command {index}"),
            data,
        }
    };
    lines.into_iter().enumerate().map(event).collect()
}

fn of(lines: impl IntoIterator<Item = Line>) -> Report {
    Report::of(&log(lines), &BTreeSet::new())
}

/// Of these events this is said, and nothing else.
#[track_caller]
fn finds(lines: impl IntoIterator<Item = Line>, what: &str) {
    let Report { findings, open, .. } = of(lines);
    assert!(findings.len() == 1 && findings[0].contains(what) && open.is_empty(), "{findings:#?} {open:#?}");
}

/// Of these events this is said, and what follows from it.
#[track_caller]
fn finds_also(lines: impl IntoIterator<Item = Line>, what: &str) {
    let findings = of(lines).findings;
    assert!(findings.iter().any(|finding| finding.contains(what)), "{findings:#?}");
}

/// After these events this has not ended, and nothing is wrong.
#[track_caller]
fn is_open(lines: impl IntoIterator<Item = Line>, what: &str) {
    let Report { findings, open, .. } = of(lines);
    assert!(open.iter().any(|open| open.contains(what)) && findings.is_empty(), "{findings:#?} {open:#?}");
}

/// Ann has credit for one order and for another half of one, and there is tea for as many.
fn shop() -> Vec<Line> {
    vec![
        ("user/ann", "user-registered", json!({ "credit_limit": 45 })),
        ("stock/tea", "stock-received", json!({ "quantity": 3 })),
    ]
}

fn placed(order: &'static str) -> Line {
    let lines = json!([{ "sku": "tea", "quantity": 2 }]);
    (order, "order-placed", json!({ "user_id": "ann", "total": 30, "lines": lines }))
}

fn credit(kind: &'static str, order: &str, amount: u64) -> Line {
    ("user/ann", kind, json!({ "order_id": order, "amount": amount }))
}

fn tea(kind: &'static str, order: &str, quantity: u64) -> Line {
    ("stock/tea", kind, json!({ "order_id": order, "quantity": quantity }))
}

fn authorised() -> Line {
    ("payment/1", "payment-authorised", json!({}))
}

fn ends(kind: &'static str) -> Line {
    ("order/1", kind, json!({ "reason": "credit: only 3 left" }))
}

/// An order that is confirmed as it must be.
fn confirmed() -> Vec<Line> {
    let mut lines = shop();
    lines.extend([
        placed("order/1"),
        credit("credit-reserved", "1", 30),
        tea("stock-reserved", "1", 2),
        authorised(),
        ends("order-confirmed"),
    ]);
    lines
}

/// And then shipped.
fn shipped() -> Vec<Line> {
    let mut lines = confirmed();
    let used = ("stock/tea", "stock-shipped", json!({ "order_id": "1", "quantity": 2, "on_hand": 1 }));
    lines.extend([ends("order-shipped"), credit("credit-captured", "1", 30), used]);
    lines
}

/// An order for which all was set aside, given back, and that was then rejected.
fn rejected() -> Vec<Line> {
    let mut lines = shop();
    lines.extend([
        placed("order/1"),
        credit("credit-reserved", "1", 30),
        tea("stock-reserved", "1", 2),
        credit("credit-released", "1", 30),
        tea("stock-released", "1", 2),
        ends("order-rejected"),
    ]);
    lines
}

fn with(mut lines: Vec<Line>, more: impl IntoIterator<Item = Line>) -> Vec<Line> {
    lines.extend(more);
    lines
}

fn without(mut lines: Vec<Line>, kind: &str) -> Vec<Line> {
    let index = lines.iter().position(|line| line.1 == kind).unwrap();
    lines.remove(index);
    lines
}

/// With something else in the place of the first of this kind.
fn but(mut lines: Vec<Line>, kind: &str, other: Line) -> Vec<Line> {
    let index = lines.iter().position(|line| line.1 == kind).unwrap();
    lines[index] = other;
    lines
}

#[test]
fn nothing_in_what_is_right() {
    for right in [shop(), confirmed(), shipped(), rejected()] {
        let Report { findings, open, .. } = of(right);
        assert!(findings.is_empty() && open.is_empty(), "{findings:#?} {open:#?}");
    }
    assert_eq!(of(confirmed()).placed(), 1);
}

#[test]
fn an_oversold_article() {
    let another = [tea("stock-reserved", "2", 2)];
    finds(with(confirmed(), another), "4 of 3 are set aside");
}

#[test]
fn overdrawn_credit() {
    let another = [credit("credit-reserved", "2", 30)];
    finds(with(confirmed(), another), "60 of 45 are set aside");
}

#[test]
fn an_order_that_was_rejected_before_all_was_given_back() {
    for kind in ["credit-released", "stock-released"] {
        let late = rejected().into_iter().find(|line| line.1 == kind).unwrap();
        let too_early = with(without(rejected(), kind), [late]);
        finds(too_early, "order 1 was rejected before all was given back");
        finds_also(without(rejected(), kind), "rejected order 1 still holds");
    }
}

#[test]
fn a_confirmed_order_that_holds_too_little() {
    let little = but(confirmed(), "credit-reserved", credit("credit-reserved", "1", 20));
    finds(little, "confirmed order 1 holds 20 of 30: credit of ann");
    let little = but(confirmed(), "stock-reserved", tea("stock-reserved", "1", 1));
    finds(little, "confirmed order 1 holds 1 of 2: stock of tea");
    finds(without(confirmed(), "stock-reserved"), "confirmed order 1 holds 0 of 2: stock of tea");
    finds(without(confirmed(), "payment-authorised"), "order 1 is confirmed without a payment");
}

#[test]
fn a_command_that_was_carried_out_twice() {
    finds(with(rejected(), [ends("order-rejected")]), "an order went from rejected to rejected");
    finds_also(with(confirmed(), [credit("credit-reserved", "1", 30)]), "reserved again");
    finds_also(with(rejected(), [credit("credit-reserved", "1", 30)]), "reserved again");
    finds_also(with(rejected(), [credit("credit-released", "1", 0)]), "carried out 2 times");
    finds_also(with(shipped(), [credit("credit-captured", "1", 0)]), "carried out 2 times");

    let twice = |change: fn(&mut Event, &Event)| {
        let mut log = log(with(shop(), [("stock/tea", "stock-received", json!({ "quantity": 3 }))]));
        let first = log[1].clone();
        change(&mut log[2], &first);
        Report::of(&log, &BTreeSet::new()).findings
    };
    let of_one_cause = twice(|second, first| second.cause.clone_from(&first.cause));
    assert!(of_one_cause.len() == 1 && of_one_cause[0].contains("one cause, twice"), "{of_one_cause:#?}");
    let of_one_id = twice(|second, first| second.id.clone_from(&first.id));
    assert!(of_one_id.len() == 1 && of_one_id[0].contains("stored twice"), "{of_one_id:#?}");
}

#[test]
fn nothing_in_a_payment_that_is_said_again() {
    let mut log = log(with(confirmed(), [authorised()]));
    let (first, again) = (log.len() - 3, log.len() - 1);
    assert_eq!(log[first].kind, log[again].kind);
    log[again].id = log[first].id.clone();
    assert_eq!(Report::of(&log, &BTreeSet::new()).findings, Vec::<String>::new());
}

#[test]
fn an_amount_that_is_not_what_was_held() {
    let less = but(rejected(), "credit-released", credit("credit-released", "1", 20));
    finds_also(less, "30 was held");
    let more = but(rejected(), "stock-released", tea("stock-released", "1", 3));
    finds_also(more, "2 was held");
    let none = [credit("credit-released", "2", 5)];
    finds_also(with(confirmed(), none), "0 was held");
    let unused = tea("stock-released", "1", 2);
    finds(but(shipped(), "stock-shipped", unused), "shipped order 1 used 0 of 2");
}

#[test]
fn a_sum_that_is_not_what_an_event_says() {
    let said = json!({ "order_id": "1", "amount": 30, "reserved": 20 });
    finds(but(confirmed(), "credit-reserved", ("user/ann", "credit-reserved", said)), "30 is set aside");
}

#[test]
fn more_that_is_shipped_than_is_on_hand() {
    let all = ("stock/tea", "stock-shipped", json!({ "order_id": "1", "quantity": 4, "on_hand": 0 }));
    finds_also(but(shipped(), "stock-shipped", all), "fewer than none are on hand");
    let wrong = ("stock/tea", "stock-shipped", json!({ "order_id": "1", "quantity": 2, "on_hand": 2 }));
    finds(but(shipped(), "stock-shipped", wrong), "1 are on hand");
}

#[test]
fn an_order_that_never_ended() {
    is_open(without(confirmed(), "order-confirmed"), "1 is placed: credit of ann holds 30");
    is_open(with(shop(), [placed("order/1")]), "1 is placed: stock of tea holds 0");
    is_open(with(confirmed(), [ends("order-cancelled")]), "1 is cancelled, and still holds 2: stock of tea");
    is_open(with(confirmed(), [ends("order-shipped")]), "1 is shipped, and still holds 30: credit of ann");

    let failed = || with(rejected(), [authorised()]);
    is_open(failed(), "1 has failed, and its payment was not voided");
    let told = BTreeSet::from(["1".to_owned()]);
    assert!(Report::of(&log(failed()), &told).open.is_empty());
}

#[test]
fn an_order_that_ended_as_none_may() {
    finds_also(with(rejected(), [ends("order-confirmed")]), "an order went from rejected to confirmed");
    finds_also(with(shipped(), [ends("order-cancelled")]), "an order went from shipped to cancelled");
    let because = ("order/1", "order-rejected", json!({ "reason": "the weather" }));
    finds(but(rejected(), "order-rejected", because), "was rejected for \"the weather\"");
}
