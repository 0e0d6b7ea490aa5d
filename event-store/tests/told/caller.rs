//! Callers with commands of every kind, who remember what they were told.

use std::time::{Duration, Instant};

use event_model::{Metadata, Version};
use event_store::{
    Also, Done, Effect, EventStore, ExecuteError, Expected, IdempotencyKey, Loaded, StoreError, alone,
};
use nats_launcher::Dice;
use uuid::Uuid;

use super::NEVER;
use super::check::{Told, Verdict};
use crate::toy::{Jar, JarCommand, JarEvent, Sealed, command};

/// How many jars there are; the first ones are sealed.
pub(crate) const JARS: u64 = 400;
pub(crate) const SEALED: u64 = 8;
/// How often a caller asks again who heard nothing certain.
const TRIES: u64 = 3;

pub(crate) fn name(jar: u64) -> String {
    format!("jar-{jar}")
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    One,
    /// While another jar is as it was looked at.
    Guarded,
    Two,
    /// Into this jar and another one, all or nothing.
    Both,
    /// With a version that may be wrong.
    At(Version),
    /// Under an idempotency key, each time with another command id.
    Keyed,
}

/// Somebody with a store, and the dice that say what is asked of it.
pub(crate) struct Caller {
    pub(crate) store: EventStore,
    pub(crate) dice: Dice,
}

/// What one call came to: a verdict, and where the events lie when it is known.
type Answer = (String, Verdict, Option<(u64, u64)>);

impl Caller {
    /// Has one command carried out. It adds `number` coins, which no other command does.
    pub(crate) async fn ask(&mut self, number: u64) -> Told {
        let kind = match self.dice.roll(0..100) {
            0..40 => Kind::One,
            40..50 => Kind::Guarded,
            50..65 => Kind::Two,
            65..80 => Kind::Both,
            80..85 => Kind::At(Version::new(self.dice.roll(0..40))),
            _ => Kind::Keyed,
        };
        let jar = self.dice.roll(0..JARS);
        let other = (jar + self.dice.roll(1..JARS)) % JARS;
        let jars = match kind {
            Kind::Two => vec![name(jar), name(jar)],
            Kind::Both => vec![name(jar), name(other)],
            Kind::One | Kind::Guarded | Kind::At(_) | Kind::Keyed => vec![name(jar)],
        };
        let (commands, answers) = (Vec::new(), Vec::new());
        let (verdict, lies, at) = (Verdict::Refused, None, Instant::now());
        let mut told = Told { number, jars, commands, answers, verdict, lies, at };
        let (mut metadata, mut unknown) = (command(), false);
        for _ in 0..TRIES {
            if matches!(kind, Kind::Keyed) {
                metadata = command();
            } else if !told.commands.is_empty() {
                metadata = metadata.again();
            }
            told.commands.push(metadata.command_id);
            let (said, verdict, lies) = self.call(kind, number, jar, other, &metadata).await;
            told.answers.push(said);
            (told.verdict, told.lies, told.at) = (verdict, lies, Instant::now());
            match verdict {
                Verdict::Done | Verdict::Refused => return told,
                Verdict::Unknown => unknown = true,
                // Nothing of this call, which says nothing of the one before.
                Verdict::NotNow => told.verdict = if unknown { Verdict::Unknown } else { Verdict::Refused },
            }
            if self.dice.roll(0..4) == 0 {
                break;
            }
        }
        told
    }

    async fn call(&mut self, kind: Kind, number: u64, jar: u64, other: u64, metadata: &Metadata) -> Answer {
        let (id, add) = (name(jar), JarCommand::Add(number));
        let store = self.store.clone();
        let also = move |_: &String, _: &Loaded<Jar>, _: &[JarEvent]| {
            Ok(vec![Also::new::<Jar>(name(other), JarCommand::Add(number))])
        };
        let is_open = |jar: &Loaded<Jar>| if jar.state.sealed { Err(Sealed) } else { Ok(()) };
        let guard = move |_: &String, _: &Loaded<Jar>, _: &[JarEvent]| {
            Ok(vec![Also::guard::<Jar>(name(other), is_open)])
        };
        let call = async move {
            match kind {
                Kind::One => store.execute::<Jar>(&id, add, metadata).await,
                Kind::Two => store.execute::<Jar>(&id, JarCommand::AddTwice(number), metadata).await,
                Kind::Both => {
                    store.execute_with::<Jar, Sealed>(&id, Expected::Newest, add, metadata, also).await
                }
                Kind::Guarded => {
                    let newest = Expected::Newest;
                    store.execute_with::<Jar, Sealed>(&id, newest, add, metadata, guard).await
                }
                Kind::At(version) => store.execute_at::<Jar>(&id, version, add, metadata).await,
                Kind::Keyed => {
                    let key = IdempotencyKey::new(format!("key-{number}"), "POST", "/", b"");
                    let newest = Expected::Newest;
                    store.execute_once(&key, &id, newest, add, metadata, alone::<Jar, Sealed>).await
                }
            }
        };
        // Some callers go away without waiting.
        let patience = if self.dice.roll(0..30) == 0 { self.dice.roll(0..40) } else { u64::MAX };
        let patience = Duration::from_millis(patience).min(NEVER);
        let Ok(answer) = tokio::time::timeout(patience, call).await else {
            assert!(patience < NEVER, "no answer at all to command {}", metadata.command_id);
            return ("went away".to_owned(), Verdict::Unknown, None);
        };
        let (verdict, lies) = verdict(&answer);
        (format!("{:?}", answer.map(|done| done.effect)), verdict, lies)
    }
}

fn verdict(answer: &Result<Done<Jar>, ExecuteError<Sealed>>) -> (Verdict, Option<(u64, u64)>) {
    match answer {
        Ok(done) => {
            assert_ne!(done.effect, Effect::Nothing);
            (Verdict::Done, Some((done.entity.version.get(), done.entity.position.get())))
        }
        Err(ExecuteError::Store(StoreError::OutcomeUnknown(_))) => (Verdict::Unknown, None),
        Err(ExecuteError::Store(StoreError::Unavailable(_)) | ExecuteError::KeyBusy) => {
            (Verdict::NotNow, None)
        }
        Err(
            ExecuteError::Rejected(Sealed)
            | ExecuteError::VersionMismatch { .. }
            | ExecuteError::Store(StoreError::Conflict { .. }),
        ) => (Verdict::Refused, None),
        Err(ExecuteError::KeyReused | ExecuteError::Store(StoreError::Corrupt(_) | StoreError::Unfit(_))) => {
            unreachable!("{answer:?}")
        }
    }
}

/// The id that a command gives to the event with this index on a jar, as other tools know it.
pub(crate) fn event_id(command: Uuid, jar: &str, index: usize) -> String {
    Uuid::new_v5(&command, format!("jar/{jar}/{index}").as_bytes()).to_string()
}
