//! Commands from the queue, decided one by one.

use std::time::Duration;

use event_model::Decider;
use event_store::{Delivery, EventStore, ExecuteError, QueuedCommand};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

/// How many commands of a category are worked on at once.
const AT_ONCE: usize = 16;
/// After how long one that could not be carried out comes again.
const AGAIN: Duration = Duration::from_millis(500);

/// Why a command was not carried out.
enum Unmet {
    /// It never will be.
    Refused(String),
    /// It may be in a moment.
    NotNow,
}

/// Takes the commands to entities of one kind, until it is told to stop.
pub(crate) async fn take<D: Decider<Command: DeserializeOwned>>(store: EventStore, stop: CancellationToken) {
    let mut inbox = store.inbox(D::CATEGORY, AT_ONCE);
    while let Some(delivery) = stop.run_until_cancelled(inbox.next()).await {
        let store = store.clone();
        tokio::spawn(async move { settle::<D>(&store, &delivery).await });
    }
}

/// Carries it out, and acknowledges it only then: what comes between has it come again.
async fn settle<D: Decider<Command: DeserializeOwned>>(store: &EventStore, delivery: &Delivery) {
    let settled = match carry_out::<D>(store, delivery).await {
        Ok(()) => true,
        Err(Unmet::Refused(why)) => {
            let command = String::from_utf8_lossy(delivery.body());
            let problem = json!({ "detail": why, "command": command }).to_string();
            store.reject(delivery, problem.into()).await.is_ok()
        }
        Err(Unmet::NotNow) => false,
    };
    if settled { delivery.done().await } else { delivery.later(AGAIN).await }
}

async fn carry_out<D: Decider<Command: DeserializeOwned>>(
    store: &EventStore,
    delivery: &Delivery,
) -> Result<(), Unmet> {
    let queued = delivery.command.as_ref().map_err(|why| Unmet::Refused(why.to_string()))?;
    let id = queued.entity.id.parse::<D::Id>();
    let id = id.map_err(|_| Unmet::Refused(format!("{:?} is no id", queued.entity.id)))?;
    let command = read(queued).map_err(|why| Unmet::Refused(why.to_string()))?;
    let metadata = queued.metadata(OffsetDateTime::now_utc());
    let metadata = if delivery.times > 1 { metadata.again() } else { metadata };
    match store.execute::<D>(&id, command, &metadata).await {
        Ok(_) => Ok(()),
        Err(ExecuteError::Rejected(why)) => Err(Unmet::Refused(why.to_string())),
        Err(_) => Err(Unmet::NotNow),
    }
}

/// `commands.seat.<id>.sell` with `{"booking":…}` is `SeatCommand::Sell { booking: … }`.
fn read<C: DeserializeOwned>(queued: &QueuedCommand) -> Result<C, serde_json::Error> {
    let body: Value = serde_json::from_slice(&queued.body)?;
    serde_json::from_value(json!({ queued.command.as_str(): body }))
}
