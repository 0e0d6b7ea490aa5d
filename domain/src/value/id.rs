//! Ids that are UUIDs. They arrive in commands: nothing here makes one.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Invalid;

const HYPHENATED_LENGTH: usize = 36;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("format" = "uuid", "examples" = [$example]))]
        pub struct $name(Uuid);

        impl $name {
            /// The id as a UUID.
            pub const fn get(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        /// Reads the hyphenated form only, in either case.
        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == HYPHENATED_LENGTH => Ok(Self(id)),
                    Ok(_) | Err(_) => {
                        Err(Invalid::new($what, "must be a UUID such as 0190b5c6-7d2e-7a31-8c55-0f5d1f6f9a10"))
                    }
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        /// Writes the hyphenated form in lower case.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
    };
}

id! {
    /// Which user.
    UserId, "user id", "0190b5c6-7d2e-7a31-8c55-0f5d1f6f9a10"
}

id! {
    /// Which order.
    OrderId, "order id", "0190b5c6-8a10-7f42-9d3b-5e2f7c1a0b64"
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0190b5c6-7d2e-7a31-8c55-0f5d1f6f9a10";

    #[test]
    fn an_id_is_written_hyphenated_in_lower_case() {
        let id: UserId = TEXT.to_uppercase().parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{TEXT}\""));
    }

    #[test]
    fn other_forms_of_a_uuid_are_refused() {
        for wrong in ["", "7", &TEXT.replace('-', ""), &format!("{{{TEXT}}}"), &format!("urn:uuid:{TEXT}")] {
            assert!(wrong.parse::<OrderId>().is_err(), "{wrong}");
        }
    }
}
