//! Where the worker of a view is asked over the broker, for as long as its process lives.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use event_store::{EventStore, StoreError};
use futures_util::StreamExt as _;
use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::control::{self, Answer, Ask, Asked};
use crate::status::Board;

/// How long to wait before the broker is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// Answers questions about one view.
#[derive(Debug)]
pub struct Desk {
    board: Arc<Board>,
}

impl Desk {
    pub(crate) fn new(board: Arc<Board>) -> Self {
        Self { board }
    }

    /// Answers until `shutdown` is ready, also when the worker has given up: it then says why.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection is closed for good.
    pub async fn run(self, store: EventStore, shutdown: impl Future<Output = ()>) -> Result<(), StoreError> {
        let mut shutdown = pin!(shutdown);
        let client = store.connection().client().clone();
        let subject = control::subject(self.board.definition.name);
        loop {
            let subscribed = client.subscribe(subject.clone()).await;
            let mut questions = subscribed.map_err(|error| StoreError::Unavailable(error.into()))?;
            let mut answers = JoinSet::new();
            loop {
                tokio::select! {
                    biased;
                    () = shutdown.as_mut() => return Ok(()),
                    question = questions.next() => {
                        let Some(question) = question else { break };
                        let (client, board) = (client.clone(), Arc::clone(&self.board));
                        answers.spawn(async move { reply(&client, &board, question).await });
                    }
                    Some(_) = answers.join_next() => {}
                }
            }
            sleep(AGAIN).await;
        }
    }
}

async fn reply(client: &async_nats::Client, board: &Board, question: Message) {
    let Some(reply) = question.reply else { return };
    let answer = match serde_json::from_slice(&question.payload) {
        Ok(asked) => answer(board, asked).await,
        Err(error) => Answer::Refused(format!("the question cannot be read: {error}")),
    };
    let sent = match serde_json::to_vec(&answer) {
        Ok(payload) => client.publish(reply, payload.into()).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = sent {
        tracing::warn!(view = board.definition.name, error, "an answer could not be given");
    }
}

async fn answer(board: &Board, asked: Asked) -> Answer {
    if asked == Asked::Status {
        return Answer::Status(Box::new(board.report(OffsetDateTime::now_utc())));
    }
    let (answer, answered) = oneshot::channel();
    if let Some(worker) = board.asks()
        && worker.send(Ask { asked, answer }).await.is_ok()
        && let Ok(answer) = answered.await
    {
        return answer;
    }
    let why = board.status().error.unwrap_or_else(|| "its process ends".to_owned());
    Answer::Refused(format!("the worker of this view has stopped: {why}"))
}
