//! `jetsource import`: commands from a file of JSON lines, posted through the API side by side, in order where one
//! line needs another.

mod input;
mod line;
mod order;
mod post;
mod report;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clap::builder::FalseyValueParser;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::exit::{Exit, Failure};
use crate::printed::Form;
use crate::settings::ApiPlace;
use input::{Input, Next};
use line::{Line, Told};
use order::Order;
use post::{Answer, Poster};
use report::Report;

/// How many lines are held for each that is posted: so far a line may be ahead of one that waits for another.
const AHEAD: usize = 16;

/// What to post, and how.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A file with a line {"method","path","body","key"} for each command; - is standard input
    file: PathBuf,
    /// How many commands to post side by side
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Print the summary as a JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    api: ApiPlace,
}

/// Posts every line and returns once the lists show what was accepted.
pub(crate) async fn run(asked: &Import) -> Result<(), Failure> {
    let poster = Arc::new(Poster::new(asked.api.url()?, asked.api.token()?)?);
    let input = Input::open(&asked.file).await?;
    poster.knock().await?;
    let mut report = Report::new(input.length());
    let read = post_all(input, usize::from(asked.concurrency), &poster, &mut report).await;
    if let Some(position) = report.position() {
        report.waiting();
        report.lists(poster.until_shown(position).await);
    }
    report.print(Form::asked(asked.json))?;
    read.map_err(|error| {
        let line = format!("{} could not be read to its end: import it again", asked.file.display());
        Failure::because(Exit::Failed, line, error)
    })?;
    report.verdict()
}

/// A line that was posted.
struct Done {
    number: u64,
    /// In bytes.
    length: u64,
    mentions: Vec<String>,
    answer: Answer,
}

async fn post_all(
    mut input: Input,
    concurrency: usize,
    poster: &Arc<Poster>,
    report: &mut Report,
) -> std::io::Result<()> {
    let slots = Arc::new(Semaphore::new(concurrency));
    let (mut told, mut order) = (Told::default(), Order::default());
    let mut running: JoinSet<Done> = JoinSet::new();
    let mut done = Ok(());
    let mut more = true;
    while more || !running.is_empty() {
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => {
                // A task of ours neither panics nor is cut off.
                if let Ok(Done { number, length, mentions, answer }) = ended {
                    order.leave(&mentions);
                    report.add(number, answer);
                    report.progress(length);
                }
            }
            next = input.next(), if more && running.len() < concurrency * AHEAD => match next {
                Ok(Some(next)) if poster.is_gone() => {
                    report.stopped(next.number());
                    more = false;
                }
                Ok(Some(Next::Line(number, text))) => match Line::parse(&text, &mut told) {
                    Ok(None) => {}
                    Ok(Some(line)) => {
                        let (turn, length) = (order.enter(&line.mentions), text.len() as u64 + 1);
                        let (slots, poster) = (Arc::clone(&slots), Arc::clone(poster));
                        running.spawn(async move {
                            let done = turn.come().await;
                            // Never closed.
                            let slot = slots.acquire().await;
                            let answer = poster.post(&line).await;
                            drop((done, slot));
                            Done { number, length, mentions: line.mentions, answer }
                        });
                    }
                    Err(reason) => report.malformed(number, reason),
                },
                Ok(Some(Next::TooLong(number))) => report.malformed(number, input::TOO_LONG.to_owned()),
                Ok(None) => more = false,
                Err(error) => (done, more) = (Err(error), false),
            },
        }
    }
    done
}
