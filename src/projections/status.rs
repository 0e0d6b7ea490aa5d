//! `jetsource projections status`: how far each read model is. Its worker tells; where none runs, the file does.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::Args;
use clap::builder::FalseyValueParser;
use event_store::EventStore;
use projections::{ControlError, HomeAddress, Rebuild, Report};

use super::{known, report};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::printed;
use crate::settings::{BrokerPlace, views_home};
use crate::watched::{self, Moments};

/// Above the columns.
const TITLES: [&str; 9] =
    ["VIEW", "VERSION", "GENERATION", "POSITION", "BEHIND", "SECONDS", "EVENTS/S", "ASIDE", "STATE"];

/// Which, and how often.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Tell it every second, until interrupted
    #[arg(long, value_parser = FalseyValueParser::new())]
    watch: bool,
    /// One JSON array, or one a line
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    /// The home of the read models: sqlite:PATH or postgres://… [default: views.sqlite in the data folder]
    #[arg(long, value_name = "URL")]
    views: Option<String>,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Tells it.
pub(crate) async fn run(asked: &Status) -> Result<(), Failure> {
    let views = views_home(asked.views.as_deref(), asked.broker.data_dir())?;
    // Without a broker there is still what the file tells.
    let store = match log::open(&asked.broker).await {
        Ok(store) => Some(store),
        Err(_) if views.is_there() => None,
        Err(failure) => return Err(failure),
    };
    let mut moments = Moments::begin();
    loop {
        moments.next().await;
        let told = tell(asked, &reports(store.as_ref(), &views).await?)?;
        let mut out = io::stdout().lock();
        if asked.watch && !asked.json {
            watched::clear(&mut out)?;
        }
        writeln!(out, "{told}")?;
        out.flush()?;
        if !asked.watch {
            return Ok(());
        }
    }
}

async fn reports(store: Option<&EventStore>, views: &HomeAddress) -> Result<Vec<Report>, Failure> {
    let mut at_home = None;
    let mut reports = Vec::new();
    for name in known::names() {
        let told = match store {
            Some(store) => report(store, name).await?,
            None => Err(ControlError::NoWorker(name.to_owned())),
        };
        match told {
            Ok(report) => reports.push(report),
            Err(ControlError::NoWorker(_)) => {
                if at_home.is_none() {
                    at_home = Some(if views.is_there() { views.reports().await? } else { Vec::new() });
                }
                reports.extend(at_home.iter().flatten().find(|report| report.view == name).cloned());
            }
            Err(error) => return Err(error.into()),
        }
    }
    if reports.is_empty() {
        let line = "no worker of a read model runs, and no file tells of one: start `jetsource serve`";
        return Err(Failure::new(Exit::Unavailable, line));
    }
    Ok(reports)
}

fn tell(asked: &Status, reports: &[Report]) -> Result<String, Failure> {
    if asked.json { printed::json(&reports) } else { Ok(table(reports)) }
}

fn table(reports: &[Report]) -> String {
    let mut lines = vec![TITLES.map(str::to_owned)];
    lines.extend(reports.iter().map(line));
    let widths: Vec<usize> = (0..TITLES.len())
        .map(|column| lines.iter().map(|line| line[column].len()).max().unwrap_or_default())
        .collect();
    let mut text = String::new();
    for line in &lines {
        let mut told = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(told, "{cell:width$}  ");
        }
        text += told.trim_end();
        text.push('\n');
    }
    text.trim_end().to_owned()
}

fn line(report: &Report) -> [String; 9] {
    let unknown = || "-".to_owned();
    [
        report.view.clone(),
        report.version.to_string(),
        report.generation.to_string(),
        report.position.to_string(),
        report.behind.map_or_else(unknown, |behind| behind.to_string()),
        report.seconds_behind.map_or_else(unknown, |seconds| format!("{seconds:.1}")),
        format!("{:.0}", report.rate),
        report.failures.to_string(),
        state(report),
    ]
}

fn state(report: &Report) -> String {
    let mut state = match (report.running, report.behind) {
        (false, _) => "does not run".to_owned(),
        (true, Some(0)) => "caught up".to_owned(),
        (true, _) => "follows".to_owned(),
    };
    if let Some(rebuild) = &report.rebuild {
        let Rebuild { generation, version, position, behind, rate, seconds_left, stopped } = rebuild;
        let _ = write!(state, "; generation {generation} of version {version} at {position}");
        if let Some(behind) = behind {
            let _ = write!(state, " of {}, {rate:.0} events/s", position.get() + behind);
        }
        if let Some(left) = seconds_left {
            let _ = write!(state, ", {left:.0} s left");
        }
        if *stopped {
            state += ", stopped";
        }
    }
    if let Some(error) = &report.error {
        let _ = write!(state, "; {error}");
    }
    state
}
