//! What a runner is told, each from a task of its own that ends with the runner: the log, deadlines, operators.

use event_store::{Batch, Due, EventStore, Mark, StoreError};
use futures_util::StreamExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::control::{self, Answer, Question};
use crate::runner::{AGAIN, MOST};
use crate::step::Told;

/// The log behind a mark, from a task of its own: a subscription that is dropped while it waits begins anew.
pub(crate) fn log(
    store: &EventStore,
    side: &mut JoinSet<()>,
    after: Mark,
) -> mpsc::Receiver<Result<Batch, StoreError>> {
    let (send, receive) = mpsc::channel(1);
    let mut log = store.subscribe(after);
    side.spawn(async move {
        loop {
            let batch = log.next(MOST).await;
            let failed = batch.is_err();
            if send.send(batch).await.is_err() || failed {
                return;
            }
        }
    });
    receive
}

/// The deadlines that come due, from a task of its own.
pub(crate) fn due(store: &EventStore, side: &mut JoinSet<()>, category: &'static str) -> mpsc::Receiver<Due> {
    let (send, receive) = mpsc::channel(64);
    let store = store.clone();
    side.spawn(async move {
        loop {
            if let Ok(mut due) = store.due_deadlines(category).await {
                while let Ok(due) = due.next().await {
                    if send.send(due).await.is_err() {
                        return;
                    }
                }
            }
            sleep(AGAIN).await;
        }
    });
    receive
}

/// What operators ask, from a task of its own that brings them their answers.
pub(crate) async fn questions(
    store: &EventStore,
    side: &mut JoinSet<()>,
    category: &str,
) -> Result<mpsc::Receiver<(Question, oneshot::Sender<Told>)>, StoreError> {
    let client = store.connection().client().clone();
    let subject = control::subject(category);
    let mut asked = client.subscribe(subject).await.map_err(|no| StoreError::Unavailable(no.into()))?;
    let (send, receive) = mpsc::channel(16);
    side.spawn(async move {
        let mut answers = JoinSet::new();
        while let Some(message) = asked.next().await {
            let Some(reply) = message.reply else { continue };
            let (told, answered) = oneshot::channel();
            match serde_json::from_slice(&message.payload) {
                Ok(question) => {
                    if send.send((question, told)).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let _ = told.send(Err(format!("the question cannot be read: {error}")));
                }
            }
            let client = client.clone();
            answers.spawn(async move {
                let answer = match answered.await {
                    Ok(Ok(done)) => Answer::Done(done),
                    Ok(Err(reason)) => Answer::Refused(reason),
                    Err(_) => Answer::Refused("another runner takes over; ask again".into()),
                };
                let answer = serde_json::to_vec(&answer).unwrap_or_default();
                if let Err(error) = client.publish(reply, answer.into()).await {
                    tracing::debug!(%error, "an answer was not sent");
                }
            });
        }
    });
    Ok(receive)
}
