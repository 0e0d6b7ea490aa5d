//! In which form a caller wants the log.

use axum::http::{HeaderMap, header};

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Server-sent events: what `EventSource` asks for, and who names nothing, as curl does.
    Stream,
    /// A page of JSON.
    Pages,
}

impl Form {
    /// JSON for those who name it, unless they would rather have events.
    pub(crate) fn asked(headers: &HeaderMap) -> Self {
        let quality = |media: &str| {
            let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
            let ranges = values.flat_map(|value| value.split(','));
            ranges.filter_map(|range| quality_of(range, media)).fold(0.0, f32::max)
        };
        let json = quality("application/json");
        if json > 0.0 && json > quality("text/event-stream") { Self::Pages } else { Self::Stream }
    }
}

/// How much a range of `Accept` wants this media type (RFC 9110, 12.5.1); `None` where it names another.
fn quality_of(range: &str, media: &str) -> Option<f32> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(media) {
        return None;
    }
    let weight =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("q"));
    Some(weight.map_or(1.0, |(_, weight)| weight.trim().parse().unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_json_has_pages_and_everybody_else_the_stream() {
        let asked = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            Form::asked(&headers)
        };
        assert_eq!(Form::asked(&HeaderMap::new()), Form::Stream);
        for stream in [
            "*/*",
            "text/event-stream",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json;q=0.5, text/event-stream",
            "application/json;q=0, */*",
        ] {
            assert_eq!(asked(stream), Form::Stream, "{stream}");
        }
        for pages in [
            "application/json",
            "application/json, text/plain, */*",
            "text/event-stream;q=0.1,Application/JSON;q=0.2",
        ] {
            assert_eq!(asked(pages), Form::Pages, "{pages}");
        }
    }
}
