//! What can be called, and every setting. Each flag `--x-y` is also `JETSOURCE_X_Y`; the flag wins.

pub(crate) mod duration;
mod place;
mod serve;

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::backup::{Backup, Restore};
use crate::command::Send;
use crate::doctor::Doctor;
use crate::events::{self, Export, Get, Tail};
use crate::exit::Failure;
use crate::import::Import;
use crate::log::Verify;
use crate::logging::VARIABLE;
use crate::projections::Projections;
use crate::rejected::{List, One, ShowOne};
use crate::sagas;
use crate::setup::Setup;
use crate::show::Show;
use crate::why::Why;

pub(crate) use place::{ApiPlace, BrokerAccess, BrokerPlace, Places, views_home};
pub(crate) use serve::{Role, Serve, Staging};

const AFTER_HELP: &str = "\
Every flag --x-y is also the environment variable JETSOURCE_X_Y; the flag wins.
JETSOURCE_LOG filters the log: info, debug, event_store=debug,warn, ...

Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 3 not found, 4 conflict, 5 unavailable,
6 a verification failed";

/// An event-sourced users-and-orders backend on NATS JetStream
#[derive(Debug, Parser)]
#[command(name = "jetsource", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// How log lines look
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) call: Call,
}

/// What can be called.
#[derive(Debug, Subcommand)]
pub(crate) enum Call {
    /// Run the backend: the broker as a child, the API, the read models
    Serve(Serve),
    /// Look at everything that has to be right, and say what to do
    Doctor(Doctor),
    /// Post commands from a file of JSON lines through the API
    Import(Import),
    /// Send commands to entities over the broker
    #[command(subcommand)]
    Command(Command),
    /// Look at the log
    #[command(subcommand)]
    Events(Events),
    /// Show an entity as it is, or as it was, with its events
    Show(Show),
    /// Show what caused an event, and all that came of it
    Why(Why),
    /// Check the log
    #[command(subcommand)]
    Log(Log),
    /// Make all streams on a broker whose users may not make them by themselves
    Setup(Setup),
    /// Write what is new on the broker to a folder, while everything runs
    Backup(Backup),
    /// Put a backup on an empty broker, as it was
    Restore(Restore),
    /// Look after the read models
    #[command(subcommand)]
    Projections(Projections),
    /// Look after commands from subjects that were refused
    #[command(subcommand)]
    Rejected(Rejected),
    /// Look after the sagas
    #[command(subcommand)]
    Sagas(Sagas),
    /// Print what the HTTP API takes and gives, as OpenAPI 3.1
    Openapi,
    /// Print what is heard and may be said over NATS, as AsyncAPI 3.0
    Asyncapi,
    /// Print the completions for a shell, for its start-up file
    Completions(Completions),
}

/// What to do with commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send one: to its durable queue, or with --wait to whoever answers it
    Send(Send),
}

/// What of the log.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Print events in the order of the log
    Tail(Tail),
    /// Print single events
    Get(Get),
    /// Write events to standard output or a file, one a line as JSON in the form of CloudEvents
    Export(Export),
    /// Put what `export` wrote on an empty log, as it was
    Import(events::Restore),
}

/// What to do with the log as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Read all of it, and tell everything that is wrong
    Verify(Verify),
}

/// What to do with commands that were refused.
#[derive(Debug, Subcommand)]
pub(crate) enum Rejected {
    /// List them, the newest last
    List(List),
    /// Show one: the problem, and the command as it was sent
    Show(ShowOne),
    /// Send one again under its own id, and drop it once it was carried out
    Retry(One),
    /// Drop one for good
    Drop(One),
}

/// What to do with sagas.
#[derive(Debug, Subcommand)]
pub(crate) enum Sagas {
    /// List them, the newest first
    List(sagas::List),
    /// Show what one did, when and why, and what it waits for
    Show(sagas::ShowOne),
    /// Have one that is stuck try again
    Retry(sagas::Retry),
    /// Give one up: it ends, and gives back what it can
    Abandon(sagas::Abandon),
    /// Draw the state machine of a kind, found by trying its rules: a state diagram in Mermaid's language
    Graph(sagas::Graph),
}

/// For which shell.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// What this call asks for; `None` when it asked for help or the version, which was then printed.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Cli>, Failure> {
    let matches = command().try_get_matches_from(arguments);
    let error = match matches.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches)) {
        Ok(cli) => return Ok(Some(cli)),
        Err(error) => error,
    };
    if !error.use_stderr() {
        error.print()?;
        return Ok(None);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        error.print()?;
        return Err(Failure::setting("nothing was asked for: name a command, as above"));
    }
    Err(Failure::setting(told(&error.to_string())))
}

/// The command line, with an environment variable for every flag.
pub(crate) fn command() -> clap::Command {
    with_variables(Cli::command())
}

/// Every environment variable that is a setting.
pub(crate) fn variables() -> BTreeSet<String> {
    let mut names = BTreeSet::from([VARIABLE.to_owned()]);
    let mut commands = vec![command()];
    while let Some(command) = commands.pop() {
        let variables = command.get_arguments().filter_map(clap::Arg::get_env);
        names.extend(variables.map(|name| name.to_string_lossy().into_owned()));
        commands.extend(command.get_subcommands().cloned());
    }
    names
}

fn with_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| match argument.get_long() {
            None => argument,
            Some(flag) => {
                let variable = format!("JETSOURCE_{}", flag.replace('-', "_").to_uppercase());
                argument.env(variable).hide_env(true)
            }
        })
        .mut_subcommands(with_variables)
}

/// What clap says in paragraphs, in one line.
fn told(text: &str) -> String {
    let paragraphs =
        text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let kept = paragraphs.filter(|text| !text.is_empty() && !text.starts_with("For more information"));
    let line = kept.collect::<Vec<_>>().join("; ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    format!("{line}; see --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Option<Cli>, Failure> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_is_a_variable() {
        let command = command();
        let serve = command.find_subcommand("serve").unwrap();
        let flag = serve.get_arguments().find(|argument| argument.get_long() == Some("nats-url")).unwrap();
        assert_eq!(flag.get_env().unwrap(), "JETSOURCE_NATS_URL");
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let failure = parsed(&["jetsource", "serve", "--nats-port", "many"]).unwrap_err();
        let line = format!("{failure:?}");
        assert!(line.contains("--nats-port"), "{line}");
        let failure = parsed(&["jetsource", "serve", "--lisen", "x"]).unwrap_err();
        let line = format!("{failure:?}");
        assert!(line.contains("--listen") && !line.contains("\\n"), "{line}");
    }
}
