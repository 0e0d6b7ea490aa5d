//! The program from outside: how it starts, says where it is, ends, and refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod harness;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use harness::{Program, call, command, poll, runs, stderr, stdout};
use rustix::process::Signal;
use serde_json::Value;

const LONG: Duration = Duration::from_secs(20);

/// The end of a refused call: its code, and its one line.
#[track_caller]
fn refused(arguments: &[&str], code: i32, names: &str) {
    let output = call(arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{arguments:?}: {said}");
    assert!(said.contains(names), "{arguments:?} should name {names}: {said}");
}

#[test]
fn start_lines_name_all_that_a_user_needs() {
    let program = Program::start();
    let said = program.stderr();
    let line = |name: &str| {
        said.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {said}"))
    };
    assert!(line("jetsource").ends_with(env!("CARGO_PKG_VERSION")));
    assert!(line("http").ends_with(program.http()));
    assert!(line("nats").contains(program.nats()));
    assert!(line("data").ends_with("data"));
    assert!(line("durability").contains("synced") && line("durability").contains("disk"));
    assert!(line("try").contains("curl") && line("try").contains(program.http()));
}

#[test]
fn staging_in_memory_is_told_and_leaves_nothing_there() {
    if !Path::new("/dev/shm").exists() {
        // Not by a macro, whose words the test runner keeps to itself: a test that tests nothing must say so.
        std::io::stderr().write_all(b"NOT TESTED: --staging memory. There is no /dev/shm here.\n").unwrap();
        return;
    }
    let mut program = Program::start_with(&["--staging", "memory"]);
    let said = program.stderr();
    let line = said.lines().find(|line| line.starts_with("durability")).unwrap();
    assert!(line.contains("staging: memory") && line.contains("power cut"), "{line}");
    let streams = program.data_dir().join("nats/jetstream/JETSOURCE/streams");
    let links = ["EVENTS", "KEYS"].map(|name| streams.join(name).join("batches"));
    assert!(links.iter().all(|link| link.is_symlink()));
    let memory = fs::canonicalize(&links[0]).unwrap();
    assert!(memory.starts_with("/dev/shm"), "{}", memory.display());
    program.terminate();
    assert!(!memory.parent().unwrap().exists() && !links.iter().any(|link| link.is_symlink()));
}

#[test]
fn the_ready_files_say_where_it_is_and_go_away_with_it() {
    let mut program = Program::start();
    let serve_json = program.data_dir().join("serve.json");
    let told: Value = serde_json::from_slice(&fs::read(&serve_json).unwrap()).unwrap();
    assert_eq!(&told, program.ready());
    assert_eq!(told["pid"], program.pid());
    assert_eq!(told.as_object().unwrap().len(), 3);
    program.terminate();
    assert!(!serve_json.exists() && !program.ready_file().exists());
}

#[test]
fn an_orderly_end_leaves_no_broker_behind() {
    let mut program = Program::start();
    let broker = program.broker_pid().unwrap();
    assert!(runs(broker));
    program.terminate();
    assert!(!runs(broker));
}

#[test]
fn what_runs_is_finished_before_the_end_and_nothing_new_is_taken_in() {
    let mut program = Program::start();
    let address = program.http().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let body = r#"{"name":"Ann","email":"ann@example.com"}"#;
    let head = format!(
        "POST /users HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    // From here on the request is under way.
    assert_eq!(answer.next().unwrap(), "HTTP/1.1 100 Continue");
    harness::send(program.pid(), Signal::TERM);
    assert!(poll(LONG, || TcpStream::connect(&address).is_err().then_some(())).is_some());
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(answer.find(|line| !line.is_empty()).unwrap(), "HTTP/1.1 201 Created");
    assert_eq!(program.ended().code(), Some(0), "{}", program.stderr());
}

#[test]
fn a_second_one_on_the_same_folder_is_refused() {
    let program = Program::start();
    let data_dir = program.data_dir();
    let pid = program.pid().to_string();
    refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir.to_str().unwrap()], 4, &pid);
    assert!(runs(program.broker_pid().unwrap()));
    assert!(data_dir.join("serve.json").exists(), "the first one is still found");
}

#[test]
fn after_a_kill_the_next_one_takes_over() {
    let mut program = Program::start();
    let orphan = program.broker_pid().unwrap();
    program.kill();
    assert!(runs(orphan), "a killed program cannot end its broker");
    program.restart();
    assert!(!runs(orphan));
    assert!(runs(program.broker_pid().unwrap()));
    program.terminate();
}

#[test]
fn a_broker_that_dies_is_started_again() {
    let program = Program::start();
    let first = program.broker_pid().unwrap();
    harness::send(first, Signal::KILL);
    let second = poll(LONG, || program.broker_pid().filter(|pid| *pid != first));
    assert!(second.is_some_and(runs));
    let tail = poll(LONG, || {
        let output = program.call(&["events", "tail"]);
        output.status.success().then_some(output)
    });
    assert!(tail.is_some(), "{}", program.stderr());
}

