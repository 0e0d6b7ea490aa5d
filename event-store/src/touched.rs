//! Which subjects are touched by what is under way, and how.

use std::collections::{HashMap, HashSet};

use crate::committer::Outgoing;

/// Subjects that are written to, and subjects that are relied on: by any number at once, as long as nobody writes.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    written: HashSet<String>,
    relied_on: HashMap<String, usize>,
}

impl Touched {
    /// Whether these messages must wait for what is here.
    pub(crate) fn holds_up(&self, messages: &[Outgoing]) -> bool {
        messages.iter().any(|message| {
            let meets_guard = self.relied_on.contains_key(&message.subject);
            let meets_write =
                message.relies_on.as_ref().is_some_and(|guarded| self.written.contains(guarded));
            self.written.contains(&message.subject) || meets_guard || meets_write
        })
    }

    pub(crate) fn add(&mut self, messages: &[Outgoing]) {
        for message in messages {
            self.written.insert(message.subject.clone());
            if let Some(guarded) = &message.relies_on {
                *self.relied_on.entry(guarded.clone()).or_default() += 1;
            }
        }
    }

    pub(crate) fn remove(&mut self, messages: &[Outgoing]) {
        for message in messages {
            self.written.remove(&message.subject);
            if let Some(guarded) = &message.relies_on
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
    use async_nats::HeaderMap;
    use bytes::Bytes;

    use super::*;

    fn message(subject: &str, relies_on: Option<&str>) -> [Outgoing; 1] {
        let (subject, relies_on) = (subject.to_owned(), relies_on.map(str::to_owned));
        [Outgoing { subject, relies_on, headers: HeaderMap::new(), data: Bytes::new() }]
    }

    #[test]
    fn writers_wait_for_each_other_and_for_guards_and_guards_only_for_writers() {
        let mut touched = Touched::default();
        touched.add(&message("a", Some("x")));
        touched.add(&message("b", Some("x")));
        assert!(touched.holds_up(&message("a", None)) && touched.holds_up(&message("x", None)));
        assert!(touched.holds_up(&message("c", Some("b"))));
        assert!(!touched.holds_up(&message("c", Some("x"))) && !touched.holds_up(&message("c", None)));
        touched.remove(&message("a", Some("x")));
        assert!(touched.holds_up(&message("x", None)) && !touched.holds_up(&message("a", None)));
        touched.remove(&message("b", Some("x")));
        assert!(!touched.holds_up(&message("x", None)));
    }
}
