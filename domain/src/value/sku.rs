//! An article.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;

/// Which article: 1 to 64 of the characters `A-Z a-z 0-9 . _ -`. Case counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend(
    "minLength" = 1,
    "maxLength" = Self::MAX_CHARS,
    "pattern" = "^[A-Za-z0-9._-]+$",
    "examples" = ["tea-green-100g"]
))]
pub struct Sku(String);

impl Sku {
    /// The most characters that a sku may have.
    pub const MAX_CHARS: usize = 64;

    /// The sku as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sku {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let chars = text.chars().count();
        if !(1..=Self::MAX_CHARS).contains(&chars) {
            let why = format!("must be 1 to {} characters, not {chars}", Self::MAX_CHARS);
            return Err(Invalid::new("sku", why));
        }
        if let Some(wrong) =
            text.chars().find(|c| !matches!(c, 'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-'))
        {
            return Err(Invalid::new("sku", format!("must be of A-Z a-z 0-9 . _ - only, without {wrong:?}")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Sku {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_of_few_characters() {
        assert_eq!("Tea-0.5_kg".parse::<Sku>().unwrap().as_str(), "Tea-0.5_kg");
        assert!("x".repeat(64).parse::<Sku>().is_ok());
        for wrong in ["", " tea", "tea/green", "thé", &"x".repeat(65)] {
            assert!(wrong.parse::<Sku>().is_err(), "{wrong:?}");
        }
    }
}
