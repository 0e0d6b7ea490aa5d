//! The rules of stock, by example.

use event_model::given;

use super::*;
use crate::testing::{order_id, quantity, units};

fn receive(count: u64) -> StockCommand {
    StockCommand::Receive { quantity: quantity(count) }
}

fn reserve(order: u128, count: u64) -> StockCommand {
    StockCommand::Reserve { order_id: order_id(order), quantity: units(count) }
}

fn release(order: u128) -> StockCommand {
    StockCommand::Release { order_id: order_id(order) }
}

fn ship(order: u128) -> StockCommand {
    StockCommand::Ship { order_id: order_id(order) }
}

fn received(count: u64, on_hand: u64) -> StockEvent {
    StockEvent::StockReceived { quantity: quantity(count), on_hand: units(on_hand) }
}

fn reserved(order: u128, count: u64, all: u64) -> StockEvent {
    StockEvent::StockReserved { order_id: order_id(order), quantity: units(count), reserved: units(all) }
}

fn refused(order: u128, count: u64, available: u64) -> StockEvent {
    StockEvent::StockRefused {
        order_id: order_id(order),
        quantity: units(count),
        available: units(available),
    }
}

fn released(order: u128, count: u64, all: u64) -> StockEvent {
    StockEvent::StockReleased { order_id: order_id(order), quantity: units(count), reserved: units(all) }
}

fn shipped(order: u128, count: u64, on_hand: u64, all: u64) -> StockEvent {
    let (order_id, quantity) = (order_id(order), units(count));
    StockEvent::StockShipped { order_id, quantity, on_hand: units(on_hand), reserved: units(all) }
}

#[test]
fn receipts_add_up() {
    given::<Stock>([]).when(receive(5)).then([received(5, 5)]);
    given::<Stock>([received(5, 5)]).when(receive(5)).then([received(5, 10)]);
}

#[test]
fn no_more_is_received_than_can_be_counted() {
    let most = Units::MAX.get();
    given::<Stock>([received(1, most - 1)]).when(receive(1)).then([received(1, most)]);
    given::<Stock>([received(1, most)])
        .when(receive(1))
        .then_rejected(&StockRejection::TooMany { on_hand: Units::MAX });
}

#[test]
fn stock_is_set_aside_as_far_as_it_goes() {
    given::<Stock>([received(5, 5)]).when(reserve(1, 5)).then([reserved(1, 5, 5)]);
    given::<Stock>([received(5, 5), reserved(1, 3, 3)]).when(reserve(2, 2)).then([reserved(2, 2, 5)]);
    given::<Stock>([received(5, 5), reserved(1, 3, 3)]).when(reserve(2, 3)).then([refused(2, 3, 2)]);
}

#[test]
fn reserving_sets_what_the_order_holds() {
    let history = [received(5, 5), reserved(1, 3, 3)];
    given::<Stock>(history).when(reserve(1, 5)).then([reserved(1, 5, 5)]);
    given::<Stock>(history).when(reserve(1, 1)).then([reserved(1, 1, 1)]);
    given::<Stock>(history).when(reserve(1, 6)).then([refused(1, 6, 2)]);
}

#[test]
fn the_same_wish_is_answered_once() {
    given::<Stock>([received(5, 5), reserved(1, 3, 3)]).when(reserve(1, 3)).then_nothing();
    given::<Stock>([received(5, 5), refused(1, 6, 5)]).when(reserve(1, 6)).then_nothing();
    given::<Stock>([received(5, 5), refused(1, 6, 5), received(5, 10)]).when(reserve(1, 6)).then_nothing();
}

#[test]
fn an_article_without_a_receipt_needs_no_stock() {
    given::<Stock>([]).when(reserve(1, 7)).then([reserved(1, 0, 0)]);
    given::<Stock>([reserved(1, 0, 0)]).when(reserve(1, 7)).then_nothing();
    given::<Stock>([reserved(1, 0, 0)]).when(release(1)).then([released(1, 0, 0)]);
    given::<Stock>([reserved(1, 0, 0)]).when(ship(1)).then([shipped(1, 0, 0, 0)]);
}

#[test]
fn an_order_from_before_the_first_receipt_needs_no_stock_after_it() {
    let history = [reserved(1, 0, 0), received(5, 5)];
    given::<Stock>(history).when(reserve(1, 7)).then_nothing();
    given::<Stock>(history).when(ship(1)).then([shipped(1, 0, 5, 0)]);
    given::<Stock>(history).when(reserve(2, 5)).then([reserved(2, 5, 5)]);
}

#[test]
fn a_release_is_recorded_once_and_never_leaks() {
    let history = [received(5, 5), reserved(1, 3, 3)];
    given::<Stock>(history).when(release(1)).then([released(1, 3, 0)]);
    given::<Stock>([received(5, 5)]).when(release(1)).then([released(1, 0, 0)]);
    let overtaken = [received(5, 5), released(1, 0, 0)];
    given::<Stock>(overtaken).when(release(1)).then_nothing();
    given::<Stock>(overtaken).when(reserve(1, 3)).then([refused(1, 3, 5)]);
    given::<Stock>(overtaken.into_iter().chain([refused(1, 3, 5)])).when(reserve(1, 3)).then_nothing();
    given::<Stock>([released(1, 0, 0)]).when(reserve(1, 3)).then([refused(1, 3, 0)]);
}

#[test]
fn what_is_shipped_is_gone() {
    let history = [received(5, 5), reserved(1, 3, 3), reserved(2, 1, 4)];
    given::<Stock>(history).when(ship(1)).then([shipped(1, 3, 2, 1)]);
    let after = [received(5, 5), reserved(1, 3, 3), shipped(1, 3, 2, 0)];
    given::<Stock>(after).when(ship(1)).then_nothing();
    given::<Stock>(after).when(release(1)).then([released(1, 0, 0)]);
    given::<Stock>(after.into_iter().chain([released(1, 0, 0)])).when(release(1)).then_nothing();
    given::<Stock>(after).when(reserve(1, 1)).then([refused(1, 1, 2)]);
    given::<Stock>(after).when(reserve(2, 2)).then([reserved(2, 2, 2)]);
}

#[test]
fn shipping_what_is_not_reserved_is_recorded_once() {
    given::<Stock>([received(5, 5)]).when(ship(1)).then([shipped(1, 0, 5, 0)]);
    given::<Stock>([received(5, 5), shipped(1, 0, 5, 0)]).when(ship(1)).then_nothing();
    given::<Stock>([received(5, 5), released(1, 0, 0)]).when(ship(1)).then([shipped(1, 0, 5, 0)]);
}

#[test]
fn people_see_an_article_once_it_is_tracked() {
    let sku: Sku = "tea".parse().unwrap();
    let tracked = Stock::fold([reserved(1, 0, 0), received(5, 5), reserved(2, 3, 3)]);
    assert_eq!(
        serde_json::to_value(tracked.view(sku.clone(), Version::new(3))).unwrap(),
        serde_json::json!({"sku": "tea", "on_hand": 5, "reserved": 3, "available": 2, "version": 3})
    );
    assert_eq!(Stock::fold([reserved(1, 0, 0)]).view(sku, Version::new(1)), None);
}
