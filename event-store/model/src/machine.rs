//! The state machine of a decider, found by trying: from its first state on, whatever it can be told is told to it in
//! every state that it reaches. So what is drawn is what the rules do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use serde::Serialize;

use crate::decider::Decider;
use crate::mermaid;

/// How many states are tried at most: enough for rules with a few entities, and an end for those that count.
const MOST: usize = 20_000;

/// What a decider can be told, by a name for people.
#[derive(Debug, Clone)]
pub struct Input<C> {
    /// What it is called in the picture.
    pub name: String,
    /// What it is told.
    pub command: C,
}

/// The phases of a decider, and what leads from one to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The phases, in the order in which they were reached.
    pub phases: Vec<String>,
    /// What leads on. What leaves a phase as it is is not drawn.
    pub steps: Vec<Step>,
    /// Whether all states were tried.
    pub complete: bool,
}

/// What leads from one phase to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// From which phase, by its index.
    pub from: usize,
    /// To which.
    pub to: usize,
    /// The names of the inputs that can do it, in some state of the phase.
    pub inputs: BTreeSet<String>,
}

impl Machine {
    /// Tries these inputs in every state that can be reached. `phase` names what people tell states apart by.
    pub fn of<D: Decider>(inputs: &[Input<D::Command>], phase: impl Fn(&D) -> String) -> Self {
        let mut phases = Vec::new();
        let mut index = |name: String| {
            phases.iter().position(|known| *known == name).unwrap_or_else(|| {
                phases.push(name);
                phases.len() - 1
            })
        };
        let mut steps: BTreeMap<(usize, usize), BTreeSet<String>> = BTreeMap::new();
        let first = D::default();
        index(phase(&first));
        let mut met = BTreeSet::from([seen(&first)]);
        let mut open = VecDeque::from([first]);
        while let Some(state) = open.pop_front() {
            let from = index(phase(&state));
            for Input { name, command } in inputs {
                let Ok(events) = state.decide(command.clone()) else { continue };
                let next = events.into_iter().fold(state.clone(), D::evolve);
                let to = index(phase(&next));
                if from != to {
                    steps.entry((from, to)).or_default().insert(name.clone());
                }
                if met.len() < MOST && met.insert(seen(&next)) {
                    open.push_back(next);
                }
            }
        }
        let steps = steps.into_iter().map(|((from, to), inputs)| Step { from, to, inputs }).collect();
        Self { phases, steps, complete: met.len() < MOST }
    }

    /// A Mermaid state diagram.
    pub fn mermaid(&self) -> String {
        let mut picture = "stateDiagram-v2\n".to_owned();
        for (index, phase) in self.phases.iter().enumerate() {
            let _ = writeln!(picture, "    state \"{}\" as s{index}", mermaid::text(phase));
        }
        picture.push_str("    [*] --> s0\n");
        for Step { from, to, inputs } in &self.steps {
            let inputs = inputs.iter().map(|name| mermaid::text(name)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(picture, "    s{from} --> s{to}: {inputs}");
        }
        for index in (0..self.phases.len()).filter(|phase| self.is_last(*phase)) {
            let _ = writeln!(picture, "    s{index} --> [*]");
        }
        picture
    }

    /// Whether nothing leads on from a phase.
    fn is_last(&self, phase: usize) -> bool {
        self.steps.iter().all(|step| step.from != phase)
    }
}

/// By what two states are the same: what is kept of them.
fn seen<D: Decider>(state: &D) -> Option<Vec<u8>> {
    serde_json::to_vec(state).ok()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::event::Event;

    /// A door that a key locks; whether a locked one can be forced is a rule.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
    enum Door<const FORCED: bool> {
        #[default]
        Shut,
        Open,
        Locked,
    }

    #[derive(Debug, Clone, Copy)]
    enum Told {
        Push,
        Turn,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Did {
        DoorOpened {},
        DoorLocked {},
    }

    impl Event for Did {
        const TYPES: &'static [&'static str] = &["door-opened", "door-locked"];

        fn event_type(&self) -> &'static str {
            match self {
                Self::DoorOpened {} => "door-opened",
                Self::DoorLocked {} => "door-locked",
            }
        }
    }

    impl<const FORCED: bool> Decider for Door<FORCED> {
        const CATEGORY: &'static str = "door";
        const STATE_FORMAT: u32 = 1;
        type Id = String;
        type Command = Told;
        type Event = Did;
        type Rejection = Infallible;

        fn decide(&self, told: Told) -> Result<Vec<Did>, Infallible> {
            Ok(match (self, told) {
                (Self::Shut, Told::Push) => vec![Did::DoorOpened {}],
                (Self::Shut, Told::Turn) => vec![Did::DoorLocked {}],
                (Self::Locked, Told::Push) if FORCED => vec![Did::DoorOpened {}],
                (Self::Open | Self::Locked, _) => vec![],
            })
        }

        fn evolve(self, did: Did) -> Self {
            match did {
                Did::DoorOpened {} => Self::Open,
                Did::DoorLocked {} => Self::Locked,
            }
        }
    }

    fn machine<const FORCED: bool>() -> Machine {
        let input = |name: &str, command| Input { name: name.to_owned(), command };
        Machine::of::<Door<FORCED>>(&[input("push", Told::Push), input("turn", Told::Turn)], |door| {
            format!("{door:?}")
        })
    }

    #[test]
    fn what_is_drawn_is_what_the_rules_do() {
        assert_eq!(
            machine::<false>().mermaid(),
            "stateDiagram-v2\n    \
             state \"Shut\" as s0\n    \
             state \"Open\" as s1\n    \
             state \"Locked\" as s2\n    \
             [*] --> s0\n    \
             s0 --> s1: push\n    \
             s0 --> s2: turn\n    \
             s1 --> [*]\n    \
             s2 --> [*]\n"
        );
        let forced = machine::<true>();
        assert!(forced.complete && forced.mermaid().contains("s2 --> s1: push\n"), "{}", forced.mermaid());
        assert!(!forced.mermaid().contains("s2 --> [*]"));
    }
}
