//! Runs sagas: what they learn from the log is stored, what they intend is sent, and deadlines come back to them.
//!
//! Reading order:
//! - [`runner`]: one kind of saga, from its checkpoint on, under a lease
//! - [`mod@checkpoint`]: up to where they are done with the log, noted in the lease
//! - `sources`: what a runner is told, by the log, by deadlines and by operators
//! - `lanes`: many sagas side by side, each in order
//! - `step`: one thing that a saga learns or sends, until it is done
//! - `progress`: up to where the log is done with
//! - [`stuck`]: sagas that cannot go on, set aside so that the others can
//! - [`control`]: what an operator asks of a saga: to try again, or to be given up
//!
//! Deliberately not here: any user or order, any HTTP, and the rules; a saga is a decider.

pub mod checkpoint;
pub mod control;
mod lanes;
mod progress;
pub mod runner;
mod sources;
mod step;
pub mod stuck;

pub use checkpoint::checkpoint;
pub use control::{Asked, ControlError, ask};
pub use runner::{RunError, Runner};
pub use stuck::{Stuck, StuckSagas};
