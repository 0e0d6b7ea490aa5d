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
use crate::subject::{self, Unmet, carry_out};

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
            trace_id = tracing::field::Empty,
            entity = tracing::field::Empty,
            position = tracing::field::Empty
        );
        let traced = subject::traced(&span, "inbox", delivery.subject(), delivery.command.as_ref().ok());
        let taken = Taken { api: api.clone(), category, delivery, told: Arc::clone(told) };
        under_way.spawn(taken.work().instrument(traced).instrument(span));
    }
}

/// The next command; none is taken while the log is not the one that the lists were built from.
async fn next(api: &Api, inbox: &mut Inbox) -> Delivery {
    while api.views.log_differs() {
        sleep(LOOK).await;
    }
    inbox.next().await
}

/// A command that is being worked on.
struct Taken {
    api: Api,
    category: &'static str,
    delivery: Delivery,
    told: Told,
}

impl Taken {
    /// Settles it, and says that it is under way for as long as that takes.
    async fn work(self) {
        let started = Instant::now();
        let settled = AssertUnwindSafe(self.settle()).catch_unwind();
        tokio::pin!(settled);
        let mut ticks = interval_at(tokio::time::Instant::now() + SILENCE, SILENCE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let settled = loop {
            tokio::select! {
                settled = &mut settled => break settled,
                _ = ticks.tick() => self.delivery.under_way().await,
            }
        };
        let outcome = match settled {
            Ok(outcome) => outcome,
            Err(_) => self.keep("it made the program panic").await,
        };
        let seconds = started.elapsed().as_secs_f64();
        tracing::debug!(outcome, seconds, "settled");
        histogram!("jetsource_inbox_seconds", "category" => self.category, "outcome" => outcome)
            .record(seconds);
    }

    /// Carries it out, and acknowledges it when it need not come again.
    async fn settle(&self) -> &'static str {
        match carry_out(&self.api, &self.delivery.command, true).await {
            Ok(_) => {
                self.delivery.done().await;
                "done"
            }
            Err(Unmet::Refused(problem)) => self.reject(&problem).await,
            Err(Unmet::Later(problem)) => self.postpone(&problem.detail).await,
            Err(Unmet::Broken(why)) => self.keep(&why).await,
        }
    }

    /// Puts it aside with the reason, before it is acknowledged.
    async fn reject(&self, problem: &Problem) -> &'static str {
        match self.api.store.reject(&self.delivery, refusal::body(problem, &self.delivery)).await {
            Ok(()) => {
                let slug = problem.kind.slug();
                counter!("jetsource_inbox_rejected_total", "category" => self.category, "problem" => slug)
                    .increment(1);
                self.delivery.done().await;
                "rejected"
            }
            Err(error @ (StoreError::Corrupt(_) | StoreError::Unfit(_))) => {
                self.keep(&error.to_string()).await
            }
            Err(error) => self.postpone(&error.to_string()).await,
        }
    }

    /// Lets it come again in a moment, each time a longer one.
    async fn postpone(&self, why: &str) -> &'static str {
        let pause = Duration::from_millis(100 << self.delivery.times.min(6));
        tracing::debug!(why, ?pause, "not now");
        self.delivery.later(pause).await;
        "later"
    }

    /// Lets it come again when somebody may have repaired what it met.
    async fn keep(&self, why: &str) -> &'static str {
        let first = self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(self.delivery.sequence);
        if first {
            let subject = self.delivery.subject();
            tracing::error!(why, subject, "a command cannot be carried out; it is kept");
        }
        self.delivery.later(REPAIR).await;
        "broken"
    }
}
