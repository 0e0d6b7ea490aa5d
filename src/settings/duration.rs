//! Durations as people write them: `500ms`, `30s`, `5m`, `12h`, `30d`.

use std::time::Duration;

/// Reads a whole number and its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("{text:?} is no duration: write a number and a unit, such as 500ms, 30s, 5m, 12h or 30d");
    let unit = text.find(|character: char| !character.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = text[..unit].parse().map_err(|_| wrong())?;
    let millis = match &text[unit..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    let total = number.checked_mul(millis).filter(|total| *total <= LONGEST);
    total.map(Duration::from_millis).ok_or_else(|| format!("{text:?} is too long: at most 36500d"))
}

/// A hundred years: the broker counts nanoseconds in 63 bits.
const LONGEST: u64 = 36_500 * 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit() {
        assert_eq!(parse("30d"), Ok(Duration::from_hours(24 * 30)));
        assert_eq!(parse("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(parse("1500ms"), Ok(Duration::from_millis(1500)));
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in ["", "30", "d", "-1s", "1.5h", "30 s", "1y", "99999999999999999999s", "36501d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
