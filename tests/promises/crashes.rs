//! Crashes in the middle of an import: it is imported again, and everything is as if nothing had happened.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;

use crate::caller::Caller;
use crate::harness::{free_address, send};
use crate::import::{self, Import};
use crate::log::Message;
use crate::{Shop, eventually, fold, log};

const FILES: u32 = 5;
const CRASHES_A_FILE: u64 = 5;

/// Who dies.
#[derive(Clone, Copy, Debug)]
enum Crash {
    Broker,
    Program,
    ProgramAndImport,
    All,
}

const CRASHES: [Crash; 4] = [Crash::Program, Crash::Broker, Crash::ProgramAndImport, Crash::All];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_through_crashes_ends_as_one_without() {
    // What it must come to.
    let quiet = Shop::open();
    let mut lengths = vec![0];
    for number in 0..FILES {
        import::import(&quiet, &import::file(quiet.program.folder(), number)).await;
        lengths.push(quiet.log().await.len() as u64);
    }
    let expected = (sorted(&quiet.api, lengths.last()).await, counts(&quiet.log().await));
    assert!(expected.0.users.len() > 100 && expected.0.orders.len() > 200 && expected.0.stock.len() == 7);
    drop(quiet);

    let address = free_address();
    let mut shop = Shop::open_with(&["--listen", &address]);
    let mut crashes = 0;
    for number in 0..FILES {
        let file = import::file(shop.program.folder(), number);
        let mut under_way = Import::start(&shop, &file);
        let (begin, end) = (lengths[number as usize], lengths[number as usize + 1]);
        for turn in 0..CRASHES_A_FILE {
            // Spread over the file, another moment each time.
            let share = (end - begin) / CRASHES_A_FILE;
            let moment = begin + 1 + turn * share + (u64::from(number) * 37 + turn * 11) % (share - 1);
            reaches(&shop, &mut under_way, moment).await;
            crashes += usize::from(!under_way.has_ended());
            let which = CRASHES[(number as usize + usize::try_from(turn).unwrap()) % CRASHES.len()];
            crash(&mut shop, which);
            if let Crash::ProgramAndImport | Crash::All = which {
                drop(under_way);
                under_way = Import::start(&shop, &file);
            }
        }
        let (code, report) = under_way.ended().await;
        assert_eq!((code, &report["accepted"]), (Some(0), &report["sent"]), "{report}");
        // Once more: each line was done before.
        let again = import::import(&shop, &file).await;
        assert_eq!(again["replayed"], again["sent"]);
        assert_eq!(again["sent"], report["sent"]);
    }
    assert!(crashes >= 20, "only {crashes} crashes in the middle");

    let stored = shop.log().await;
    log::check(&stored);
    assert_eq!(counts(&stored), expected.1);
    assert_eq!(stored.len() as u64, lengths[lengths.len() - 1]);
    fold::lists_equal_the_fold(&shop.api, &stored).await;
    assert_eq!(sorted(&shop.api, lengths.last()).await, expected.0);
}

fn crash(shop: &mut Shop, which: Crash) {
    let broker = shop.program.broker_pid().unwrap();
    match which {
        Crash::Broker => send(broker, Signal::KILL),
        Crash::Program | Crash::ProgramAndImport => shop.crash(),
        Crash::All => {
            send(broker, Signal::KILL);
            shop.crash();
        }
    }
}

/// Returns once the log is so long.
async fn reaches(shop: &Shop, import: &mut Import, moment: u64) {
    let client = eventually("the broker is there", Duration::from_secs(20), async || {
        async_nats::connect(shop.program.nats()).await.ok()
    })
    .await;
    eventually("the import goes on", Duration::from_mins(1), async || {
        assert!(!import.has_ended(), "it gave up");
        (log::length(&client, "EVENTS").await? >= moment).then_some(())
    })
    .await;
}

/// The lists without their order, which depends on who was faster.
async fn sorted(api: &Caller, position: Option<&u64>) -> fold::Lists {
    let mut lists = fold::listed(api, *position.unwrap()).await;
    lists.orders.sort_by_key(|order| order["id"].to_string());
    lists
}

/// How many events each entity has. Claims have other ids in another deployment, so they count by their users.
fn counts(log: &[Message]) -> BTreeMap<String, usize> {
    let name = |message: &Message| match message.data()["user_id"].as_str() {
        Some(user) if message.subject.starts_with("events.email.") => format!("claims of {user}"),
        Some(_) | None => message.subject.clone(),
    };
    log.iter().fold(BTreeMap::new(), |mut counts, message| {
        *counts.entry(name(message)).or_default() += 1;
        counts
    })
}
