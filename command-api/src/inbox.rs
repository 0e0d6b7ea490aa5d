//! The command inbox: commands from their queue, many side by side, each carried out once and acknowledged after.
//!
//! What it counts, by `category`: `jetsource_inbox_deliveries_total`, of them `jetsource_inbox_redeliveries_total`;
//! `jetsource_inbox_rejected_total`, also by `problem`; `jetsource_inbox_seconds`, also by `outcome` (`done`,
//! `rejected`, `later`, `broken`).

mod refusal;

use std::collections::HashSet;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use event_store::{Delivery, Inbox, StoreError};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use metrics::{counter, histogram};
use tokio::time::{MissedTickBehavior, interval_at, sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::api::Api;
use crate::problem::Problem;
use crate::server::END;
use crate::subject::{Unmet, carry_out};

pub use crate::subject::CATEGORIES;

/// How many commands of a category are worked on at once, so that group commit has company.
const AT_ONCE: usize = 64;
/// How long one is silent about a command that takes its time.
const SILENCE: Duration = Duration::from_secs(1);
/// When a command that met a broken log comes again.
const REPAIR: Duration = Duration::from_secs(30);
/// How often a log that is not ours is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The commands that met a broken log, by their places on the queue: each is told once.
type Told = Arc<Mutex<HashSet<u64>>>;

/// Takes commands from the queue until [`Api::ending`] is cancelled; what runs then has 10 s to finish. The queue must
/// have been opened for [`CATEGORIES`].
///
/// # Errors
/// None.
pub async fn run(api: Api) -> Result<(), Infallible> {
    let (under_way, told) = (TaskTracker::new(), Told::default());
    join_all(CATEGORIES.map(|category| take(&api, category, &under_way, &told))).await;
    under_way.close();
    if timeout(END, under_way.wait()).await.is_err() {
        tracing::warn!("commands from the queue were still under way after 10 s; they come again");
    }
    Ok(())
}

async fn take(api: &Api, category: &'static str, under_way: &TaskTracker, told: &Told) {
    let mut inbox = api.store.inbox(category, AT_ONCE);
    while let Some(delivery) = api.ending.run_until_cancelled(next(api, &mut inbox)).await {
        counter!("jetsource_inbox_deliveries_total", "category" => category).increment(1);
        if delivery.times > 1 {
            counter!("jetsource_inbox_redeliveries_total", "category" => category).increment(1);
        }
        let span = tracing::info_span!(
            "command",
            subject = delivery.subject(),
            times = delivery.times,
            entity = tracing::field::Empty,
            position = tracing::field::Empty
        );
        let (api, told) = (api.clone(), Arc::clone(told));
        under_way.spawn(
            async move {
                let started = Instant::now();
                let outcome = work(&api, &delivery, &told).await;
                let seconds = started.elapsed().as_secs_f64();
                tracing::debug!(outcome, seconds, "answered");
                histogram!("jetsource_inbox_seconds", "category" => category, "outcome" => outcome)
                    .record(seconds);
            }
            .instrument(span),
        );
    }
}

/// The next command; none is taken while the log is not the one that the lists were built from.
async fn next(api: &Api, inbox: &mut Inbox) -> Delivery {
    while api.views.log_differs() {
        sleep(LOOK).await;
    }
    inbox.next().await
}

/// Works on one, and says so for as long as it takes.
async fn work(api: &Api, delivery: &Delivery, told: &Told) -> &'static str {
    let work = AssertUnwindSafe(settle(api, delivery, told)).catch_unwind();
    tokio::pin!(work);
    let mut ticks = interval_at(tokio::time::Instant::now() + SILENCE, SILENCE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let worked = loop {
        tokio::select! {
            worked = &mut work => break worked,
            _ = ticks.tick() => delivery.under_way().await,
        }
    };
    match worked {
        Ok(outcome) => outcome,
        Err(_) => keep(delivery, told, "it made the program panic").await,
    }
}

/// Carries one out, and acknowledges it when it need not come again.
async fn settle(api: &Api, delivery: &Delivery, told: &Told) -> &'static str {
    match carry_out(api, &delivery.command, true).await {
        Ok(_) => {
            delivery.done().await;
            "done"
        }
        Err(Unmet::Refused(problem)) => reject(api, delivery, told, &problem).await,
        Err(Unmet::Later(problem)) => postpone(delivery, &problem.detail).await,
        Err(Unmet::Broken(why)) => keep(delivery, told, &why).await,
    }
}

/// Puts one aside with the reason, before it is acknowledged.
async fn reject(api: &Api, delivery: &Delivery, told: &Told, problem: &Problem) -> &'static str {
    match api.store.reject(delivery, refusal::body(problem, delivery)).await {
        Ok(()) => {
            let category = delivery.command.as_ref().map_or("unreadable", |command| {
                CATEGORIES.into_iter().find(|known| command.entity.category == *known).unwrap_or("unreadable")
            });
            let slug = problem.kind.slug();
            counter!("jetsource_inbox_rejected_total", "category" => category, "problem" => slug)
                .increment(1);
            delivery.done().await;
            "rejected"
        }
        Err(error @ (StoreError::Corrupt(_) | StoreError::Unfit(_))) => {
            keep(delivery, told, &error.to_string()).await
        }
        Err(error) => postpone(delivery, &error.to_string()).await,
    }
}

/// Lets one come again in a moment, each time a longer one.
async fn postpone(delivery: &Delivery, why: &str) -> &'static str {
    let pause = Duration::from_millis(100 << delivery.times.min(6));
    tracing::debug!(why, ?pause, "not now");
    delivery.later(pause).await;
    "later"
}

/// Lets one come again when somebody may have repaired what it met.
async fn keep(delivery: &Delivery, told: &Told, why: &str) -> &'static str {
    let first = told.lock().unwrap_or_else(PoisonError::into_inner).insert(delivery.sequence);
    if first {
        tracing::error!(why, subject = delivery.subject(), "a command cannot be carried out; it is kept");
    }
    delivery.later(REPAIR).await;
    "broken"
}
