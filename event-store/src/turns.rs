//! Whose turn it is, among the commands of this process: those under one key, and those on one entity that have met.
//! Whoever comes later waits behind them: otherwise those who have just come overtake the one who reads again, for as
//! long as its patience lasts. What other processes do is not seen here; between them the broker's check decides, and
//! chance.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Mutex as Line, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

/// The lines in which they stand, by what they wait for. One is there for as long as anybody stands in it.
#[derive(Debug)]
pub(crate) struct Turns<K>(Mutex<HashMap<K, Weak<Line<()>>>>);

/// It lasts as long as this value.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// Waits where others wait; `None` where nobody does, or when the time is over.
    pub(crate) async fn join(&self, what: &K, until: Instant) -> Option<Turn> {
        let line = self.lines().get(what).and_then(Weak::upgrade)?;
        timeout_at(until, line.lock_owned()).await.ok()
    }

    /// Waits behind all who came before; `None` when the time is over.
    pub(crate) async fn take(&self, what: &K, until: Instant) -> Option<Turn> {
        let line = self.line(what);
        timeout_at(until, line.lock_owned()).await.ok()
    }

    fn line(&self, what: &K) -> Arc<Line<()>> {
        let mut lines = self.lines();
        if let Some(line) = lines.get(what).and_then(Weak::upgrade) {
            return line;
        }
        lines.retain(|_, line| line.strong_count() > 0);
        let line = Arc::default();
        lines.insert(what.clone(), Arc::downgrade(&line));
        line
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<K, Weak<Line<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(10)
    }

    #[tokio::test]
    async fn nobody_waits_where_nobody_has_met() {
        let turns = Turns::default();
        assert!(turns.join(&"a", soon()).await.is_none());
        let turn = turns.take(&"a", soon()).await;
        assert!(turn.is_some());
        assert!(turns.join(&"b", soon()).await.is_none());
        drop(turn);
        assert!(turns.join(&"a", soon()).await.is_none());
    }

    #[tokio::test]
    async fn whoever_comes_later_waits_until_the_time_is_over_or_it_is_his_turn() {
        let turns = Turns::default();
        let turn = turns.take(&"a", soon()).await.unwrap();
        assert!(turns.join(&"a", soon()).await.is_none());
        assert!(turns.take(&"a", soon()).await.is_none());
        let later = turns.join(&"a", Instant::now() + Duration::from_mins(1));
        let (later, ()) = tokio::join!(later, async { drop(turn) });
        assert!(later.is_some());
    }

    #[tokio::test]
    async fn turns_come_in_the_order_of_coming() {
        let turns = Turns::default();
        let first = turns.take(&"a", soon()).await.unwrap();
        let came = Mutex::new(Vec::new());
        let later = (0..5).map(|number| {
            let (turns, came) = (&turns, &came);
            async move {
                let turn = turns.take(&"a", Instant::now() + Duration::from_mins(1)).await;
                came.lock().unwrap().push(number);
                drop(turn);
            }
        });
        tokio::join!(futures_util::future::join_all(later), async { drop(first) });
        assert_eq!(*came.lock().unwrap(), [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn lines_in_which_nobody_stands_are_forgotten() {
        let turns = Turns::default();
        for number in 0..100 {
            drop(turns.take(&number, soon()).await);
        }
        assert!(turns.lines().len() <= 1);
    }
}
