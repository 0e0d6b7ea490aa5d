//! What `/metrics` shows, and what only the program can measure: how often its broker died.
//!
//! - `known`: every metric by name

mod known;

use std::convert::Infallible;
use std::time::Duration;

use metrics::counter;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::{MissedTickBehavior, interval};

use super::broker::Broker;
use super::roles::Roles;
use crate::exit::Failure;

/// How often the broker is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Upper bounds of durations, in seconds: an fsync takes a millisecond, patience ends after a few seconds.
const SECONDS: [f64; 13] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// Upper bounds of how many events share a batch.
const EVENTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Measures from here on; the handle shows it.
pub(crate) fn start(roles: &mut Roles, broker: &Broker) -> Result<PrometheusHandle, Failure> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        .map_err(anyhow::Error::from)?;
    let builder = builder
        .set_buckets_for_metric(Matcher::Suffix("_batch_events".into()), &EVENTS)
        .map_err(anyhow::Error::from)?;
    let metrics = builder.install_recorder().map_err(anyhow::Error::from)?;
    known::describe();
    let (restarts, upkeep) = (broker.restarts(), metrics.clone());
    let stop = roles.stop_workers();
    roles.worker("metrics", async move {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => {}
            }
            counter!("jetsource_broker_restarts_total").absolute(restarts());
            upkeep.run_upkeep();
        }
        Result::<(), Infallible>::Ok(())
    });
    Ok(metrics)
}
