//! Where the next page begins: by value, so that a row that arrives or goes never shifts a page.

use std::fmt;
use std::str::FromStr;

use event_model::Position;

/// The last row of a page, as opaque text of the alphabet `[0-9a-f]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub(crate) Place);

/// What a list goes on behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a list by key.
    Key(String),
    /// In a list by first position.
    First(Position),
    /// Among sums by size: the sum, and the value whose rows it is of.
    Sum(i64, String),
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor that a page has given")]
pub struct UnreadableCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match &self.0 {
            Place::Key(key) => format!("k{key}"),
            Place::First(position) => format!("p{position}"),
            Place::Sum(sum, value) => format!("s{sum} {value}"),
        };
        plain.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = UnreadableCursor;

    fn from_str(text: &str) -> Result<Self, UnreadableCursor> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(UnreadableCursor) };
        let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?));
        let bytes = bytes.collect::<Option<Vec<u8>>>().ok_or(UnreadableCursor)?;
        let plain = String::from_utf8(bytes).map_err(|_| UnreadableCursor)?;
        let place = if let Some(key) = plain.strip_prefix('k') {
            Place::Key(key.to_owned())
        } else if let Some((sum, value)) = plain.strip_prefix('s').and_then(|rest| rest.split_once(' ')) {
            Place::Sum(sum.parse().map_err(|_| UnreadableCursor)?, value.to_owned())
        } else {
            let number = plain.strip_prefix('p').ok_or(UnreadableCursor)?;
            Place::First(number.parse().map_err(|_| UnreadableCursor)?)
        };
        Ok(Self(place))
    }
}

fn digit(hex: u8) -> Option<u8> {
    match hex {
        b'0'..=b'9' => Some(hex - b'0'),
        b'a'..=b'f' => Some(hex - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(key: String, position: u64, sum: i64) {
            let of_sum = Place::Sum(sum, key.clone());
            for place in [Place::Key(key), Place::First(Position::new(position)), of_sum] {
                let cursor = Cursor(place);
                prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
            }
        }

        #[test]
        fn anything_else_is_an_error(text in ".*") {
            prop_assume!(!text.starts_with("6b"));
            prop_assert_eq!(text.parse::<Cursor>(), Err(UnreadableCursor));
        }
    }

    #[test]
    fn a_number_that_is_none_is_an_error() {
        for wrong in ["", "73", "7378", "732078", "70", "702d31", "70 1", "6b8", "6bff", "6B41", "+b+c"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(UnreadableCursor), "{wrong}");
        }
    }
}
