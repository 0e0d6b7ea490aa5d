//! What holds for any saga, whatever it learns and in whatever order.

use event_model::{Progress, Saga};

use super::*;
use crate::testing::sagas::*;
use crate::{Checkout, CheckoutCommand, Departure, SagaRow, Sagas};

/// After each event the row shows the saga's own progress, from the moment that it has begun.
fn row_is_the_progress<S: Saga>(
    id: &S::Id,
    history: &[S::Event],
    foreign: &S::Event,
) -> Result<(), TestCaseError> {
    let mut state = S::default();
    let mut row: Option<SagaRow> = None;
    for (version, happened) in (1..).zip(history) {
        state = state.evolve(happened.clone());
        let event = recorded::<S>(id, version, happened);
        prop_assert_eq!(Sagas::keys(&event).unwrap(), [format!("{}/{id}", S::CATEGORY)]);
        row = projected::<Sagas>(row, &event).unwrap();
        let seen = row.as_ref().map(|row| (row.view.version, row.view.outcome.clone()));
        let version = Version::new(version);
        let wanted = match state.progress() {
            Progress::NotBegun => None,
            Progress::Running { .. } => Some((version, None)),
            Progress::Done { outcome } => Some((version, Some(outcome))),
        };
        prop_assert_eq!(seen, wanted);
        let Some(row) = &row else { continue };
        for wrong in [0, version.get(), version.get() + 2, u64::MAX] {
            let event = recorded::<S>(id, wrong, foreign);
            prop_assert_eq!(&projected::<Sagas>(Some(row.clone()), &event).unwrap().unwrap(), row);
        }
        let json = serde_json::to_string(row).unwrap();
        prop_assert_eq!(&serde_json::from_str::<SagaRow>(&json).unwrap(), row);
        columns_are_as_declared::<Sagas>(row);
    }
    Ok(())
}

#[test]
fn every_wire_name_of_a_saga_belongs_to_an_event() {
    all_types_are_made(checkout_event());
    all_types_are_made(departure_event());
}

proptest! {
    #[test]
    fn a_checkout_asked_twice_decides_once(
        before in many(checkout_command()),
        command in checkout_command(),
    ) {
        // Giving it up is the one command that counts each time.
        if !matches!(command, CheckoutCommand::Abandon { .. }) {
            is_idempotent::<Checkout>(&before, &command)?;
        }
    }

    #[test]
    fn a_departure_asked_twice_decides_once(
        before in many(departure_command()),
        command in departure_command(),
    ) {
        is_idempotent::<Departure>(&before, &command)?;
    }

    #[test]
    fn a_departure_that_learns_all_of_it_again_does_nothing_more(before in many(departure_command())) {
        let (state, _) = carried_out::<Departure>(&before);
        let sent = |command: &_| state.decide(Clone::clone(command)).unwrap();
        prop_assert!(before.iter().flat_map(sent).all(|event| Departure::send(&user_id(1), &event).is_empty()));
    }

    #[test]
    fn any_history_makes_a_saga(
        of_checkout in many(checkout_event()),
        of_departure in many(departure_event()),
        checkout in checkout_command(),
        departure in departure_command(),
    ) {
        is_total::<Checkout>(of_checkout.clone(), checkout);
        is_total::<Departure>(of_departure.clone(), departure);
        state_is_kept::<Checkout>(of_checkout)?;
        state_is_kept::<Departure>(of_departure)?;
    }

    #[test]
    fn a_saga_waits_for_something_or_is_done(commands in many(checkout_command())) {
        let (checkout, _) = carried_out::<Checkout>(&commands);
        if let Progress::Running { waits_for } = checkout.progress() {
            prop_assert!(!waits_for.is_empty());
        }
    }

    #[test]
    fn events_of_sagas_are_read_as_they_are_written(
        of_checkout in checkout_event(),
        of_departure in departure_event(),
    ) {
        round_trips(&of_checkout)?;
        round_trips(&of_departure)?;
    }

    #[test]
    fn a_saga_row_is_its_progress(
        of_checkout in many(checkout_command()),
        of_departure in many(departure_command()),
        foreign_checkout in checkout_event(),
        foreign_departure in departure_event(),
    ) {
        let (_, history) = carried_out::<Checkout>(&of_checkout);
        row_is_the_progress::<Checkout>(&order_id(9), &history, &foreign_checkout)?;
        let (_, history) = carried_out::<Departure>(&of_departure);
        row_is_the_progress::<Departure>(&user_id(9), &history, &foreign_departure)?;
    }
}
