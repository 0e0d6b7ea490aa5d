//! The streams, exactly as other tools rely on them, and the check that they are.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, Republish, RetentionPolicy, StorageType, SubjectTransform,
};
use async_nats::jetstream::{Context, ErrorCode};

use tokio::time::{Instant, sleep};

use crate::connection::{Connection, TO_ELECT};
use crate::error::{Cause, StoreError};

/// The stream that is the log.
pub const EVENTS: &str = "EVENTS";
/// The stream of idempotency keys.
pub const KEYS: &str = "KEYS";
/// The stream of snapshots.
pub const SNAPSHOTS: &str = "SNAPSHOTS";
/// The queue of commands.
pub const COMMANDS: &str = "COMMANDS";
/// The stream of commands that were refused.
pub const REJECTED: &str = "REJECTED";
/// The stream of the sagas' deadlines.
pub const DEADLINES: &str = "DEADLINES";

/// Why a stream cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// It is there and differs in what readers and writers rely on.
    #[error(
        "stream {stream} has {field} = {found}, it must be {wanted}: it was made by something else; point \
         --nats-url to another broker, or set the field right (nats stream edit {stream})"
    )]
    Differs {
        /// Which stream.
        stream: String,
        /// The field of its configuration, as the broker names it.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: String,
    },
    /// The broker has several servers, and too few to hold it.
    #[error(
        "stream {stream} needs {replicas} servers with JetStream, and the cluster has fewer just now: start the \
         others and try again, or point --nats-url to a server that is no cluster"
    )]
    TooFewServers {
        /// Which stream.
        stream: String,
        /// How many replicas it is to have.
        replicas: usize,
    },
    /// This user may not make or change it.
    #[error(
        "stream {stream} is not there or not as it must be, and this user may not make or change streams: run \
         `jetsource setup` with the same settings, as a user who may"
    )]
    NotAllowed {
        /// Which stream.
        stream: String,
        /// What the broker said.
        #[source]
        source: Cause,
    },
    /// The broker would not make it.
    #[error("stream {stream} could not be made")]
    Refused {
        /// Which stream.
        stream: String,
        /// What the broker said.
        #[source]
        source: Cause,
    },
    /// Another error of the log.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The log. Writers publish to `append.>`; what is stored, and only that, is republished on `events.>`, because a
/// plain subscriber would otherwise hear attempts that the log refused.
pub(crate) fn events(replicas: usize) -> Config {
    Config {
        name: EVENTS.into(),
        description: Some("the log: every event, in one order".into()),
        subjects: vec!["append.>".into()],
        subject_transform: Some(SubjectTransform {
            source: "append.>".into(),
            destination: "events.>".into(),
        }),
        republish: Some(Republish {
            source: "events.>".into(),
            destination: "events.>".into(),
            headers_only: false,
        }),
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_atomic_publish: true,
        duplicate_window: Duration::from_mins(2),
        num_replicas: replicas,
        ..Config::default()
    }
}

/// A mirror of the log, as an edge has it: it stores what the log stores, and takes nothing else.
fn mirrored() -> Config {
    Config { subjects: Vec::new(), subject_transform: None, allow_atomic_publish: false, ..events(1) }
}

/// One message per idempotency key, for as long as keys count.
pub(crate) fn keys(retention: Duration, replicas: usize) -> Config {
    Config {
        name: KEYS.into(),
        description: Some("idempotency keys, one message each".into()),
        subjects: vec!["keys.>".into()],
        storage: StorageType::File,
        max_messages_per_subject: 1,
        max_age: retention,
        allow_direct: true,
        allow_atomic_publish: true,
        duplicate_window: retention.min(Duration::from_mins(2)),
        num_replicas: replicas,
        ..Config::default()
    }
}

/// One snapshot per entity, the newest that was kept. It can be purged or deleted at any time.
pub(crate) fn snapshots(replicas: usize) -> Config {
    Config {
        name: SNAPSHOTS.into(),
        description: Some("snapshots of entities, one each: a shortcut, the log is the truth".into()),
        subjects: vec!["snapshots.>".into()],
        storage: StorageType::File,
        max_messages_per_subject: 1,
        allow_direct: true,
        allow_atomic_publish: true,
        num_replicas: replicas,
        ..Config::default()
    }
}

/// The queue of commands: each stays until the one consumer of its category has acknowledged it. A full queue refuses
/// more, so that the sender knows. A command that no category takes has no stream, and fails at its sender at once.
pub(crate) fn commands(subjects: Vec<String>, replicas: usize) -> Config {
    Config {
        name: COMMANDS.into(),
        description: Some("commands on their way to the entities that decide them".into()),
        subjects,
        storage: StorageType::File,
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_messages: 1_000_000,
        allow_direct: true,
        allow_atomic_publish: true,
        // Saves work when a saga sends again; what is sent later than this is done once all the same.
        duplicate_window: Duration::from_mins(2),
        num_replicas: replicas,
        ..Config::default()
    }
}

