//! What a worker does from one moment to the next: it feeds the rows that serve and those that are built beside them,
//! and answers what it is asked in between. One task, so nothing of it happens at once.

use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use event_model::{Position, Projection};
use event_store::{EventStore, StoreError};
use metrics::{counter, histogram};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::background::Background;
use crate::control::Ask;
use crate::error::{RunError, ViewError, line};
use crate::feed::Feed;
use crate::folding::{Folded, Source};
use crate::generation::{Generation, Place, Prepared};
use crate::home::Home;
use crate::leftovers::Leftovers;
use crate::rebuild::Rebuild;
use crate::serving::Serving;
use crate::status::Board;
use crate::traced::traced;

/// How long to wait after a failure: twice as long each time, up to the second.
pub(crate) const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How long to wait before the broker is asked again.
const BROKER: Duration = Duration::from_millis(200);

/// A view under way.
#[derive(Debug)]
pub(crate) struct Following<P> {
    pub(crate) home: Arc<dyn Home>,
    pub(crate) board: Arc<Board>,
    pub(crate) store: EventStore,
    background: Background,
    pub(crate) leftovers: Leftovers,
    /// The rows that lists read.
    pub(crate) serving: Serving<P>,
    /// Those that are built beside them.
    pub(crate) rebuild: Option<Rebuild<P>>,
    /// Events of which somebody has said that they count for nothing.
    pub(crate) skips: Arc<BTreeSet<Position>>,
    asks: mpsc::Receiver<Ask>,
}

/// What comes next.
enum Next {
    Stop,
    Ask(Ask),
    Save,
    Write(Place, Folded),
}

impl<P: Projection> Following<P> {
    pub(crate) fn new(source: Source, leftovers: Leftovers, asks: mpsc::Receiver<Ask>) -> Self {
        let Source { home, board, store, background } = source;
        Self {
            home,
            board,
            store,
            background,
            leftovers,
            serving: Serving::None,
            rebuild: None,
            skips: Arc::default(),
            asks,
        }
    }

