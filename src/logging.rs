//! The log of the program, on standard error.

use std::env;
use std::io::{self, IsTerminal as _};
use std::panic;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::exit::{Exit, Failure};
use crate::settings::LogFormat;

/// The environment variable that says what is logged.
pub(crate) const VARIABLE: &str = "JETSOURCE_LOG";

/// Logs from here on: what `JETSOURCE_LOG` lets through, or `usual` when it says nothing. A panic is one line too.
pub(crate) fn start(format: LogFormat, usual: &str) -> Result<(), Failure> {
    let wanted = env::var(VARIABLE).ok().filter(|wanted| !wanted.trim().is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(usual)).map_err(|error| {
        let line = format!("{VARIABLE} is no filter: write a level such as info, or target=level,…");
        Failure::because(Exit::Usage, line, error)
    })?;
    let log = fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
    panic::set_hook(Box::new(|panic| {
        let text = panic.payload_as_str().unwrap_or("no message").replace('\n', " ");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic = text, place, "panicked");
    }));
    Ok(())
}
