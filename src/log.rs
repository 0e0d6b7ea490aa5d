//! The log, opened to look at it: nothing is made, nothing is changed.

mod report;
mod verify;

use async_nats::jetstream;
use event_store::streams::{EVENTS, KEYS};
use event_store::{Connection, EventStore, Settings};

use crate::exit::{Exit, Failure};
use crate::settings::BrokerPlace;

pub(crate) use verify::{Verify, verify};

/// The log of a deployment that runs.
pub(crate) async fn open(place: &BrokerPlace) -> Result<EventStore, Failure> {
    opened(place.connect().await?).await
}

/// The log on a broker that is connected.
pub(crate) async fn opened(connection: Connection) -> Result<EventStore, Failure> {
    let settings = as_chosen(&connection).await?;
    Ok(EventStore::open(connection, settings).await?)
}

/// The log for a call that only reads it: also the mirror that an edge has.
pub(crate) async fn open_to_read(place: &BrokerPlace) -> Result<EventStore, Failure> {
    let connection = place.connect().await?;
    let settings = as_chosen(&connection).await?;
    Ok(EventStore::open_to_read(connection, settings).await?)
}

/// The settings of the deployment whose log is there.
async fn as_chosen(connection: &Connection) -> Result<Settings, Failure> {
    let context = jetstream::new(connection.client().clone());
    if let Err(error) = context.get_stream(EVENTS).await {
        let line = "there is no log on this broker: start `jetsource serve` with it once, or name another with --nats-url";
        return Err(Failure::because(Exit::Unavailable, line, error));
    }
    let keys = context.get_stream(KEYS).await;
    // Opening with another retention than the deployment's would set that one.
    let key_retention = keys.ok().map(|keys| keys.cached_info().config.max_age);
    let usual = Settings::default();
    Ok(Settings { key_retention: key_retention.unwrap_or(usual.key_retention), ..usual })
}
