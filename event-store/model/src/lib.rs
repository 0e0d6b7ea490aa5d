//! The vocabulary of event sourcing, pure: no clock, no randomness, no I/O.
//!
//! Reading order:
//! - [`event`]: a fact as it is stored, its wire name and its JSON body
//! - [`recorded`]: an event with what the log says about it: position, version, ids, cause
//! - [`decider`]: the rules of one entity, as two functions
//! - [`projection`]: a read model, as two functions
//! - [`saga`]: several entities, one outcome: what is learned, what is sent
//! - [`causes`]: what caused what, as a tree
//! - [`machine`]: the states that rules can reach, found by trying
//! - [`mod@given`]: given / when / then, to test deciders

pub mod causes;
pub mod decider;
pub mod event;
pub mod given;
pub mod machine;
mod mermaid;
pub mod projection;
pub mod recorded;
pub mod saga;

pub use causes::Causes;
pub use decider::Decider;
pub use event::{Event, Unreadable};
pub use given::given;
pub use machine::Machine;
pub use projection::{Column, Projection};
pub use recorded::{EntityName, Metadata, NoNumber, Part, Position, Recorded, Version, event_id};
pub use saga::{Deadline, Outgoing, Progress, Request, Routed, Saga};
