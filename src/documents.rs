//! The doors described, for tools: what a running `serve` has at `/openapi.json` and `/asyncapi.json`.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::exit::Failure;

/// Prints a document.
pub(crate) fn print(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(anyhow::Error::from)?;
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}
