//! The state machine of a departure, from its own rules: of a user with one draft, by all that it can learn.

use event_model::Machine;
use event_model::machine::Input;
use uuid::Uuid;

use super::{Departure, DepartureCommand};

impl Departure {
    /// Its phases, and what leads from one to another.
    pub fn machine() -> Machine {
        let order_id = Uuid::nil().into();
        let all = [
            DepartureCommand::NoteDraft { order_id },
            DepartureCommand::SettleDraft { order_id },
            DepartureCommand::Depart { orders: vec![order_id] },
            DepartureCommand::Abandon,
        ];
        let inputs = all.map(|command| Input { name: in_words(&command).to_owned(), command });
        Machine::of(&inputs, |departure: &Self| departure.phase().to_owned())
    }

    fn phase(&self) -> &'static str {
        match (self.departed, self.open().is_empty()) {
            (true, _) => "departed",
            (false, true) => "nothing open",
            (false, false) => "drafts open",
        }
    }
}

fn in_words(command: &DepartureCommand) -> &'static str {
    match command {
        DepartureCommand::NoteDraft { .. } => "order drafted",
        DepartureCommand::SettleDraft { .. } => "draft placed or cancelled",
        DepartureCommand::Depart { .. } => "user deleted",
        DepartureCommand::Abandon => "abandoned",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_departs_once_from_wherever_its_drafts_are() {
        assert_eq!(
            Departure::machine().mermaid(),
            "stateDiagram-v2\n    \
             state \"nothing open\" as s0\n    \
             state \"drafts open\" as s1\n    \
             state \"departed\" as s2\n    \
             [*] --> s0\n    \
             s0 --> s1: order drafted\n    \
             s0 --> s2: user deleted\n    \
             s1 --> s0: draft placed or cancelled\n    \
             s1 --> s2: user deleted\n    \
             s2 --> [*]\n"
        );
    }
}
