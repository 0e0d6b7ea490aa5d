//! How many sagas run, and for how long the oldest: from their list, by the process that keeps it.

use std::time::Duration;

use domain::{SagaView, Sagas};
use event_model::Projection as _;
use metrics::gauge;
use projections::{Order, Query, ViewError, Views};
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};

use super::NAMES;
use crate::serve::roles::Roles;

/// How often the list is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// The rows of a page, and the most pages: beyond them it is known that there are many.
const PAGE: u32 = 200;
const MOST_PAGES: usize = 50;

/// Measures from here on.
pub(crate) fn start(roles: &mut Roles, views: &Views) {
    let (views, stop) = (views.clone(), roles.stop_workers());
    roles.worker("sagas (measured)", async move {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => break,
            }
            for name in NAMES {
                if let Err(error) = measure(&views, name).await {
                    tracing::debug!(%error, "the running sagas cannot be counted");
                }
            }
        }
        Ok::<_, ViewError>(())
    });
}

async fn measure(views: &Views, name: &'static str) -> Result<(), ViewError> {
    let query = Query::new(Order::NewestFirst, PAGE).having("name", name).having("state", "running");
    let (mut running, mut oldest, mut after) = (0_u32, None, None);
    for _ in 0..MOST_PAGES {
        let page = views.list(Sagas::NAME, &query.clone().after(after)).await?;
        running += u32::try_from(page.rows.len()).unwrap_or(PAGE);
        oldest = page.rows.last().map(|row| row.row.clone()).or(oldest);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let began = oldest.and_then(|row| serde_json::from_str::<SagaView>(&row).ok()).map(|saga| saga.started);
    let age = began.map_or(0.0, |began| (OffsetDateTime::now_utc() - began).as_seconds_f64().max(0.0));
    gauge!("jetsource_sagas_running", "saga" => name).set(f64::from(running));
    gauge!("jetsource_saga_oldest_running_seconds", "saga" => name).set(age);
    Ok(())
}
