//! An event on the wire: CloudEvents 1.0 in binary mode, as NATS headers, beside the data.

mod again;
mod said;

use std::fmt::Write as _;
use std::sync::LazyLock;

use async_nats::header::HeaderName;
use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use event_model::{EntityName, Metadata, Part, Position, Recorded, Version};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::error::{Foreign, StoreError};
use crate::subjects;
use said::Said;

pub(crate) use again::headers_of;

/// The source of events that other tools have put on the log, where it is not kept.
pub(crate) const ELSEWHERE: &str = "/elsewhere";
/// The source of events that have all of our envelope.
pub(crate) const OURS: &str = "/jetsource";

/// What a reader meets at one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An event.
    Event(Recorded),
    /// Something that is none: stepped over, counted, never in the way.
    Foreign(Foreign),
}

impl Entry {
    /// Where it lies.
    pub fn position(&self) -> Position {
        match self {
            Self::Event(event) => event.position,
            Self::Foreign(foreign) => foreign.position,
        }
    }
}

/// An event that is about to be stored.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) id: Uuid,
    pub(crate) event_type: &'static str,
    pub(crate) version: Version,
    pub(crate) data: Bytes,
}

// Made once: a name that is not is checked and copied at each insert.
pub(crate) const CE_ID: HeaderName = HeaderName::from_static("ce-id");
const CE_SPECVERSION: HeaderName = HeaderName::from_static("ce-specversion");
const CE_SOURCE: HeaderName = HeaderName::from_static("ce-source");
const CE_TYPE: HeaderName = HeaderName::from_static("ce-type");
const CE_SUBJECT: HeaderName = HeaderName::from_static("ce-subject");
const CE_TIME: HeaderName = HeaderName::from_static("ce-time");
const CE_DATACONTENTTYPE: HeaderName = HeaderName::from_static("ce-datacontenttype");
const CE_ENTITYVERSION: HeaderName = HeaderName::from_static("ce-entityversion");
const CE_CAUSATIONID: HeaderName = HeaderName::from_static("ce-causationid");
const CE_CORRELATIONID: HeaderName = HeaderName::from_static("ce-correlationid");
const CE_PART: HeaderName = HeaderName::from_static("ce-part");
const CE_ACTOR: HeaderName = HeaderName::from_static("ce-actor");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// All that each event has, with what is the same for all. A copy has room for the others too: a map that grows
/// works out where each of its headers belongs once more.
static EVERY: LazyLock<HeaderMap> = LazyLock::new(|| {
    let given = [
        async_nats::header::NATS_MESSAGE_ID,
        CE_ID,
        CE_TYPE,
        CE_SUBJECT,
        CE_TIME,
        CE_ENTITYVERSION,
        CE_CAUSATIONID,
        CE_CORRELATIONID,
    ];
    let same = [(CE_SPECVERSION, "1.0"), (CE_SOURCE, OURS), (CE_DATACONTENTTYPE, "application/json")];
    let given = given.map(|name| (name, HeaderValue::new()));
    given.into_iter().chain(same.map(|(name, value)| (name, value.into()))).collect()
});

/// The headers of an event. `part` is its place in an append of several.
pub(crate) fn headers(
    draft: &Draft,
    entity: &EntityName,
    metadata: &Metadata,
    part: Option<Part>,
) -> Result<HeaderMap, StoreError> {
    let time =
        metadata.time.format(&Rfc3339).map_err(|error| StoreError::Unfit(format!("its time: {error}")))?;
    let mut headers = EVERY.clone();
    headers.insert(async_nats::header::NATS_MESSAGE_ID, uuid_text(draft.id));
    headers.insert(CE_ID, uuid_text(draft.id));
    headers.insert(CE_TYPE, draft.event_type);
    headers.insert(CE_SUBJECT, entity_text(entity));
    headers.insert(CE_TIME, time);
    headers.insert(CE_ENTITYVERSION, draft.version.to_string());
    headers.insert(CE_CAUSATIONID, uuid_text(metadata.causation_id));
    headers.insert(CE_CORRELATIONID, uuid_text(metadata.correlation_id));
    if let Some(part) = part {
        headers.insert(CE_PART, part.to_string());
    }
    if let Some(actor) = &metadata.actor {
        headers.insert(CE_ACTOR, header_text(actor));
    }
    if let Some(traceparent) = &metadata.traceparent {
        headers.insert(TRACEPARENT, header_text(traceparent));
    }
    Ok(headers)
}

