//! Where the worker of a view is asked over the broker, for as long as its process lives.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use event_store::{EventStore, StoreError};
use futures_util::StreamExt as _;
use time::OffsetDateTime;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::control::{self, Answer, Ask, Asked};
use crate::error::{ViewError, line};
use crate::home::Home;
use crate::status::{Board, ViewStatus};

/// How long to wait before the broker is asked again.
const AGAIN: Duration = Duration::from_millis(200);
/// How many of the rows that are set aside are listed: they must fit into one message.
const MOST: u32 = 200;

/// Answers questions about one view.
#[derive(Debug, Clone)]
pub struct Desk {
    home: Arc<dyn Home>,
    board: Arc<Board>,
}

impl Desk {
    pub(crate) fn new(home: Arc<dyn Home>, board: Arc<Board>) -> Self {
        Self { home, board }
    }

    /// Answers until `shutdown` is ready, for as long as this process drives the view, and when its worker has given up:
    /// it then says why. Questions about a view that another process drives are left to that.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection is closed for good.
    pub async fn run(self, store: EventStore, shutdown: impl Future<Output = ()>) -> Result<(), StoreError> {
        let mut shutdown = pin!(shutdown);
        let client = store.connection().client().clone();
        let subject = control::subject(self.board.definition.name);
        let mut driving = self.board.watch();
        loop {
            let drives = driving.wait_for(|status| status.running || status.log_differs);
            tokio::select! {
                biased;
                () = shutdown.as_mut() => return Ok(()),
                drives = drives => if drives.is_err() { return Ok(()) },
            }
            let subscribed = client.subscribe(subject.clone()).await;
            let mut questions = subscribed.map_err(|error| StoreError::Unavailable(error.into()))?;
            let (mut answers, mut ends) = (JoinSet::new(), false);
            loop {
                tokio::select! {
                    biased;
                    () = shutdown.as_mut() => return Ok(()),
                    question = questions.next() => {
                        let Some(question) = question else { break };
                        let (client, desk) = (client.clone(), self.clone());
                        answers.spawn(async move { desk.reply(&client, question).await });
                    }
                    Some(_) = answers.join_next() => {}
                    () = rests(&mut driving), if !ends => {
                        // What was asked before that is answered still.
                        ends = true;
                        let _ = questions.drain().await;
                    }
                }
            }
            while answers.join_next().await.is_some() {}
            sleep(AGAIN).await;
        }
    }
}

/// Returns once this process does not drive the view any more.
async fn rests(driving: &mut watch::Receiver<ViewStatus>) {
    // Without a board there is no view either.
    let _ = driving.wait_for(|status| !status.running && !status.log_differs).await;
}

impl Desk {
    async fn reply(&self, client: &async_nats::Client, question: Message) {
        let Some(reply) = question.reply else { return };
        let answer = match serde_json::from_slice(&question.payload) {
            Ok(asked) => self.answer(asked).await.unwrap_or_else(|error| Answer::Refused(line(&error))),
            Err(error) => Answer::Refused(format!("the question cannot be read: {error}")),
        };
        let sent = match serde_json::to_vec(&answer) {
            Ok(payload) => client.publish(reply, payload.into()).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = sent {
            tracing::warn!(view = self.board.definition.name, error, "an answer could not be given");
        }
    }

    async fn answer(&self, asked: Asked) -> Result<Answer, ViewError> {
        let definition = &self.board.definition;
        match asked {
            Asked::Status => Ok(Answer::Status(Box::new(self.board.report(OffsetDateTime::now_utc())))),
            Asked::Failures => {
                let generation = self.board.status().generation;
                Ok(Answer::Failures(self.home.failures(definition.name, generation, MOST).await?))
            }
            Asked::Failure(key) => Ok(match self.home.failed_row(definition, key.clone()).await? {
                Some(failed) => Answer::Failure(Box::new(failed)),
                None => Answer::NotFound(format!("no row {key:?} is set aside")),
            }),
            asked @ (Asked::Rebuild | Asked::StopRebuild | Asked::Retry(_) | Asked::Skip { .. }) => {
                Ok(self.pass_on(asked).await)
            }
        }
    }

    /// What the worker answers.
    async fn pass_on(&self, asked: Asked) -> Answer {
        let (answer, answered) = oneshot::channel();
        if let Some(worker) = self.board.asks()
            && worker.send(Ask { asked, answer }).await.is_ok()
            && let Ok(answer) = answered.await
        {
            return answer;
        }
        let why = self.board.status().error.unwrap_or_else(|| "its process ends".to_owned());
        Answer::Refused(format!("the worker of this view has stopped: {why}"))
    }
}
