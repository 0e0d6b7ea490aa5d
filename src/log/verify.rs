//! `jetsource log verify`: reads the whole log, and tells everything that is wrong with it.

use clap::Args;
use clap::builder::FalseyValueParser;
use domain::{Checkout, Departure, EmailClaim, Order, Stock, User};
use event_model::Decider as _;
use event_store::Mark;
use event_store::verify::{Category, Reader};
use indicatif::{ProgressBar, ProgressStyle};
use projections::HomeAddress;

use super::report;
use crate::exit::{Exit, Failure};
use crate::printed::Form;
use crate::settings::{BrokerPlace, views_home};

/// The bar moves once for so many positions.
const STEP: u64 = 1000;

/// What to check.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The read models, whose checkpoints must lie on the log: sqlite:PATH or postgres://… [default: views.sqlite
    /// in the data folder]
    #[arg(long, value_name = "URL")]
    views: Option<String>,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Checks it all.
pub(crate) async fn verify(asked: &Verify) -> Result<(), Failure> {
    let store = super::open(&asked.broker).await?;
    // Before the log is looked at: the readers go on meanwhile.
    let mut readers = readers(&views_home(asked.views.as_deref(), asked.broker.data_dir())?).await?;
    let mut others = Vec::new();
    for category in [Checkout::CATEGORY, Departure::CATEGORY] {
        let mark = sagas::checkpoint(&store, category).await?;
        others.push(Reader { name: format!("saga {category}"), mark });
    }
    others.push(Reader { name: "writers".into(), mark: store.whole_up_to().await? });
    readers.extend(others.into_iter().filter(|other| other.mark != Mark::START));
    let bar = bar();
    let verified = store
        .verify(&categories(), &readers, |read, head| {
            if read.get() % STEP == 0 || read == head {
                bar.set_length(head.get());
                bar.set_position(read.get());
            }
        })
        .await;
    bar.finish_and_clear();
    let verified = verified?;
    report::print(&verified, &readers, Form::asked(asked.json))?;
    match verified.problems.count {
        0 => Ok(()),
        count => {
            let line = format!(
                "problems on the log: {count}; keep a copy of the broker's folder as it is, then restore one in which \
                 `log verify` finds none"
            );
            Err(Failure::new(Exit::Verification, line))
        }
    }
}

/// The categories that this program writes.
fn categories() -> [Category; 6] {
    [
        Category::of::<User>(),
        Category::of::<EmailClaim>(),
        Category::of::<Order>(),
        Category::of::<Stock>(),
        Category::of::<Checkout>(),
        Category::of::<Departure>(),
    ]
}

/// Where the views of a home stand; none when there is no such home.
async fn readers(views: &HomeAddress) -> Result<Vec<Reader>, Failure> {
    if !views.is_there() {
        return Ok(Vec::new());
    }
    let marks = views.marks().await?.into_iter();
    Ok(marks.map(|(view, mark)| Reader { name: format!("view {view}"), mark }).collect())
}

/// Shown on a terminal alone.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The usual style will do, should the template be wrong.
    let style = ProgressStyle::with_template("{bar:40} {percent:>3}%  {pos} of {len}  {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
