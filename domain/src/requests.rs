//! What the sagas ask of other entities, as it goes over the wire: every command name and every body that they send.
//!
//! What becomes of them stands with whoever is asked: [`User`], [`Stock`],
//! [`Order`], or another tool. Each is answered by an event, or changes nothing.

use event_model::{Decider, EntityName, Request};
use serde_json::{Map, Value};

use crate::order::Order;
use crate::stock::Stock;
use crate::user::User;
use crate::value::{Amount, OrderId, Participant, Sku, Text, Units, UserId};

/// `commands.user.<id>.reserve-credit`: answered by `credit-reserved` or `credit-refused`.
pub fn reserve_credit(user_id: UserId, order_id: OrderId, amount: Amount) -> Request {
    let body = [order(order_id), ("amount", amount.get().into())];
    request(EntityName::new(User::CATEGORY, user_id), "reserve-credit", body)
}

/// `commands.user.<id>.release-credit`: answered by `credit-released`.
pub fn release_credit(user_id: UserId, order_id: OrderId) -> Request {
    request(EntityName::new(User::CATEGORY, user_id), "release-credit", [order(order_id)])
}

/// `commands.user.<id>.capture-credit`: answered by `credit-captured`.
pub fn capture_credit(user_id: UserId, order_id: OrderId) -> Request {
    request(EntityName::new(User::CATEGORY, user_id), "capture-credit", [order(order_id)])
}

/// `commands.stock.<sku>.reserve`: answered by `stock-reserved` or `stock-refused`.
pub fn reserve_stock(sku: &Sku, order_id: OrderId, quantity: Units) -> Request {
    let body = [order(order_id), ("quantity", quantity.get().into())];
    request(EntityName::new(Stock::CATEGORY, sku), "reserve", body)
}

/// `commands.stock.<sku>.release`: answered by `stock-released`.
pub fn release_stock(sku: &Sku, order_id: OrderId) -> Request {
    request(EntityName::new(Stock::CATEGORY, sku), "release", [order(order_id)])
}

/// `commands.stock.<sku>.ship`: answered by `stock-shipped`.
pub fn ship_stock(sku: &Sku, order_id: OrderId) -> Request {
    request(EntityName::new(Stock::CATEGORY, sku), "ship", [order(order_id)])
}

/// `commands.order.<id>.confirm`: answered by `order-confirmed`.
pub fn confirm_order(order_id: OrderId) -> Request {
    request(EntityName::new(Order::CATEGORY, order_id), "confirm", [])
}

/// `commands.order.<id>.reject`: answered by `order-rejected`.
pub fn reject_order(order_id: OrderId, reason: &Text) -> Request {
    request(EntityName::new(Order::CATEGORY, order_id), "reject", [because(reason.as_str())])
}

/// `commands.order.<id>.cancel`: answered by `order-cancelled`.
pub fn cancel_order(order_id: OrderId, reason: &str) -> Request {
    request(EntityName::new(Order::CATEGORY, order_id), "cancel", [because(reason)])
}

/// `commands.<participant>.<order id>.authorise`: answered by `<participant>-authorised` or `<participant>-declined`.
pub fn authorise(participant: &Participant, order_id: OrderId, user_id: UserId, amount: Amount) -> Request {
    let body = [order(order_id), ("user_id", user_id.to_string().into()), ("amount", amount.get().into())];
    request(EntityName::new(participant.as_str(), order_id), "authorise", body)
}

/// `commands.<participant>.<order id>.void`: no answer is waited for.
pub fn void(participant: &Participant, order_id: OrderId) -> Request {
    request(EntityName::new(participant.as_str(), order_id), "void", [order(order_id)])
}

type Field = (&'static str, Value);

fn order(order_id: OrderId) -> Field {
    ("order_id", order_id.to_string().into())
}

fn because(reason: &str) -> Field {
    ("reason", reason.into())
}

fn request<const N: usize>(entity: EntityName, command: &'static str, body: [Field; N]) -> Request {
    let body: Map<_, _> = body.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Request { entity, command, body }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{amount, order_id, text, units, user_id};

    #[test]
    fn every_request_is_as_the_contract_has_it() {
        let (user, order, tea) = (user_id(1), order_id(2), "tea".parse().unwrap());
        let payment = "payment".parse().unwrap();
        let (u, o) = (user.to_string(), order.to_string());
        for (request, entity, command, body) in [
            (
                reserve_credit(user, order, amount(900)),
                format!("user/{u}"),
                "reserve-credit",
                json!({"order_id": o, "amount": 900}),
            ),
            (release_credit(user, order), format!("user/{u}"), "release-credit", json!({"order_id": o})),
            (capture_credit(user, order), format!("user/{u}"), "capture-credit", json!({"order_id": o})),
            (
                reserve_stock(&tea, order, units(5)),
                "stock/tea".to_owned(),
                "reserve",
                json!({"order_id": o, "quantity": 5}),
            ),
            (release_stock(&tea, order), "stock/tea".to_owned(), "release", json!({"order_id": o})),
            (ship_stock(&tea, order), "stock/tea".to_owned(), "ship", json!({"order_id": o})),
            (confirm_order(order), format!("order/{o}"), "confirm", json!({})),
            (reject_order(order, &text("no")), format!("order/{o}"), "reject", json!({"reason": "no"})),
            (cancel_order(order, "gone"), format!("order/{o}"), "cancel", json!({"reason": "gone"})),
            (
                authorise(&payment, order, user, amount(900)),
                format!("payment/{o}"),
                "authorise",
                json!({"order_id": o, "user_id": u, "amount": 900}),
            ),
            (void(&payment, order), format!("payment/{o}"), "void", json!({"order_id": o})),
        ] {
            assert_eq!((request.entity.to_string(), request.command), (entity, command));
            assert_eq!(Value::Object(request.body), body, "{command}");
        }
    }
}
