//! In which form a caller wants the log.

use axum::http::HeaderMap;

use crate::accept::quality;

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
        let json = quality(headers, "application/json");
        if json > 0.0 && json > quality(headers, "text/event-stream") { Self::Pages } else { Self::Stream }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

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