/// What was refused, for people to look at: the newest hundred thousand of the last thirty days.
pub(crate) fn rejected(replicas: usize) -> Config {
    Config {
        name: REJECTED.into(),
        description: Some("commands from subjects that were refused, with the reason".into()),
        subjects: vec!["rejected.>".into()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_messages: 100_000,
        max_age: Duration::from_hours(30 * 24),
        allow_direct: true,
        // The least there is: a command that is refused again later is no duplicate.
        duplicate_window: Duration::from_millis(100),
        num_replicas: replicas,
        ..Config::default()
    }
}

/// The sagas' deadlines: a schedule each, and what has come due until a saga has stored it. A stream of its own,
/// because schedules bring rollups and purges along (ADR-51).
pub(crate) fn deadlines(replicas: usize) -> Config {
    Config {
        name: DEADLINES.into(),
        description: Some("deadlines of sagas: set, and due".into()),
        subjects: vec!["deadlines.>".into()],
        storage: StorageType::File,
        retention: RetentionPolicy::WorkQueue,
        // A stream of schedules takes no other (10052); nothing limits it but a message a subject.
        discard: DiscardPolicy::Old,
        max_messages_per_subject: 1,
        allow_direct: true,
        allow_message_schedules: true,
        num_replicas: replicas,
        ..Config::default()
    }
}

/// Makes the stream, or checks the one that is there. Returns how it is. Asks again while nobody leads.
pub(crate) async fn ensure(
    connection: &Connection,
    context: &Context,
    wanted: Config,
) -> Result<Config, StreamError> {
    let deadline = Instant::now() + TO_ELECT;
    let found = loop {
        match find_or_make(context, &wanted).await {
            Ok(found) => break found,
            Err(no) if connection.denied().is_some() => {
                return Err(not_made(connection, &wanted.name, no.source));
            }
            Err(no) if no.may_pass() && Instant::now() + PAUSE < deadline => sleep(PAUSE).await,
            Err(no) => return Err(no.for_good(&wanted)),
        }
    };
    if found.name == KEYS && found.max_age != wanted.max_age {
        let stream = wanted.name.clone();
        let Config { max_age, duplicate_window, .. } = wanted;
        let changed = Config { max_age, duplicate_window, ..found.clone() };
        context.update_stream(changed).await.map_err(|error| not_made(connection, &stream, error.into()))?;
        return Ok(found);
    }
    differs(&found, &wanted).map_or(Ok(found), Err)
}

/// The mirror of the log that this broker has instead of the log, if it has one.
pub(crate) async fn mirror(context: &Context) -> Result<Option<Config>, StreamError> {
    let found = context.get_stream(EVENTS).await.ok().map(|found| found.cached_info().config.clone());
    let Some(found) = found.filter(|found| found.mirror.is_some()) else { return Ok(None) };
    differs(&found, &mirrored()).map_or(Ok(Some(found)), Err)
}

/// Why a stream cannot be used as it is.
pub(crate) fn differs(found: &Config, wanted: &Config) -> Option<StreamError> {
    let (field, found, told) = difference(found, wanted)?;
    Some(StreamError::Differs { stream: wanted.name.clone(), field, found, wanted: told })
}

/// [`ensure`], of a stream that may take more subjects than these. Those that it lacks are added; none is taken away,
/// because something may still wait there.
pub(crate) async fn ensure_taking(
    connection: &Connection,
    context: &Context,
    wanted: Config,
) -> Result<Config, StreamError> {
    loop {
        let there = context.get_stream(&wanted.name).await.ok();
        let there = there.map(|stream| stream.cached_info().config.clone());
        let taken = there.iter().flat_map(|there| &there.subjects);
        let subjects: BTreeSet<String> = taken.chain(&wanted.subjects).cloned().collect();
        let all = Config { subjects: subjects.into_iter().collect(), ..wanted.clone() };
        if let Some(there) = there.filter(|there| there.subjects.len() < all.subjects.len()) {
            // All else stays as it is: an operator may have set limits, or sources of an edge.
            let updated = context.update_stream(Config { subjects: all.subjects.clone(), ..there }).await;
            updated.map_err(|error| not_made(connection, &wanted.name, error.into()))?;
        }
        match ensure(connection, context, all).await {
            // Another node has just added some of its own.
            Err(StreamError::Differs { field: "subjects", .. }) => sleep(PAUSE).await,
            ensured => return ensured,
        }
    }
}

/// Why the broker would not make or change a stream: because of who asks, or for a reason of its own.
fn not_made(connection: &Connection, stream: &str, source: Cause) -> StreamError {
    let stream = stream.to_owned();
    match connection.denied() {
        Some(said) => StreamError::NotAllowed { stream, source: said.into() },
        None => StreamError::Refused { stream, source },
    }
}

const PAUSE: Duration = Duration::from_millis(100);

/// Why the stream is neither found nor made; the broker's own number, if it gave one.
struct No {
    code: Option<ErrorCode>,
    source: Cause,
}

impl No {
    /// Whether it may be different in a moment: nobody leads, too few servers are known yet, or it is there after all.
    fn may_pass(&self) -> bool {
        let passing = [
            ErrorCode::CLUSTER_INCOMPLETE,
            ErrorCode::CLUSTER_NO_PEERS,
            ErrorCode::CLUSTER_NOT_ACTIVE,
            ErrorCode::CLUSTER_NOT_ASSIGNED,
            ErrorCode::CLUSTER_NOT_AVAILABLE,
            ErrorCode::CLUSTER_NOT_LEADER,
            ErrorCode::STREAM_NAME_EXIST,
        ];
        self.code.is_none_or(|code| passing.contains(&code))
    }

    fn for_good(self, wanted: &Config) -> StreamError {
        let (stream, replicas) = (wanted.name.clone(), wanted.num_replicas);
        if self.code == Some(ErrorCode::CLUSTER_NO_PEERS) {
            return StreamError::TooFewServers { stream, replicas };
        }
        StreamError::Refused { stream, source: self.source }
    }
}

async fn find_or_make(context: &Context, wanted: &Config) -> Result<Config, No> {
    use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
    let found = match context.get_stream(&wanted.name).await {
        Ok(found) => return Ok(found.cached_info().config.clone()),
        Err(error) => error,
    };
    let code =
        if let GetStreamErrorKind::JetStream(error) = found.kind() { Some(error.error_code()) } else { None };
    if code != Some(ErrorCode::STREAM_NOT_FOUND) {
        return Err(No { code, source: found.into() });
    }
    context.create_stream(wanted).await.map(|made| made.cached_info().config.clone()).map_err(|error| {
        let code = if let CreateStreamErrorKind::JetStream(error) = error.kind() {
            Some(error.error_code())
        } else {
            None
        };
        No { code, source: error.into() }
    })
}

/// A field by the broker's name for it, and how to show it.
type Show<'a> = (&'static str, &'a dyn Fn(&Config) -> String);

/// The first field that matters and differs. Replicas, placement, limits and compression are the operator's.
fn difference(found: &Config, wanted: &Config) -> Option<(&'static str, String, String)> {
    let transform = |config: &Config| {
        config.subject_transform.as_ref().map(|map| format!("{} -> {}", map.source, map.destination))
    };
    let republish = |config: &Config| {
        let show = |map: &Republish| {
            format!("{} -> {}, headers only: {}", map.source, map.destination, map.headers_only)
        };
        config.republish.as_ref().map(show)
    };
    let lazy =
        |config: &Config| config.persist_mode.as_ref().is_some_and(|mode| *mode == PersistenceMode::Async);
    let fields: [Show<'_>; 13] = [
        ("subjects", &|c| format!("{:?}", c.subjects)),
        ("subject_transform", &|c| format!("{:?}", transform(c))),
        ("republish", &|c| format!("{:?}", republish(c))),
        ("storage", &|c| format!("{:?}", c.storage)),
        ("retention", &|c| format!("{:?}", c.retention)),
        ("deny_delete", &|c| c.deny_delete.to_string()),
        ("deny_purge", &|c| c.deny_purge.to_string()),
        ("allow_direct", &|c| c.allow_direct.to_string()),
        ("allow_atomic", &|c| c.allow_atomic_publish.to_string()),
        ("max_msgs_per_subject", &|c| c.max_messages_per_subject.max(0).to_string()),
        ("max_age", &|c| format!("{:?}", c.max_age)),
        ("sealed", &|c| c.sealed.to_string()),
        ("persist_mode async", &|c| lazy(c).to_string()),
    ];
    fields.into_iter().find_map(|(field, show)| {
        let (found, wanted) = (show(found), show(wanted));
        (found != wanted).then_some((field, found, wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_matters_is_named() {
        let mut found = events(1);
        assert_eq!(difference(&found, &events(1)), None);
        found.num_replicas = 3;
        assert_eq!(difference(&found, &events(1)), None);
        found.deny_purge = false;
        assert_eq!(difference(&found, &events(1)), Some(("deny_purge", "false".into(), "true".into())));
        found = events(1);
        found.republish = None;
        assert_eq!(difference(&found, &events(1)).map(|(field, ..)| field), Some("republish"));
    }
}
