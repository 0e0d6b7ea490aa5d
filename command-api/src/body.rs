//! The body of a command: read within limits, parsed into fields, every wrong one named at once.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use event_store::Expected;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value};

use crate::problem::{FieldError, Kind, Problem};

/// The most bytes of a body.
pub(crate) const MOST: usize = 256 * 1024;
/// How far a larger body is read on, so that the caller hears the answer.
const READ_ON: usize = 1024 * 1024;
/// How long a body may take.
const TIME: Duration = Duration::from_secs(10);

/// A body as it came: JSON, or nothing.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// As sent: an idempotency key belongs to these bytes.
    pub(crate) bytes: Bytes,
    json: Option<Value>,
}

impl<S: Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let media = media_type(&parts.headers);
        let bytes = tokio::time::timeout(TIME, read(body)).await.map_err(|_| {
            Problem::malformed("the body did not arrive within 10 seconds; nothing was done, send it again")
        })??;
        if bytes.is_empty() {
            return Ok(Self { bytes, json: None });
        }
        media?;
        Self::read(bytes)
    }
}

async fn read(mut body: axum::body::Body) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::malformed(format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= MOST {
            bytes.extend_from_slice(&data);
        } else if length > READ_ON {
            break;
        }
    }
    if length > MOST {
        return Err(too_large());
    }
    Ok(bytes.freeze())
}

fn too_large() -> Problem {
    Problem::new(Kind::PayloadTooLarge, format!("the body has more than {MOST} bytes; send less"))
}

fn media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = || {
        Problem::new(
            Kind::UnsupportedMediaType,
            "send the header Content-Type: application/json, and the body in UTF-8 and not compressed",
        )
    };
    let value =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or_else(unsupported)?;
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) | None => true,
    });
    let plain = headers.get(header::CONTENT_ENCODING).is_none_or(|coding| coding == "identity");
    if json && utf8 && plain { Ok(()) } else { Err(unsupported()) }
}

impl Body {
    /// The body of a message.
    pub(crate) fn of_message(bytes: Bytes) -> Result<Self, Problem> {
        if bytes.len() > MOST {
            return Err(too_large());
        }
        if bytes.is_empty() { Ok(Self { bytes, json: None }) } else { Self::read(bytes) }
    }

    fn read(bytes: Bytes) -> Result<Self, Problem> {
        let json = serde_json::from_slice(&bytes).map_err(|error| {
            Problem::malformed(format!("the body is not JSON: {error}; send one JSON object in UTF-8"))
        })?;
        Ok(Self { bytes, json: Some(json) })
    }

    /// Whether it has no field at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.json.as_ref().is_none_or(|json| json.as_object().is_some_and(Map::is_empty))
    }

    /// The fields of a body that must be there.
    pub(crate) fn fields(&self) -> Result<Fields, Problem> {
        let json = self.json.clone().ok_or_else(|| {
            Problem::malformed("the body is empty; send a JSON object with Content-Type: application/json")
        })?;
        Fields::of(json, String::new())
    }

    /// The fields of a body that may be left out.
    pub(crate) fn fields_if_any(&self) -> Result<Fields, Problem> {
        Fields::of(self.json.clone().unwrap_or_else(|| Value::Object(Map::new())), String::new())
    }
}

/// A field's value, from JSON. The error says what it must be.
pub(crate) trait Field: Sized {
    fn read(value: &Value) -> Result<Self, String>;
}

/// The fields of an object, taken one by one; what is wrong is collected.
#[derive(Debug)]
pub(crate) struct Fields {
    object: Map<String, Value>,
    pointer: String,
    errors: Vec<FieldError>,
}

impl Fields {
    fn of(json: Value, pointer: String) -> Result<Self, Problem> {
        let Value::Object(object) = json else {
            return Err(Problem::invalid(vec![FieldError {
                pointer,
                detail: "must be a JSON object".into(),
            }]));
        };
        Ok(Self { object, pointer, errors: Vec::new() })
    }

    /// A field that must be there; `None` when it is not or is wrong, which [`Fields::finish`] then reports.
    pub(crate) fn required<T: Field>(&mut self, name: &str) -> Option<T> {
        if !self.object.contains_key(name) {
            self.wrong(name, "is required");
        }
        self.optional(name)
    }

    /// A field that may be left out.
    pub(crate) fn optional<T: Field>(&mut self, name: &str) -> Option<T> {
        let value = self.object.remove(name)?;
        T::read(&value).map_err(|detail| self.wrong(name, detail)).ok()
    }

    /// A list of objects that may be left out, each read by `item`; `None` as for [`Fields::optional`].
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        most: usize,
        item: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Array(values) = self.object.remove(name)? else {
            self.wrong(name, "must be an array");
            return None;
        };
        if values.len() > most {
            self.wrong(name, format!("must have at most {most} items, not {}", values.len()));
            return None;
        }
        let mut items = Vec::with_capacity(values.len());
        let wrong_before = self.errors.len();
        for (index, value) in values.into_iter().enumerate() {
            match Self::of(value, format!("{}/{name}/{index}", self.pointer)) {
                Ok(mut fields) => {
                    items.extend(item(&mut fields));
                    fields.refuse_rest();
                    self.errors.append(&mut fields.errors);
                }
                Err(problem) => self.errors.extend(problem.errors),
            }
        }
        (self.errors.len() == wrong_before).then_some(items)
    }

    /// Whether a field was sent and not taken yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// The version that a field `version` names, as an answer gave it, beside what the header `If-Match` says.
    pub(crate) fn version_or(&mut self, header: Expected) -> Expected {
        let Some(version) = self.optional("version").map(Expected::Exactly) else { return header };
        if header != Expected::Newest && header != version {
            self.wrong("version", "differs from the header If-Match; send one of them");
        }
        version
    }

    /// The fields of these names that are there, as they are.
    pub(crate) fn as_sent(&mut self, names: &[&str]) -> Map<String, Value> {
        names.iter().filter_map(|name| self.object.remove_entry(*name)).collect()
    }

    /// Reports a field as wrong.
    pub(crate) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        self.errors
            .push(FieldError { pointer: format!("{}/{escaped}", self.pointer), detail: detail.into() });
    }

    /// The id of what is to be made, where a caller repeats it.
    pub(crate) fn same_id<T: Field + PartialEq>(&mut self, id: &T) {
        if self.optional::<T>("id").is_some_and(|sent| sent != *id) {
            self.wrong("id", "must be the id in the subject, or be left out");
        }
    }

    /// What was read of the fields, once all of them are right.
    pub(crate) fn finish_with<T>(self, read: Option<T>) -> Result<T, Problem> {
        self.finish()?;
        read.ok_or_else(|| Problem::invalid(Vec::new()))
    }

    /// All that was wrong, unknown fields too.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        self.refuse_rest();
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid(self.errors)) }
    }

    fn refuse_rest(&mut self) {
        for (name, _) in std::mem::take(&mut self.object) {
            let shown: String = name.chars().take(100).collect();
            self.wrong(&shown, "is not a field of this call");
        }
    }
}