    /// Runs until `shutdown` is ready.
    pub(crate) async fn run(
        mut self,
        prepared: Prepared,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), RunError> {
        tokio::select! {
            biased;
            () = shutdown.as_mut() => return Ok(()),
            begun = self.begin(prepared) => begun?,
        }
        loop {
            if self.is_built() && self.insist_on_switching(shutdown.as_mut()).await?.is_none() {
                return Ok(());
            }
            match self.next(shutdown.as_mut()).await? {
                Next::Stop => return self.save().await.map_err(RunError::from),
                Next::Ask(ask) => self.answer(ask).await?,
                Next::Save => self.save().await?,
                Next::Write(place, folded) => {
                    if self.write(place, &folded, shutdown.as_mut()).await?.is_none() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Makes sure that the log is the one that the rows were built from, and begins to read.
    async fn begin(&mut self, prepared: Prepared) -> Result<(), RunError> {
        let Prepared { serving, building, skips } = prepared;
        self.skips = Arc::new(skips);
        let head = self.head_over(&serving).await?;
        let behind = head.get().saturating_sub(serving.mark.position.get());
        self.serving = if serving.is_of(&self.board.definition) {
            let target = serving.target(&self.board.definition, Place::Serving, &self.skips);
            let feed = Feed::new(&self.source(), target, serving.mark, behind);
            Serving::Live(serving, feed)
        } else {
            Serving::Frozen(serving)
        };
        self.tell_serving(behind, None);
        self.resume_rebuild(building, head).await?;
        self.tell_failures(&[]).await?;
        Ok(())
    }

    /// The end of the log, once the broker is there.
    async fn head_over(&self, serving: &Generation) -> Result<Position, StoreError> {
        loop {
            let looked = async {
                self.store.check(serving.mark).await?;
                self.store.head().await
            };
            match looked.await {
                Err(StoreError::Unavailable(cause)) => {
                    tracing::debug!(view = P::NAME, cause, "waits for the broker");
                    sleep(BROKER).await;
                }
                other => return other,
            }
        }
    }

    pub(crate) fn source(&self) -> Source {
        let (home, board) = (Arc::clone(&self.home), Arc::clone(&self.board));
        Source { home, board, store: self.store.clone(), background: self.background.clone() }
    }

    async fn next(&mut self, shutdown: Pin<&mut impl Future<Output = ()>>) -> Result<Next, RunError> {
        let held_until = self.rebuild.as_ref().and_then(Rebuild::held_until);
        let rests_until = self.rebuild.as_ref().and_then(Rebuild::rests_until);
        let built = self.rebuild.as_mut().and_then(Rebuild::feed);
        let served = match &mut self.serving {
            Serving::Live(_, feed) => Some(feed),
            Serving::None | Serving::Frozen(_) => None,
        };
        let save_by = [&served, &built].into_iter().flatten().filter_map(|feed| feed.save_by()).min();
        let save = async {
            match save_by {
                Some(by) => sleep_until(by).await,
                None => pending().await,
            }
        };
        let served = async {
            if let Some(until) = held_until {
                sleep_until(until).await;
            }
            next(served).await
        };
        let built = async {
            if let Some(until) = rests_until {
                sleep_until(until).await;
            }
            next(built).await
        };
        // Neither of the two may keep the other waiting: whose batch is there is drawn.
        let folded = async {
            tokio::select! {
                folded = served => (Place::Serving, folded),
                folded = built => (Place::Building, folded),
            }
        };
        tokio::select! {
            biased;
            () = shutdown => Ok(Next::Stop),
            Some(ask) = self.asks.recv() => Ok(Next::Ask(ask)),
            () = save => Ok(Next::Save),
            (place, folded) = folded => Ok(Next::Write(place, folded?)),
        }
    }

    /// Writes what a batch came to, however often it must be tried; `None` when it is time to stop.
    async fn write(
        &mut self,
        place: Place,
        folded: &Folded,
        shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Option<()>, ViewError> {
        let started = Instant::now();
        // They end when the rows are there, or when nobody waits for them any more.
        let _spans = if place == Place::Serving { traced::<P>(&folded.entries) } else { Vec::new() };
        if self.insist(place, folded, shutdown).await?.is_none() {
            return Ok(None);
        }
        self.board.count(place, folded.entries.len());
        match place {
            Place::Serving => {
                self.written(folded);
                let seconds = started.elapsed().as_secs_f64();
                histogram!("jetsource_view_batch_seconds", "view" => P::NAME).record(seconds);
            }
            Place::Building => {
                if let Some(rebuild) = self.rebuild.as_mut().filter(|_| self.home.is_read()) {
                    rebuild.rest(started.elapsed());
                }
                self.hold();
                self.tell_rebuild();
            }
        }
        if !folded.applied.failed.is_empty() {
            self.tell_failures(&folded.applied.failed).await?;
        }
        Ok(Some(()))
    }

    async fn insist(
        &mut self,
        place: Place,
        folded: &Folded,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Option<()>, ViewError> {
        let mut pause = PAUSES.0;
        loop {
            let feed = match place {
                Place::Serving => self.serving.feed(),
                Place::Building => self.rebuild.as_mut().and_then(Rebuild::feed),
            };
            let Some(feed) = feed else { return Ok(Some(())) };
            match feed.write(folded).await {
                Ok(()) => return Ok(Some(())),
                Err(error) => self.failed(error)?,
            }
            if paused(&mut pause, shutdown.as_mut()).await.is_none() {
                return Ok(None);
            }
        }
    }

    /// Switches to what was built; `None` when it is time to stop.
    async fn insist_on_switching(
        &mut self,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Option<()>, ViewError> {
        let mut pause = PAUSES.0;
        loop {
            match self.switch().await {
                Ok(()) => return Ok(Some(())),
                Err(error) => self.failed(error)?,
            }
            if paused(&mut pause, shutdown.as_mut()).await.is_none() {
                return Ok(None);
            }
        }
    }

    /// Lets the checkpoints follow what touched no row.
    async fn save(&mut self) -> Result<(), ViewError> {
        let built = self.rebuild.as_mut().and_then(Rebuild::feed);
        for feed in [self.serving.feed(), built].into_iter().flatten() {
            match feed.save().await {
                Ok(()) => self.board.tell(|status| status.error = None),
                Err(error) => failed(&self.board, error)?,
            }
        }
        Ok(())
    }

    /// Shows a failure of the home that may pass; any other is given back.
    pub(crate) fn failed(&self, error: ViewError) -> Result<(), ViewError> {
        failed(&self.board, error)
    }
}

async fn next<P: Projection>(feed: Option<&mut Feed<P>>) -> Result<Folded, RunError> {
    match feed {
        Some(feed) => feed.next().await,
        None => pending().await,
    }
}

/// Waits before another try; `None` when it is time to stop.
pub(crate) async fn paused(pause: &mut Duration, shutdown: Pin<&mut impl Future<Output = ()>>) -> Option<()> {
    tokio::select! {
        biased;
        () = shutdown => None,
        () = sleep(*pause) => {
            *pause = (*pause * 2).min(PAUSES.1);
            Some(())
        }
    }
}

/// Shows a failure of the home that may pass; any other is given back.
pub(crate) fn failed(board: &Board, error: ViewError) -> Result<(), ViewError> {
    if let ViewError::Overtaken(_) | ViewError::Unfit { .. } = error {
        return Err(error);
    }
    let (view, text) = (board.definition.name, line(&error));
    tracing::error!(view, error = text, "the home of the views failed and is tried again");
    counter!("jetsource_view_home_errors_total", "view" => view).increment(1);
    board.tell(|status| status.error = Some(text));
    Ok(())
}
