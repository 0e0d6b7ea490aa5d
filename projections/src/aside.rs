//! Rows that are set aside: told, tried again, or helped over the event that could not be applied.

use std::sync::Arc;

use event_model::{Position, Projection};
use event_store::{Entry, StoreError};
use metrics::gauge;

use crate::applying::apply_again;
use crate::attempt::{Tried, insist};
use crate::control::Answer;
use crate::error::{ViewError, line};
use crate::failure::Failure;
use crate::feed::Feed;
use crate::fold::{Change, Failed};
use crate::following::Following;
use crate::generation::Target;
use crate::rebuild::Rebuild;
use crate::serving::Serving;

/// How many events that wait are applied in one transaction.
const PIECE: u32 = 500;
/// How many rows are tried again in one answer.
const MOST: u32 = 10_000;

/// What another try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Again {
    /// The row is not set aside.
    NotAside,
    /// The row goes on.
    GoesOn,
    /// It is still set aside, for this.
    Still(String),
}

impl<P: Projection> Following<P> {
    /// Tells what was set aside just now, and how much is in all.
    pub(crate) async fn tell_failures(&self, failed: &[Failed]) -> Result<(), ViewError> {
        for Failed { key, position, event_type, reason, .. } in failed {
            let view = P::NAME;
            tracing::error!(view, key, %position, event_type, reason, "a row is set aside, all others go on");
        }
        let count = self.home.count_failures(P::NAME, self.serving.number()).await?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; below 2^53 nothing is lost")]
        gauge!("jetsource_view_failures", "view" => P::NAME).set(count as f64);
        self.board.tell(|status| status.failures = count);
        Ok(())
    }

    /// Tries again what a row is set aside for, and what waits behind it.
    pub(crate) async fn retry(&mut self, key: &str) -> Result<Answer, ViewError> {
        let again = self.everywhere(key).await?;
        self.tell_failures(&[]).await?;
        Ok(match again {
            Again::NotAside => Answer::NotFound(format!("no row {key:?} is set aside")),
            Again::GoesOn => Answer::Done(format!("the row {key:?} goes on")),
            Again::Still(why) => Answer::Refused(format!("the row {key:?} is still set aside: {why}")),
        })
    }

    /// Tries again what any row is set aside for.
    pub(crate) async fn retry_all(&mut self) -> Result<Answer, ViewError> {
        let failures = self.home.failures(P::NAME, self.serving.number(), MOST).await?;
        let (mut on, mut still) = (0_u64, 0_u64);
        for failure in &failures.first {
            match self.everywhere(&failure.key).await? {
                Again::GoesOn | Again::NotAside => on += 1,
                Again::Still(_) => still += 1,
            }
        }
        self.tell_failures(&[]).await?;
        let rest = failures.count.saturating_sub(on + still);
        Ok(match (on, still, rest) {
            (0, 0, 0) => Answer::Done("no row is set aside".to_owned()),
            (on, 0, 0) => Answer::Done(format!("rows that go on: {on}")),
            (on, still, rest) => {
                Answer::Refused(format!("rows that go on: {on}, still set aside: {still}, not tried: {rest}"))
            }
        })
    }

    /// Steps over the event that a row is set aside for, for good.
    pub(crate) async fn skip(&mut self, key: &str, reason: &str) -> Result<Answer, ViewError> {
        let mut found = None;
        for target in self.targets() {
            found = found.or(self.home.failure(&target, key, 0).await?);
        }
        let Some((failure, _)) = found else {
            return Ok(Answer::NotFound(format!("no row {key:?} is set aside")));
        };
        self.home.skip(P::NAME, &failure, reason.to_owned()).await?;
        Arc::make_mut(&mut self.skips).insert(failure.position);
        if let Some(feed) = self.serving.feed() {
            feed.target.skips = Arc::clone(&self.skips);
        }
        if let Some(feed) = self.rebuild.as_mut().and_then(Rebuild::feed) {
            feed.target.skips = Arc::clone(&self.skips);
        }
        tracing::warn!(view = P::NAME, key, position = %failure.position, reason, "an event is stepped over");
        let again = self.everywhere(key).await?;
        self.tell_failures(&[]).await?;
        let stepped = format!("the event at position {} is stepped over", failure.position);
        Ok(Answer::Done(match again {
            Again::Still(why) => format!("{stepped}; the row {key:?} is set aside again: {why}"),
            Again::NotAside | Again::GoesOn => format!("{stepped}, the row {key:?} goes on"),
        }))
    }

