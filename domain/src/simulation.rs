//! The whole shop in memory, and everything that can come in its way: sagas and entities are connected by a log and a
//! queue that deliver late, out of order, twice, and from the middle again after a crash, while people cancel, ship,
//! delete and meddle. In the end nothing is held that no order needs, and nobody waits.

mod check;
mod deed;
mod world;

use std::collections::BTreeSet;

use event_model::Event as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::{CheckoutEvent, DepartureEvent, OrderStatus};
use deed::{Deed, any_deed, honest_deed};
use world::World;

fn carried_out(deeds: &[Deed]) -> World {
    let mut world = World::new();
    for deed in deeds {
        deed.is_done_in(&mut world);
    }
    world.comes_to_rest();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 768, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_is_lost_and_nobody_waits(deeds in vec(any_deed(), 0..120)) {
        let world = carried_out(&deeds);
        check::every_order_has_come_to_an_end(&world)?;
        check::every_saga_is_done(&world)?;
        check::what_is_held_is_needed(&world)?;
        check::nothing_is_sold_twice(&world)?;
        check::nobody_paid_for_nothing(&world)?;
        check::what_is_sent_is_understood(&world)?;
    }

    #[test]
    fn without_meddling_every_shipped_order_is_paid_and_taken_from_stock(deeds in vec(honest_deed(), 0..120)) {
        let world = carried_out(&deeds);
        check::every_order_has_come_to_an_end(&world)?;
        check::every_saga_is_done(&world)?;
        check::what_is_held_is_needed(&world)?;
        check::what_is_shipped_is_used_up(&world)?;
        check::nobody_paid_for_nothing(&world)?;
    }
}

/// The happy way is walked: a simulation in which nothing ever succeeds would prove nothing.
#[test]
fn an_order_is_confirmed_shipped_and_used_up() {
    let mut world =
        carried_out(&[Deed::Place { order: 0, user: 0, lines: vec![(0, 2), (1, 1)], as_draft: false }]);
    assert_eq!(world.statuses(), [(0, OrderStatus::Confirmed)]);
    Deed::Ship { order: 0 }.is_done_in(&mut world);
    world.comes_to_rest();
    assert_eq!(world.statuses(), [(0, OrderStatus::Shipped)]);
    check::every_saga_is_done(&world).unwrap();
    check::what_is_shipped_is_used_up(&world).unwrap();
}

#[test]
fn all_that_can_happen_to_a_saga_happens() {
    let (mut runner, deeds) = (TestRunner::deterministic(), vec(any_deed(), 0..120));
    let worlds = (0..200).map(|_| carried_out(&deeds.new_tree(&mut runner).unwrap().current()));
    let happened: BTreeSet<_> = worlds.flat_map(|world| world.log).map(|event| event.event_type).collect();
    let all = [CheckoutEvent::TYPES, DepartureEvent::TYPES].concat();
    let never: Vec<_> = all.into_iter().filter(|event_type| !happened.contains(*event_type)).collect();
    assert!(never.is_empty(), "{never:?}");
}
