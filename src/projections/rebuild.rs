//! `jetsource projections rebuild`: asks the worker for it, and shows how it goes until the new rows serve.

use std::io::{self, Write as _};
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;
use event_store::EventStore;
use projections::{Asked, ControlError, Report};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{bar, done, known, report};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::printed;
use crate::settings::BrokerPlace;

/// How often the worker is asked how it goes.
const LOOK: Duration = Duration::from_millis(100);
/// How long a worker may be away, such as for a restart.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to build anew.
#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// The read model, such as orders; `projections status` lists them
    name: String,
    /// Stop the rebuild that is under way; the next call without this goes on with it
    #[arg(long, value_parser = FalseyValueParser::new())]
    stop: bool,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Rebuilt<'a> {
    view: &'a str,
    generation: u32,
    version: u32,
    position: event_model::Position,
    seconds: f64,
}

/// Asks for it, and waits until the new rows serve.
pub(crate) async fn run(asked: &Rebuild) -> Result<(), Failure> {
    let view = known::name(&asked.name)?;
    let store = log::open(&asked.broker).await?;
    if asked.stop {
        let stopped = done(&store, view, &Asked::StopRebuild).await?;
        return print(
            asked,
            &serde_json::json!({"view": view, "stopped": stopped}),
            &format!("{view}: {stopped}"),
        );
    }
    let started = Instant::now();
    let before = report(&store, view).await??;
    done(&store, view, &Asked::Rebuild).await?;
    let serves = wait(&store, view, before.generation).await?;
    let seconds = started.elapsed().as_secs_f64();
    let Report { generation, version, position, .. } = serves;
    let text = format!(
        "{view}: generation {generation} serves, built from {position} positions of the log in {seconds:.1} s"
    );
    print(asked, &Rebuilt { view, generation, version, position, seconds }, &text)
}

fn print(asked: &Rebuild, object: &impl Serialize, text: &str) -> Result<(), Failure> {
    let text = if asked.json { printed::json(object)? } else { text.to_owned() };
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Shows how it goes until another generation serves.
async fn wait(store: &EventStore, view: &str, before: u32) -> Result<Report, Failure> {
    let bar = bar(view);
    loop {
        let report = told(store, view).await?;
        match &report.rebuild {
            _ if report.generation > before => {
                bar.finish_and_clear();
                return Ok(report);
            }
            Some(rebuild) if rebuild.stopped => {
                bar.finish_and_clear();
                let line = format!("the rebuild of {view} was stopped: the next call goes on with it");
                return Err(Failure::new(Exit::Conflict, line));
            }
            Some(rebuild) => {
                let position = rebuild.position.get();
                bar.set_length(position + rebuild.behind.unwrap_or_default());
                bar.set_position(position);
                let left =
                    rebuild.seconds_left.map_or_else(String::new, |left| format!(", {left:.0} s left"));
                bar.set_message(format!("{:.0} events/s{left}", rebuild.rate));
            }
            None => {
                let line = format!("the rebuild of {view} is gone: its worker has begun anew; try again");
                return Err(Failure::new(Exit::Failed, line));
            }
        }
        if let Some(error) = report.error {
            bar.set_message(error);
        }
        sleep(LOOK).await;
    }
}

/// How the view is; a worker that is away for a moment goes on where it was.
async fn told(store: &EventStore, view: &str) -> Result<Report, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        match report(store, view).await? {
            Ok(report) => return Ok(report),
            Err(ControlError::NoWorker(_)) if Instant::now() < until => sleep(LOOK).await,
            Err(error) => return Err(error.into()),
        }
    }
}