fn uuid_text(id: Uuid) -> String {
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

/// A message as the broker gives it.
pub(crate) struct Stored<'a> {
    pub(crate) subject: &'a str,
    pub(crate) position: Position,
    /// When the broker took it in.
    pub(crate) time: OffsetDateTime,
    pub(crate) headers: Option<&'a HeaderMap>,
    pub(crate) data: Bytes,
}

/// Reads a stored message.
pub(crate) fn read(stored: Stored<'_>) -> Entry {
    let (subject, position) = (stored.subject, stored.position);
    match event(stored) {
        Ok(event) => Entry::Event(event),
        Err(reason) => Entry::Foreign(Foreign { position, subject: subject.to_owned(), reason }),
    }
}

fn event(stored: Stored<'_>) -> Result<Recorded, String> {
    let Stored { subject, position, time, headers, data } = stored;
    let headers = headers.ok_or("it has no headers")?;
    let said = Said::of(headers);
    let uuid = |text: Option<&str>| text.and_then(|value| Uuid::try_parse(value).ok());
    let id = said.id.ok_or("it has no ce-id")?;
    let entity = subjects::entity(subject).ok_or("its subject names no entity")?;
    let (causation_id, correlation_id) = (uuid(said.causation_id), uuid(said.correlation_id));
    // A version counts only in the whole envelope that writers of the log give: a foreign hand has no versions.
    let ours = said.specversion == Some("1.0")
        && said.source == Some(OURS)
        && said.subject.is_some_and(|named| is_named(&entity, named))
        && said.message_id == Some(id)
        && causation_id.is_some()
        && correlation_id.is_some();
    let version = said.version.filter(|_| ours).and_then(|version| version.parse().ok());
    // Other tools' events need no time of their own.
    let time = match said.time {
        Some(time) => OffsetDateTime::parse(time, &Rfc3339).map_err(|_| "ce-time is not RFC 3339")?,
        None => time,
    };
    let body: &RawValue = serde_json::from_slice(&data).map_err(|_| "its body is not JSON")?;
    if !body.get().starts_with('{') {
        return Err("its body is not a JSON object".into());
    }
    Ok(Recorded {
        id: Uuid::try_parse(id).unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes())),
        entity,
        event_type: said.event_type.ok_or("it has no ce-type")?.to_owned(),
        position,
        version,
        time,
        causation_id,
        correlation_id,
        part: said.part.and_then(|part| part.parse().ok()),
        actor: said.actor.map(plain_text),
        traceparent: said.traceparent.map(plain_text),
        data,
    })
}

/// Percent-encodes what CloudEvents does not allow in a header value: space, quote, percent and whatever is not
/// printable ASCII (NATS protocol binding, 3.1.3.1).
pub(crate) fn header_text(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    push_text(&mut encoded, text);
    encoded
}

/// The name of an entity, encoded like that.
fn entity_text(entity: &EntityName) -> String {
    let mut encoded = String::with_capacity(entity.category.len() + 1 + entity.id.len());
    push_text(&mut encoded, &entity.category);
    encoded.push('/');
    push_text(&mut encoded, &entity.id);
    encoded
}

/// Whether a text is the name of an entity, encoded or not.
fn is_named(entity: &EntityName, text: &str) -> bool {
    let behind = text.strip_prefix(entity.category.as_str()).and_then(|rest| rest.strip_prefix('/'));
    // Mostly there is nothing to decode.
    (behind == Some(entity.id.as_str()) && !text.contains('%')) || plain_text(text) == entity.to_string()
}

fn push_text(encoded: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'"' && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
}

