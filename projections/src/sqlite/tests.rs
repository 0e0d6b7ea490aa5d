//! The home of the rows without a log: batches, pages, and what goes wrong.

mod aside;
mod batches;
mod generations;
mod pages;
mod several;
mod sums;
mod toy;
mod trouble;
