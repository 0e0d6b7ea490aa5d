//! The role `sagas`: a runner for each kind of saga.

mod measured;

use domain::{Checkout, CheckoutSettings, Departure, Order, Participant, Stock, User};
use event_model::{Decider as _, Saga};
use event_store::{EventStore, StoreError};
use sagas::{RunError, Runner};

use super::roles::Roles;
use crate::exit::Failure;
use crate::settings::Serve;

pub(crate) use measured::start as measure;

/// The kinds of saga.
const NAMES: [&str; 2] = [Checkout::CATEGORY, Departure::CATEGORY];

/// Makes the queue and the deadlines that they send on.
pub(crate) async fn open(settings: &Serve, store: &EventStore) -> Result<(), Failure> {
    let participants = settings.checkout_participants.iter().map(Participant::as_str);
    let categories: Vec<&str> =
        [User::CATEGORY, Order::CATEGORY, Stock::CATEGORY].into_iter().chain(participants).collect();
    store.open_queue(&categories).await?;
    Ok(store.open_deadlines().await?)
}

/// Starts them. Of all processes with this role one at a time follows each kind.
pub(crate) fn start(roles: &mut Roles, settings: &Serve, store: &EventStore) {
    let checkout = CheckoutSettings {
        deadline: settings.checkout_deadline,
        participants: settings.checkout_participants.clone(),
    };
    run::<Checkout>(roles, "sagas (checkout)", store, checkout);
    run::<Departure>(roles, "sagas (departure)", store, ());
}

/// Runs one kind. One that meets another log than it has followed goes no further, and the program stays to say so.
fn run<S: Saga>(roles: &mut Roles, name: &'static str, store: &EventStore, settings: S::Settings) {
    let runner = Runner::<S>::new(store.clone(), settings);
    let stop = roles.stop_workers();
    roles.worker(name, async move {
        match runner.run(stop.clone()).await {
            Err(RunError::Log(StoreError::Corrupt(why))) => {
                tracing::error!(
                    saga = S::CATEGORY,
                    why,
                    "the log is not the one that this saga has followed"
                );
                stop.cancelled().await;
                Ok(())
            }
            ended => ended,
        }
    });
}
