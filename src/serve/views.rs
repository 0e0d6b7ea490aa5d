//! How far the read models are, as `/metrics` shows it: looked at again and again, so that it also tells of one that
//! stands still.

use std::convert::Infallible;
use std::time::Duration;

use metrics::gauge;
use projections::{Report, Views};
use tokio::time::{MissedTickBehavior, interval};

use super::roles::Roles;

/// How often they are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Measures the read models whose workers run here.
pub(crate) fn measure(roles: &mut Roles, views: &Views) {
    let (views, stop) = (views.clone(), roles.stop_workers());
    roles.worker("measuring views", async move {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            views.reports().into_iter().for_each(show);
        }
        Ok::<_, Infallible>(())
    });
}

fn show(report: Report) {
    let Report { view, seconds_behind, rate, rebuild, error, .. } = report;
    if let Some(seconds) = seconds_behind {
        gauge!("jetsource_view_lag_seconds", "view" => view.clone()).set(seconds);
    }
    gauge!("jetsource_view_events_per_second", "view" => view.clone()).set(rate);
    let rate = rebuild.map_or(0.0, |rebuild| rebuild.rate);
    gauge!("jetsource_view_rebuild_events_per_second", "view" => view.clone()).set(rate);
    gauge!("jetsource_view_error", "view" => view).set(if error.is_some() { 1.0 } else { 0.0 });
}
