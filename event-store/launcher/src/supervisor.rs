//! Keeps the server up: what dies unasked is started again on the same port, so that clients find it.

use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::health;
use crate::launch::{Plan, Running};
use crate::process;
use crate::record::Record;

const TO_STOP: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A server that lived this long did not die of its start.
const HEALTHY: Duration = Duration::from_secs(2);
/// How often the server is asked whether it still writes.
const LOOK: Duration = Duration::from_secs(2);
/// How long a server that was started again for its writes is left alone, whatever it says.
const BETWEEN_RESTARTS: Duration = Duration::from_secs(20);

/// What is known of the server now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it was ready and has not died since.
    pub up: bool,
    /// The process that serves, or served last.
    pub pid: u32,
    /// Where it answers monitoring requests over HTTP; another port after each restart.
    pub monitoring_url: String,
    /// How often it was started again.
    pub restarts: u64,
    /// Whether it takes no writes, as after a full disk. It is started again once there is room.
    pub refuses_writes: bool,
}

impl Status {
    pub(crate) fn of(running: &Running, restarts: u64) -> Self {
        let monitoring_url = running.monitoring_url.clone();
        Self { up: true, pid: running.pid, monitoring_url, restarts, refuses_writes: false }
    }
}

/// Runs until `stop` says so, or nobody is left who could; then ends the server.
pub(crate) async fn supervise(
    plan: Plan,
    mut running: Running,
    status: watch::Sender<Status>,
    mut stop: oneshot::Receiver<()>,
) {
    let port = running.port;
    let mut pause = FIRST_PAUSE;
    let mut patient_until = Instant::now();
    loop {
        let since = Instant::now();
        tokio::select! {
            exit = running.child.wait() => {
                let exit = exit.map_or_else(|error| error.to_string(), |exit| exit.to_string());
                tracing::warn!(pid = running.pid, %exit, "nats-server died, starting it again");
            }
            () = room_for_writes(&plan, &running.monitoring_url, &status, patient_until), if plan.alone => {
                tracing::warn!(pid = running.pid, "there is room on disk again, starting nats-server again");
                patient_until = Instant::now() + BETWEEN_RESTARTS;
                end(&mut running).await;
            }
            _ = &mut stop => {
                end(&mut running).await;
                // At its end it syncs its index, and not the messages of a batch under way: a power cut now would
                // leave an index that knows of more messages than there are, and so a hole in the log.
                plan.home.sync().await;
                plan.stage.bring_to_disk();
                Record::remove(&plan.home);
                status.send_modify(|status| status.up = false);
                return;
            }
        }
        status.send_modify(|status| status.up = false);
        if since.elapsed() >= HEALTHY {
            pause = FIRST_PAUSE;
        }
        running = tokio::select! {
            running = restart(&plan, port, &mut pause) => running,
            _ = &mut stop => return,
        };
        status.send_modify(|status| *status = Status::of(&running, status.restarts + 1));
    }
}

/// Returns when the server takes no writes though there is room for them, and a restart is due: it does not go on by
/// itself. Tells in `status` what it finds meanwhile.
///
/// Asked of a server that is alone: one of several also calls a stream broken while it catches up with the others, or
/// when they are away.
async fn room_for_writes(plan: &Plan, monitoring_url: &str, status: &watch::Sender<Status>, due: Instant) {
    loop {
        sleep(LOOK).await;
        if let Err(error) = plan.stage.try_put() {
            tracing::debug!(%error, "nats-server stages batches on disk");
        }
        let refuses = health::refuses_writes(monitoring_url).await;
        let changed = status.send_if_modified(|status| {
            let changed = status.refuses_writes != refuses;
            status.refuses_writes = refuses;
            changed
        });
        if changed && refuses {
            tracing::error!(folder = %plan.home.dir().display(), "nats-server takes no writes: is its disk full?");
        }
        if refuses && Instant::now() >= due && health::has_room(plan.home.dir()) {
            return;
        }
    }
}

async fn restart(plan: &Plan, port: u16, pause: &mut Duration) -> Running {
    let mut failures = 0_u32;
    loop {
        sleep(*pause).await;
        *pause = (*pause * 2).min(LONGEST_PAUSE);
        match plan.launch(port).await {
            Ok(running) => return running,
            Err(error) if failures == 0 => tracing::warn!(%error, "nats-server does not start, trying on"),
            Err(error) => tracing::debug!(%error, failures, "nats-server does not start"),
        }
        failures += 1;
    }
}

async fn end(running: &mut Running) {
    process::terminate(running.pid);
    if timeout(TO_STOP, running.child.wait()).await.is_err() {
        tracing::warn!(pid = running.pid, "nats-server does not end, killing it");
        process::send(running.pid, Signal::KILL);
        let _ = running.child.wait().await;
    }
}
