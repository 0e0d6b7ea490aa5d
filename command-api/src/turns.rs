//! Commands from subjects to one entity go one after the other on a node. Side by side each would be in the way of all
//! others: what is decided on a version that somebody else has just changed is decided again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

/// From how many entities on those are let go that nobody waits for.
const MANY: usize = 1024;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(4);

type Turn = tokio::sync::Mutex<()>;

/// Whose turn it is, by entity.
#[derive(Debug, Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<String, Weak<Turn>>>>);

impl Turns {
    /// The right to go on with an entity, until it is dropped; in the order in which it is asked for. `None` when
    /// others took too long.
    pub(crate) async fn turn(&self, entity: &str) -> Option<OwnedMutexGuard<()>> {
        timeout(PATIENCE, self.of(entity).lock_owned()).await.ok()
    }

    fn of(&self, entity: &str) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= MANY {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        turns.get(entity).and_then(Weak::upgrade).unwrap_or_else(|| {
            let turn = Arc::default();
            turns.insert(entity.to_owned(), Arc::downgrade(&turn));
            turn
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_goes_at_a_time_and_others_elsewhere_are_not_in_the_way() {
        let turns = Turns::default();
        let first = turns.turn("a").await.unwrap();
        let _elsewhere = turns.turn("b").await.unwrap();
        let mut second = Box::pin(turns.turn("a"));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!(second.await.is_some());
    }

    #[tokio::test]
    async fn what_is_done_with_is_let_go() {
        let turns = Turns::default();
        let held = turns.turn("held").await;
        for entity in 0..2 * MANY {
            turns.turn(&entity.to_string()).await.unwrap();
        }
        assert!(turns.0.lock().unwrap().len() <= MANY);
        assert!(Box::pin(turns.turn("held")).now_or_never().is_none());
        drop(held);
    }
}
