//! Up to where the log is done with: the place from which a runner goes on after a crash.

use std::collections::VecDeque;

use event_store::Mark;

/// What was read and is not all done yet, in the order of the log.
#[derive(Debug)]
pub(crate) struct Progress {
    done: Mark,
    read: Mark,
    /// What lies between, each with whether it is done.
    open: VecDeque<(Mark, bool)>,
    /// The number of the first of them.
    first: u64,
}

/// One entry of the log that is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl Progress {
    pub(crate) fn from(done: Mark) -> Self {
        Self { done, read: done, open: VecDeque::new(), first: 0 }
    }

    /// The next entry was read, and there is nothing to do for it.
    pub(crate) fn passed(&mut self, mark: Mark) {
        self.read = mark;
        if self.open.is_empty() {
            self.done = mark;
        } else {
            self.open.push_back((mark, true));
        }
    }

    /// The next entry was read, and is worked on.
    pub(crate) fn begun(&mut self, mark: Mark) -> Ticket {
        self.read = mark;
        self.open.push_back((mark, false));
        Ticket(self.first + self.open.len() as u64 - 1)
    }

    /// The work on an entry is done.
    pub(crate) fn finished(&mut self, ticket: Ticket) {
        let index = usize::try_from(ticket.0 - self.first).unwrap_or(usize::MAX);
        if let Some((_, done)) = self.open.get_mut(index) {
            *done = true;
        }
        while let Some((mark, true)) = self.open.front() {
            self.done = *mark;
            self.open.pop_front();
            self.first += 1;
        }
    }

    /// Everything up to here is done.
    pub(crate) fn done(&self) -> Mark {
        self.done
    }

    /// Everything up to here was read.
    pub(crate) fn read(&self) -> Mark {
        self.read
    }

    /// How many entries lie between.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use event_model::Position;

    use super::*;

    fn mark(position: u64) -> Mark {
        Mark { position: Position::new(position), id: None }
    }

    #[test]
    fn what_is_done_out_of_order_waits_for_what_is_before_it() {
        let mut progress = Progress::from(mark(4));
        progress.passed(mark(5));
        assert_eq!(progress.done(), mark(5));
        let (six, seven) = (progress.begun(mark(6)), progress.begun(mark(7)));
        progress.passed(mark(8));
        progress.finished(seven);
        assert_eq!((progress.done(), progress.read(), progress.open()), (mark(5), mark(8), 3));
        progress.finished(six);
        assert_eq!((progress.done(), progress.open()), (mark(8), 0));
        let nine = progress.begun(mark(9));
        assert_eq!(progress.done(), mark(8));
        progress.finished(nine);
        assert_eq!(progress.done(), mark(9));
    }
}
