//! `jetsource doctor`: looks at everything that has to be right, and says what to do. It changes nothing.
//!
//! - `finding`: what a check has found, and how it is told
//! - `here`: this machine: the settings in the environment, the data folder, the `serve` on it
//! - `broker`: the broker, before anything is opened on it
//! - `work`: the read models, the sagas, and the commands that were refused
//! - `health`: the short look of a container's health check

mod broker;
mod finding;
mod health;
mod here;
mod work;

use std::io::{self, Write as _};

use clap::Args;
use clap::builder::FalseyValueParser;
use event_store::Connection;

use crate::exit::{Exit, Failure};
use crate::printed::{self, Form};
use crate::settings::Places;
use finding::{Finding, Verdict};

/// Where to look.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Ask only whether the running `serve` is ready, and say nothing when it is: for the health check of a container
    #[arg(long, value_parser = FalseyValueParser::new(), conflicts_with = "json")]
    health: bool,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    places: Places,
}

/// Looks, and tells. Whatever there is to do is a failure; a broker that cannot be reached is another.
pub(crate) async fn run(asked: &Doctor) -> Result<(), Failure> {
    if asked.health {
        return health::check(&asked.places).await;
    }
    let mut findings = vec![here::settings(), here::disk(asked.places.data_dir())];
    findings.push(here::serve(&asked.places).await);
    let connection = match asked.places.broker().url() {
        Ok(url) => broker::connect(&url).await,
        Err(nobody) => Err(Finding::problem("broker", "it is not known where it is", nobody.line())),
    };
    let reached = connection.is_ok();
    match connection {
        Ok((finding, connection)) => {
            findings.push(finding);
            findings.extend(on(&connection).await);
        }
        Err(finding) => findings.push(finding),
    }
    tell(Form::asked(asked.json), &findings)?;
    let to_do = findings.iter().filter(|finding| finding.verdict.is_to_do()).count();
    match (reached, to_do) {
        (true, 0) => Ok(()),
        (true, _) => Err(Failure::new(
            Exit::Failed,
            format!("there is something to do: {to_do} of {} checks", findings.len()),
        )),
        (false, _) => {
            Err(Failure::new(Exit::Unavailable, "the broker cannot be reached, so most was not checked"))
        }
    }
}

/// What only a broker that answers can tell.
async fn on(connection: &Connection) -> Vec<Finding> {
    let mut findings = vec![
        broker::sync(connection).await,
        broker::space(connection).await,
        broker::clock(connection).await,
        broker::nodes(connection).await,
    ];
    let (streams, usable) = broker::streams(connection).await;
    findings.push(streams);
    findings.extend(work::look(connection, usable).await);
    findings
}

fn tell(form: Form, findings: &[Finding]) -> Result<(), Failure> {
    match form {
        Form::Text => {
            let mut out = anstream::stdout().lock();
            findings.iter().try_for_each(|finding| finding.print(&mut out))?;
            out.flush()?;
        }
        Form::Json => {
            let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
            let told = serde_json::json!({"verdict": worst, "checks": findings});
            writeln!(io::stdout().lock(), "{}", printed::json(&told)?)?;
        }
    }
    Ok(())
}
