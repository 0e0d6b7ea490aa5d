//! Servers that are killed, drawn with dice.

use std::fmt;
use std::time::{Duration, Instant};

use nats_launcher::{Cluster, Dice};
use tokio::time::sleep;

/// How often servers were killed.
#[derive(Debug, Default)]
pub(crate) struct Struck {
    kills: u64,
    leaders: u64,
    while_another_was_down: u64,
}

impl fmt::Display for Struck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, leaders, while_another_was_down } = self;
        write!(f, "{kills} kills: {leaders} of the leader, {while_another_was_down} while another was down")
    }
}

/// Kills so many servers with -9 within about this time, at drawn moments, whatever became of the one before.
pub(crate) async fn strike(cluster: &Cluster, mut dice: Dice, kills: u64, within: Duration) -> Struck {
    let begun = Instant::now();
    let mut struck = Struck::default();
    let share = u64::try_from(within.as_millis()).unwrap() / (kills + 1);
    while struck.kills < kills {
        sleep(Duration::from_millis(dice.roll(share / 4..share * 7 / 4))).await;
        let drawn = usize::try_from(dice.roll(0..3)).unwrap();
        let leads = cluster.leader_of("EVENTS").await == Some(drawn);
        let node = &cluster.nodes()[drawn];
        // One that is down is up again in a moment.
        let _ = node.status().wait_for(|status| status.up).await;
        let down = cluster.nodes().iter().filter(|node| !node.status().borrow().up).count();
        if node.kill().is_ok() {
            struck.kills += 1;
            struck.leaders += u64::from(leads);
            struck.while_another_was_down += u64::from(down > 0);
        }
    }
    sleep(within.saturating_sub(begun.elapsed())).await;
    struck
}
