//! Which subjects are touched by what is under way, and how.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::committer::Outgoing;

/// What a message touches.
#[derive(Debug, Clone)]
pub(crate) struct Touch {
    writes: Arc<str>,
    relies_on: Option<Arc<str>>,
}

impl Touch {
    pub(crate) fn of(message: &Outgoing) -> Self {
        Self { writes: Arc::clone(&message.subject), relies_on: message.relies_on.clone() }
    }
}

/// Subjects that are written to, and subjects that are relied on: by any number at once, as long as nobody writes.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    written: HashSet<Arc<str>>,
    relied_on: HashMap<Arc<str>, usize>,
}

impl Touched {
    /// Whether these must wait for what is here.
    pub(crate) fn hold_up(&self, touches: &[Touch]) -> bool {
        touches.iter().any(|Touch { writes, relies_on }| {
            let meets_guard = self.relied_on.contains_key(writes);
            let meets_write = relies_on.as_ref().is_some_and(|guarded| self.written.contains(guarded));
            self.written.contains(writes) || meets_guard || meets_write
        })
    }

    pub(crate) fn add(&mut self, touches: &[Touch]) {
        for Touch { writes, relies_on } in touches {
            self.written.insert(Arc::clone(writes));
            if let Some(guarded) = relies_on {
                *self.relied_on.entry(Arc::clone(guarded)).or_default() += 1;
            }
        }
    }

    pub(crate) fn remove(&mut self, touches: &[Touch]) {
        for Touch { writes, relies_on } in touches {
            self.written.remove(writes);
            if let Some(guarded) = relies_on
                && let Some(count) = self.relied_on.get_mut(guarded)
            {
                *count -= 1;
                if *count == 0 {
                    self.relied_on.remove(guarded);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: &str, relies_on: Option<&str>) -> [Touch; 1] {
        [Touch { writes: subject.into(), relies_on: relies_on.map(Arc::from) }]
    }

    #[test]
    fn writers_wait_for_each_other_and_for_guards_and_guards_only_for_writers() {
        let mut touched = Touched::default();
        touched.add(&message("a", Some("x")));
        touched.add(&message("b", Some("x")));
        assert!(touched.hold_up(&message("a", None)) && touched.hold_up(&message("x", None)));
        assert!(touched.hold_up(&message("c", Some("b"))));
        assert!(!touched.hold_up(&message("c", Some("x"))) && !touched.hold_up(&message("c", None)));
        touched.remove(&message("a", Some("x")));
        assert!(touched.hold_up(&message("x", None)) && !touched.hold_up(&message("a", None)));
        touched.remove(&message("b", Some("x")));
        assert!(!touched.hold_up(&message("x", None)));
    }
}
