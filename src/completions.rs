//! Completions for the shell.

use std::io::{self, Write as _};

use clap_complete::{Shell, generate};

use crate::exit::Failure;
use crate::settings;

/// Prints the completions.
pub(crate) fn print(shell: Shell) -> Result<(), Failure> {
    // Not straight to standard output: the generator panics when nobody reads it to its end.
    let mut text = Vec::new();
    generate(shell, &mut settings::command(), "jetsource", &mut text);
    Ok(io::stdout().lock().write_all(&text)?)
}
