//! `jetsource doctor`: what is right is called so, what is wrong is named, and what cannot be known is not claimed.

use std::path::PathBuf;

use async_nats::jetstream;
use nats_launcher::{CONFIG, Options, Server, find};
use serde_json::{Value, json};

use crate::harness::{Program, call, command, stderr, stdout};
use crate::{import, told};

/// The one finding of a check, or all of them.
fn of<'a>(told: &'a Value, check: &str) -> Vec<&'a Value> {
    told["checks"].as_array().unwrap().iter().filter(|finding| finding["check"] == check).collect()
}

/// What the doctor finds, and whether it calls all of it right. The disk of the machine that tests may be almost full.
#[track_caller]
fn doctor(program: &Program) -> (Value, bool) {
    let output = program.call(&["doctor", "--json"]);
    let mut told = told(&output);
    let checks = told["checks"].as_array_mut().unwrap();
    let to_do = |checks: &[Value]| checks.iter().any(|finding| finding["do"].is_string());
    let code = i32::from(to_do(checks));
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(&output), stderr(&output));
    checks.retain(|finding| finding["check"] != "disk");
    let right = !to_do(checks);
    (told, right)
}

#[track_caller]
fn verdict(told: &Value, check: &str, verdict: &str, seen: &str) {
    let found = of(told, check);
    let fits =
        |finding: &&&Value| finding["verdict"] == verdict && finding["seen"].as_str().unwrap().contains(seen);
    let finding =
        found.iter().find(fits).unwrap_or_else(|| panic!("{check} is not {verdict}, {seen}: {told}"));
    assert_eq!(finding["do"].is_string(), ["warning", "problem"].contains(&verdict), "{finding}");
}

#[test]
fn what_is_right_is_called_so() {
    let program = Program::start();
    import(&program, &[json!({"method": "POST", "path": "/stock/tea/receipts", "body": {"quantity": 1}})]);
    let (told, right) = doctor(&program);
    assert!(right, "{told}");
    for (check, seen) in [
        ("serve", program.http()),
        ("broker", "nats-server 2."),
        ("sync", "every acknowledgement"),
        ("streams", "EVENTS (1)"),
        ("broker space", "the account uses"),
        ("clock", "this machine's"),
        ("versions", "all that serve (1)"),
        ("read models", "stock: at 1, caught up"),
        ("refused", "no command"),
    ] {
        verdict(&told, check, "ok", seen);
    }
    assert_eq!(of(&told, "read models").len(), 8);
    let text = program.call(&["doctor"]);
    let text = stdout(&text);
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("do: "));
    assert!(lines.all(|line| line.starts_with("ok ") || line.contains(" disk ")), "{text}");
}

#[tokio::test]
async fn what_is_wrong_is_named_with_what_to_do() {
    let program = Program::start();
    let broker = jetstream::new(async_nats::connect(program.nats()).await.unwrap());
    let mut snapshots = broker.get_stream("SNAPSHOTS").await.unwrap().cached_info().config.clone();
    snapshots.max_messages_per_subject = 7;
    broker.update_stream(snapshots).await.unwrap();
    let (told, right) = doctor(&program);
    assert!(!right, "{told}");
    let [streams] = of(&told, "streams")[..] else { panic!("{told}") };
    assert_eq!(streams["verdict"], "problem");
    assert!(streams["do"].as_str().unwrap().contains("max_msgs_per_subject = 7, it must be 1"), "{streams}");
    // The log must not be opened on such a broker.
    verdict(&told, "read models", "unknown", "not checked");
    assert_eq!(told["verdict"], "problem");

    let mut call = command();
    call.args(["doctor", "--json", "--data-dir", program.data_dir().to_str().unwrap()]);
    let output = call.env("JETSOURCE_LISEN", "x").output().unwrap();
    verdict(&crate::told(&output), "settings", "warning", "JETSOURCE_LISEN");
    let output = call.env_remove("JETSOURCE_LISEN").env("JETSOURCE_CURRENCY", "euro").output().unwrap();
    verdict(&crate::told(&output), "settings", "problem", "refuses");
}

#[tokio::test]
async fn a_broker_that_may_lose_something_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let binary = std::env::var_os("JETSOURCE_NATS_SERVER").map(PathBuf::from);
    let mut options = Options::new(find(binary.as_deref(), &[]).unwrap(), folder.path());
    options.config = CONFIG.replace("sync_interval: always", "sync_interval: \"2m\"");
    let server = Server::start(options).await.unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let output = call(&["doctor", "--json", "--nats-url", &server.url(), "--data-dir", data_dir]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let told = told(&output);
    verdict(&told, "sync", "problem", "power cut");
    verdict(&told, "streams", "problem", "missing: EVENTS");
    verdict(&told, "clock", "unknown", "not checked");
    verdict(&told, "versions", "warning", "no node");
    let streams = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    assert!(streams.get_stream("EVENTS").await.is_err(), "the doctor has made something");
    server.stop().await;
}

#[test]
fn without_anybody_who_serves_nothing_is_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let output = call(&["doctor", "--json", "--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let told = told(&output);
    verdict(&told, "serve", "unknown", "not checked");
    verdict(&told, "broker", "problem", "not known");
    assert!(of(&told, "sync").is_empty(), "{told}");
}

#[test]
fn a_health_check_says_nothing_while_all_is_well() {
    let mut program = Program::start();
    let healthy = program.call(&["doctor", "--health"]);
    assert_eq!(
        (healthy.status.code(), stdout(&healthy), stderr(&healthy)),
        (Some(0), String::new(), String::new())
    );
    program.kill();
    let ill = program.call(&["doctor", "--health"]);
    assert_eq!(ill.status.code(), Some(1));
    assert!(stdout(&ill).is_empty() && stderr(&ill).starts_with("error: not ready: "), "{}", stderr(&ill));

    program.restart_with(&["--role", "projections"]);
    assert_eq!(program.call(&["doctor", "--health"]).status.code(), Some(0));
    program.kill();
    assert_eq!(program.call(&["doctor", "--health"]).status.code(), Some(1));
}
