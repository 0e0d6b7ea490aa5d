//! The program `jetsource`.
//!
//! Reading order:
//! - `settings`: what can be called, and every setting
//! - `exit`: how a call ends
//! - `serve`: the roles on their broker
//! - `endpoints`: where a running `serve` is found
//! - `doctor`: everything that has to be right, looked at
//! - `command`: a command sent over the broker
//! - `import`: commands from a file, through the API
//! - `log`, `printed`, `events`, `show`, `why`: looking at the log, and checking it
//! - `setup`: the streams, made by who may
//! - `backup`: all that the broker keeps, in a folder and back
//! - `read_models`, `projections`: which read models there are, and looking after them
//! - `rejected`: commands from subjects that were refused
//! - `api`, `sagas`: looking after the sagas
//! - `documents`: the doors described, for tools
//! - `logging`, `traces`, `watched`, `completions`
//!
//! `anyhow` is used here and nowhere else.

mod api;
mod backup;
mod command;
mod completions;
mod doctor;
mod documents;
mod endpoints;
mod events;
mod exit;
mod import;
mod log;
mod logging;
mod printed;
mod projections;
mod read_models;
mod rejected;
mod sagas;
mod serve;
mod settings;
mod setup;
mod show;
mod traces;
mod watched;
mod why;

use std::env;
use std::process::ExitCode;

use exit::Failure;
use printed::until_closed;
use settings::{Call, Cli, Command, Events, Log, Rejected, Sagas};
use traces::Traces;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match settings::parse(env::args_os()).and_then(|asked| asked.map_or(Ok(()), run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let (usual, traces) = if let Call::Serve(serve) = &cli.call {
        ("info,async_nats=warn", Traces::to(serve.otlp_endpoint.as_deref())?)
    } else {
        ("warn", None)
    };
    logging::start(cli.log_format, usual, traces.as_ref())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let done = runtime.block_on(dispatch(cli));
    // Not dropped: that would wait for a read of standard input that never ends.
    runtime.shutdown_background();
    done
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    match cli.call {
        Call::Serve(settings) => serve::run(settings, cli.log_format).await,
        Call::Doctor(asked) => until_closed(doctor::run(&asked).await),
        Call::Import(asked) => until_closed(import::run(&asked).await),
        Call::Command(Command::Send(asked)) => until_closed(command::send(&asked).await),
        Call::Events(Events::Tail(asked)) => until_closed(events::tail(&asked).await),
        Call::Events(Events::Get(asked)) => until_closed(events::get(&asked).await),
        Call::Events(Events::Export(asked)) => until_closed(events::export(&asked).await),
        Call::Events(Events::Import(asked)) => until_closed(events::restore(&asked).await),
        Call::Show(asked) => until_closed(show::run(&asked).await),
        Call::Why(asked) => until_closed(why::run(&asked).await),
        Call::Log(Log::Verify(asked)) => until_closed(log::verify(&asked).await),
        Call::Setup(asked) => until_closed(setup::run(&asked).await),
        Call::Backup(asked) => until_closed(backup::backup(&asked).await),
        Call::Restore(asked) => until_closed(backup::restore(&asked).await),
        Call::Projections(asked) => until_closed(projections::run(&asked).await),
        Call::Rejected(Rejected::List(asked)) => until_closed(rejected::list(&asked).await),
        Call::Rejected(Rejected::Show(asked)) => until_closed(rejected::show(&asked).await),
        Call::Rejected(Rejected::Retry(asked)) => until_closed(rejected::retry(&asked).await),
        Call::Rejected(Rejected::Drop(asked)) => until_closed(rejected::drop_one(&asked).await),
        Call::Sagas(Sagas::List(asked)) => until_closed(sagas::list(&asked).await),
        Call::Sagas(Sagas::Show(asked)) => until_closed(sagas::show(&asked).await),
        Call::Sagas(Sagas::Retry(asked)) => until_closed(sagas::retry(&asked).await),
        Call::Sagas(Sagas::Graph(asked)) => until_closed(sagas::graph(&asked)),
        Call::Sagas(Sagas::Abandon(asked)) => until_closed(sagas::abandon(&asked).await),
        Call::Openapi => until_closed(documents::print(&command_api::openapi::document())),
        Call::Asyncapi => until_closed(documents::print(&command_api::asyncapi::document())),
        Call::Completions(asked) => until_closed(completions::print(asked.shell)),
    }
}
