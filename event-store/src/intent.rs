//! The record of an append over several events: its first event carries all others in a header. So an append that a
//! power cut took apart can be completed, and the record costs no write of its own.
//!
//! Only on one server: several servers store an append with its log of agreements, whole or not at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE as EXPECTED};
use event_model::Position;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::append::guard::EXPECTED_SUBJECT;
use crate::committer::Outgoing;
use crate::error::StoreError;
use crate::subjects;

/// The header that carries it: a JSON array in ASCII, an object for each event from the second on.
const REST: HeaderName = HeaderName::from_static("Jetsource-Rest");
/// The longest record, in bytes: the broker takes headers of at most 64 KiB in all.
const LONGEST: usize = 48 * 1024;

/// An event that was to follow.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Later {
    /// The subject to which it was sent.
    pub(crate) subject: String,
    headers: BTreeMap<String, String>,
    data: Box<RawValue>,
}

/// Lets the first message carry the others, where there are others. `false` when they are too much for a header.
///
/// # Errors
/// [`StoreError::Unfit`] when one of them is no JSON.
pub(crate) fn record(messages: &mut [Outgoing]) -> Result<bool, StoreError> {
    let Some((first, others)) = messages.split_first_mut().filter(|(_, others)| !others.is_empty()) else {
        return Ok(true);
    };
    let unfit = |error: serde_json::Error| StoreError::Unfit(error.to_string());
    let later = others.iter().map(Later::of).collect::<Result<Vec<_>, _>>().map_err(unfit)?;
    let text = ascii(&serde_json::to_string(&later).map_err(unfit)?);
    let fits = text.len() <= LONGEST;
    if fits {
        first.headers.insert(REST, text);
    }
    Ok(fits)
}

/// What the first event of an append carries, `None` when it carries nothing that can be read.
pub(crate) fn read(headers: Option<&HeaderMap>) -> Option<Vec<Later>> {
    serde_json::from_str(headers?.get(REST)?.as_str()).ok()
}

impl Later {
    fn of(message: &Outgoing) -> Result<Self, serde_json::Error> {
        let one = |(name, values): (&HeaderName, &Vec<async_nats::HeaderValue>)| {
            Some((name.to_string(), values.first()?.to_string()))
        };
        Ok(Self {
            subject: message.subject.to_string(),
            headers: message.headers.iter().filter_map(one).collect(),
            data: serde_json::from_slice(&message.data)?,
        })
    }

    /// The subject on which it would be stored.
    pub(crate) fn stored_on(&self) -> String {
        subjects::of_appended(&self.subject)
    }

    /// The message, as it was to be sent. `follows` is where the append itself has left the entity, if it has.
    pub(crate) fn into_message(self, follows: Option<Position>) -> Outgoing {
        let mut headers = HeaderMap::new();
        // What the append relied on beside its own entities held when its first event was stored.
        let relied = self.headers.contains_key(EXPECTED_SUBJECT);
        for (name, value) in &self.headers {
            let guards =
                name == EXPECTED_SUBJECT || (relied && name.as_str() == AsRef::<str>::as_ref(&EXPECTED));
            if !guards {
                headers.insert(name.as_str(), value.as_str());
            }
        }
        if let Some(follows) = follows {
            headers.insert(EXPECTED, follows.to_string());
        }
        let data = self.data.get().as_bytes().to_vec().into();
        Outgoing { subject: self.subject.into(), relies_on: None, headers, data }
    }
}

/// The same JSON in ASCII, in one line.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            // Only between tokens: within strings JSON escapes it.
            '\n' | '\r' => text.push(' '),
            letter if letter.is_ascii() => text.push(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(number: usize, data: &str) -> Outgoing {
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", number.to_string());
        Outgoing {
            subject: format!("append.jar.{number}").into(),
            relies_on: None,
            headers,
            data: data.to_owned().into(),
        }
    }

    proptest! {
        #[test]
        fn what_is_recorded_is_read(text in ".*", other in ".*") {
            let data = serde_json::to_string_pretty(&serde_json::json!({ "text": text, "other": other })).unwrap();
            let mut messages = [message(1, "{}"), message(2, &data), message(3, "{}")];
            prop_assert!(record(&mut messages).unwrap());
            let later = read(Some(&messages[0].headers)).unwrap();
            prop_assert_eq!(later.len(), 2);
            let second = later.into_iter().next().unwrap().into_message(None);
            prop_assert_eq!(&*second.subject, "append.jar.2");
            prop_assert_eq!(second.headers.get("ce-id").unwrap().as_str(), "2");
            let read: serde_json::Value = serde_json::from_slice(&second.data).unwrap();
            prop_assert_eq!(read, serde_json::from_str::<serde_json::Value>(&data).unwrap());
        }
    }

    #[test]
    fn one_event_needs_no_record_and_too_many_have_none() {
        let mut one = [message(1, "{}")];
        assert!(record(&mut one).unwrap());
        assert!(read(Some(&one[0].headers)).is_none());
        let long = format!("{{\"text\":\"{}\"}}", "x".repeat(LONGEST));
        let mut many = [message(1, "{}"), message(2, &long)];
        assert!(!record(&mut many).unwrap());
        assert!(read(Some(&many[0].headers)).is_none());
    }

    #[test]
    fn what_follows_the_append_itself_relies_on_that() {
        let mut messages = [message(1, "{}"), message(2, "{}")];
        messages[1].headers.insert(EXPECTED, "7");
        record(&mut messages).unwrap();
        let expected = |follows| {
            let later = read(Some(&messages[0].headers)).unwrap().pop().unwrap();
            later.into_message(follows).headers.get(EXPECTED).unwrap().to_string()
        };
        assert_eq!(expected(None), "7");
        assert_eq!(expected(Some(Position::new(9))), "9");
    }
}
