//! `jetsource projections`: the read models, looked after. Their worker is asked over the broker; nobody else writes
//! to their rows.

mod failures;
mod known;
mod rebuild;
mod scratch;
mod status;
mod verify;

pub(crate) use known::names;

use clap::Subcommand;
use event_store::EventStore;
use indicatif::{ProgressBar, ProgressStyle};
use projections::{Answer, Asked, ControlError, Report, ask};

use crate::exit::{Exit, Failure};

/// What to do with the read models.
#[derive(Debug, Subcommand)]
pub(crate) enum Projections {
    /// Show how far each is, and what is wrong with it
    #[command(visible_alias = "list")]
    Status(status::Status),
    /// Build one anew from the log, beside the rows that serve, then switch
    Rebuild(rebuild::Rebuild),
    /// Prove that the rows of one are the fold of the log
    Verify(verify::Verify),
    /// Look after rows that are set aside because an event could not be applied to them
    #[command(subcommand)]
    Failures(failures::Failures),
}

/// Does it.
pub(crate) async fn run(asked: &Projections) -> Result<(), Failure> {
    match asked {
        Projections::Status(asked) => status::run(asked).await,
        Projections::Rebuild(asked) => rebuild::run(asked).await,
        Projections::Verify(asked) => verify::run(asked).await,
        Projections::Failures(asked) => failures::run(asked).await,
    }
}

/// What the worker of a view has done, in words.
async fn done(store: &EventStore, view: &str, asked: &Asked) -> Result<String, Failure> {
    let answer = ask(store, view, asked).await?;
    if let Answer::Done(done) = answer { Ok(done) } else { Err(refused(view, answer)) }
}

/// How a view is, as its worker tells it.
pub(crate) async fn report(store: &EventStore, view: &str) -> Result<Result<Report, ControlError>, Failure> {
    match ask(store, view, &Asked::Status).await {
        Ok(Answer::Status(report)) => Ok(Ok(*report)),
        Ok(other) => Err(refused(view, other)),
        Err(error) => Ok(Err(error)),
    }
}

/// Why a worker has not done what was asked.
fn refused(view: &str, answer: Answer) -> Failure {
    match answer {
        Answer::Refused(why) => Failure::new(Exit::Failed, format!("view {view}: {why}")),
        Answer::NotFound(what) => Failure::new(Exit::NotFound, format!("view {view}: {what}")),
        Answer::Done(_) | Answer::Status(_) | Answer::Failures(_) | Answer::Failure(_) => Failure::new(
            Exit::Failed,
            format!("the worker of the view {view} answers something else: it is of another version"),
        ),
    }
}

/// How far something is over the log. Shown on a terminal alone.
fn bar(view: &str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_prefix(view.to_owned());
    // The usual style will do, should the template be wrong.
    let style = ProgressStyle::with_template("{prefix} {bar:40} {percent:>3}%  {pos} of {len} events  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
