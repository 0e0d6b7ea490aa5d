//! Text in pictures of Mermaid's language.

use std::fmt::Write as _;

/// The text as it may stand in quotes: whatever could be read as more than text is written by its number.
pub(crate) fn text(plain: &str) -> String {
    let mut text = String::with_capacity(plain.len());
    for letter in plain.chars() {
        if letter.is_alphanumeric() || " -_./:,".contains(letter) {
            text.push(letter);
        } else {
            let _ = write!(text, "#{};", u32::from(letter));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_end_its_quotes_or_its_line() {
        assert_eq!(text("stock/tea.1"), "stock/tea.1");
        assert_eq!(text("a\"]\n<b>&#;"), "a#34;#93;#10;#60;b#62;#38;#35;#59;");
        assert_eq!(text("Tee für zwei"), "Tee für zwei");
    }
}
