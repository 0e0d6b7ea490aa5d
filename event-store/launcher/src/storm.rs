//! Bad weather by the dice: the same seed throws the same faults in the same order.

use std::convert::Infallible;
use std::ops::Range;
use std::time::Duration;

use tokio::time::sleep;

use crate::proxy::{Proxy, Way};

/// Dice with a seed (`SplitMix64`): good enough to mix faults, and for nothing else.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way each time for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number of the range, its start when it is empty.
    pub fn roll(&mut self, range: Range<u64>) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        range.start + (mixed ^ (mixed >> 31)) % range.end.saturating_sub(range.start).max(1)
    }

    fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.roll(range))
    }

    fn way(&mut self) -> Way {
        if self.roll(0..2) == 0 { Way::There } else { Way::Back }
    }
}

impl Proxy {
    /// One fault after the other, each followed by a while in which all is well, for as long as it is awaited.
    /// Counts them in `faults`. Whoever stops waiting calls [`Proxy::calm`].
    pub async fn storm(&self, seed: u64, faults: impl Fn() + Send) -> Infallible {
        let mut dice = Dice::new(seed);
        loop {
            sleep(dice.millis(300..2500)).await;
            faults();
            match dice.roll(0..6) {
                0 => self.cut(),
                1 => self.half_close(dice.way()),
                2 => self.tear(dice.way(), usize::try_from(dice.roll(0..4000)).unwrap_or_default()),
                3 => {
                    self.drop_answers();
                    sleep(dice.millis(20..700)).await;
                    self.cut();
                }
                4 => {
                    self.refuse();
                    self.cut();
                    sleep(dice.millis(20..600)).await;
                }
                _ => {
                    self.delay(dice.way(), dice.millis(1..60));
                    sleep(dice.millis(100..500)).await;
                }
            }
            self.calm();
        }
    }
}
