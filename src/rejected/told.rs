//! A problem as it was told, and the command in it.

use std::io::Write;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exit::Failure;

/// A problem, as far as it is one: other tools put things aside too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told<'a> {
    pub(crate) r#type: String,
    pub(crate) title: String,
    pub(crate) detail: String,
    errors: Vec<Wrong>,
    #[serde(borrow)]
    command: Option<&'a RawValue>,
}

/// A wrong field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wrong {
    pointer: String,
    detail: String,
}

impl<'a> Told<'a> {
    /// Reads it; empty where it is none.
    pub(crate) fn read(problem: &'a [u8]) -> Self {
        serde_json::from_slice(problem).unwrap_or_default()
    }

    /// The last part of its type.
    pub(crate) fn slug(&self) -> &str {
        self.r#type.trim_start_matches("/problems/")
    }

    /// The command as its sender sent it: where it was no JSON it is kept as a string.
    pub(crate) fn command(&self) -> Option<Bytes> {
        let raw = self.command?.get();
        let text = serde_json::from_str::<String>(raw);
        Some(text.map_or_else(|_| Bytes::copy_from_slice(raw.as_bytes()), Bytes::from))
    }

    /// Prints what is wrong, for people.
    pub(crate) fn print(&self, out: &mut impl Write) -> Result<(), Failure> {
        writeln!(out, "{}: {}\n{}", self.r#type, self.title, self.detail)?;
        for Wrong { pointer, detail } in &self.errors {
            writeln!(out, "  {pointer}  {detail}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_comes_back_letter_by_letter() {
        for (kept, sent) in
            [(r#"{ "b":1.0, "a":2 }"#, r#"{ "b":1.0, "a":2 }"#), (r#""{oh""#, "{oh"), (r#""""#, "")]
        {
            let problem = format!("{{\"detail\":\"no\",\"command\":{kept}}}");
            assert_eq!(Told::read(problem.as_bytes()).command().unwrap(), sent);
        }
        assert_eq!(Told::read(b"{}").command(), None);
        assert_eq!(Told::read(b"no problem").command(), None);
    }
}
