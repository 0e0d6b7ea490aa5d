//! What holds for any commands and any events, in any order.

mod sagas;
mod views;

use std::collections::BTreeSet;
use std::fmt::Debug;

use event_model::{Decider, Event, Projection, Version, event};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::testing::*;
use crate::{
    Amount, ClaimId, ClaimKey, EmailClaim, Order, OrderView, Orders, Sku, Stock, StockCommand, StockView,
    Stocks, User, UserView, Users, claims,
};

/// The state that these commands lead to, and what happened on the way; what is refused leads nowhere.
fn carried_out<D: Decider>(commands: &[D::Command]) -> (D, Vec<D::Event>) {
    let mut state = D::default();
    let mut history = Vec::new();
    for command in commands {
        for event in state.decide(command.clone()).unwrap_or_default() {
            state = state.evolve(event.clone());
            history.push(event);
        }
    }
    (state, history)
}

/// Asking again decides nothing more: it holds already, or is refused.
fn is_idempotent<D: Decider>(before: &[D::Command], command: &D::Command) -> Result<(), TestCaseError> {
    let (state, _) = carried_out::<D>(before);
    if let Ok(events) = state.decide(command.clone()) {
        let after = events.into_iter().fold(state, D::evolve);
        let again = after.decide(command.clone()).unwrap_or_default();
        prop_assert!(again.is_empty(), "{command:?} again gave {again:?}");
    }
    Ok(())
}

/// Any events make a state, in which any command can be decided and what comes of it can happen.
fn is_total<D: Decider>(events: Vec<D::Event>, command: D::Command) {
    let state = D::fold(events);
    if let Ok(decided) = state.decide(command) {
        let _ = decided.into_iter().fold(state, D::evolve);
    }
}

fn round_trips<E: Event>(happened: &E) -> Result<(), TestCaseError> {
    let tagged = serde_json::to_value(happened).unwrap();
    let tags: Vec<&String> = tagged.as_object().unwrap().keys().collect();
    prop_assert_eq!(tags, [happened.event_type()]);
    prop_assert!(E::TYPES.contains(&happened.event_type()));
    let data = event::encode(happened).unwrap();
    prop_assert_eq!(&event::decode::<E>(happened.event_type(), &data).unwrap(), happened);
    Ok(())
}

/// A snapshot gives back the very state that was kept.
fn state_is_kept<D: Decider + PartialEq>(events: Vec<D::Event>) -> Result<(), TestCaseError> {
    let state = D::fold(events);
    let kept = serde_json::to_string(&state).unwrap();
    prop_assert_eq!(serde_json::from_str::<D>(&kept).unwrap(), state);
    Ok(())
}

/// After each event the row is what the entity's own view shows; an event again, and one whose version does
/// not follow the row's, changes nothing.
fn row_is_the_view<D: Decider, P: Projection>(
    id: &D::Id,
    history: &[D::Event],
    foreign: &D::Event,
    view: impl Fn(&D, Version) -> Option<P::Row>,
) -> Result<(), TestCaseError> {
    let mut state = D::default();
    let mut row = None;
    for (version, happened) in (1..).zip(history) {
        state = state.evolve(happened.clone());
        let event = recorded::<D>(id, version, happened);
        prop_assert_eq!(P::keys(&event).unwrap(), [id.to_string()]);
        row = projected::<P>(row, &event).unwrap();
        prop_assert_eq!(&row, &view(&state, Version::new(version)));
        if row.is_some() {
            prop_assert_eq!(&projected::<P>(row.clone(), &event).unwrap(), &row);
            for wrong in [0, version + 2, u64::MAX] {
                let event = recorded::<D>(id, wrong, foreign);
                prop_assert_eq!(&projected::<P>(row.clone(), &event).unwrap(), &row);
            }
        }
    }
    Ok(())
}

fn columns_are_as_declared<P: Projection>(row: &P::Row) {
    let named: BTreeSet<&str> = P::columns(row).into_iter().map(|(name, _)| name).collect();
    assert_eq!(named, P::INDEXES.concat().into_iter().collect(), "{}", P::NAME);
}

