//! A command as it is read from a message.

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, NATS_MESSAGE_ID};
use bytes::Bytes;
use uuid::Uuid;

use super::{CAUSATION, CORRELATION, QueuedCommand, TRACEPARENT};
use crate::envelope::plain_text;
use crate::subjects;

/// The longest id of a command.
const LONGEST: usize = 255;

/// Why a message is no command. The messages are for whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its subject names no entity and command.
    #[error(
        "the subject must end in CATEGORY.ID.COMMAND, with each byte outside A-Z a-z 0-9 _ - written as =XX"
    )]
    Subject,
    /// It has no id.
    #[error("the header Nats-Msg-Id is missing: it is the command's id, under which it is carried out once")]
    NoId,
    /// Its id is none.
    #[error("the header Nats-Msg-Id must be 1 to {LONGEST} visible ASCII characters")]
    Id,
    /// A header that names a cause names none.
    #[error("the header {0} must be a UUID")]
    Cause(&'static str),
}

/// The command in a message. One without an id gets the one that is given here.
pub(crate) fn read(
    subject: &str,
    headers: Option<&HeaderMap>,
    body: Bytes,
    without_id: impl FnOnce() -> Option<String>,
) -> Result<QueuedCommand, Unreadable> {
    let (entity, command) = subjects::asked(subject).ok_or(Unreadable::Subject)?;
    let text = |name: HeaderName| Some(headers?.get(name)?.as_str());
    let cause = |name: HeaderName, shown| {
        let id = text(name).map(Uuid::try_parse).transpose();
        id.map_err(|_| Unreadable::Cause(shown))
    };
    let id = match text(NATS_MESSAGE_ID) {
        None => without_id().ok_or(Unreadable::NoId)?,
        Some(id) if (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) => {
            id.to_owned()
        }
        Some(_) => return Err(Unreadable::Id),
    };
    Ok(QueuedCommand {
        id,
        entity,
        command,
        body,
        causation_id: cause(CAUSATION, "ce-causationid")?,
        correlation_id: cause(CORRELATION, "ce-correlationid")?,
        traceparent: text(TRACEPARENT).map(plain_text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(subject: &str, headers: &[(&'static str, &str)]) -> Result<QueuedCommand, Unreadable> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        read(subject, Some(&map), Bytes::new(), || None)
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        let sent = QueuedCommand {
            id: "a-1".into(),
            entity: event_model::EntityName::new("stock", "A.1"),
            command: "receive".into(),
            body: Bytes::from_static(b"{}"),
            causation_id: Some(Uuid::from_u128(1)),
            correlation_id: Some(Uuid::from_u128(2)),
            traceparent: Some("00-1-2 3".into()),
        };
        let subject = subjects::command(&sent.entity, &sent.command);
        let headers = super::super::headers(&sent);
        assert_eq!(read(&subject, Some(&headers), sent.body.clone(), || None), Ok(sent));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let long = "x".repeat(256);
        let id = ("Nats-Msg-Id", "a");
        for subject in ["commands.user.7", "commands.user.7.delete.now", "commands.user..delete", "commands"]
        {
            assert_eq!(command(subject, &[id]), Err(Unreadable::Subject), "{subject}");
        }
        assert_eq!(command("commands.user.7.delete", &[]), Err(Unreadable::NoId));
        for wrong in ["", "a b", "é", &long] {
            assert_eq!(command("commands.user.7.delete", &[("Nats-Msg-Id", wrong)]), Err(Unreadable::Id));
        }
        let cause = command("commands.user.7.delete", &[id, ("ce-correlationid", "7")]);
        assert_eq!(cause, Err(Unreadable::Cause("ce-correlationid")));
        assert_eq!(command("commands.user.7.delete", &[id]).unwrap().id, "a");
        let none = read("requests.user.7.delete", None, Bytes::new(), || Some("new".into()));
        assert_eq!(none.unwrap().id, "new");
    }
}