    /// Whatever was folded and is not written does not know what was changed by hand.
    pub(crate) fn fold_anew(&mut self) {
        let built = self.rebuild.as_mut().and_then(Rebuild::feed);
        self.serving.feed().into_iter().chain(built).for_each(Feed::fold_anew);
    }

    /// The rows that this worker writes: those that serve first.
    fn targets(&mut self) -> Vec<Target> {
        let serving = self.serving.feed().map(|feed| feed.target.clone());
        let built = self.rebuild.as_mut().and_then(Rebuild::feed).map(|feed| feed.target.clone());
        serving.into_iter().chain(built).collect()
    }

    /// Tries it in each generation; tells what came of it in the first that had the row aside.
    async fn everywhere(&mut self, key: &str) -> Result<Again, ViewError> {
        if let Serving::Frozen(frozen) = &self.serving {
            let why = format!("the rows are of version {}, new ones are being built", frozen.version);
            return Ok(Again::Still(why));
        }
        let mut told = Again::NotAside;
        for target in self.targets() {
            let again = self.again(&target, key).await?;
            if told == Again::NotAside {
                told = again;
            }
        }
        Ok(told)
    }

    async fn again(&self, target: &Target, key: &str) -> Result<Again, ViewError> {
        let mut pieces = 0_u64;
        loop {
            let Some((failure, mut waiting)) = self.home.failure(target, key, PIECE + 1).await? else {
                return Ok(if pieces == 0 { Again::NotAside } else { Again::GoesOn });
            };
            pieces += 1;
            let next = if waiting.len() > PIECE as usize { waiting.pop() } else { None };
            waiting.insert(0, failure.position);
            let entries = match self.entries(&waiting).await {
                Ok(entries) => entries,
                Err(error) => return Ok(Again::Still(line(&error))),
            };
            if failure.rowless {
                return self.again_rowless(target, &failure, &entries).await;
            }
            let applied = apply_again::<P>(self.home.as_ref(), target, &failure, entries, next).await?;
            if let Some(failed) = applied.failed.first() {
                return Ok(Again::Still(failed.reason.clone()));
            }
        }
    }

    async fn again_rowless(
        &self,
        target: &Target,
        failure: &Failure,
        entries: &[Entry],
    ) -> Result<Again, ViewError> {
        let Some(Entry::Event(event)) = entries.first() else {
            return Ok(Again::Still("nothing lies at its position".to_owned()));
        };
        let failed = match insist(event, &target.skips, || P::keys(event)) {
            Tried::SteppedOver(_) => None,
            // Later events of the rows were applied already: on top of them this one would come out of turn.
            Tried::Done(keys) => keys.first().map(|key| {
                format!("it belongs to the row {key:?}, which has gone on without it; build the view anew")
            }),
            Tried::Failed(reason) => Some(reason),
        };
        let again = failed.clone().map_or(Again::GoesOn, Again::Still);
        let changes = failed.map(|reason| Change::SetAside(Failed::rowless(event, reason)));
        let changes = changes.into_iter().collect();
        self.home.redone(target, failure, changes, failure.position, None).await?;
        Ok(again)
    }

    /// What lies at these positions.
    async fn entries(&self, positions: &[Position]) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::with_capacity(positions.len());
        for position in positions {
            let before = Position::new(position.get().saturating_sub(1));
            let (found, _) = self.store.log_after(before, 1).await?;
            entries.extend(found.into_iter().filter(|entry| entry.position() == *position));
        }
        Ok(entries)
    }
}