fn all_types_are_made<E: Event>(strategy: impl Strategy<Value = E>) {
    let mut runner = TestRunner::deterministic();
    let made: BTreeSet<&str> =
        (0..400).map(|_| strategy.new_tree(&mut runner).unwrap().current().event_type()).collect();
    assert_eq!(made, E::TYPES.iter().copied().collect());
}

fn many<T: Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    vec(strategy, 0..20)
}

#[test]
fn every_wire_name_belongs_to_an_event() {
    all_types_are_made(user_event());
    all_types_are_made(email_claim_event());
    all_types_are_made(order_event());
    all_types_are_made(stock_event());
}

proptest! {
    #[test]
    fn a_user_asked_twice_decides_once(before in many(user_command()), command in user_command()) {
        is_idempotent::<User>(&before, &command)?;
    }

    #[test]
    fn a_claim_asked_twice_decides_once(
        before in many(email_claim_command()),
        command in email_claim_command(),
    ) {
        is_idempotent::<EmailClaim>(&before, &command)?;
    }

    #[test]
    fn an_order_asked_twice_decides_once(before in many(order_command()), command in order_command()) {
        is_idempotent::<Order>(&before, &command)?;
    }

    #[test]
    fn stock_asked_twice_decides_once(before in many(stock_command()), command in stock_command()) {
        // A receipt is the one command that counts each time.
        if !matches!(command, StockCommand::Receive { .. }) {
            is_idempotent::<Stock>(&before, &command)?;
        }
    }

    #[test]
    fn any_history_makes_a_user(events in many(user_event()), command in user_command()) {
        is_total::<User>(events, command);
    }

    #[test]
    fn any_history_makes_a_claim(events in many(email_claim_event()), command in email_claim_command()) {
        is_total::<EmailClaim>(events, command);
    }

    #[test]
    fn any_history_makes_an_order(events in many(order_event()), command in order_command()) {
        is_total::<Order>(events, command);
    }

    #[test]
    fn any_history_makes_stock(events in many(stock_event()), command in stock_command()) {
        is_total::<Stock>(events, command);
    }

    #[test]
    fn a_snapshot_gives_back_the_state(
        of_user in many(user_event()),
        of_claim in many(email_claim_event()),
        of_order in many(order_event()),
        of_stock in many(stock_event()),
    ) {
        state_is_kept::<User>(of_user)?;
        state_is_kept::<EmailClaim>(of_claim)?;
        state_is_kept::<Order>(of_order)?;
        state_is_kept::<Stock>(of_stock)?;
    }

    #[test]
    fn events_are_read_as_they_are_written(
        of_user in user_event(),
        of_claim in email_claim_event(),
        of_order in order_event(),
        of_stock in stock_event(),
    ) {
        round_trips(&of_user)?;
        round_trips(&of_claim)?;
        round_trips(&of_order)?;
        round_trips(&of_stock)?;
    }

    #[test]
    fn a_user_row_is_the_view(commands in many(user_command()), foreign in user_event()) {
        let id = user_id(9);
        let (_, history) = carried_out::<User>(&commands);
        row_is_the_view::<User, Users>(&id, &history, &foreign, |user, version| user.view(id, version))?;
    }

    #[test]
    fn an_order_row_is_the_view(commands in many(order_command()), foreign in order_event()) {
        let id = order_id(9);
        let (_, history) = carried_out::<Order>(&commands);
        row_is_the_view::<Order, Orders>(&id, &history, &foreign, |order, version| order.view(id, version))?;
    }

    #[test]
    fn a_stock_row_is_the_view(commands in many(stock_command()), foreign in stock_event()) {
        let id: Sku = "tea".parse().unwrap();
        let (_, history) = carried_out::<Stock>(&commands);
        let view = |stock: &Stock, version| stock.view("tea".parse().unwrap(), version);
        row_is_the_view::<Stock, Stocks>(&id, &history, &foreign, view)?;
    }

    #[test]
    fn rows_are_read_as_they_are_written_and_have_their_columns(
        of_user in many(user_command()),
        of_order in many(order_command()),
        of_stock in many(stock_command()),
    ) {
        if let Some(row) = carried_out::<User>(&of_user).0.view(user_id(9), Version::new(1)) {
            let json = serde_json::to_string(&row).unwrap();
            prop_assert_eq!(&serde_json::from_str::<UserView>(&json).unwrap(), &row);
            columns_are_as_declared::<Users>(&row);
        }
        if let Some(row) = carried_out::<Order>(&of_order).0.view(order_id(9), Version::new(1)) {
            let json = serde_json::to_string(&row).unwrap();
            prop_assert_eq!(&serde_json::from_str::<OrderView>(&json).unwrap(), &row);
            prop_assert!(row.total == row.lines.total() && row.total <= Amount::MAX);
            columns_are_as_declared::<Orders>(&row);
        }
        let sku = "tea".parse().unwrap();
        if let Some(row) = carried_out::<Stock>(&of_stock).0.view(sku, Version::new(1)) {
            let json = serde_json::to_string(&row).unwrap();
            prop_assert_eq!(&serde_json::from_str::<StockView>(&json).unwrap(), &row);
            columns_are_as_declared::<Stocks>(&row);
        }
    }

    #[test]
    fn stock_is_never_oversold(commands in many(stock_command())) {
        use crate::StockEvent::{StockReceived, StockRefused, StockReleased, StockReserved, StockShipped};

        let (mut in_house, mut set_aside) = (0, 0);
        for happened in carried_out::<Stock>(&commands).1 {
            match happened {
                StockReceived { quantity, on_hand } => {
                    in_house += quantity.get();
                    prop_assert_eq!(on_hand.get(), in_house);
                }
                StockReserved { reserved, .. } | StockReleased { reserved, .. } => set_aside = reserved.get(),
                StockRefused { available, .. } => prop_assert_eq!(available.get(), in_house - set_aside),
                StockShipped { quantity, on_hand, reserved, .. } => {
                    prop_assert!(quantity.get() <= in_house);
                    in_house -= quantity.get();
                    set_aside -= quantity.get();
                    prop_assert_eq!((on_hand.get(), reserved.get()), (in_house, set_aside));
                }
            }
            prop_assert!(set_aside <= in_house);
        }
    }

    #[test]
    fn credit_is_never_given_beyond_the_limit_of_the_moment(commands in many(user_command())) {
        let mut user = User::default();
        for command in &commands {
            for happened in user.decide(command.clone()).unwrap_or_default() {
                let gives = matches!(happened, crate::UserEvent::CreditReserved { .. });
                user = user.evolve(happened);
                if gives {
                    let view = user.view(user_id(9), Version::new(1)).unwrap();
                    prop_assert!(view.credit.available >= 0, "{:?}", view.credit);
                }
            }
        }
    }

    #[test]
    fn a_user_holds_the_claim_on_its_address_and_no_other(commands in many(user_command())) {
        let (key, id) = (ClaimKey::from([7; 32]), user_id(9));
        let mut user = User::default();
        let mut held = BTreeSet::new();
        for command in commands {
            let events = user.decide(command).unwrap_or_default();
            for (claim, command) in claims(&user, &events, id, &key) {
                match command {
                    crate::EmailClaimCommand::Claim { user_id } => {
                        prop_assert!(user_id == id && held.insert(claim));
                    }
                    crate::EmailClaimCommand::Release { user_id } => {
                        prop_assert!(user_id == id && held.remove(&claim));
                    }
                }
            }
            user = events.into_iter().fold(user, User::evolve);
            let owed: BTreeSet<ClaimId> = user.email().map(|email| ClaimId::of(email, &key)).into_iter().collect();
            prop_assert_eq!(&held, &owed);
        }
    }
}
