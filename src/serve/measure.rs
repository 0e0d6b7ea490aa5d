//! What `/metrics` shows, and what only the program can measure: how often its broker died, and how the broker is.
//!
//! - `known`: every metric by name
//! - `broker`: the servers of the broker, and whether the log on them can be written to

mod broker;
mod known;

use std::convert::Infallible;
use std::time::Duration;

use metrics::{counter, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use projections::Views;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};

use super::broker::Broker;
use super::roles::Roles;
use crate::exit::{Exit, Failure};
use crate::settings::Serve;

/// How often the broker is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Upper bounds of durations, in seconds: an fsync takes a millisecond, patience ends after a few seconds.
const SECONDS: [f64; 13] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// Upper bounds of how many events share a batch.
const EVENTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// What this process counts, and where it is shown besides the API.
pub(crate) struct Numbers {
    handle: PrometheusHandle,
    listener: Option<TcpListener>,
}

impl Numbers {
    /// Counts from here on. The address that the settings name is taken; who connects there before the start waits.
    pub(crate) async fn begin(settings: &Serve) -> Result<Self, Failure> {
        let listener = match &settings.metrics_listen {
            None => None,
            Some(listen) => Some(TcpListener::bind(listen).await.map_err(|error| {
                let line = format!("--metrics-listen {listen} cannot be had: choose another HOST:PORT");
                Failure::because(Exit::Usage, line, error)
            })?),
        };
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .map_err(anyhow::Error::from)?
            .set_buckets_for_metric(Matcher::Suffix("_batch_events".into()), &EVENTS)
            .map_err(anyhow::Error::from)?;
        let handle = builder.install_recorder().map_err(anyhow::Error::from)?;
        known::describe();
        Ok(Self { handle, listener })
    }

    /// Looks at the broker, and shows all of it; the handle does as well.
    pub(crate) fn start(self, roles: &mut Roles, broker: &Broker, views: &Views) -> PrometheusHandle {
        let Self { handle, listener } = self;
        broker::watch(roles, broker.store(), views);
        if let Some(listener) = listener {
            let stop = roles.stop_workers();
            roles.worker("metrics (shown)", command_api::run_metrics(listener, handle.clone(), stop));
        }
        let (restarts, upkeep) = (broker.restarts(), handle.clone());
        let (connection, stop) = (broker.store().connection().clone(), roles.stop_workers());
        roles.worker("metrics", async move {
            let mut ticks = interval(LOOK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                counter!("jetsource_broker_restarts_total").absolute(restarts());
                gauge!("jetsource_broker_connected").set(f64::from(connection.is_up()));
                upkeep.run_upkeep();
            }
            Ok::<_, Infallible>(())
        });
        handle
    }
}
