//! Who else has a say in a checkout.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;

/// Another tool that is asked before an order is confirmed, such as `payment`: the category under which it appends its
/// answers, `[a-z][a-z0-9-]{0,31}`, and none of our own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend(
    "minLength" = 1,
    "maxLength" = Self::MAX_CHARS,
    "pattern" = "^[a-z][a-z0-9-]*$",
    "examples" = ["payment"]
))]
pub struct Participant(String);

/// Categories of ours, and those that the store keeps for itself.
const TAKEN: [&str; 8] = ["user", "email", "order", "stock", "checkout", "departure", "guard", "append"];

impl Participant {
    /// The most characters that a name may have.
    pub const MAX_CHARS: usize = 32;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Participant {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = |why: String| Err(Invalid::new("participant", why));
        let chars = text.chars().count();
        if !(1..=Self::MAX_CHARS).contains(&chars) {
            return wrong(format!("must be 1 to {} characters, not {chars}", Self::MAX_CHARS));
        }
        let begins_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins_well || !text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')) {
            return wrong(format!("must be of a-z 0-9 - only and begin with a letter, unlike {text:?}"));
        }
        if TAKEN.contains(&text) {
            return wrong(format!("must be none of our own categories, such as {text}"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Participant {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_participant_is_a_category_that_nobody_else_has() {
        for right in ["payment", "p", "fraud-check-2", &"x".repeat(32)] {
            assert_eq!(right.parse::<Participant>().unwrap().as_str(), right);
        }
        for wrong in ["", "Payment", "2pay", "-pay", "pay.ment", "pay_ment", "zahlung-ä", &"x".repeat(33)] {
            assert!(wrong.parse::<Participant>().is_err(), "{wrong:?}");
        }
        assert_eq!(
            "stock".parse::<Participant>().unwrap_err().to_string(),
            "participant must be none of our own categories, such as stock"
        );
        for taken in TAKEN {
            assert!(serde_json::from_str::<Participant>(&format!("{taken:?}")).is_err(), "{taken}");
        }
    }
}
