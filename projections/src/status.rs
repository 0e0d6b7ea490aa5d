//! How far a view is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_model::Position;
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::control::Ask;
use crate::definition::Definition;
use crate::generation::{Generation, Place};
use crate::meter::Meter;

/// A view, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewStatus {
    /// Its name.
    pub name: &'static str,
    /// Every event up to here is in its rows.
    pub position: Position,
    /// How many events the log held beyond that when its worker last heard; `None` before it has asked.
    pub behind: Option<u64>,
    /// Whether that is none.
    pub caught_up: bool,
    /// Whether a worker of this process drives it.
    pub running: bool,
    /// Why it does not go on; a worker that still runs tries again.
    pub error: Option<String>,
    /// Whether that is because the log is not the one that it was built from. Nobody should write to such a log.
    pub log_differs: bool,
    /// When the command was taken in that caused the last event that its worker has seen.
    pub last_event_time: Option<OffsetDateTime>,
    /// Which of its generations serves; 0 before there is one.
    pub generation: u32,
    /// The version of the projection that has folded the rows.
    pub version: u32,
    /// How many of its rows are set aside, because an event of theirs could not be applied.
    pub failures: u64,
    /// What is built beside them.
    pub rebuild: Option<RebuildStatus>,
}

/// A generation that is built beside the one that serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildStatus {
    /// Which.
    pub generation: u32,
    /// The version of the projection that folds it.
    pub version: u32,
    /// Every event up to here is in it.
    pub position: Position,
    /// How many events the log held beyond that.
    pub behind: u64,
    /// Whether it waits to be resumed.
    pub stopped: bool,
}

/// What waiting for a position came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The view has reached it.
    Reached,
    /// It has not, in the time that there was.
    Behind {
        /// How far it is.
        position: Position,
    },
}

/// A view that is known to this process, where its state is told, and where its worker is asked.
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) definition: Arc<Definition>,
    status: watch::Sender<ViewStatus>,
    meters: Mutex<Meters>,
    /// None while no worker of this process is there.
    asks: Mutex<Option<mpsc::Sender<Ask>>>,
    /// Held by the one who looks where the view is, when another process drives it.
    pub(crate) looking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Meters {
    serving: Meter,
    building: Meter,
}

impl Board {
    pub(crate) fn new(definition: Arc<Definition>) -> Self {
        let status = ViewStatus {
            name: definition.name,
            position: Position::START,
            behind: None,
            caught_up: false,
            running: false,
            error: None,
            log_differs: false,
            last_event_time: None,
            generation: 0,
            version: definition.version,
            failures: 0,
            rebuild: None,
        };
        let now = Instant::now();
        let meters = Meters { serving: Meter::new(now), building: Meter::new(now) };
        let (meters, asks) = (Mutex::new(meters), Mutex::new(None));
        let looking = tokio::sync::Mutex::default();
        Self { definition, status: watch::Sender::new(status), meters, asks, looking }
    }

    pub(crate) fn status(&self) -> ViewStatus {
        self.status.borrow().clone()
    }

    pub(crate) fn log_differs(&self) -> bool {
        self.status.borrow().log_differs
    }

    pub(crate) fn watch(&self) -> watch::Receiver<ViewStatus> {
        self.status.subscribe()
    }

    pub(crate) fn tell(&self, change: impl FnOnce(&mut ViewStatus)) {
        self.status.send_modify(change);
    }

    /// Tells which rows serve.
    pub(crate) fn tell_serving(&self, serving: &Generation) {
        self.tell(|status| {
            status.position = serving.mark.position;
            (status.generation, status.version) = (serving.number, serving.version);
        });
    }

    /// So many more events are in the rows.
    pub(crate) fn count(&self, place: Place, events: usize) {
        self.meters().of(place).add(Instant::now(), events as u64);
    }

    /// What is built is counted from now on.
    pub(crate) fn count_anew(&self) {
        self.meters().building = Meter::new(Instant::now());
    }

    /// How many events a second go into the rows.
    pub(crate) fn rate(&self, place: Place) -> f64 {
        self.meters().of(place).rate(Instant::now())
    }

    /// From now on this worker is asked.
    pub(crate) fn connect(&self) -> mpsc::Receiver<Ask> {
        let (ask, asked) = mpsc::channel(16);
        *self.asks.lock().unwrap_or_else(PoisonError::into_inner) = Some(ask);
        asked
    }

    /// Where the worker is asked.
    pub(crate) fn asks(&self) -> Option<mpsc::Sender<Ask>> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn meters(&self) -> MutexGuard<'_, Meters> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meters {
    fn of(&mut self, place: Place) -> &mut Meter {
        match place {
            Place::Serving => &mut self.serving,
            Place::Building => &mut self.building,
        }
    }
}
