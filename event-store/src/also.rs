//! What a command asks of other entities than its own, or relies on, in the same append.

use std::error::Error;

use event_model::{Decider, Metadata};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::append::Write;
use crate::error::{ExecuteError, StoreError};
use crate::fold::Folding;
use crate::load::Loaded;
use crate::store::EventStore;

/// Another entity that takes part in an append: all of it happens, or nothing.
pub struct Also<R: Error + 'static>(Box<DecideAlso<R>>);

type Decided<R> = Result<Option<Write>, ExecuteError<R>>;
type DecideAlso<R> =
    dyn for<'a> Fn(&'a EventStore, &'a Metadata, Instant) -> BoxFuture<'a, Decided<R>> + Send + Sync;

impl<R: Error + Send + Sync + 'static> Also<R> {
    /// That command to that entity.
    pub fn new<D: Decider>(id: D::Id, command: D::Command) -> Self
    where
        R: From<D::Rejection>,
    {
        Self(Box::new(move |store, metadata, deadline| {
            let (id, command) = (id.clone(), command.clone());
            Box::pin(async move {
                let mut folding = store.remembered::<D>(&id, None);
                let decide = |entity: &Loaded<D>| entity.state.decide(command.clone());
                let events = store.judged(&mut folding, deadline, decide).await?;
                let events = events.map_err(|no| ExecuteError::Rejected(no.into()))?;
                if events.is_empty() {
                    return Ok(None);
                }
                Ok(Some(Write::new(folding.entity().clone(), folding.now.stand(), &events, metadata)?))
            })
        }))
    }

    /// A look at that entity, which may refuse the whole. Nothing is written to it, and it may change between the
    /// look and the append.
    pub fn look<D: Decider>(id: D::Id, allows: fn(&Loaded<D>) -> Result<(), R>) -> Self {
        Self(Box::new(move |store, _, deadline| {
            let id = id.clone();
            Box::pin(async move {
                let mut folding = store.remembered::<D>(&id, None);
                store.judged(&mut folding, deadline, allows).await?.map_err(ExecuteError::Rejected)?;
                Ok(None)
            })
        }))
    }

    /// A look at that entity, which may refuse the whole, and which still holds when the events are stored: where the
    /// entity has changed in between, all is decided again. Nothing is written to it.
    pub fn guard<D: Decider>(id: D::Id, allows: fn(&Loaded<D>) -> Result<(), R>) -> Self {
        Self(Box::new(move |store, _, deadline| {
            let id = id.clone();
            Box::pin(async move {
                let mut folding = store.remembered::<D>(&id, None);
                store.judged(&mut folding, deadline, allows).await?.map_err(ExecuteError::Rejected)?;
                Ok(Some(Write::guard(folding.entity().clone(), folding.now.stand())))
            })
        }))
    }

    /// What of it goes into the append.
    pub(crate) async fn decide(
        &self,
        store: &EventStore,
        metadata: &Metadata,
        deadline: Instant,
    ) -> Decided<R> {
        (self.0)(store, metadata, deadline).await
    }
}

impl<R: Error + 'static> std::fmt::Debug for Also<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Also")
    }
}

impl EventStore {
    /// A judgement on an entity. One that refuses is not believed as long as it rests on what the cache remembers.
    async fn judged<D: Decider, T, E>(
        &self,
        folding: &mut Folding<D>,
        deadline: Instant,
        judge: impl Fn(&Loaded<D>) -> Result<T, E> + Send,
    ) -> Result<Result<T, E>, StoreError>
    where
        T: Send,
        E: Send,
    {
        if !folding.is_known() {
            self.look(folding, deadline).await?;
        }
        match judge(&folding.now) {
            Err(_) if !folding.fresh => {
                self.catch_up(folding, deadline).await?;
                Ok(judge(&folding.now))
            }
            judged => Ok(judged),
        }
    }
}
