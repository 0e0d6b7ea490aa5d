//! A generation built beside the one that serves, and the switch from one to the other.

use std::time::Duration;

use event_model::{Position, Projection};
use metrics::gauge;
use tokio::time::Instant;

use crate::control::Answer;
use crate::error::{RunError, ViewError};
use crate::feed::Feed;
use crate::following::Following;
use crate::generation::{Build, Generation, Place};
use crate::reading::MOST;
use crate::serving::Serving;
use crate::status::RebuildStatus;

/// How long the rows that serve may wait for those that will.
const HOLD: Duration = Duration::from_millis(500);
/// While lists are read, what is built has the home for a third of the time: its writes do not yield by themselves.
const REST: u32 = 2;
/// However long a batch took, which may be because the home was away.
const MOST_REST: Duration = Duration::from_secs(1);

/// What is built.
#[derive(Debug)]
pub(crate) struct Rebuild<P> {
    generation: Generation,
    /// None while it is stopped.
    feed: Option<Feed<P>>,
    /// The rows that serve wait until then, so that these overtake them.
    held_until: Option<Instant>,
    /// These leave the home to its readers until then.
    rests_until: Option<Instant>,
}

impl<P: Projection> Rebuild<P> {
    pub(crate) fn feed(&mut self) -> Option<&mut Feed<P>> {
        self.feed.as_mut()
    }

    pub(crate) fn held_until(&self) -> Option<Instant> {
        self.held_until
    }

    pub(crate) fn rests_until(&self) -> Option<Instant> {
        self.rests_until
    }

    /// Leaves the home to those who read it, once a batch took so long to write.
    pub(crate) fn rest(&mut self, wrote: Duration) {
        self.rests_until = Some(Instant::now() + (wrote * REST).min(MOST_REST));
    }

    fn new(generation: Generation, feed: Option<Feed<P>>) -> Self {
        Self { generation, feed, held_until: None, rests_until: None }
    }
}

impl<P: Projection> Following<P> {
    /// Goes on with what an earlier run had begun, or begins because the rows that serve are of another version.
    pub(crate) async fn resume_rebuild(
        &mut self,
        building: Option<Build>,
        head: Position,
    ) -> Result<(), RunError> {
        match (building, &self.serving) {
            (Some(Build { generation, stopped: true }), Serving::Live(..)) => {
                self.rebuild = Some(Rebuild::new(generation, None));
                self.tell_rebuild();
            }
            (Some(Build { generation, .. }), _) => {
                self.store.check(generation.mark).await?;
                self.build(generation, head);
            }
            (None, Serving::Frozen(frozen)) => {
                let (view, version, was) = (P::NAME, P::VERSION, frozen.version);
                tracing::info!(
                    view,
                    version,
                    was,
                    "the view has changed and is built anew beside the old rows"
                );
                let generation = self.home.begin_build(&self.board.definition).await?;
                self.build(generation, head);
            }
            (None, _) => {}
        }
        Ok(())
    }

    fn build(&mut self, generation: Generation, head: Position) {
        self.board.count_anew();
        let behind = head.get().saturating_sub(generation.mark.position.get());
        let target = generation.target(&self.board.definition, Place::Building, &self.skips);
        let feed = Feed::new(&self.source(), target, generation.mark, behind);
        self.rebuild = Some(Rebuild::new(generation, Some(feed)));
        self.tell_rebuild();
    }

    /// Begins, or goes on with what was stopped.
    pub(crate) async fn begin_rebuild(&mut self) -> Result<Answer, ViewError> {
        let Ok(head) = self.store.head().await else {
            return Ok(Answer::Refused("the log cannot be read just now; try again".to_owned()));
        };
        let (generation, done) = match &self.rebuild {
            Some(Rebuild { generation, feed: Some(_), .. }) => {
                return Ok(Answer::Done(format!("generation {} is being built already", generation.number)));
            }
            Some(Rebuild { generation, feed: None, .. }) => {
                self.home.resume_build(P::NAME).await?;
                (generation.clone(), "goes on being built")
            }
            None => (self.home.begin_build(&self.board.definition).await?, "is being built"),
        };
        let done = format!("generation {} {done}", generation.number);
        self.build(generation, head);
        Ok(Answer::Done(done))
    }

