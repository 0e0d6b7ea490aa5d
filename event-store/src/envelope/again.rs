//! The headers of an event that was recorded before: what a reader reads of them is the same.

use async_nats::HeaderMap;
use event_model::Recorded;
use time::format_description::well_known::Rfc3339;

use super::{
    CE_ACTOR, CE_CAUSATIONID, CE_CORRELATIONID, CE_DATACONTENTTYPE, CE_ENTITYVERSION, CE_ID, CE_PART,
    CE_SOURCE, CE_SPECVERSION, CE_SUBJECT, CE_TIME, CE_TYPE, ELSEWHERE, OURS, TRACEPARENT, header_text,
};
use crate::error::StoreError;

/// The headers under which it is stored again.
pub(crate) fn headers_of(event: &Recorded) -> Result<HeaderMap, StoreError> {
    let time =
        event.time.format(&Rfc3339).map_err(|error| StoreError::Unfit(format!("its time: {error}")))?;
    if event.event_type.chars().any(char::is_control) {
        return Err(StoreError::Unfit(format!("its type {:?} cannot be a header", event.event_type)));
    }
    let id = event.id.to_string();
    let mut headers = HeaderMap::new();
    headers.insert(async_nats::header::NATS_MESSAGE_ID, id.as_str());
    headers.insert(CE_ID, id);
    headers.insert(CE_SPECVERSION, "1.0");
    headers.insert(CE_SOURCE, if event.version.is_some() { OURS } else { ELSEWHERE });
    headers.insert(CE_TYPE, event.event_type.as_str());
    headers.insert(CE_SUBJECT, header_text(&event.entity.to_string()));
    headers.insert(CE_TIME, time);
    headers.insert(CE_DATACONTENTTYPE, "application/json");
    if let Some(version) = event.version {
        headers.insert(CE_ENTITYVERSION, version.to_string());
    }
    for (name, id) in [(CE_CAUSATIONID, event.causation_id), (CE_CORRELATIONID, event.correlation_id)] {
        if let Some(id) = id {
            headers.insert(name, id.to_string());
        }
    }
    if let Some(part) = event.part {
        headers.insert(CE_PART, part.to_string());
    }
    for (name, text) in [(CE_ACTOR, &event.actor), (TRACEPARENT, &event.traceparent)] {
        if let Some(text) = text {
            headers.insert(name, header_text(text));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use event_model::{EntityName, Part, Position, Version};
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::envelope::{Entry, Stored, read};
    use crate::subjects;

    #[test]
    fn what_is_stored_again_is_read_as_before() {
        let ours = Recorded {
            id: Uuid::from_u128(1),
            entity: EntityName::new("stock", "a b/é"),
            event_type: "stock-received".into(),
            position: Position::new(7),
            version: Some(Version::new(2)),
            time: OffsetDateTime::UNIX_EPOCH + time::Duration::NANOSECOND,
            causation_id: Some(Uuid::from_u128(3)),
            correlation_id: Some(Uuid::from_u128(4)),
            part: Some(Part { number: 1, of: 2 }),
            actor: Some("the \"shop\" é".into()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            data: "{\"quantity\":1}".into(),
        };
        let others = Recorded { version: None, causation_id: None, part: None, actor: None, ..ours.clone() };
        for event in [ours, others] {
            let headers = headers_of(&event).unwrap();
            let subject = subjects::stored(&event.entity);
            let (position, time, data) = (event.position, OffsetDateTime::UNIX_EPOCH, event.data.clone());
            let stored = Stored { subject: &subject, position, time, headers: Some(&headers), data };
            assert_eq!(read(stored), Entry::Event(event));
        }
    }
}
