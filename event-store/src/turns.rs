//! Whose turn it is. Commands on one entity that have met wait for each other from then on, and so does whoever comes
//! later: otherwise those who have just come overtake the one who reads again, for as long as its patience lasts. What
//! other processes do is not seen here; between them the broker's check decides, and chance.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use event_model::EntityName;
use tokio::sync::{Mutex as Line, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

/// The entities on which commands of this process have met. A line is there for as long as anybody stands in it.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<EntityName, Weak<Line<()>>>>);

/// It lasts as long as this value.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits where others wait; `None` where nobody does, or when the time is over.
    pub(crate) async fn join(&self, entity: &EntityName, until: Instant) -> Option<Turn> {
        let line = self.lines().get(entity).and_then(Weak::upgrade)?;
        timeout_at(until, line.lock_owned()).await.ok()
    }

    /// Waits behind all who have met on an entity before; `None` when the time is over.
    pub(crate) async fn take(&self, entity: &EntityName, until: Instant) -> Option<Turn> {
        let line = self.line(entity);
        timeout_at(until, line.lock_owned()).await.ok()
    }

    fn line(&self, entity: &EntityName) -> Arc<Line<()>> {
        let mut lines = self.lines();
        if let Some(line) = lines.get(entity).and_then(Weak::upgrade) {
            return line;
        }
        lines.retain(|_, line| line.strong_count() > 0);
        let line = Arc::default();
        lines.insert(entity.clone(), Arc::downgrade(&line));
        line
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<EntityName, Weak<Line<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn jar(id: &str) -> EntityName {
        EntityName::new("jar", id)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(10)
    }

    #[tokio::test]
    async fn nobody_waits_where_nobody_has_met() {
        let turns = Turns::default();
        assert!(turns.join(&jar("a"), soon()).await.is_none());
        let turn = turns.take(&jar("a"), soon()).await;
        assert!(turn.is_some());
        assert!(turns.join(&jar("b"), soon()).await.is_none());
        drop(turn);
        assert!(turns.join(&jar("a"), soon()).await.is_none());
    }

    #[tokio::test]
    async fn whoever_comes_later_waits_until_the_time_is_over_or_it_is_his_turn() {
        let turns = Turns::default();
        let jar = jar("a");
        let turn = turns.take(&jar, soon()).await.unwrap();
        assert!(turns.join(&jar, soon()).await.is_none());
        assert!(turns.take(&jar, soon()).await.is_none());
        let later = turns.join(&jar, Instant::now() + Duration::from_mins(1));
        let (later, ()) = tokio::join!(later, async { drop(turn) });
        assert!(later.is_some());
    }

    #[tokio::test]
    async fn turns_come_in_the_order_of_coming() {
        let turns = Turns::default();
        let first = turns.take(&jar("a"), soon()).await.unwrap();
        let came = Mutex::new(Vec::new());
        let later = (0..5).map(|number| {
            let (turns, came) = (&turns, &came);
            async move {
                let turn = turns.take(&jar("a"), Instant::now() + Duration::from_mins(1)).await;
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
            drop(turns.take(&jar(&number.to_string()), soon()).await);
        }
        assert!(turns.lines().len() <= 1);
    }
}
