//! What a command's headers say: who calls, under which key, relying on which version.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use event_model::{Metadata, Position, Version};
use event_store::{Expected, IdempotencyKey};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::auth::Caller;
use crate::body::Body;
use crate::entity::Once;
use crate::problem::Problem;

/// The name under which callers send their key.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The log position of an answer, or the one that a list must have reached.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("jetsource-position");

/// What the headers of a command say.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    pub(crate) if_match: Option<Version>,
    pub(crate) metadata: Metadata,
}

impl Call {
    /// The version that a command on something that exists relies on.
    pub(crate) fn expected(&self) -> Expected {
        self.if_match.map_or(Expected::Newest, Expected::Exactly)
    }

    /// For a command that makes something: there is no version that `If-Match` could name.
    pub(crate) fn expected_of_new(&self, unless_named: Expected) -> Expected {
        self.if_match.map_or(unless_named, |_| Expected::Exactly(Version::new(u64::MAX)))
    }
}

impl Call {
    /// How a repetition of it is known.
    pub(crate) fn once(&self, body: &Body) -> Once {
        let key = |name: &String| IdempotencyKey::new(name, &self.method, &self.path, &body.bytes);
        self.key.as_ref().map_or(Once::Unknown, |name| Once::Keyed(key(name)))
    }
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut metadata = Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc());
        metadata.actor = parts.extensions.get::<Caller>().map(|caller| caller.0.to_string());
        metadata.traceparent = traceparent(&parts.headers);
        Ok(Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            key: key(&parts.headers)?,
            if_match: if_match(&parts.headers)?,
            metadata,
        })
    }
}

/// What a reader asks of a list or of one thing: how new it must be, and how long to wait for that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Freshness {
    pub(crate) position: Option<Position>,
    pub(crate) wait: Option<Duration>,
}

impl<S: Sync> FromRequestParts<S> for Freshness {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let position = one(&parts.headers, &POSITION)?.map(|text| {
            text.parse()
                .map_err(|_| Problem::malformed("Jetsource-Position must be a number, as an answer gave it"))
        });
        Ok(Self { position: position.transpose()?, wait: wait(&parts.headers)? })
    }
}

/// The value of a header that may stand once.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(Problem::malformed(format!("the header {name} must stand only once")));
    }
    let readable = |_| Problem::malformed(format!("the header {name} must be visible ASCII"));
    first.map(|value| value.to_str().map_err(readable)).transpose()
}

/// The caller's place in its trace. By W3C Trace Context, one that cannot be read is left out.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = one(headers, &HeaderName::from_static("traceparent")).ok()??;
    is_traceparent(text).then(|| text.to_owned())
}

/// Whether it is a place in a trace, by W3C Trace Context.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let parts: Vec<_> = text.split('-').collect();
    let known = match parts[..] {
        [version, trace, parent, flags] => {
            [version.len(), trace.len(), parent.len(), flags.len()] == [2, 32, 16, 2]
                && version != "ff"
                && [trace, parent].iter().all(|id| id.bytes().any(|byte| byte != b'0'))
        }
        _ => false,
    };
    known && parts.into_iter().all(hex)
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(text) = one(headers, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let fits = (1..=255).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(Some(bare.to_owned()))
    } else {
        Err(Problem::malformed("Idempotency-Key must be 1 to 255 visible ASCII characters, quoted or bare"))
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<Version>, Problem> {
    let Some(text) = one(headers, &header::IF_MATCH)? else { return Ok(None) };
    let version =
        text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    version.map(Some).ok_or_else(|| {
        Problem::malformed(
            "If-Match must be one strong tag, a version in quotes as an ETag gave it: If-Match: \"3\"",
        )
    })
}

/// `Prefer: wait=S` (RFC 7240), at most 30 seconds; other preferences are none of ours.
fn wait(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    for value in headers.get_all("prefer") {
        let text =
            value.to_str().map_err(|_| Problem::malformed("the header Prefer must be visible ASCII"))?;
        for preference in text.split(',') {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            if name.trim().eq_ignore_ascii_case("wait") {
                let seconds = value.split(';').next().unwrap_or("").trim().trim_matches('"').parse::<u64>();
                let seconds = seconds
                    .map_err(|_| Problem::malformed("Prefer: wait= needs whole seconds, as in wait=5"))?;
                return Ok(Some(Duration::from_secs(seconds.min(30))));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_key_is_quoted_or_bare() {
        let read = |value: &str| key(&headers("idempotency-key", &[value])).map_err(|problem| problem.kind);
        assert_eq!(read("abc"), Ok(Some("abc".into())));
        assert_eq!(read("\"abc\""), Ok(Some("abc".into())));
        for wrong in ["", "\"\"", "a b", &"x".repeat(256)] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(key(&headers("idempotency-key", &["a", "b"])).is_err());
    }

    #[test]
    fn only_one_strong_version_is_a_match() {
        let read = |value: &str| if_match(&headers("if-match", &[value])).map_err(|problem| problem.kind);
        assert_eq!(read("\"3\""), Ok(Some(Version::new(3))));
        for wrong in ["*", "3", "W/\"3\"", "\"3\", \"4\"", "\"x\"", "\"-1\""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_trace_that_cannot_be_read_is_left_out() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let read = |values: &[&str]| traceparent(&headers("traceparent", values));
        assert_eq!(read(&[trace]), Some(trace.into()));
        assert_eq!(read(&[trace, trace]), None);
        let nowhere = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        for wrong in
            ["", "x", "é", &trace.replace("00-", "ff-"), &trace.to_uppercase(), &format!("{trace}-"), nowhere]
        {
            assert_eq!(read(&[wrong]), None, "{wrong}");
        }
    }

    #[test]
    fn waiting_has_an_end() {
        let read = |value: &str| wait(&headers("prefer", &[value])).map_err(|problem| problem.kind);
        assert_eq!(read("wait=3"), Ok(Some(Duration::from_secs(3))));
        assert_eq!(read("respond-async, wait=90"), Ok(Some(Duration::from_secs(30))));
        assert_eq!(read("return=minimal"), Ok(None));
        assert!(read("wait=soon").is_err());
    }
}
