//! What can be done in the world, by people and by mischance.

use proptest::collection::vec;
use proptest::prelude::*;

use super::world::{SKUS, USERS, World};
use crate::testing::*;
use crate::*;

const ORDERS: u128 = 4;

#[derive(Debug, Clone)]
pub(super) enum Deed {
    Learn { saga: usize, events: usize },
    Send { events: usize },
    Crash { which: usize, back: usize },
    CarryOut { which: usize, stays: bool },
    Expire { which: usize },
    Place { order: u128, user: u128, lines: Vec<(usize, u64)>, as_draft: bool },
    PlaceDraft { order: u128 },
    Ship { order: u128 },
    Cancel { order: u128 },
    DeleteUser { user: u128 },
    Receive { sku: usize },
    Limit { user: u128, amount: u64 },
    Confirm { order: u128 },
    Reject { order: u128 },
    Meddle { order: u128, user: u128, sku: usize, how: usize },
    Abandon { order: u128 },
}

impl Deed {
    pub(super) fn is_done_in(&self, world: &mut World) {
        match self.clone() {
            Self::Learn { saga, events } => (0..events).for_each(|_| world.learn(saga)),
            Self::Send { events } => (0..events).for_each(|_| world.send()),
            Self::Crash { which, back } => world.crash(which, back),
            Self::CarryOut { which, stays } => world.carry_out(which, stays),
            Self::Expire { which } => world.expire(which),
            Self::Place { order, user, lines, as_draft } => {
                let lines = lines.into_iter().map(|(sku, count)| line(SKUS[sku], count, 3 + sku as u64));
                let (user_id, lines, ship_to) = (user_id(user), Lines::new(lines.collect()).unwrap(), None);
                world.order(
                    order_id(order),
                    if as_draft {
                        OrderCommand::Draft { user_id, lines, ship_to }
                    } else {
                        OrderCommand::PlaceNew { user_id, lines, ship_to }
                    },
                );
            }
            Self::PlaceDraft { order } => world.order(order_id(order), OrderCommand::Place),
            Self::Ship { order } => world.order(order_id(order), OrderCommand::Ship),
            Self::Cancel { order } => world.order(order_id(order), OrderCommand::Cancel { reason: None }),
            Self::DeleteUser { user } => world.user(user_id(user), UserCommand::Delete),
            Self::Receive { sku } => {
                world.stock(&SKUS[sku].parse().unwrap(), StockCommand::Receive { quantity: quantity(2) });
            }
            Self::Limit { user, amount: limit } => {
                world.user(user_id(user), UserCommand::ChangeCreditLimit { amount: amount(limit) });
            }
            Self::Confirm { order } => world.order(order_id(order), OrderCommand::Confirm),
            Self::Reject { order } => {
                world.order(order_id(order), OrderCommand::Reject { reason: text("by hand") });
            }
            Self::Meddle { order, user, sku, how } => meddle(world, order, user, sku, how),
            Self::Abandon { order } => {
                let id = order_id(order);
                world.abandoned.insert(id.to_string());
                world.checkout(id, <Checkout as event_model::Saga>::abandon("by hand"));
            }
        }
    }
}

/// Somebody sends the sagas' own commands.
fn meddle(world: &mut World, order: u128, user: u128, sku: usize, how: usize) {
    let (order_id, sku) = (order_id(order), SKUS[sku].parse().unwrap());
    match how {
        0 => world.user(user_id(user), UserCommand::ReleaseCredit { order_id }),
        1 => world.user(user_id(user), UserCommand::CaptureCredit { order_id }),
        2 => world.stock(&sku, StockCommand::Release { order_id }),
        _ => world.stock(&sku, StockCommand::Ship { order_id }),
    }
}

/// What people and machines do in an ordinary shop.
pub(super) fn honest_deed() -> impl Strategy<Value = Deed> {
    let lines = || vec((0..SKUS.len(), 1_u64..5), 1..4);
    prop_oneof![
        12 => (0..2_usize, 1..6_usize).prop_map(|(saga, events)| Deed::Learn { saga, events }),
        12 => (1..6_usize).prop_map(|events| Deed::Send { events }),
        24 => (0..40_usize, any::<bool>(), any::<bool>())
            .prop_map(|(which, once, again)| Deed::CarryOut { which, stays: once && again }),
        3 => (0..3_usize, 1..20_usize).prop_map(|(which, back)| Deed::Crash { which, back }),
        1 => (0..4_usize).prop_map(|which| Deed::Expire { which }),
        10 => (0..ORDERS, 0..USERS + 1, lines(), any::<bool>(), any::<bool>()).prop_map(
            |(order, user, lines, some, draft)| Deed::Place { order, user, lines, as_draft: some && draft }
        ),
        4 => (0..ORDERS).prop_map(|order| Deed::PlaceDraft { order }),
        6 => (0..ORDERS).prop_map(|order| Deed::Ship { order }),
        3 => (0..ORDERS).prop_map(|order| Deed::Cancel { order }),
        1 => (0..USERS).prop_map(|user| Deed::DeleteUser { user }),
        2 => (0..SKUS.len()).prop_map(|sku| Deed::Receive { sku }),
        1 => (0..USERS, 0..60_u64).prop_map(|(user, amount)| Deed::Limit { user, amount }),
    ]
}

/// And what else is possible.
pub(super) fn any_deed() -> impl Strategy<Value = Deed> {
    let meddling = (0..ORDERS, 0..USERS, 0..SKUS.len(), 0..4_usize);
    prop_oneof![
        20 => honest_deed(),
        4 => (0..ORDERS).prop_map(|order| Deed::Confirm { order }),
        1 => (0..ORDERS).prop_map(|order| Deed::Reject { order }),
        1 => (0..ORDERS).prop_map(|order| Deed::Abandon { order }),
        1 => meddling.prop_map(|(order, user, sku, how)| Deed::Meddle { order, user, sku, how }),
    ]
}