    /// Keeps what is built as it is.
    pub(crate) async fn stop_rebuild(&mut self) -> Result<Answer, ViewError> {
        if let Serving::Frozen(frozen) = &self.serving {
            return Ok(Answer::Refused(format!(
                "the rows that serve are of version {} and cannot follow the log: this rebuild goes on",
                frozen.version
            )));
        }
        let Some(rebuild) = &mut self.rebuild else {
            return Ok(Answer::Refused("nothing is being built".to_owned()));
        };
        if let Some(feed) = &mut rebuild.feed {
            feed.save().await?;
            self.home.stop_build(P::NAME).await?;
            rebuild.generation.mark = feed.saved();
            rebuild.feed = None;
        }
        let done = format!("generation {} waits to be resumed", rebuild.generation.number);
        self.tell_rebuild();
        Ok(Answer::Done(done))
    }

    /// Whether what is built is as far as the rows that serve; where those cannot follow the log, as far as the log.
    pub(crate) fn is_built(&self) -> bool {
        let Some(Rebuild { feed: Some(built), .. }) = &self.rebuild else { return false };
        match &self.serving {
            Serving::None => false,
            Serving::Live(_, live) => built.position() >= live.position(),
            Serving::Frozen(frozen) => built.behind == 0 && built.position() >= frozen.mark.position,
        }
    }

    /// What is built yields to everything else, so it may never be as far as the rows that serve while much is written:
    /// once it almost is, those wait for it, though not for long.
    pub(crate) fn hold(&mut self) {
        let serving = self.serving.position().get();
        let Some(Rebuild { feed: Some(built), held_until, .. }) = &mut self.rebuild else { return };
        let is_close = serving.saturating_sub(built.position().get()) <= MOST as u64;
        *held_until = is_close.then(|| Instant::now() + HOLD);
    }

    /// Lets lists read what was built.
    pub(crate) async fn switch(&mut self) -> Result<(), ViewError> {
        let Some(Rebuild { feed: Some(built), .. }) = &mut self.rebuild else { return Ok(()) };
        built.save().await?;
        let from = match &mut self.serving {
            Serving::None => return Ok(()),
            Serving::Live(generation, feed) => {
                feed.save().await?;
                Generation { mark: feed.saved(), ..generation.clone() }
            }
            Serving::Frozen(generation) => generation.clone(),
        };
        let (to, mark) = (built.target.generation, built.saved());
        self.home.switch(&self.board.definition, from, to, mark).await?;
        if let Some(Rebuild { generation, feed: Some(feed), .. }) = self.rebuild.take() {
            let behind = feed.behind;
            let generation = Generation { mark, ..generation };
            let target = generation.target(&self.board.definition, Place::Serving, &self.skips);
            let feed = Feed::new(&self.source(), target, mark, behind);
            self.board.tell_serving(&generation);
            self.serving = Serving::Live(generation, feed);
            self.tell_serving(behind, None);
        }
        tracing::info!(view = P::NAME, generation = to, position = %mark.position, "the new rows serve");
        self.leftovers.add();
        self.tell_rebuild();
        self.tell_failures(&[]).await
    }

    /// Tells how far the rows are that are built.
    pub(crate) fn tell_rebuild(&self) {
        let rebuild = self.rebuild.as_ref().map(|Rebuild { generation, feed, .. }| {
            let (position, behind) = match feed {
                Some(feed) => (feed.position(), feed.behind),
                None => (generation.mark.position, 0),
            };
            let (generation, version, stopped) = (generation.number, generation.version, feed.is_none());
            RebuildStatus { generation, version, position, behind, stopped }
        });
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; below 2^53 nothing is lost")]
        let behind = rebuild.as_ref().map_or(0.0, |rebuild| rebuild.behind as f64);
        gauge!("jetsource_view_rebuild_events_behind", "view" => P::NAME).set(behind);
        if let (Serving::Frozen(frozen), Some(rebuild)) = (&self.serving, &rebuild) {
            let beyond = rebuild.position.get().saturating_sub(frozen.mark.position.get());
            let behind = rebuild.behind + beyond;
            self.board.tell(|status| (status.behind, status.caught_up) = (Some(behind), behind == 0));
        }
        self.board.tell(|status| status.rebuild = rebuild);
    }
}