#[test]
fn a_setting_that_cannot_work_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let serve = |setting: &[&str], names: &str| {
        let mut arguments = vec!["serve", "--nats-port", "0", "--data-dir", data_dir];
        if !setting.contains(&"--listen") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        arguments.extend(setting);
        refused(&arguments, 2, names);
    };
    serve(&["--listen", "nowhere"], "--listen");
    serve(&["--listen", "0.0.0.0:0"], "--token-file");
    serve(&["--metrics-listen", "nowhere"], "--metrics-listen");
    serve(&["--token-file", "/nonexistent"], "--token-file");
    serve(&["--nats-server", "/bin/false"], "--nats-server");
    serve(&["--nats-port", "many"], "--nats-port");
    serve(&["--role", "cook"], "--role");
    serve(&["--views", "mysql://localhost/views"], "--views");
    serve(&["--views", "postgres://ann@localhost:x/views"], "--views");
    let away = "postgres://ann:secret@127.0.0.1:1/shop";
    let away = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir, "--views", away];
    refused(&away, 5, "--views cannot be reached");
    assert!(!stderr(&call(&away)).contains("secret"));
    serve(&["--staging", "memory", "--nats-url", "nats://127.0.0.1:1"], "--staging");
    serve(&["--key-retention", "a while"], "--key-retention");
    serve(&["--checkout-deadline", "0s"], "--checkout-deadline");
    serve(&["--checkout-participants", "order"], "--checkout-participants");
    serve(&["--currency", "euro"], "--currency");
    serve(&["--lisen", "x"], "--listen");
    assert!(!folder.path().join("nats").exists(), "nothing was started for a wrong setting");
}

#[test]
fn a_taken_address_is_refused_before_a_broker_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data_dir = folder.path().to_str().unwrap();
    refused(&["serve", "--listen", &address, "--data-dir", data_dir], 2, "--listen");
    let metrics = ["--metrics-listen", &address];
    refused(
        &[&["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir], &metrics[..]].concat(),
        2,
        metrics[0],
    );
    assert!(!folder.path().join("nats").exists());
}

#[test]
fn a_broker_that_is_not_there_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let nobody = "nats://user:secret@127.0.0.1:1";
    refused(
        &["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir, "--nats-url", nobody],
        5,
        "--nats-url",
    );
    refused(&["events", "tail", "--nats-url", nobody], 5, "--nats-url");
    refused(&["events", "tail", "--data-dir", data_dir], 5, "jetsource serve");
    refused(&["show", "user", "x", "--data-dir", data_dir], 5, "jetsource serve");
    refused(&["import", "-", "--data-dir", data_dir], 5, "jetsource serve");
    assert!(!stderr(&call(&["events", "tail", "--nats-url", nobody])).contains("secret"));
}

#[test]
fn a_flag_wins_over_its_variable() {
    let with = |arguments: &[&str]| {
        command().args(arguments).env("JETSOURCE_NATS_URL", "nats://127.0.0.1:1").output().unwrap()
    };
    assert!(stderr(&with(&["events", "tail"])).contains("127.0.0.1:1"));
    assert!(stderr(&with(&["events", "tail", "--nats-url", "nats://127.0.0.1:2"])).contains("127.0.0.1:2"));
}

#[test]
fn a_wrong_log_filter_is_named() {
    let output = command().args(["events", "tail"]).env("JETSOURCE_LOG", "a=b=c").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("JETSOURCE_LOG"));
}

#[test]
fn a_log_for_machines_is_json_in_every_line() {
    let mut program = Program::start_with(&["--log-format", "json"]);
    program.terminate();
    let said = program.stderr();
    assert!(said.lines().count() >= 5);
    for line in said.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn one_role_alone_serves_no_api() {
    let mut program = Program::start_with(&["--role", "projections"]);
    assert!(program.ready().get("http").is_none());
    let import = program.call(&["import", "-"]);
    assert_eq!(import.status.code(), Some(5), "{}", stderr(&import));
    program.terminate();
}

#[test]
fn completions_are_printed() {
    let output = call(&["completions", "bash"]);
    assert!(output.status.success() && stdout(&output).contains("--nats-url"));
}

#[test]
fn the_doors_are_described_without_a_server() {
    for (document, version) in [("openapi", "3.1"), ("asyncapi", "3.0")] {
        let printed = call(&[document]);
        assert!(printed.status.success(), "{}", stderr(&printed));
        let printed: Value = serde_json::from_str(&stdout(&printed)).unwrap();
        assert!(printed[document].as_str().unwrap().starts_with(version), "{document}");
    }
}

#[test]
fn help_is_as_it_was() {
    for call in [&["--help"][..], &["serve", "--help"], &["import", "--help"], &["show", "--help"]] {
        help(call);
    }
    help(&["doctor", "--help"]);
    help(&["why", "--help"]);
    help(&["command", "send", "--help"]);
    help(&["completions", "--help"]);
    for call in ["setup", "backup", "restore"] {
        help(&[call, "--help"]);
    }
    help(&["events", "tail", "--help"]);
    help(&["events", "get", "--help"]);
    help(&["events", "export", "--help"]);
    help(&["events", "import", "--help"]);
    help(&["log", "verify", "--help"]);
    for call in ["status", "rebuild", "verify"] {
        help(&["projections", call, "--help"]);
    }
    for call in ["list", "show", "retry", "skip"] {
        help(&["projections", "failures", call, "--help"]);
    }
    for call in ["list", "show", "retry", "drop"] {
        help(&["rejected", call, "--help"]);
    }
    for call in ["list", "show", "retry", "abandon", "graph"] {
        help(&["sagas", call, "--help"]);
    }
}

fn help(call: &[&str]) {
    let output = command().args(call).env("COLUMNS", "110").output().unwrap();
    assert!(output.status.success());
    let name = format!("help {}", call[..call.len() - 1].join(" ")).trim().replace(' ', "-");
    insta::assert_snapshot!(name, stdout(&output));
}
