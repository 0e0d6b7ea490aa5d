//! The only place that builds subjects.
//!
//! In a token each UTF-8 byte outside `[A-Za-z0-9_-]` becomes `=XX`, upper-case hex, so that no id can reach
//! another subject.

use std::fmt::Write as _;

use event_model::EntityName;

/// The subject on which an entity's events are stored, and on which subscribers hear them.
pub fn stored(entity: &EntityName) -> String {
    subject("events.", entity)
}

/// The subject to which an entity's events are published; only writers of the log may.
pub fn append(entity: &EntityName) -> String {
    subject("append.", entity)
}

/// Where the broker stores what is published to such a subject.
pub(crate) fn of_appended(subject: &str) -> String {
    format!("events.{}", subject.strip_prefix("append.").unwrap_or(subject))
}

/// The subject of the record of an idempotency key.
pub(crate) fn key(name: &str) -> String {
    format!("keys.{}", token(name))
}

/// The subject of an entity's snapshot.
pub(crate) fn snapshot(entity: &EntityName) -> String {
    subject("snapshots.", entity)
}

/// The subject of a command to an entity, on the queue.
pub fn command(entity: &EntityName, command: &str) -> String {
    format!("commands.{}.{}.{}", token(&entity.category), token(&entity.id), token(command))
}

/// All commands to entities of a category.
pub fn commands(category: &str) -> String {
    format!("commands.{}.>", token(category))
}

/// Where a command goes that was refused, by the subject on which it came: also one that names no entity.
pub fn rejected(subject: &str) -> String {
    format!("rejected.{}", behind_first(subject))
}

/// Where a command is answered, by the subject of one that was refused.
pub fn request(subject: &str) -> String {
    format!("requests.{}", behind_first(subject))
}

/// All requests to entities of a category.
pub fn requests(category: &str) -> String {
    format!("requests.{}.>", token(category))
}

fn behind_first(subject: &str) -> &str {
    subject.split_once('.').map_or(subject, |(_, rest)| rest)
}

/// The entity and the command that such a subject names, whatever its first token; `None` when it is no subject that
/// [`command`] could have made.
pub fn asked(subject: &str) -> Option<(EntityName, String)> {
    let mut tokens = subject.split('.').skip(1);
    let (category, id, command) = (tokens.next()?, tokens.next()?, tokens.next()?);
    if tokens.next().is_some() {
        return None;
    }
    Some((EntityName { category: plain(category)?, id: plain(id)? }, plain(command)?))
}

/// Where a deadline of a saga is set, and where it comes due.
pub fn deadline(saga: &EntityName, name: &str) -> (String, String) {
    let rest = format!("{}.{}.{}", token(&saga.category), token(&saga.id), token(name));
    (format!("deadlines.set.{rest}"), format!("deadlines.due.{rest}"))
}

/// All deadlines of a kind of saga that have come due.
pub fn due(category: &str) -> String {
    format!("deadlines.due.{}.>", token(category))
}

/// The saga and the deadline that a due subject names.
pub fn of_due(subject: &str) -> Option<(EntityName, String)> {
    asked(subject.strip_prefix("deadlines.")?)
}

/// The entity that a stored subject names; `None` when it is no subject that [`stored`] could have made.
pub fn entity(subject: &str) -> Option<EntityName> {
    let (category, id) = subject.strip_prefix("events.")?.split_once('.')?;
    Some(EntityName { category: plain(category)?, id: plain(id)? })
}

fn subject(begin: &str, entity: &EntityName) -> String {
    let mut subject = String::with_capacity(begin.len() + entity.category.len() + 1 + entity.id.len());
    subject.push_str(begin);
    push_token(&mut subject, &entity.category);
    subject.push('.');
    push_token(&mut subject, &entity.id);
    subject
}

fn token(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    push_token(&mut token, text);
    token
}

fn push_token(subject: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            subject.push(char::from(byte));
        } else {
            let _ = write!(subject, "={byte:02X}");
        }
    }
}

fn plain(token: &str) -> Option<String> {
    let mut bytes = token.bytes();
    let mut plain = Vec::with_capacity(token.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'=' => plain.push(hex(bytes.next()?)? << 4 | hex(bytes.next()?)?),
            _ if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' => plain.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(plain).ok().filter(|plain| !plain.is_empty())
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_entity_survives_the_way_there_and_back(category in ".+", id in ".+") {
            let name = EntityName::new(category, id);
            prop_assert_eq!(entity(&stored(&name)), Some(name));
        }

        #[test]
        fn no_id_leaves_its_token(id in ".*") {
            let subject = stored(&EntityName::new("order", id));
            let token = subject.strip_prefix("events.order.").unwrap();
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-=".contains(&b)));
        }
    }

    #[test]
    fn what_would_steer_the_broker_is_encoded() {
        assert_eq!(stored(&EntityName::new("stock", "a.b*>= c")), "events.stock.a=2Eb=2A=3E=3D=20c");
        assert_eq!(append(&EntityName::new("stock", "é")), "append.stock.=C3=A9");
    }

    #[test]
    fn foreign_subjects_name_no_entity() {
        for subject in [
            "events.order",
            "events.order.",
            "events.order.a.b",
            "events.order.=2e",
            "x.order.a",
            "events.order.=F",
        ] {
            assert_eq!(entity(subject), None, "{subject}");
        }
    }
}
