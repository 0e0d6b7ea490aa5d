//! Text as PostgreSQL can hold it: all but the character zero. What is stored sorts as it did, byte by byte.

use std::borrow::Cow;

use event_model::Column;

/// Text as it is stored.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\u{1}']) {
        // In this order: the second writes what the first looks for.
        text.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}").into()
    } else {
        text.into()
    }
}

/// Text as it was.
pub(super) fn read(stored: String) -> String {
    if stored.contains('\u{1}') {
        stored.replace("\u{1}\u{1}", "\0").replace("\u{1}\u{2}", "\u{1}")
    } else {
        stored
    }
}

/// A column's value as it is stored: all numbers before all text, each in its order.
pub(super) fn column(value: &Column) -> String {
    match value {
        Column::Text(text) => format!(":{}", stored(text)),
        Column::Integer(number) if *number >= 0 => format!("{number:019}"),
        Column::Integer(number) => format!("-{:019}", number.wrapping_sub(i64::MIN)),
    }
}

/// A stored value as people see it; whatever a hand has written there, as it is.
pub(super) fn shown(stored: Option<String>) -> String {
    let Some(stored) = stored else { return "null".to_owned() };
    let digits = |text: &str| text.parse::<i64>().ok();
    let number = match stored.strip_prefix('-') {
        Some(rest) => digits(rest).map(|number| number.wrapping_add(i64::MIN)),
        None => digits(&stored),
    };
    match (stored.strip_prefix(':'), number) {
        (Some(text), _) => read(text.to_owned()),
        (None, Some(number)) => number.to_string(),
        (None, None) => stored,
    }
}

/// SQL for the number in a column that holds whole numbers.
pub(super) fn number(column: &str) -> String {
    format!(
        "CASE WHEN \"{column}\" LIKE '-%' THEN substr(\"{column}\", 2)::numeric - 9223372036854775808
              ELSE \"{column}\"::numeric END"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop_oneof![Just('\0'), Just('\u{1}'), Just('\u{2}'), any::<char>()], 0..6)
            .prop_map(|letters| letters.into_iter().collect())
    }

    fn any_column() -> impl Strategy<Value = Column> {
        let number = prop_oneof![any::<i64>(), -3..3_i64, Just(i64::MIN), Just(i64::MAX)];
        prop_oneof![any_text().prop_map(Column::Text), number.prop_map(Column::Integer)]
    }

    /// As SQLite orders them.
    fn before(one: &Column, other: &Column) -> bool {
        match (one, other) {
            (Column::Integer(one), Column::Integer(other)) => one < other,
            (Column::Text(one), Column::Text(other)) => one < other,
            (Column::Integer(_), Column::Text(_)) => true,
            (Column::Text(_), Column::Integer(_)) => false,
        }
    }

    proptest! {
        #[test]
        fn text_is_read_as_it_was_and_sorts_as_it_did(one in any_text(), other in any_text()) {
            prop_assert!(!stored(&one).contains('\0'));
            prop_assert_eq!(read(stored(&one).into_owned()), one.clone());
            prop_assert_eq!(stored(&one) < stored(&other), one < other);
        }

        #[test]
        fn columns_sort_as_they_did_and_are_shown(one in any_column(), other in any_column()) {
            prop_assert_eq!(column(&one) < column(&other), before(&one, &other));
            let plain = match &one {
                Column::Text(text) => text.clone(),
                Column::Integer(number) => number.to_string(),
            };
            prop_assert_eq!(shown(Some(column(&one))), plain);
        }
    }
}
