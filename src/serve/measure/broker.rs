//! How the broker and the log on it are, as this process sees them: for alerts.

use std::convert::Infallible;
use std::time::Duration;

use event_store::{EventStore, Servers, Storage, StoreError};
use metrics::gauge;
use projections::Views;
use tokio::time::{MissedTickBehavior, interval};

use crate::serve::roles::Roles;

/// How often it is asked: as often as Prometheus usually looks.
const ASK: Duration = Duration::from_secs(15);

/// Asks from here on.
pub(super) fn watch(roles: &mut Roles, store: &EventStore, views: &Views) {
    let (store, views, stop) = (store.clone(), views.clone(), roles.stop_workers());
    roles.worker("metrics (broker)", async move {
        let mut ticks = interval(ASK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let asking = async {
            loop {
                ticks.tick().await;
                log(&store, &views).await;
                servers(&store).await;
            }
        };
        stop.run_until_cancelled(asking).await;
        Result::<(), Infallible>::Ok(())
    });
}

/// Whether the log has somebody who leads it, and is what was written to it.
async fn log(store: &EventStore, views: &Views) {
    let looked = store.head().await;
    let available = !matches!(looked, Err(StoreError::Unavailable(_)));
    gauge!("jetsource_log_available").set(f64::from(available));
    let damaged = matches!(looked, Err(StoreError::Corrupt(_)));
    gauge!("jetsource_log_differs").set(f64::from(damaged || store.log_differs() || views.log_differs()));
}

/// Who is there, and how each syncs and how full it is.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and bytes of a disk fit well enough")]
async fn servers(store: &EventStore) {
    // Who cannot be asked says nothing; that the log is not available is told above.
    let Ok(Servers { of, told, lazy, storage }) = store.connection().servers().await else { return };
    gauge!("jetsource_broker_servers").set(of as f64);
    gauge!("jetsource_broker_servers_told").set(told as f64);
    gauge!("jetsource_broker_servers_lazy").set(lazy as f64);
    for Storage { server, bytes, limit } in storage {
        if let Some(limit) = limit {
            gauge!("jetsource_broker_storage_limit_bytes", "server" => server.clone()).set(limit as f64);
        }
        gauge!("jetsource_broker_storage_bytes", "server" => server).set(bytes as f64);
    }
}
