//! What a worker does of what it is asked.

use event_model::Projection;

use crate::control::{Answer, Ask, Asked};
use crate::error::{ViewError, line};
use crate::following::Following;

impl<P: Projection> Following<P> {
    /// Does it, and answers.
    pub(crate) async fn answer(&mut self, ask: Ask) -> Result<(), ViewError> {
        let Ask { asked, answer } = ask;
        let by_hand = matches!(asked, Asked::Retry(_) | Asked::Skip { .. });
        let answered = match asked {
            Asked::Rebuild => self.begin_rebuild().await,
            Asked::StopRebuild => self.stop_rebuild().await,
            Asked::Retry(Some(key)) => self.retry(&key).await,
            Asked::Retry(None) => self.retry_all().await,
            Asked::Skip { key, reason } => self.skip(&key, &reason).await,
            // The desk answers these by itself.
            Asked::Status | Asked::Failures | Asked::Failure(_) => {
                Ok(Answer::Refused("the worker does not tell".to_owned()))
            }
        };
        if by_hand {
            self.fold_anew();
        }
        let answered = match answered {
            Ok(answered) => answered,
            Err(error) => {
                let text = line(&error);
                self.failed(error)?;
                Answer::Refused(text)
            }
        };
        // Whoever asked may be gone.
        let _ = answer.send(answered);
        Ok(())
    }
}
