//! A home of rows without a log: batches, pages, and what goes wrong, whatever the home.

mod aside;
mod batches;
mod generations;
mod pages;
#[path = "../../tests/place/mod.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is for tests of other crates, too")]
mod place;
mod several;
mod sums;
pub(crate) mod toy;
mod trouble;
