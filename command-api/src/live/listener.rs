//! One who listens. It reads the log page by page until it is where the shared reader is, takes a place among those
//! who hear that one, and reads what lies between by itself: no gap, no repetition, one page in memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use event_model::Position;
use event_store::{Entry, Filter, StoreError};
use futures_util::{FutureExt as _, Stream, stream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};

use super::begin::{Begin, NoPlace};
use super::behind::{PAGE, page};
use super::crowd::Heard;
use super::hub::{Hub, Seat};
use super::pulse::Pulse;
use super::said::{self, Said};
use crate::line::Line;

/// Who is no further behind the shared reader takes a place, and reads what is between.
const NEAR: u64 = PAGE as u64;
/// How much is handed over at once, in bytes, unless one event alone is more.
const CHUNK: usize = 64 * 1024;
/// How often there is a sign of life, and the place to go on from is named where nothing that is wanted came.
const SIGN: Duration = Duration::from_secs(15);
/// How soon a log that cannot be read is looked at again.
const AGAIN: Duration = Duration::from_millis(500);

/// A listener.
pub(crate) struct Listener {
    hub: Hub,
    filter: Arc<Filter>,
    pulse: Arc<Pulse>,
    stage: Stage,
    seat: Option<Seat>,
    /// All up to here was read for it.
    read: Position,
    /// The last position that it was told.
    told: Position,
    /// What was read for it and not handed over yet.
    ready: VecDeque<Said>,
    sign: Interval,
    troubled: bool,
}

/// How far it has come.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// It is not known yet where it begins.
    Placeless(Begin),
    /// It begins here.
    Opening,
    /// It reads by itself.
    Behind,
    /// With a place, up to here.
    Joining(Position),
    /// It hears what comes.
    Live,
    Over,
}

impl Listener {
    /// One who begins behind a position, where that is known.
    pub(crate) fn new(hub: Hub, filter: Filter, begin: Begin, after: Option<Position>, line: Line) -> Self {
        let pulse = Arc::new(Pulse::new(line));
        hub.pulses().add(&pulse);
        let mut sign = interval_at(Instant::now() + SIGN, SIGN);
        sign.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (read, stage) =
            after.map_or((Position::START, Stage::Placeless(begin)), |after| (after, Stage::Opening));
        Self {
            hub,
            filter: Arc::new(filter),
            pulse,
            stage,
            seat: None,
            read,
            told: read,
            ready: VecDeque::new(),
            sign,
            troubled: false,
        }
    }

