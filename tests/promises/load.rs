//! Callers who go on calling while the broker comes and goes, and remember what they were told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use crate::caller::{Call, Caller};
use crate::log::Message;

const CALLERS: u32 = 32;

/// What a caller was told of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Done,
    /// 503, and nothing was stored; or 409, because others were faster until patience ended.
    NotStored,
    /// 503, outcome unknown.
    Unknown,
}

/// A command that is like no other: a receipt of its own quantity, or a user of its own name.
#[derive(Clone, Copy, Debug)]
struct Command {
    number: u32,
}

/// Callers, each with one command after the other.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    callers: JoinSet<Vec<(Command, Told)>>,
}

impl Command {
    fn call(self, api: &Caller) -> Call {
        let Self { number } = self;
        let call = match number % 3 {
            // All callers meet at one article.
            0 => api.post("/stock/shared/receipts", &json!({"quantity": number})),
            1 => api.post(&format!("/stock/own-{number}/receipts"), &json!({"quantity": number})),
            _ => api.post("/users", &json!({"name": number.to_string(), "email": format!("a@{number}")})),
        };
        if self.is_keyed() { call.key(&format!("key-{number}")) } else { call }
    }

    fn is_keyed(self) -> bool {
        self.number.is_multiple_of(2)
    }

    async fn told(self, api: &Caller) -> Told {
        let answer = self.call(api).answer().await;
        if matches!(answer.status, 200 | 201) {
            return Told::Done;
        }
        let problem = answer.problem();
        assert!(matches!((answer.status, &*problem), (503, "unavailable") | (409, "conflict")), "{answer:?}");
        assert!(answer.header("retry-after").is_some());
        if answer.detail().contains("outcome unknown") { Told::Unknown } else { Told::NotStored }
    }
}

impl Load {
    pub(crate) fn start(api: &Caller) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut callers = JoinSet::new();
        for caller in 1..=CALLERS {
            let (api, stop) = (api.clone(), Arc::clone(&stop));
            callers.spawn(async move {
                let mut told = Vec::new();
                let mut number = caller * 10_000;
                while !stop.load(Ordering::Relaxed) {
                    let command = Command { number };
                    told.push((command, command.told(&api).await));
                    number += 1;
                }
                told
            });
        }
        Self { stop, callers }
    }

    /// Returns when every caller has its last answer.
    pub(crate) async fn end(self) -> Memory {
        self.stop.store(true, Ordering::Relaxed);
        Memory(self.callers.join_all().await.concat())
    }
}

/// What all callers remember.
pub(crate) struct Memory(Vec<(Command, Told)>);

impl Memory {
    pub(crate) fn count(&self, what: Told) -> usize {
        self.0.iter().filter(|(_, told)| *told == what).count()
    }

    /// Whoever has a key and no certainty calls again, until he has.
    pub(crate) async fn repeat_what_is_keyed(&mut self, api: &Caller) {
        for (command, told) in self.0.iter_mut().filter(|(command, _)| command.is_keyed()) {
            while *told != Told::Done {
                *told = command.told(api).await;
            }
        }
    }

    /// What was acknowledged is stored once, what was not stored is not, and of the rest nothing twice.
    pub(crate) fn agrees_with(&self, log: &[Message]) {
        let mut stored: BTreeMap<u32, usize> = BTreeMap::new();
        for message in log {
            let data = message.data();
            let number = data["quantity"].as_u64().and_then(|number| number.try_into().ok());
            if let Some(number) = number.or_else(|| data["name"].as_str()?.parse().ok()) {
                *stored.entry(number).or_default() += 1;
            }
        }
        for (command, told) in &self.0 {
            let times = stored.remove(&command.number).unwrap_or_default();
            let fits = match told {
                Told::Done => times == 1,
                Told::NotStored => times == 0,
                Told::Unknown => times <= 1,
            };
            assert!(fits, "{command:?}: {told:?}, and stored {times} times");
        }
        assert!(stored.is_empty(), "nobody asked for {stored:?}");
    }
}
