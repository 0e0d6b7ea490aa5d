//! What the headers of a message say of it.

use async_nats::{HeaderMap, HeaderValue};

/// Each header of the envelope, as text.
#[derive(Default)]
pub(super) struct Said<'a> {
    pub(super) message_id: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) specversion: Option<&'a str>,
    pub(super) source: Option<&'a str>,
    pub(super) event_type: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) time: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    pub(super) causation_id: Option<&'a str>,
    pub(super) correlation_id: Option<&'a str>,
    pub(super) part: Option<&'a str>,
    pub(super) actor: Option<&'a str>,
    pub(super) traceparent: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// In one pass: to look each of them up would check and hash thirteen names, for every event that is read.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, values) in headers.iter() {
            let place = match name.as_ref() {
                "Nats-Msg-Id" => &mut said.message_id,
                "ce-id" => &mut said.id,
                "ce-specversion" => &mut said.specversion,
                "ce-source" => &mut said.source,
                "ce-type" => &mut said.event_type,
                "ce-subject" => &mut said.subject,
                "ce-time" => &mut said.time,
                "ce-entityversion" => &mut said.version,
                "ce-causationid" => &mut said.causation_id,
                "ce-correlationid" => &mut said.correlation_id,
                "ce-part" => &mut said.part,
                "ce-actor" => &mut said.actor,
                "traceparent" => &mut said.traceparent,
                _ => continue,
            };
            *place = values.first().map(HeaderValue::as_str);
        }
        said
    }
}
