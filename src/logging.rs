//! The log of the program, on standard error.

use std::env;
use std::io::{self, IsTerminal as _};
use std::panic;

use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::exit::{Exit, Failure};
use crate::settings::LogFormat;
use crate::traces::Traces;

/// The environment variable that says what is logged.
pub(crate) const VARIABLE: &str = "JETSOURCE_LOG";

/// Logs from here on: what `JETSOURCE_LOG` lets through, or `usual` when it says nothing. A panic is one line too. Where
/// traces are collected, spans go there.
pub(crate) fn start(format: LogFormat, usual: &str, traces: Option<&Traces>) -> Result<(), Failure> {
    let wanted = env::var(VARIABLE).ok().filter(|wanted| !wanted.trim().is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(usual)).map_err(|error| {
        let line = format!("{VARIABLE} is no filter: write a level such as info, or target=level,…");
        Failure::because(Exit::Usage, line, error)
    })?;
    match traces {
        // Where nobody collects traces, the filter of the log is that of everything: what it leaves out costs nothing.
        None => registry().with(filter).with(lines(format)).init(),
        Some(traces) => registry().with(lines(format).with_filter(filter)).with(traces.layer()).init(),
    }
    panic::set_hook(Box::new(|panic| {
        let text = panic.payload_as_str().unwrap_or("no message").replace('\n', " ");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic = text, place, "panicked");
    }));
    Ok(())
}

/// A line for each event.
fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let lines = fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal() && !no_color()).boxed(),
        LogFormat::Json => lines.json().boxed(),
    }
}

/// Whether the user wants no colours (<https://no-color.org>).
fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
