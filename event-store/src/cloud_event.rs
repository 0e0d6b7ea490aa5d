//! An event as one JSON object: CloudEvents 1.0 in the JSON format, in one line.
//!
//! The reverse of what the wire has as headers (`envelope`): whoever gets events as text gets them in this form. What
//! the log does not keep of another tool's event, such as its own `source`, is not there.

use std::borrow::Cow;

use event_model::{EntityName, Part, Position, Recorded, Version};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::envelope::{ELSEWHERE, OURS};
use crate::error::StoreError;

/// The attributes, in the order in which they are written. Names are frozen.
#[derive(Serialize, Deserialize)]
struct Attributes<'a> {
    specversion: Cow<'a, str>,
    id: Uuid,
    source: Cow<'a, str>,
    #[serde(rename = "type")]
    event_type: String,
    subject: String,
    time: String,
    datacontenttype: Cow<'a, str>,
    position: Position,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entityversion: Option<Version>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causationid: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlationid: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    data: Box<RawValue>,
}

/// Writes an event as a `CloudEvent`, without a line break in it.
///
/// # Errors
/// [`StoreError::Unfit`] when its time or its data cannot be written.
pub fn to_json(event: &Recorded) -> Result<String, StoreError> {
    let unfit = |error: &dyn std::fmt::Display| StoreError::Unfit(format!("{}: {error}", event.id));
    let data = String::from_utf8_lossy(&event.data);
    // Only between tokens: within strings JSON escapes them.
    let data = data.replace(['\n', '\r'], " ");
    let attributes = Attributes {
        specversion: "1.0".into(),
        id: event.id,
        source: if event.version.is_some() { OURS } else { ELSEWHERE }.into(),
        event_type: event.event_type.clone(),
        subject: event.entity.to_string(),
        time: event.time.format(&Rfc3339).map_err(|error| unfit(&error))?,
        datacontenttype: "application/json".into(),
        position: event.position,
        entityversion: event.version,
        causationid: event.causation_id,
        correlationid: event.correlation_id,
        part: event.part.map(|part| part.to_string()),
        actor: event.actor.clone(),
        traceparent: event.traceparent.clone(),
        data: RawValue::from_string(data).map_err(|error| unfit(&error))?,
    };
    serde_json::to_string(&attributes).map_err(|error| unfit(&error))
}

/// Reads an event as [`to_json`] writes it.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn from_json(text: &str) -> Result<Recorded, String> {
    let read: Attributes<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if (&*read.specversion, &*read.datacontenttype) != ("1.0", "application/json") {
        return Err("only CloudEvents 1.0 with JSON data can be read".into());
    }
    let (category, id) = read.subject.split_once('/').ok_or("its subject is not <category>/<id>")?;
    if category.is_empty() || id.is_empty() {
        return Err("its subject is not <category>/<id>".into());
    }
    if (read.source == OURS) != read.entityversion.is_some() {
        return Err(format!("an event of {OURS} has an entityversion, and no other has"));
    }
    if read.entityversion.is_some() && (read.causationid.is_none() || read.correlationid.is_none()) {
        return Err("it has no causationid or no correlationid".into());
    }
    if !read.data.get().starts_with('{') {
        return Err("its data is not a JSON object".into());
    }
    let part = read.part.map(|part| part.parse::<Part>().map_err(|()| format!("its part is {part:?}")));
    Ok(Recorded {
        id: read.id,
        entity: EntityName::new(category, id),
        event_type: read.event_type,
        position: read.position,
        version: read.entityversion,
        time: OffsetDateTime::parse(&read.time, &Rfc3339).map_err(|_| "its time is not RFC 3339")?,
        causation_id: read.causationid,
        correlation_id: read.correlationid,
        part: part.transpose()?,
        actor: read.actor,
        traceparent: read.traceparent,
        data: String::from(Box::<str>::from(read.data)).into(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Recorded {
        Recorded {
            id: Uuid::from_u128(1),
            entity: EntityName::new("stock", "a/b"),
            event_type: "stock-received".into(),
            position: Position::new(7),
            version: Some(Version::new(2)),
            time: OffsetDateTime::UNIX_EPOCH,
            causation_id: Some(Uuid::from_u128(3)),
            correlation_id: Some(Uuid::from_u128(4)),
            part: Some(Part { number: 1, of: 2 }),
            actor: Some("the \"shop\" é".into()),
            traceparent: None,
            data: "{\"quantity\":1}".into(),
        }
    }

    #[test]
    fn the_form_is_that_of_cloud_events() {
        let json: Value = serde_json::from_str(&to_json(&event()).unwrap()).unwrap();
        assert_eq!(
            json,
            json!({
                "specversion": "1.0",
                "id": Uuid::from_u128(1),
                "source": "/jetsource",
                "type": "stock-received",
                "subject": "stock/a/b",
                "time": "1970-01-01T00:00:00Z",
                "datacontenttype": "application/json",
                "position": 7,
                "entityversion": 2,
                "causationid": Uuid::from_u128(3),
                "correlationid": Uuid::from_u128(4),
                "part": "1/2",
                "actor": "the \"shop\" é",
                "data": {"quantity": 1},
            })
        );
    }

    #[test]
    fn it_is_one_line_whatever_white_space_others_write() {
        let text = to_json(&Recorded { data: "{\r\n \"a\": 1\n}".into(), ..event() }).unwrap();
        assert!(!text.contains(['\n', '\r']), "{text}");
    }

    #[test]
    fn what_is_no_event_of_ours_says_why() {
        let text = to_json(&event()).unwrap();
        for (good, bad, why) in [
            ("\"1.0\"", "\"0.3\"", "CloudEvents 1.0"),
            ("stock/a/b", "stock", "subject"),
            ("1970-01-01T00:00:00Z", "yesterday", "time"),
            ("\"1/2\"", "\"3/2\"", "part"),
            ("\"entityversion\":2,", "", "entityversion"),
            ("{\"quantity\":1}", "[]", "object"),
        ] {
            let error = from_json(&text.replace(good, bad)).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            id: u128, category in "[a-z]+", entity in ".+", event_type in ".*", version: Option<u64>,
            actor: Option<String>, text in ".*", nanos in 0_i64..1_900_000_000_000_000_000,
        ) {
            let event = Recorded {
                id: Uuid::from_u128(id),
                entity: EntityName::new(category, entity),
                event_type,
                version: version.map(Version::new),
                time: OffsetDateTime::from_unix_timestamp_nanos(nanos.into()).unwrap(),
                actor,
                data: json!({ "text": text }).to_string().into(),
                ..event()
            };
            prop_assert_eq!(from_json(&to_json(&event).unwrap()), Ok(event));
        }
    }
}