/// The text in such a header value.
pub(crate) fn plain_text(encoded: &str) -> String {
    let mut plain = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [byte, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(value) = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            plain.push(value);
            rest = &tail[2..];
        } else {
            plain.push(*byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(subject: &str, position: u64, headers: Option<&HeaderMap>, data: Bytes) -> Entry {
        let time = OffsetDateTime::UNIX_EPOCH + time::Duration::DAY;
        read(Stored { subject, position: Position::new(position), time, headers, data })
    }

    fn metadata() -> Metadata {
        Metadata {
            actor: Some("the \"shop\" é".into()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            ..Metadata::first(Uuid::from_u128(1), OffsetDateTime::UNIX_EPOCH)
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let entity = EntityName::new("stock", "a b/é");
        let draft = Draft {
            id: Uuid::from_u128(2),
            event_type: "stock-received",
            version: Version::new(3),
            data: Bytes::from_static(b"{\"quantity\":1}"),
        };
        let part = Some(Part { number: 1, of: 2 });
        let headers = headers(&draft, &entity, &metadata(), part).unwrap();
        let entry = stored(&subjects::stored(&entity), 9, Some(&headers), draft.data.clone());
        let Entry::Event(event) = entry else { panic!("{entry:?}") };
        assert_eq!((event.id, event.entity, event.part), (draft.id, entity, part));
        assert_eq!((event.version, event.position), (Some(draft.version), Position::new(9)));
        assert_eq!((event.event_type.as_str(), event.data), (draft.event_type, draft.data));
        assert_eq!((event.actor, event.traceparent), (metadata().actor, metadata().traceparent));
        assert_eq!((event.time, event.causation_id), (OffsetDateTime::UNIX_EPOCH, Some(Uuid::from_u128(1))));
    }

    #[test]
    fn an_event_of_another_tool_needs_an_id_a_type_and_an_object() {
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", Uuid::from_u128(2).to_string());
        headers.insert("ce-type", "payment-authorised");
        let entry = stored("events.payment.x", 1, Some(&headers), Bytes::from_static(b"{}"));
        let Entry::Event(event) = entry else { panic!("{entry:?}") };
        assert_eq!((event.version, event.event_type.as_str()), (None, "payment-authorised"));
        assert_eq!(event.time, OffsetDateTime::UNIX_EPOCH + time::Duration::DAY);
    }

    #[test]
    fn what_is_no_event_says_why() {
        let reason = |subject: &str, headers: Option<&HeaderMap>, data: &'static [u8]| match stored(
            subject,
            1,
            headers,
            Bytes::from_static(data),
        ) {
            Entry::Event(event) => panic!("{event:?}"),
            Entry::Foreign(foreign) => foreign.reason,
        };
        let mut headers = HeaderMap::new();
        assert_eq!(reason("events.a.b", None, b"{}"), "it has no headers");
        assert_eq!(reason("events.a.b", Some(&headers), b"{}"), "it has no ce-id");
        headers.insert("ce-id", "x");
        headers.insert("ce-time", "yesterday");
        assert_eq!(reason("events.a.b", Some(&headers), b"{}"), "ce-time is not RFC 3339");
        headers.insert("ce-time", "1970-01-01T00:00:00Z");
        assert_eq!(reason("events.a.b", Some(&headers), b"[]"), "its body is not a JSON object");
        assert_eq!(reason("events.a.b", Some(&headers), b"{}"), "it has no ce-type");
        headers.insert("ce-type", "x");
        assert_eq!(reason("events.a", Some(&headers), b"{}"), "its subject names no entity");
    }

    proptest! {
        #[test]
        fn any_text_survives_a_header(text in ".*") {
            let encoded = header_text(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(plain_text(&encoded), text);
        }

        #[test]
        fn no_body_and_no_header_stops_a_reader(body: Vec<u8>, id in ".*", version in ".*") {
            let mut headers = HeaderMap::new();
            headers.insert("ce-id", header_text(&id));
            headers.insert("ce-entityversion", header_text(&version));
            let _ = stored("events.order.x", 1, Some(&headers), Bytes::from(body));
        }
    }
}