    /// What it hears, as the body of an answer.
    pub(crate) fn stream(self) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
        stream::unfold(self, async |mut listener| listener.next().await.map(|chunk| (Ok(chunk), listener)))
    }

    async fn next(&mut self) -> Option<Bytes> {
        self.pulse.beats();
        let ending = self.hub.ending().clone();
        loop {
            if matches!(self.stage, Stage::Over) {
                return None;
            }
            if let Some(chunk) = self.handed_over() {
                return Some(chunk);
            }
            match ending.run_until_cancelled(self.step()).await {
                Some(None) => {}
                Some(Some(said)) => return Some(said),
                None => {
                    self.stage = Stage::Over;
                    return Some(said::comment("the server ends; connect again").into());
                }
            }
        }
    }

    async fn step(&mut self) -> Option<Bytes> {
        let stepped = match self.stage {
            Stage::Over => return None,
            Stage::Live => return self.listen().await,
            Stage::Opening => {
                self.stage = Stage::Behind;
                return Some(said::opening(self.read).into());
            }
            Stage::Placeless(begin) => self.find(begin).await,
            Stage::Behind => self.draw_near().await,
            Stage::Joining(until) => self.read_up_to(until).await,
        };
        match stepped {
            Ok(()) if std::mem::take(&mut self.troubled) => {
                Some(said::comment("the log can be read again").into())
            }
            Ok(()) => self.sign.tick().now_or_never().map(|_| said::comment("").into()),
            Err(error) => self.pause(&error).await,
        }
    }

    async fn find(&mut self, begin: Begin) -> Result<(), StoreError> {
        match begin.look(self.hub.store()).await {
            Ok(after) => {
                (self.read, self.told) = (after, after);
                self.stage = Stage::Opening;
            }
            Err(NoPlace::Unknown(error)) => return Err(error),
            Err(NoPlace::Beyond(asked, head)) => {
                let why = format!("position {asked} is not on the log, which ends at {head}");
                return Err(StoreError::Corrupt(why));
            }
        }
        Ok(())
    }

    /// Reads a page; near enough, takes a place first.
    async fn draw_near(&mut self) -> Result<(), StoreError> {
        let until = self.hub.reading().await?;
        if until.get() > self.read.get() + NEAR {
            return self.page(until).await;
        }
        if let Some((seat, until)) = self.hub.join(&self.filter, self.read, &self.pulse) {
            self.seat = Some(seat);
            self.stage = Stage::Joining(until);
        }
        Ok(())
    }

    async fn read_up_to(&mut self, until: Position) -> Result<(), StoreError> {
        if self.read < until {
            return self.page(until).await;
        }
        self.stage = Stage::Live;
        Ok(())
    }

    /// Reads on towards a position that the log has reached, and no further.
    async fn page(&mut self, until: Position) -> Result<(), StoreError> {
        let (entries, read) = page(self.hub.store(), &self.filter, self.read, until).await?;
        for entry in entries {
            if let Entry::Event(event) = &entry
                && event.position <= until
                && self.filter.wants(event)
            {
                self.ready.push_back(Said::of(event)?);
            }
        }
        self.read = read;
        Ok(())
    }

    /// What was read so far, as much as goes at once, and where to go on from.
    fn handed_over(&mut self) -> Option<Bytes> {
        if matches!(self.stage, Stage::Placeless(_) | Stage::Opening) {
            return None;
        }
        let mut chunk = BytesMut::new();
        while let Some(said) =
            self.ready.front().filter(|said| chunk.is_empty() || chunk.len() + said.text.len() <= CHUNK)
        {
            chunk.extend_from_slice(&said.text);
            self.told = said.position;
            self.ready.pop_front();
        }
        if self.ready.is_empty() && self.told < self.read {
            chunk.extend_from_slice(said::passed(self.read).as_bytes());
            self.told = self.read;
        }
        (!chunk.is_empty()).then(|| chunk.freeze())
    }

    /// What comes, or a sign of life.
    async fn listen(&mut self) -> Option<Bytes> {
        let Some(seat) = &mut self.seat else {
            self.stage = Stage::Behind;
            return None;
        };
        let mut chunk = BytesMut::new();
        tokio::select! {
            biased;
            heard = seat.heard.recv() => match heard {
                Some(heard) => self.take(heard, &mut chunk),
                None => return self.let_go(),
            },
            _ = self.sign.tick() => {
                // Asked before the queue is emptied: what lies up to there is in the queue, or is not wanted. Not so
                // when there was no room in it.
                let read = self.hub.read();
                while let Some(heard) = self.waiting() {
                    self.take(heard, &mut chunk);
                }
                if let Some(read) = read.filter(|read| *read > self.told && self.has_its_place()) {
                    chunk.extend_from_slice(said::passed(read).as_bytes());
                    (self.read, self.told) = (read, read);
                }
                chunk.extend_from_slice(said::comment("").as_bytes());
            }
        }
        while chunk.len() < CHUNK
            && let Some(heard) = self.waiting()
        {
            self.take(heard, &mut chunk);
        }
        Some(chunk.freeze())
    }

    fn has_its_place(&self) -> bool {
        self.seat.as_ref().is_some_and(|seat| !seat.heard.is_closed())
    }

    fn waiting(&mut self) -> Option<Heard> {
        self.seat.as_mut()?.heard.try_recv().ok()
    }

    fn take(&mut self, heard: Heard, chunk: &mut BytesMut) {
        match heard {
            Heard::Event(said) => {
                chunk.extend_from_slice(&said.text);
                (self.read, self.told) = (said.position, said.position);
            }
            Heard::Remark(text) => chunk.extend_from_slice(&text),
        }
    }

    /// It has no place any more: it was behind, or the reader ended. It reads on by itself, unless it is too slow.
    fn let_go(&mut self) -> Option<Bytes> {
        self.seat = None;
        if self.pulse.was_too_slow() {
            self.stage = Stage::Over;
            return Some(said::too_slow(self.told).into());
        }
        self.stage = Stage::Behind;
        None
    }

    /// Says what is wrong, once, and waits a moment.
    async fn pause(&mut self, error: &StoreError) -> Option<Bytes> {
        if !std::mem::replace(&mut self.troubled, true) {
            return Some(said::comment(&format!("{error}; this goes on when it is as it was")).into());
        }
        tokio::select! {
            () = sleep(AGAIN) => None,
            _ = self.sign.tick() => Some(said::comment("").into()),
        }
    }
}
