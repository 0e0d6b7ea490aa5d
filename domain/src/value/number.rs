//! Money and counts: whole numbers with bounds. Money is in minor units of the deployment's one currency.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::Invalid;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:literal ..= $max:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "Number")]
        #[schemars(try_from = "i64", extend("minimum" = Self::MIN.0, "maximum" = Self::MAX.0, "examples" = [$example]))]
        pub struct $name(u64);

        impl $name {
            /// The least that it can be.
            pub const MIN: Self = Self($min);
            /// The most that it can be.
            pub const MAX: Self = Self($max);

            /// The value of this number.
            ///
            /// # Errors
            /// When it is out of bounds.
            pub fn new(number: u64) -> Result<Self, Invalid> {
                let within = (Self::MIN.0..=Self::MAX.0).contains(&number);
 if within { Ok(Self(number)) } else { Err(Self::unlike(&number)) }
            }

            /// The number.
            pub const fn get(self) -> u64 {
                self.0
            }

            fn unlike(number: &dyn fmt::Display) -> Invalid {
                let (least, most) = (Self::MIN, Self::MAX);
                let why = format!("must be a whole number from {least} to {most}, not {number}");
                Invalid::new($what, why)
            }
        }

        impl TryFrom<u64> for $name {
            type Error = Invalid;

            fn try_from(number: u64) -> Result<Self, Invalid> {
                Self::new(number)
            }
        }

        /// By way of JSON's own number, so that the message for `-1` or `1.5` is as good as that for too much.
        impl TryFrom<Number> for $name {
            type Error = Invalid;

            fn try_from(number: Number) -> Result<Self, Invalid> {
                whole(&number).ok_or_else(|| Self::unlike(&number)).and_then(Self::new)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// An amount of money: 0 to 10^15.
    Amount, "amount", 0..=1_000_000_000_000_000, 1_899
}

number! {
    /// How many of an article, counted over all: 0 to 10^15.
    Units, "units", 0..=1_000_000_000_000_000, 2
}

number! {
    /// How many of an article on one line or in one receipt: 1 to 10^6.
    Quantity, "quantity", 1..=1_000_000, 2
}

number! {
    /// What one of an article costs: 0 to 10^9.
    UnitPrice, "unit price", 0..=1_000_000_000, 450
}

/// The number, where it is whole and not negative; in JSON `5.0` is too.
pub fn whole(number: &Number) -> Option<u64> {
    number.as_u64().or_else(|| number.to_string().strip_suffix(".0")?.parse().ok())
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self::MIN;

    pub(crate) const fn saturating(number: u64) -> Self {
        if number < Self::MAX.0 { Self(number) } else { Self::MAX }
    }

    /// This less the other, which may be more.
    pub(crate) fn less(self, other: Self) -> i64 {
        // Both are at most 10^15, so the difference always fits.
        self.0.cast_signed().saturating_sub(other.0.cast_signed())
    }
}

impl Units {
    /// None.
    pub const ZERO: Self = Self::MIN;

    pub(crate) const fn saturating(number: u64) -> Self {
        if number < Self::MAX.0 { Self(number) } else { Self::MAX }
    }

    pub(crate) fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Quantity> for Units {
    fn from(quantity: Quantity) -> Self {
        Self(quantity.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_included() {
        assert!(Amount::new(0).is_ok() && Amount::new(10_u64.pow(15)).is_ok());
        assert!(Amount::new(10_u64.pow(15) + 1).is_err());
        assert!(Quantity::new(1).is_ok() && Quantity::new(1_000_000).is_ok());
        assert!(Quantity::new(0).is_err() && Quantity::new(1_000_001).is_err());
        assert!(UnitPrice::new(0).is_ok() && UnitPrice::new(1_000_000_001).is_err());
    }

    #[test]
    fn what_json_gives_is_told_plainly() {
        let wrong = |json: &str| serde_json::from_str::<Quantity>(json).unwrap_err().to_string();
        for number in ["-1", "0", "1.5", "1000001", "18446744073709551615"] {
            let told = format!("quantity must be a whole number from 1 to 1000000, not {number}");
            assert!(wrong(number).starts_with(&told), "{}", wrong(number));
        }
        assert!(serde_json::from_str::<Quantity>("\"1\"").is_err());
        for number in ["7", "7.0", "0.7e1"] {
            assert_eq!(serde_json::from_str::<Quantity>(number).unwrap().get(), 7, "{number}");
        }
    }
}
