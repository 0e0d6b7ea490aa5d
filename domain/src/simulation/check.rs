//! What must be true once everything has come to rest.

use std::collections::BTreeMap;

use event_model::{Decider as _, Progress, Recorded, Saga as _, Version};
use proptest::prelude::*;

use super::world::World;
use crate::*;

type Checked = Result<(), TestCaseError>;

pub(super) fn every_order_has_come_to_an_end(world: &World) -> Checked {
    for (id, (order, _)) in &world.orders.0 {
        let view = order.view(id.parse().unwrap(), Version::new(1)).unwrap();
        let gone = is_deleted(world, &view.user_id.to_string());
        match view.status {
            OrderStatus::Draft => prop_assert!(!gone, "a draft of a deleted user: {}", id),
            // A departure cancels what holds the user's credit: where somebody has let that go by hand it cannot know.
            OrderStatus::Confirmed => {
                prop_assert!(
                    !gone || was_meddled_with(world, id),
                    "a confirmed order of a deleted user: {}",
                    id
                );
            }
            OrderStatus::Placed => prop_assert!(false, "{} is never decided", id),
            OrderStatus::Rejected => {
                let reason = view.reason.unwrap().to_string();
                let known = ["credit: ", "stock of ", "payment: ", "deadline: ", "by hand"];
                prop_assert!(known.iter().any(|known| reason.starts_with(known)), "{}", reason);
            }
            OrderStatus::Cancelled | OrderStatus::Shipped | OrderStatus::Completed => {}
        }
    }
    Ok(())
}

pub(super) fn every_saga_is_done(world: &World) -> Checked {
    for (id, (order, _)) in &world.orders.0 {
        let Progress::Done { outcome } = world.progress(id) else {
            // Cancelled as a draft, or still one.
            let never_placed = !world.log.iter().any(|event| is(event, id, "order-placed"));
            prop_assert!(never_placed, "{} {:?}: {:?}", id, order.status(), world.progress(id));
            continue;
        };
        let abandoned = outcome == "abandoned" && world.abandoned.contains(id);
        prop_assert!(abandoned || order.status().unwrap().as_str() == outcome, "{:?} {}", order, outcome);
    }
    for (id, (departure, _)) in &world.departures.0 {
        let done = matches!(departure.progress(), Progress::Done { .. });
        prop_assert_eq!(done, is_deleted(world, id));
    }
    Ok(())
}

/// Every unit and every cent that was set aside was let go, was used up, or is held by a confirmed order.
pub(super) fn what_is_held_is_needed(world: &World) -> Checked {
    for ((entity, order), [reserved, gone]) in moved(world) {
        let held = reserved - gone;
        let confirmed =
            world.orders.0.get(&order).and_then(|(order, _)| order.status()) == Some(OrderStatus::Confirmed);
        if !confirmed {
            prop_assert_eq!(held, 0, "{} holds for {}", entity, order);
        } else if !was_meddled_with(world, &order) {
            prop_assert_eq!(held, needed(world, &entity, &order), "{} holds for {}", entity, order);
        }
    }
    Ok(())
}

pub(super) fn nothing_is_sold_twice(world: &World) -> Checked {
    for (sku, (stock, version)) in &world.stock.0 {
        let version = Version::new(*version);
        let Some(view) = stock.view(sku.parse().unwrap(), version) else { continue };
        prop_assert!(view.reserved <= view.on_hand, "{:?}", view);
        let (mut received, mut shipped) = (0, 0);
        for event in of(world, Stock::CATEGORY, sku) {
            match event.decode::<StockEvent>().unwrap() {
                StockEvent::StockReceived { quantity, .. } => received += quantity.get(),
                StockEvent::StockShipped { quantity, .. } => shipped += quantity.get(),
                StockEvent::StockReserved { .. }
                | StockEvent::StockRefused { .. }
                | StockEvent::StockReleased { .. } => {}
            }
        }
        prop_assert_eq!(Some(view.on_hand.get()), u64::checked_sub(received, shipped), "{}", sku);
    }
    Ok(())
}

