//! One projection, from its checkpoint on, until it is told to stop. Where more than one process could drive a view, the
//! one with the lease does, and the others wait for it.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use event_model::Projection;
use event_store::lease::RENEW_EVERY;
use event_store::{EventStore, Lease, StoreError};
use metrics::gauge;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use crate::background::Background;
use crate::error::{RunError, ViewError, line};
use crate::folding::Source;
use crate::following::{Following, failed};
use crate::generation::Prepared;
use crate::home::{Claim, Home};
use crate::leftovers::Leftovers;
use crate::status::Board;

/// How long to wait before the home is asked again, or the lease.
const AGAIN: Duration = Duration::from_millis(500);

/// A projection that is ready to run.
#[derive(Debug)]
pub struct Worker<P> {
    home: Arc<dyn Home>,
    board: Arc<Board>,
    /// The lease under which it must run.
    lease: Option<String>,
    background: Background,
    projection: PhantomData<fn() -> P>,
}

/// Why it stopped without an error.
enum Ended {
    Stopped,
    Lost,
}

impl<P: Projection> Worker<P> {
    pub(crate) fn new(
        home: Arc<dyn Home>,
        board: Arc<Board>,
        lease: Option<String>,
        background: Background,
    ) -> Self {
        Self { home, board, lease, background, projection: PhantomData }
    }

    /// Runs until `shutdown` is ready; the batch under way is finished. While the broker is away it waits, and
    /// while the home fails it tries again: the view's status says so.
    ///
    /// # Errors
    /// [`RunError`], when it must not go on: the log is not the one that the rows were built from, or another
    /// worker drives the view although none can. The view's status goes on saying so.
    pub async fn run(self, store: EventStore, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let mut shutdown = pin!(shutdown);
        let done = match &self.lease {
            None => self.drive(Arc::clone(&self.home), &store, shutdown).await,
            Some(name) => self.in_turn(name, &store, shutdown.as_mut()).await,
        };
        if let Err(error) = &done {
            self.board.tell(|status| {
                (status.caught_up, status.error) = (false, Some(line(error)));
                status.log_differs = matches!(error, RunError::Log(StoreError::Corrupt(_)));
            });
        }
        done
    }

    /// Drives the view whenever the lease is had.
    async fn in_turn(
        &self,
        name: &str,
        store: &EventStore,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), RunError> {
        let holder = Uuid::now_v7();
        loop {
            let lease = tokio::select! {
                biased;
                () = shutdown.as_mut() => return Ok(()),
                lease = store.lease(name, holder) => lease,
            };
            tracing::debug!(view = P::NAME, token = lease.token(), "has the lease");
            match self.under(lease, holder, store, shutdown.as_mut()).await? {
                Ended::Stopped => return Ok(()),
                Ended::Lost => {
                    tracing::warn!(view = P::NAME, "another process may drive the view from now on");
                }
            }
            tokio::select! {
                () = shutdown.as_mut() => return Ok(()),
                () = sleep(AGAIN) => {}
            }
        }
    }

    /// Drives the view as long as the lease is held, and its token is the highest that the home has seen.
    async fn under(
        &self,
        mut lease: Lease,
        holder: Uuid,
        store: &EventStore,
        shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Ended, RunError> {
        let home = match self.home.claim(P::NAME, lease.token(), holder).await {
            Ok(Claim::Held(home)) => home,
            // The broker's bucket was restored from an older copy.
            Ok(Claim::Outbid(token)) => {
                let _ = lease.outbid(token).await;
                return Ok(Ended::Lost);
            }
            Err(error) => {
                failed(&self.board, error)?;
                // Another may reach the home.
                lease.release(Value::Null).await;
                return Ok(Ended::Lost);
            }
        };
        let done = tokio::select! {
            done = self.drive(home, store, shutdown) => done,
            () = renewed(&mut lease) => return Ok(Ended::Lost),
        };
        match done {
            // Somebody has the view, or it is not as it was left: whoever has the lease next begins from what is there.
            Err(RunError::View(ViewError::Overtaken(_))) => return Ok(Ended::Lost),
            Ok(()) => {}
            Err(error) => {
                lease.release(Value::Null).await;
                return Err(error);
            }
        }
        lease.release(Value::Null).await;
        Ok(Ended::Stopped)
    }

    async fn drive(
        &self,
        home: Arc<dyn Home>,
        store: &EventStore,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), RunError> {
        let asks = self.board.connect();
        let prepared = tokio::select! {
            biased;
            () = shutdown.as_mut() => return Ok(()),
            prepared = self.prepared(home.as_ref()) => prepared?,
        };
        let running = Running::begin(&self.board);
        self.board.tell_serving(&prepared.serving);
        let leftovers = Leftovers::of(&home, P::NAME);
        let (board, background) = (Arc::clone(&self.board), self.background.clone());
        let source = Source { home, board, store: store.clone(), background };
        let following = Following::<P>::new(source, leftovers.clone(), asks);
        let done = tokio::select! {
            done = following.run(prepared, shutdown) => done,
            never = leftovers.sweep() => match never {},
        };
        drop(running);
        done
    }

    /// What there is of the view, however often that must be tried.
    async fn prepared(&self, home: &dyn Home) -> Result<Prepared, ViewError> {
        loop {
            match home.prepare(&self.board.definition).await {
                Ok(prepared) => return Ok(prepared),
                Err(error) => failed(&self.board, error)?,
            }
            sleep(AGAIN).await;
        }
    }
}

/// Renews a lease until it is lost.
async fn renewed(lease: &mut Lease) {
    let mut renewals = interval(RENEW_EVERY);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        renewals.tick().await;
        if lease.renew(Value::Null).await.is_err() {
            return;
        }
    }
}

/// The view says that this process drives it for as long as this is there.
struct Running<'a>(&'a Board);

impl<'a> Running<'a> {
    fn begin(board: &'a Board) -> Self {
        gauge!("jetsource_view_leads", "view" => board.definition.name).set(1.0);
        board.tell(|status| (status.running, status.error) = (true, None));
        Self(board)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        gauge!("jetsource_view_leads", "view" => self.0.definition.name).set(0.0);
        self.0.tell(|status| (status.running, status.error) = (false, None));
    }
}
