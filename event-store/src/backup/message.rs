//! A message of a stream, as it is kept: a line of JSON.

use std::collections::BTreeMap;

use async_nats::HeaderMap;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::error::StoreError;

/// The broker's own words about the request that stored a message: another request stores it again.
const OF_THE_REQUEST: [&str; 2] = ["Nats-Batch-", "Nats-Expected-"];

/// A message as it lies on its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its sequence; on the log, its position.
    pub sequence: u64,
    /// The subject that it is stored on.
    pub subject: String,
    /// When the broker stored it.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// Its headers, each with all of its values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// What it carries.
    #[serde(flatten)]
    data: Data,
}

/// As it is where it is text, else two hexadecimal digits a byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Data {
    Data(String),
    Hex(String),
}

impl Message {
    pub(super) fn new(
        sequence: u64,
        subject: &str,
        time: OffsetDateTime,
        headers: Option<&HeaderMap>,
        data: &[u8],
    ) -> Self {
        let headers = headers.map(HeaderMap::iter).into_iter().flatten();
        let headers = headers.map(|(name, values)| {
            (name.to_string(), values.iter().map(|value| value.as_str().to_owned()).collect())
        });
        let headers = headers.collect();
        Self { sequence, subject: subject.to_owned(), time, headers, data: Data::of(data) }
    }

    /// What it carries.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] for digits that are not hexadecimal.
    pub fn data(&self) -> Result<Bytes, StoreError> {
        match &self.data {
            Data::Data(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            Data::Hex(digits) => {
                let pairs = digits.as_bytes().chunks(2).map(String::from_utf8_lossy);
                let bytes = pairs.map(|pair| u8::from_str_radix(&pair, 16)).collect::<Result<Vec<u8>, _>>();
                bytes.map(Bytes::from).map_err(|error| StoreError::Unfit(format!("hex: {error}")))
            }
        }
    }

    /// Whether this is the same event at the same place, whenever and however it was stored.
    pub fn is_same(&self, other: &Self) -> bool {
        let id = |message: &Self| message.headers.get("ce-id").cloned();
        self.sequence == other.sequence
            && self.subject == other.subject
            && self.data == other.data
            && id(self) == id(other)
    }

    /// Its place in its append, where that has several parts: `(1, 2)` is the first of two.
    pub(super) fn part(&self) -> Option<(u32, u32)> {
        let (number, of) = self.headers.get("ce-part")?.first()?.split_once('/')?;
        Some((number.parse().ok()?, of.parse().ok()?))
    }

    /// The headers to store it again with.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in &self.headers {
            if OF_THE_REQUEST.iter().any(|start| name.starts_with(start)) {
                continue;
            }
            for value in values {
                headers.append(name.as_str(), value.as_str());
            }
        }
        headers
    }
}

impl Data {
    fn of(data: &[u8]) -> Self {
        use std::fmt::Write as _;
        if let Ok(text) = std::str::from_utf8(data) {
            return Self::Data(text.to_owned());
        }
        let mut digits = String::with_capacity(data.len() * 2);
        for byte in data {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        Self::Hex(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive_the_way_there_and_back() {
        for data in [&b"{\"a\":1}"[..], b"", b"\xff\x00\n", "é\n".as_bytes()] {
            let message = Message::new(1, "events.x.y", OffsetDateTime::UNIX_EPOCH, None, data);
            let line = serde_json::to_string(&message).unwrap();
            assert!(!line.contains('\n'));
            let back: Message = serde_json::from_str(&line).unwrap();
            assert_eq!((&back, &back.data().unwrap()[..]), (&message, data));
        }
    }

    #[test]
    fn what_a_request_said_is_not_said_again() {
        let mut headers = HeaderMap::new();
        for name in ["Nats-Batch-Id", "Nats-Expected-Last-Subject-Sequence", "Nats-Msg-Id", "ce-part"] {
            headers.insert(name, "1/2");
        }
        let message = Message::new(1, "a", OffsetDateTime::UNIX_EPOCH, Some(&headers), b"");
        assert_eq!(message.part(), Some((1, 2)));
        assert_eq!(message.headers().iter().count(), 2);
    }
}
