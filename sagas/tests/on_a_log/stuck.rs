//! A saga that cannot go on is set aside, the others go on, and an operator has it go on or gives it up.

use std::sync::atomic::Ordering;

use sagas::{Asked, ControlError, StuckSagas, ask};
use tokio::sync::Mutex;

use crate::toy::{BROKEN, Running, Trip, WishEvent, happens, log, made, trip, trip_is, until};

/// The rules are broken for one test at a time.
static TURN: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn one_is_set_aside_and_the_others_go_on_and_it_goes_on_when_the_rules_are_mended() {
    let _turn = TURN.lock().await;
    BROKEN.store(true, Ordering::SeqCst);
    let (_server, store) = log().await;
    let running = Running::start(&store);
    happens(&store, "broken", made()).await;
    happens(&store, "broken", WishEvent::WishDropped {}).await;
    happens(&store, "whole", made()).await;
    happens(&store, "whole", WishEvent::WishDropped {}).await;
    trip_is(&store, "whole", &Trip::Over("dropped".into())).await;
    let stuck = StuckSagas::open(&store).await.unwrap();
    until("it is written down", || async { stuck.get(&trip("broken")).await.unwrap().is_some() }).await;
    let record = stuck.get(&trip("broken")).await.unwrap().unwrap();
    assert!(record.reason.contains("the rules are broken"), "{record:?}");
    assert_eq!(stuck.all(Some("trip")).await.unwrap(), [record]);
    assert_eq!(stuck.all(Some("other")).await.unwrap(), []);

    // Still broken: it says so, and stays.
    let refused = ask(&store, &trip("broken"), Asked::Retry).await.unwrap_err();
    assert!(matches!(&refused, ControlError::Refused(why) if why.contains("still stuck")), "{refused}");
    // Also after a restart; what comes meanwhile is not lost.
    running.stop().await;
    let running = Running::start(&store);
    happens(&store, "broken", made()).await;
    happens(&store, "last", made()).await;
    trip_is(&store, "last", &Trip::Asked).await;
    until("it is still written down", || async { stuck.all(None).await.unwrap().len() == 1 }).await;

    BROKEN.store(false, Ordering::SeqCst);
    ask(&store, &trip("broken"), Asked::Retry).await.unwrap();
    assert_eq!(stuck.all(None).await.unwrap(), []);
    let refused = ask(&store, &trip("broken"), Asked::Retry).await.unwrap_err();
    assert!(matches!(&refused, ControlError::Refused(why) if why == "it is not stuck"), "{refused}");
    running.stop().await;
}

#[tokio::test]
async fn a_mended_program_tries_again_by_itself() {
    let _turn = TURN.lock().await;
    BROKEN.store(true, Ordering::SeqCst);
    let (_server, store) = log().await;
    let running = Running::start(&store);
    happens(&store, "broken", made()).await;
    happens(&store, "broken", WishEvent::WishDropped {}).await;
    let stuck = StuckSagas::open(&store).await.unwrap();
    until("it is written down", || async { !stuck.all(None).await.unwrap().is_empty() }).await;
    running.stop().await;
    BROKEN.store(false, Ordering::SeqCst);
    let running = Running::start(&store);
    until("it goes on", || async { stuck.all(None).await.unwrap().is_empty() }).await;
    running.stop().await;
}

#[tokio::test]
async fn one_is_given_up_stuck_or_not() {
    let _turn = TURN.lock().await;
    BROKEN.store(true, Ordering::SeqCst);
    let (_server, store) = log().await;
    let refused = ask(&store, &trip("x"), Asked::Retry).await.unwrap_err();
    assert!(matches!(refused, ControlError::NoRunner), "{refused}");
    let running = Running::start(&store);
    for id in ["broken", "whole"] {
        happens(&store, id, made()).await;
        trip_is(&store, id, &Trip::Asked).await;
    }
    happens(&store, "broken", WishEvent::WishDropped {}).await;
    let stuck = StuckSagas::open(&store).await.unwrap();
    until("it is written down", || async { !stuck.all(None).await.unwrap().is_empty() }).await;
    for id in ["broken", "whole"] {
        let asked = || Asked::Abandon { reason: "nobody answers".into() };
        ask(&store, &trip(id), asked()).await.unwrap();
        trip_is(&store, id, &Trip::Over("given up".into())).await;
        let refused = ask(&store, &trip(id), asked()).await.unwrap_err();
        assert!(matches!(&refused, ControlError::Refused(why) if why.contains("nothing to give up")));
    }
    until("its record is gone", || async { stuck.all(None).await.unwrap().is_empty() }).await;
    running.stop().await;
}
