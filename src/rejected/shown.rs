//! Refused commands as they are printed.

use std::collections::BTreeMap;
use std::io::Write;

use event_store::Refused;
use serde::Serialize;
use serde_json::value::RawValue;
use time::format_description::well_known::Rfc3339;

use super::told::Told;
use crate::exit::Failure;

/// One in the list.
pub(crate) struct Row([String; 6]);

/// The names of a row's columns.
const COLUMNS: [&str; 6] = ["SEQ", "TIME", "ENTITY", "COMMAND", "PROBLEM", "DETAIL"];

/// One with all that is known of it, as JSON.
#[derive(Serialize)]
pub(crate) struct Whole<'a> {
    sequence: u64,
    time: String,
    subject: &'a str,
    category: Option<String>,
    entity_id: Option<String>,
    command: Option<String>,
    headers: BTreeMap<&'a str, &'a str>,
    /// As it is stored, with the command in it.
    problem: Option<&'a RawValue>,
}

impl Row {
    /// Of one.
    pub(crate) fn of(refused: &Refused) -> Self {
        let told = Told::read(&refused.problem);
        let (entity, command) = match refused.asked() {
            Some((entity, command)) => (entity.to_string(), command),
            None => (refused.subject.clone(), "-".to_owned()),
        };
        let (slug, detail) = (told.slug().to_owned(), told.detail.clone());
        let cells = [refused.sequence.to_string(), time(refused), entity, command, slug, detail];
        // Whoever has sent it has chosen its words: they stay in their line.
        Self(cells.map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" ")))
    }
}

impl<'a> Whole<'a> {
    /// Of one.
    pub(crate) fn of(refused: &'a Refused) -> Self {
        let (entity, command) = refused.asked().unzip();
        let (category, entity_id) = entity.map(|entity| (entity.category, entity.id)).unzip();
        Self {
            sequence: refused.sequence,
            time: time(refused),
            subject: &refused.subject,
            category,
            entity_id,
            command,
            headers: refused.headers().collect(),
            problem: serde_json::from_slice(&refused.problem).ok(),
        }
    }
}

/// Prints a table, with nothing but its rows where there are none.
pub(crate) fn table(out: &mut impl Write, rows: &[Row]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row.0[column].chars().count());
        cells.max().unwrap_or(0).max(COLUMNS[column].len())
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut line = |cells: [&str; 6]| -> std::io::Result<()> {
        for (cell, width) in cells.iter().zip(widths) {
            write!(out, "{cell:<width$}  ")?;
        }
        writeln!(out, "{}", cells[5])
    };
    line(COLUMNS)?;
    for row in rows {
        line(row.0.each_ref().map(String::as_str))?;
    }
    Ok(())
}

/// Prints one for people.
pub(crate) fn whole(out: &mut impl Write, refused: &Refused) -> Result<(), Failure> {
    writeln!(out, "{}  {}  {}", refused.sequence, time(refused), refused.subject)?;
    for (name, value) in refused.headers() {
        writeln!(out, "{name}: {value}")?;
    }
    writeln!(out)?;
    let told = Told::read(&refused.problem);
    told.print(out)?;
    if let Some(command) = told.command() {
        writeln!(out, "\n{}", String::from_utf8_lossy(&command))?;
    }
    Ok(())
}

fn time(refused: &Refused) -> String {
    refused.time.format(&Rfc3339).unwrap_or_else(|_| refused.time.to_string())
}
