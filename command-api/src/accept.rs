//! The header `Accept` (RFC 9110, 12.5.1).

use axum::http::{HeaderMap, header};

/// How much a caller wants this media type, from 0 to 1. One that is not named is 0, also where `*/*` is.
pub(crate) fn quality(headers: &HeaderMap, media: &str) -> f32 {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(','));
    ranges.filter_map(|range| quality_of(range, media)).fold(0.0, f32::max)
}

/// How much a range wants this media type; `None` where it names another.
fn quality_of(range: &str, media: &str) -> Option<f32> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(media) {
        return None;
    }
    let weight =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("q"));
    Some(weight.map_or(1.0, |(_, weight)| weight.trim().parse().unwrap_or(0.0)))
}
