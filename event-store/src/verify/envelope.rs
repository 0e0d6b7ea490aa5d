//! Whether an event of ours has all that an event has.

use async_nats::{HeaderMap, HeaderValue};
use event_model::{EntityName, Part};

use crate::envelope::plain_text;

/// Whether a message says that a program like this one wrote it. Nobody else is held to what we write.
pub(super) fn is_ours(headers: Option<&HeaderMap>) -> bool {
    headers.is_some_and(|headers| text(headers, "ce-source") == Some("/jetsource"))
}

/// What is missing or wrong in the headers of an event that was read: of id, type, time and numbers it is known
/// that they can be read where they are there.
pub(super) fn wrong(headers: Option<&HeaderMap>, entity: &EntityName) -> Option<String> {
    let Some(headers) = headers else { return Some("it has no headers".into()) };
    let fixed =
        [("ce-specversion", "1.0"), ("ce-source", "/jetsource"), ("ce-datacontenttype", "application/json")];
    for (name, value) in fixed {
        if text(headers, name) != Some(value) {
            return Some(format!("its {name} is {}, not {value}", shown(headers, name)));
        }
    }
    for name in ["ce-time", "ce-entityversion", "ce-causationid", "ce-correlationid"] {
        if text(headers, name).is_none() {
            return Some(format!("it has no {name}"));
        }
    }
    if text(headers, "Nats-Msg-Id") != text(headers, "ce-id") {
        return Some(format!(
            "its Nats-Msg-Id is {}, its ce-id {}",
            shown(headers, "Nats-Msg-Id"),
            shown(headers, "ce-id")
        ));
    }
    if text(headers, "ce-subject").map(plain_text) != Some(entity.to_string()) {
        return Some(format!("its ce-subject is {}, it lies on {entity}", shown(headers, "ce-subject")));
    }
    if text(headers, "ce-part").is_some_and(|part| part.parse::<Part>().is_err()) {
        return Some(format!("its ce-part is {}", shown(headers, "ce-part")));
    }
    None
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(HeaderValue::as_str)
}

fn shown(headers: &HeaderMap, name: &str) -> String {
    text(headers, name).map_or_else(|| "missing".to_owned(), |text| format!("{text:?}"))
}
