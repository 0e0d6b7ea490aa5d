//! What a worker tells of the rows that serve: on the board, in the log, in the metrics.

use event_model::Projection;
use event_store::Entry;
use metrics::{counter, gauge};
use time::OffsetDateTime;

use crate::folding::Folded;
use crate::following::Following;

impl<P: Projection> Following<P> {
    /// Tells what a batch came to.
    pub(crate) fn written(&mut self, folded: &Folded) {
        let Folded { entries, applied, .. } = folded;
        for skipped in &applied.skipped {
            let (view, position, reason) = (P::NAME, skipped.position, &skipped.reason);
            tracing::warn!(view, %position, reason, "an event cannot be read and is stepped over");
        }
        counter!("jetsource_view_unreadable_total", "view" => P::NAME)
            .increment(applied.skipped.len() as u64);
        counter!("jetsource_view_events_total", "view" => P::NAME).increment(entries.len() as u64);
        let behind = self.serving.feed().map_or(0, |feed| feed.behind);
        self.tell_serving(behind, Some(entries));
    }

    /// Tells how far the rows are that serve.
    pub(crate) fn tell_serving(&self, behind: u64, entries: Option<&[Entry]>) {
        let time = entries.into_iter().flatten().rev().find_map(|entry| match entry {
            Entry::Event(event) => Some(event.time),
            Entry::Foreign(_) => None,
        });
        let position = self.serving.position();
        self.board.tell(|status| {
            (status.position, status.behind, status.caught_up) = (position, Some(behind), behind == 0);
            status.error = None;
            status.last_event_time = time.or(status.last_event_time);
        });
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; below 2^53 nothing is lost")]
        let (position, behind) = (position.get() as f64, behind as f64);
        gauge!("jetsource_view_position", "view" => P::NAME).set(position);
        gauge!("jetsource_view_events_behind", "view" => P::NAME).set(behind);
        if let Some(time) = time {
            let lag = (OffsetDateTime::now_utc() - time).as_seconds_f64().max(0.0);
            gauge!("jetsource_view_lag_seconds", "view" => P::NAME).set(lag);
        }
    }
}
