//! `jetsource setup`: makes all streams, for a broker whose users at run time may not. Again it changes nothing.

use std::io::{self, Write as _};
use std::time::Duration;

use clap::Args;
use command_api::inbox::CATEGORIES;
use domain::Participant;
use event_store::{EventStore, Settings};
use sagas::stuck::StuckSagas;

use crate::exit::Failure;
use crate::serve::CLAIM_KEY;
use crate::settings::{BrokerPlace, duration};

/// What `serve` will ask for.
#[derive(Debug, Args)]
pub(crate) struct Setup {
    /// As of `serve`: how long an idempotency key counts
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration::parse)]
    key_retention: Duration,
    /// As of `serve`: external participants of a checkout
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    checkout_participants: Vec<Participant>,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Makes what is not there.
pub(crate) async fn run(asked: &Setup) -> Result<(), Failure> {
    let connection = asked.broker.connect().await?;
    let settings = Settings { key_retention: asked.key_retention, ..Settings::default() };
    let store = EventStore::open(connection, settings).await?;
    let participants = asked.checkout_participants.iter().map(Participant::as_str);
    let categories: Vec<&str> = CATEGORIES.into_iter().chain(participants).collect();
    store.open_queue(&categories).await?;
    store.open_deadlines().await?;
    StuckSagas::open(&store).await?;
    store.shared_secret(CLAIM_KEY).await?;
    writeln!(io::stdout().lock(), "all streams are there; `jetsource serve` can start")?;
    Ok(())
}
