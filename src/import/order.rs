//! Whose turn it is: a line waits for all earlier lines that mention what it mentions.

use std::collections::HashMap;

use tokio_util::sync::{CancellationToken, DropGuard};

/// The last line under way for each thing that is mentioned.
#[derive(Debug, Default)]
pub(crate) struct Order {
    last: HashMap<String, CancellationToken>,
}

/// A place in the order.
#[derive(Debug)]
pub(crate) struct Turn {
    before: Vec<CancellationToken>,
    done: DropGuard,
}

impl Order {
    /// A line comes, behind all that came before.
    pub(crate) fn enter(&mut self, mentions: &[String]) -> Turn {
        let done = CancellationToken::new();
        let before =
            mentions.iter().filter_map(|what| self.last.insert(what.clone(), done.clone())).collect();
        Turn { before, done: done.drop_guard() }
    }

    /// A line is done: what nobody mentions any more is forgotten.
    pub(crate) fn leave(&mut self, mentions: &[String]) {
        for what in mentions {
            if self.last.get(what).is_some_and(CancellationToken::is_cancelled) {
                self.last.remove(what);
            }
        }
    }
}

impl Turn {
    /// Returns when all earlier lines are done; this one is done when the guard is dropped.
    pub(crate) async fn come(self) -> DropGuard {
        for before in &self.before {
            before.cancelled().await;
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_line_waits_for_earlier_ones_that_share_a_name_and_for_no_other() {
        let mut order = Order::default();
        let first = order.enter(&names("ann")).come().now_or_never().unwrap();
        let mut both = Box::pin(order.enter(&names("ann ben")).come());
        let mut last = Box::pin(order.enter(&names("ben")).come());
        let other = order.enter(&names("cem")).come().now_or_never();
        assert!(other.is_some());
        assert!(both.as_mut().now_or_never().is_none());
        drop(first);
        let done = both.as_mut().now_or_never().unwrap();
        assert!(last.as_mut().now_or_never().is_none());
        drop(done);
        assert!(last.as_mut().now_or_never().is_some());
    }

    #[test]
    fn what_is_done_is_forgotten() {
        let mut order = Order::default();
        let names = names("ann");
        let first = order.enter(&names).come().now_or_never();
        let second = order.enter(&names);
        drop(first);
        order.leave(&names);
        assert_eq!(order.last.len(), 1);
        drop(second);
        order.leave(&names);
        assert!(order.last.is_empty());
    }
}
