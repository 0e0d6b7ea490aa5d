//! `jetsource projections`: the read models, looked after. Their worker is asked over the broker; nobody else writes
//! to their rows.

mod known;
mod rebuild;

use clap::Subcommand;
use event_store::EventStore;
use projections::{Answer, Asked, ControlError, Report, ask};

use crate::exit::{Exit, Failure};

/// What to do with the read models.
#[derive(Debug, Subcommand)]
pub(crate) enum Projections {
    /// Build one anew from the log, beside the rows that serve, then switch
    Rebuild(rebuild::Rebuild),
}

/// Does it.
pub(crate) async fn run(asked: &Projections) -> Result<(), Failure> {
    match asked {
        Projections::Rebuild(asked) => rebuild::run(asked).await,
    }
}

/// What the worker of a view has done, in words.
async fn done(store: &EventStore, view: &str, asked: &Asked) -> Result<String, Failure> {
    match ask(store, view, asked).await? {
        Answer::Done(done) => Ok(done),
        Answer::Refused(why) => Err(Failure::new(Exit::Conflict, format!("view {view}: {why}"))),
        Answer::Status(_) => Err(strange(view)),
    }
}

/// How a view is, as its worker tells it.
async fn report(store: &EventStore, view: &str) -> Result<Result<Report, ControlError>, Failure> {
    match ask(store, view, &Asked::Status).await {
        Ok(Answer::Status(report)) => Ok(Ok(*report)),
        Ok(Answer::Done(_) | Answer::Refused(_)) => Err(strange(view)),
        Err(error) => Ok(Err(error)),
    }
}

fn strange(view: &str) -> Failure {
    let line = format!("the worker of the view {view} answers something else: it is of another version");
    Failure::new(Exit::Failed, line)
}
