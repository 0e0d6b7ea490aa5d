//! Whether each append is whole: its parts lie one behind the other, from the first to the last.

use event_model::{Part, Position, Recorded};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Problem;

/// The append that is being read, if it has more parts to come.
#[derive(Debug, Default)]
pub(super) struct Parts {
    open: Option<Open>,
}

/// An append of which some parts were met.
#[derive(Debug)]
struct Open {
    first: Position,
    last: Part,
    command: Command,
}

/// What the events of one append have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Command {
    time: OffsetDateTime,
    causation: Option<Uuid>,
    correlation: Option<Uuid>,
}

impl Parts {
    pub(super) fn are_open(&self) -> bool {
        self.open.is_some()
    }

    /// Takes the next event of ours; what it shows to be wrong.
    pub(super) fn take(&mut self, event: &Recorded) -> Option<Problem> {
        let command =
            Command { time: event.time, causation: event.causation_id, correlation: event.correlation_id };
        let follows = |open: &Open| {
            let next = Part { number: open.last.number + 1, of: open.last.of };
            open.command == command && event.part == Some(next)
        };
        let open = self.open.take();
        let Some(part) = event.part else { return open.map(Open::cut) };
        if let Some(open) = open {
            if follows(&open) {
                self.open = (part.number < part.of).then_some(Open { last: part, ..open });
                return None;
            }
            self.begin(event.position, part, command);
            return Some(open.cut());
        }
        self.begin(event.position, part, command);
        (part.number > 1).then(|| Problem {
            position: event.position,
            what: format!("part {part} of an append without the parts before it"),
        })
    }

    fn begin(&mut self, first: Position, part: Part, command: Command) {
        self.open = (part.number < part.of).then_some(Open { first, last: part, command });
    }

    /// No more comes.
    pub(super) fn end(&mut self) -> Option<Problem> {
        self.open.take().map(Open::cut)
    }
}

impl Open {
    fn cut(self) -> Problem {
        let what = format!("the append that begins here is cut off after part {}", self.last);
        Problem { position: self.first, what }
    }
}
