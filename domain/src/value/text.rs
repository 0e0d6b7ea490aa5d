//! Names, addresses for parcels, reasons: text that people typed.

use std::fmt::{self, Display};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;

/// Not blank, without control characters.
const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// Not blank, without control characters other than line feed and tab.
const PARAGRAPH: &str =
    r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b-\x1f\x7f-\x9f]*$";

/// A user's name: 1 to 200 characters after trimming, without control characters; kept trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend("minLength" = 1, "maxLength" = Self::MAX_CHARS, "pattern" = LINE, "examples" = ["Ann Lee"]))]
pub struct Name(String);

/// A reason, or where an order goes: 1 to 500 characters after trimming, without control characters other
/// than line feed and tab; kept trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend(
    "minLength" = 1,
    "maxLength" = Self::MAX_CHARS,
    "pattern" = PARAGRAPH,
    "examples" = ["1 Harbour Street, Port Town"]
))]
pub struct Text(String);

impl Name {
    /// The most characters that a name may have.
    pub const MAX_CHARS: usize = 200;

    /// The name, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text {
    /// The most characters that a text may have.
    pub const MAX_CHARS: usize = 500;

    /// The text, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the program itself has to say, cut to what fits; for text that people typed, parse.
    pub fn clipped(said: impl Display) -> Self {
        let readable: String = said.to_string().chars().filter(|c| !is_unreadable(*c)).collect();
        let fitting: String = readable.trim().chars().take(Self::MAX_CHARS).collect();
        let text = fitting.trim_end();
        Self(if text.is_empty() { "no reason".to_owned() } else { text.to_owned() })
    }
}

impl FromStr for Name {
    type Err = Invalid;

    fn from_str(typed: &str) -> Result<Self, Invalid> {
        let name = sized("name", typed, Self::MAX_CHARS)?;
        if name.contains(char::is_control) {
            return Err(Invalid::new("name", "must not contain control characters"));
        }
        Ok(Self(name.to_owned()))
    }
}

impl FromStr for Text {
    type Err = Invalid;

    fn from_str(typed: &str) -> Result<Self, Invalid> {
        let text = sized("text", typed, Self::MAX_CHARS)?;
        if text.contains(is_unreadable) {
            let why = "must not contain control characters other than line feed and tab";
            return Err(Invalid::new("text", why));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Name {
    type Error = Invalid;

    fn try_from(typed: String) -> Result<Self, Invalid> {
        typed.parse()
    }
}

impl TryFrom<String> for Text {
    type Error = Invalid;

    fn try_from(typed: String) -> Result<Self, Invalid> {
        typed.parse()
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn sized<'a>(what: &'static str, typed: &'a str, most: usize) -> Result<&'a str, Invalid> {
    let trimmed = typed.trim();
    let chars = trimmed.chars().count();
    if (1..=most).contains(&chars) {
        Ok(trimmed)
    } else {
        Err(Invalid::new(what, format!("must be 1 to {most} characters after trimming, not {chars}")))
    }
}

fn is_unreadable(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_trimmed() {
        assert_eq!("  Ann Lee\n".parse::<Name>().unwrap().as_str(), "Ann Lee");
    }

    #[test]
    fn a_name_counts_characters_not_bytes() {
        assert!("é".repeat(200).parse::<Name>().is_ok());
        assert_eq!(
            "é".repeat(201).parse::<Name>().unwrap_err().to_string(),
            "name must be 1 to 200 characters after trimming, not 201"
        );
        assert_eq!(
            " \t".parse::<Name>().unwrap_err().why,
            "must be 1 to 200 characters after trimming, not 0"
        );
        assert!("a\0b".parse::<Name>().is_err());
    }

    #[test]
    fn a_text_may_have_several_lines_and_no_other_control_characters() {
        assert_eq!(" 1 Main St\n\tFloor 2 ".parse::<Text>().unwrap().as_str(), "1 Main St\n\tFloor 2");
        assert!("a\0b".parse::<Text>().is_err());
        assert!("a\rb".parse::<Text>().is_err());
        assert!("".parse::<Text>().is_err());
        assert!("x".repeat(501).parse::<Text>().is_err());
    }

    #[test]
    fn what_the_program_says_always_fits() {
        for said in ["", " \0 ", "a\0b", &"é ".repeat(600)] {
            let clipped = Text::clipped(said);
            assert_eq!(clipped.as_str().parse(), Ok(clipped.clone()), "{said:?}");
        }
        assert_eq!(Text::clipped("900 needed").as_str(), "900 needed");
    }

    #[test]
    fn stored_text_is_looked_at_again() {
        assert!(serde_json::from_str::<Name>("\"\"").is_err());
        assert!(serde_json::from_str::<Text>("\" \"").is_err());
        assert_eq!(serde_json::to_string(&"Ann".parse::<Name>().unwrap()).unwrap(), "\"Ann\"");
    }
}
