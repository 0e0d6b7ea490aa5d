//! How a view is, as it is told to other processes.

use event_model::Position;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::generation::{Build, Generation, Place};
use crate::status::Board;

/// A view, as its worker tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Its name.
    pub view: String,
    /// The version of the projection that has folded the rows.
    pub version: u32,
    /// Which of its generations serves.
    pub generation: u32,
    /// Every event up to here is in its rows.
    pub position: Position,
    /// How many events the log holds beyond that; `None` when that is not known.
    pub behind: Option<u64>,
    /// How old the last event is that was applied, while there are more.
    pub seconds_behind: Option<f64>,
    /// How many events a second are applied.
    pub rate: f64,
    /// Whether a worker drives it.
    pub running: bool,
    /// How many of its rows are set aside, because an event of theirs could not be applied.
    pub failures: u64,
    /// What is built beside the rows that serve.
    pub rebuild: Option<Rebuild>,
    /// Why it does not go on.
    pub error: Option<String>,
}

/// A generation that is built beside the one that serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rebuild {
    /// Which.
    pub generation: u32,
    /// The version of the projection that folds it.
    pub version: u32,
    /// Every event up to here is in it.
    pub position: Position,
    /// How many events the log holds beyond that; `None` when that is not known.
    pub behind: Option<u64>,
    /// How many events a second are applied.
    pub rate: f64,
    /// How long it will take at this rate.
    pub seconds_left: Option<f64>,
    /// Whether it waits to be resumed.
    pub stopped: bool,
}

impl Report {
    /// Of a view that no worker tells of.
    pub(crate) fn at_rest(
        view: String,
        serving: &Generation,
        failures: u64,
        rebuild: Option<Rebuild>,
    ) -> Self {
        Self {
            view,
            version: serving.version,
            generation: serving.number,
            position: serving.mark.position,
            behind: None,
            seconds_behind: None,
            rate: 0.0,
            running: false,
            failures,
            rebuild,
            error: None,
        }
    }
}

impl Rebuild {
    /// Of a generation that no worker tells of.
    pub(crate) fn at_rest(build: &Build) -> Self {
        let Build { generation, stopped } = build;
        Self {
            generation: generation.number,
            version: generation.version,
            position: generation.mark.position,
            behind: None,
            rate: 0.0,
            seconds_left: None,
            stopped: *stopped,
        }
    }
}

impl Board {
    /// How the view is now.
    pub(crate) fn report(&self, now: OffsetDateTime) -> Report {
        let status = self.status();
        let age = status.last_event_time.map(|time| (now - time).as_seconds_f64().max(0.0));
        let rebuild = status.rebuild.map(|rebuild| {
            let rate = if rebuild.stopped { 0.0 } else { self.rate(Place::Building) };
            #[expect(clippy::cast_precision_loss, reason = "a guess for people")]
            let seconds_left = (rate > 0.0).then(|| rebuild.behind as f64 / rate);
            Rebuild {
                generation: rebuild.generation,
                version: rebuild.version,
                position: rebuild.position,
                behind: (!rebuild.stopped).then_some(rebuild.behind),
                rate,
                seconds_left,
                stopped: rebuild.stopped,
            }
        });
        Report {
            view: status.name.to_owned(),
            version: status.version,
            generation: status.generation,
            position: status.position,
            behind: status.behind,
            seconds_behind: if status.caught_up { Some(0.0) } else { age },
            rate: self.rate(Place::Serving),
            running: status.running,
            failures: status.failures,
            rebuild,
            error: status.error,
        }
    }
}