/// Payment holds money for no order that came to nothing.
pub(super) fn nobody_paid_for_nothing(world: &World) -> Checked {
    for order in &world.paid {
        let status = world.orders.0[order].0.status().unwrap();
        prop_assert!(matches!(status, OrderStatus::Confirmed | OrderStatus::Shipped), "{} {}", order, status);
    }
    Ok(())
}

pub(super) fn what_is_sent_is_understood(world: &World) -> Checked {
    prop_assert_eq!(&world.misunderstood, &vec![]);
    Ok(())
}

pub(super) fn what_is_shipped_is_used_up(world: &World) -> Checked {
    for (id, (order, _)) in &world.orders.0 {
        if order.status() != Some(OrderStatus::Shipped) {
            continue;
        }
        let settled = world.log.iter().filter(|event| {
            let data: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
            ["credit-captured", "stock-shipped"].contains(&event.event_type.as_str())
                && data["order_id"] == id.as_str()
        });
        for event in settled {
            let data: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
            let used = data["amount"].as_u64().or(data["quantity"].as_u64()).unwrap();
            prop_assert_eq!(
                used,
                needed(world, &event.entity.to_string(), id),
                "{} for {}",
                event.entity,
                id
            );
        }
        let placed = world.log.iter().find(|event| is(event, id, "order-placed")).unwrap();
        let OrderEvent::OrderPlaced { lines, .. } = placed.decode().unwrap() else { unreachable!() };
        let settled = moved(world).into_iter().filter(|((_, order), _)| order == id).count();
        prop_assert_eq!(settled, 1 + lines.units().len(), "{}", id);
    }
    Ok(())
}

/// For each user or article and each order: what was set aside, and what of it was let go or used up.
fn moved(world: &World) -> BTreeMap<(String, String), [u64; 2]> {
    let mut moved: BTreeMap<_, [u64; 2]> = BTreeMap::new();
    for event in &world.log {
        let data: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
        let which = match event.event_type.as_str() {
            "credit-reserved" | "stock-reserved" => 0,
            "credit-released" | "credit-captured" | "stock-released" | "stock-shipped" => 1,
            _ => continue,
        };
        let number = data["amount"].as_u64().or(data["quantity"].as_u64()).unwrap();
        let order = data["order_id"].as_str().unwrap().to_owned();
        moved.entry((event.entity.to_string(), order)).or_default()[which] += number;
    }
    moved
}

/// What an order needs of a user's credit or of an article; of an article without a receipt at that moment: nothing.
fn needed(world: &World, entity: &str, order: &str) -> u64 {
    let placed = world.log.iter().find(|event| is(event, order, "order-placed")).unwrap();
    let OrderEvent::OrderPlaced { user_id, lines, total, .. } = placed.decode().unwrap() else {
        unreachable!()
    };
    let Some(sku) = entity.strip_prefix("stock/") else {
        return if entity == format!("user/{user_id}") { total.get() } else { 0 };
    };
    let waived = of(world, Stock::CATEGORY, sku).any(|event| {
        let data: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
        event.event_type == "stock-reserved" && data["order_id"] == order && data["quantity"] == 0
    });
    let of_sku = lines.units().get(&sku.parse().unwrap()).map_or(0, |units| units.get());
    if waived { 0 } else { of_sku }
}

/// Somebody let go, or used up, what the order still needs.
fn was_meddled_with(world: &World, order: &str) -> bool {
    moved(world).into_iter().any(|((_, of), [_, gone])| of == order && gone > 0)
}

fn of<'a>(world: &'a World, category: &'a str, id: &'a str) -> impl Iterator<Item = &'a Recorded> {
    world.log.iter().filter(move |event| event.entity.category == category && event.entity.id == id)
}

fn is(event: &Recorded, order: &str, event_type: &str) -> bool {
    event.entity.category == Order::CATEGORY && event.entity.id == order && event.event_type == event_type
}

fn is_deleted(world: &World, user: &str) -> bool {
    of(world, User::CATEGORY, user).any(|event| event.event_type == "user-deleted")
}
