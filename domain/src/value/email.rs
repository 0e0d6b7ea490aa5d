//! An e-mail address as typed, and as it is compared.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;

/// One `@`, something on both sides, no white space, no control characters.
const ADDRESS: &str = r"^[^\s@\x00-\x1f\x7f-\x9f]+@[^\s@\x00-\x1f\x7f-\x9f]+$";

/// An e-mail address: at most 254 characters with exactly one `@`, something on both sides of it, and neither
/// white space nor control characters inside; kept trimmed and otherwise as typed.
///
/// Whether mail arrives there only sending one can tell, so no more is asked of its shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend(
    "minLength" = 3,
    "maxLength" = Self::MAX_CHARS,
    "pattern" = ADDRESS,
    "examples" = ["ann@example.com"]
))]
pub struct Email(String);

impl Email {
    /// The most characters that an address may have (RFC 5321, 4.5.3.1.3).
    pub const MAX_CHARS: usize = 254;

    /// The address as typed, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as it is compared: trimmed, lower-cased.
    pub fn normalized(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for Email {
    type Err = Invalid;

    fn from_str(typed: &str) -> Result<Self, Invalid> {
        let invalid = |why: String| Err(Invalid::new("email", why));
        let address = typed.trim();
        let chars = address.chars().count();
        if chars == 0 {
            return invalid("must not be empty".to_owned());
        }
        if chars > Self::MAX_CHARS {
            return invalid(format!("must be at most {} characters, not {chars}", Self::MAX_CHARS));
        }
        if address.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return invalid("must not contain white space or control characters".to_owned());
        }
        match address.split_once('@') {
            Some((local, host)) if !local.is_empty() && !host.is_empty() && !host.contains('@') => {
                Ok(Self(address.to_owned()))
            }
            Some(_) | None => invalid(
                "must have exactly one @ with something on both sides, such as ann@example.com".into(),
            ),
        }
    }
}

impl TryFrom<String> for Email {
    type Error = Invalid;

    fn try_from(typed: String) -> Result<Self, Invalid> {
        typed.parse()
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_as_typed_and_compared_without_case() {
        let email: Email = "  Ann.Lee@Example.COM ".parse().unwrap();
        assert_eq!(email.as_str(), "Ann.Lee@Example.COM");
        assert_eq!(email.normalized(), "ann.lee@example.com");
    }

    #[test]
    fn an_address_has_one_at_with_something_on_both_sides() {
        for wrong in ["", " ", "ann", "@", "a@", "@b", "a@b@c", "a@@b", "a b@c", "a@b\0", "a\n@b"] {
            assert!(wrong.parse::<Email>().is_err(), "{wrong:?}");
        }
        assert!("a@b".parse::<Email>().is_ok());
        assert!(format!("{}@b", "a".repeat(252)).parse::<Email>().is_ok());
        assert!(format!("{}@b", "a".repeat(253)).parse::<Email>().is_err());
    }
}
