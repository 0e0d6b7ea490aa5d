//! Many callers on one store, who go on until there is nothing more to ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use event_store::EventStore;
use futures_util::future::join_all;
use nats_launcher::Dice;
use tokio::sync::watch;

use super::caller::{Caller, SEALED, name};
use super::check::Told;
use crate::toy::{Jar, JarCommand, command};

/// The numbers of the commands, each taken once.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    taken: Arc<watch::Sender<u64>>,
    limit: Arc<AtomicU64>,
}

impl Numbers {
    /// From 1 up to this one.
    pub(crate) fn up_to(limit: u64) -> Self {
        Self { taken: Arc::new(watch::channel(0).0), limit: Arc::new(AtomicU64::new(limit)) }
    }

    /// Without end, until [`Numbers::end`].
    pub(crate) fn endless() -> Self {
        Self::up_to(u64::MAX)
    }

    /// Nobody gets another one.
    pub(crate) fn end(&self) {
        self.limit.store(0, Ordering::Relaxed);
    }

    /// Returns once so many were taken.
    pub(crate) async fn taken(&self, many: u64) {
        let _ = self.taken.subscribe().wait_for(|taken| *taken >= many).await;
    }

    fn take(&self) -> Option<u64> {
        let mut number = 0;
        self.taken.send_modify(|taken| {
            *taken += 1;
            number = *taken;
        });
        (number <= self.limit.load(Ordering::Relaxed)).then_some(number)
    }
}

/// Seals the jars of which callers are to hear that they are sealed.
pub(crate) async fn seal(store: &EventStore) {
    for jar in 0..SEALED {
        store.execute::<Jar>(&name(jar), JarCommand::Seal, &command()).await.unwrap();
    }
}

/// So many callers at once, until the numbers end. What each was told, command by command.
pub(crate) async fn ask(store: &EventStore, seed: u64, callers: u64, numbers: &Numbers) -> Vec<Told> {
    let callers = (0..callers).map(|caller| {
        let dice = Dice::new(seed.wrapping_mul(1000) + caller);
        let (store, numbers) = (store.clone(), numbers.clone());
        tokio::spawn(async move {
            let mut caller = Caller { store, dice };
            let mut told = Vec::new();
            while let Some(number) = numbers.take() {
                told.push(caller.ask(number).await);
            }
            told
        })
    });
    join_all(callers).await.into_iter().flat_map(Result::unwrap).collect()
}
