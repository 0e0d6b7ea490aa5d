//! `jetsource projections verify`: whether the rows of a read model are the fold of the log.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::Args;
use clap::builder::FalseyValueParser;
use projections::{Difference, Image, Verified};

use super::scratch::Scratch;
use super::{bar, known};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::printed;
use crate::settings::{BrokerPlace, views_home};

/// What to verify.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The read model, such as orders; `projections status` lists them
    name: String,
    /// The home of the read models: sqlite:PATH or postgres://… [default: views.sqlite in the data folder]
    #[arg(long, value_name = "URL")]
    views: Option<String>,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Folds the log anew, and compares.
pub(crate) async fn run(asked: &Verify) -> Result<(), Failure> {
    let view = known::name(&asked.name)?;
    let views = views_home(asked.views.as_deref(), asked.broker.data_dir())?;
    let store = log::open(&asked.broker).await?;
    if !views.is_there() {
        let line = format!("there are no read models at {views}: name them with --views");
        return Err(Failure::new(Exit::NotFound, line));
    }
    let scratch = Scratch::in_folder(asked.broker.data_dir())?;
    let bar = bar(view);
    let verified = known::verify(view, &views, &store, scratch.path(), |read, goal| {
        bar.set_length(goal.get());
        bar.set_position(read.get());
    });
    let verified = verified.await;
    bar.finish_and_clear();
    let verified = verified?;
    let mut out = io::stdout().lock();
    if asked.json {
        writeln!(out, "{}", printed::json(&verified)?)?;
    } else {
        tell(&mut out, &verified)?;
    }
    if verified.different == 0 && verified.damage.is_empty() {
        return Ok(());
    }
    let (different, damage) = (verified.different, verified.damage.len());
    let line = format!(
        "the view {view} is not the fold of the log (rows that differ: {different}, damage to the file: {damage}): \
         `jetsource projections rebuild {view}` builds it anew"
    );
    Err(Failure::new(Exit::Verification, line))
}

fn tell(out: &mut impl io::Write, verified: &Verified) -> io::Result<()> {
    let Verified { view, generation, version, position, rows, different, first, damage } = verified;
    writeln!(out, "{view}: generation {generation} of version {version}, compared at position {position}")?;
    let listed = if first.len() as u64 == *different {
        String::new()
    } else {
        format!(", the first {}:", first.len())
    };
    writeln!(out, "rows: {rows}")?;
    writeln!(out, "rows that differ: {different}{listed}")?;
    for Difference { key, should_be, is } in first {
        writeln!(out, "  {key}")?;
        writeln!(out, "    should be  {}", shown(should_be.as_ref()))?;
        writeln!(out, "    is         {}", shown(is.as_ref()))?;
    }
    damage.iter().try_for_each(|line| writeln!(out, "damage: {line}"))
}

fn shown(image: Option<&Image>) -> String {
    let Some(Image { row, first_position, last_position, columns, set_aside }) = image else {
        return "not there".to_owned();
    };
    let mut text = row.clone().unwrap_or_else(|| "no row".to_owned());
    if let (Some(first), Some(last)) = (first_position, last_position) {
        let _ = write!(text, "  positions {first} to {last}");
    }
    if !columns.is_empty() {
        let _ = write!(text, "  columns {}", columns.join(", "));
    }
    if let Some((position, waiting)) = set_aside {
        let _ = write!(text, "  set aside at position {position}, {waiting} wait");
    }
    text
}
