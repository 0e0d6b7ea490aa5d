//! Power cuts under load: what is acknowledged is on the disk, and what is left half written is counted.
//!
//! `JETSOURCE_POWER_CUTS` asks for more cuts of each kind.

use std::io::{Write as _, stderr};

use nats_launcher::{Dice, Power, PowerError, Unsynced};

use crate::raw::{self, Writers};

/// What many cuts came to.
#[derive(Debug, Default)]
struct Sum {
    cuts: u64,
    acknowledged: usize,
    lost: Vec<String>,
    stored: u64,
    /// How many positions hold no message.
    missing: u64,
    /// After how many cuts the log ended with half a batch.
    half: usize,
    /// Each of them, with how many of its messages are there.
    halves: Vec<(String, u64)>,
}

fn cuts() -> u64 {
    std::env::var("JETSOURCE_POWER_CUTS").ok().map_or(3, |cuts| cuts.parse().unwrap())
}

/// The server, or a line on standard error that says why there is none.
fn powered(power: Result<Power, PowerError>) -> Option<Power> {
    match power {
        Err(PowerError::NoDisk(why)) => {
            // Not by a macro, whose words the test runner keeps to itself: a test that tests nothing must say so.
            stderr()
                .write_all(
                    format!("NOT TESTED: power cuts. A disk image cannot be mounted here: {why}\n")
                        .as_bytes(),
                )
                .unwrap();
            None
        }
        power => Some(power.unwrap()),
    }
}

#[expect(clippy::print_stdout, reason = "how much was cut, and what it came to, is what one wants to see")]
async fn after(power: Power, name: &str, end: impl AsyncFn(Power, u64) -> Result<Power, PowerError>) -> Sum {
    let mut power = power;
    let port = power.server().port();
    raw::make_stream(port, "EVENTS").await;
    power.server().stage().await;
    let (mut sum, mut from, mut dice) = (Sum::default(), 1, Dice::new(1));
    for round in 1..=cuts() {
        let writers = Writers::start(port, "EVENTS", round);
        writers.have_written(dice.roll(3..40)).await;
        power = end(power, round).await.unwrap();
        let acknowledged = writers.acknowledged().await;
        let (found, last) = raw::read(port, "EVENTS", from).await;
        sum.cuts += 1;
        sum.lost.extend(found.lost(&acknowledged));
        sum.acknowledged += acknowledged.len();
        sum.half += usize::from(!found.cut.is_empty());
        sum.missing += found.missing;
        sum.halves.extend(found.cut);
        (sum.stored, from) = (last, last + 1);
    }
    println!("{name}: {sum:?}");
    assert_eq!(sum.lost, Vec::<String>::new(), "acknowledged, and not there");
    assert_eq!(sum.missing, 0);
    sum
}

/// In the middle of writing, when there is most to lose.
async fn cut(power: Power, unsynced: Unsynced) -> Result<Power, PowerError> {
    power.writes().await.unwrap();
    power.cut(unsynced).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staged_on_disk_nothing_is_lost_and_nothing_half_written() {
    let Some(power) = powered(Power::staging_on_disk().await) else { return };
    let sum = after(power, "disk, unsynced lost", async |power, _| cut(power, Unsynced::Lost).await).await;
    assert_eq!(sum.halves, Vec::new());
    let power = Power::staging_on_disk().await.unwrap();
    let sum = after(power, "disk, unsynced kept", async |power, _| cut(power, Unsynced::Kept).await).await;
    assert_eq!(sum.halves, Vec::new());
    let power = Power::staging_on_disk().await.unwrap();
    let sum = after(power, "disk, torn", async |power, round| cut(power, Unsynced::Torn(round)).await).await;
    assert_eq!(sum.halves, Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staged_in_memory_nothing_acknowledged_is_lost() {
    let Some(power) = powered(Power::staging_in_memory().await) else { return };
    after(power, "memory, unsynced lost", async |power, _| cut(power, Unsynced::Lost).await).await;
    let power = Power::staging_in_memory().await.unwrap();
    after(power, "memory, unsynced kept", async |power, _| cut(power, Unsynced::Kept).await).await;
    let power = Power::staging_in_memory().await.unwrap();
    after(power, "memory, torn", async |power, round| cut(power, Unsynced::Torn(round)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_leaves_nothing_that_a_cut_could_take() {
    let Some(power) = powered(Power::staging_in_memory().await) else { return };
    let end = async |power: Power, _| {
        power.writes().await.unwrap();
        power.switch_off_and_on().await
    };
    let sum = after(power, "memory, switched off", end).await;
    assert_eq!(sum.halves, Vec::new());
    let power = Power::staging_on_disk().await.unwrap();
    let sum = after(power, "disk, switched off", end).await;
    assert_eq!(sum.halves, Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_memory_is_completed_at_the_next_start() {
    let Some(power) = powered(Power::staging_in_memory().await) else { return };
    let sum = after(power, "memory, killed", async |power, round| {
        power.server().kill()?;
        power.server().restarted(round).await;
        Ok(power)
    })
    .await;
    assert_eq!(sum.halves, Vec::new());
}
