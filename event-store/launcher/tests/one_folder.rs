//! One folder has one program and one server, whatever was killed before.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nats_launcher::{DataDir, LaunchError, Options, Server, find};

const FOLDER: &str = "LAUNCHER_TEST_FOLDER";

/// Not a test of its own: the program that the tests below start, with a folder, and kill.
#[tokio::test]
async fn a_program_with_a_server() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let _data = DataDir::lock(&folder).unwrap();
    let server = Server::start(Options::new(find(None, &[]).unwrap(), folder.join("nats"))).await.unwrap();
    println!("\nserver {}", server.pid());
    std::future::pending::<()>().await;
}

/// Runs the program above until its server serves, and returns it with the server's pid.
fn program(folder: &Path) -> (Child, u32) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program_with_a_server", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let pid = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("server ")?.parse().ok());
    (child, pid.unwrap())
}

fn kill(mut program: Child) {
    program.kill().unwrap();
    assert_eq!(program.wait().unwrap().signal(), Some(9));
}

fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !matches!(stat.rsplit(") ").next().unwrap_or_default().chars().next(), None | Some('Z' | 'X'))
}

fn options(folder: &Path) -> Options {
    Options::new(find(None, &[]).unwrap(), folder.join("nats"))
}

#[test]
fn a_second_program_is_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = DataDir::lock(folder.path()).unwrap();
    let refusal = DataDir::lock(folder.path()).unwrap_err();
    assert!(matches!(refusal, LaunchError::DataDirInUse { .. }));
    let line = refusal.to_string();
    assert!(line.contains(&first.path().display().to_string()), "{line}");
    assert!(line.contains(&std::process::id().to_string()), "{line}");
    drop(first);
    DataDir::lock(folder.path()).unwrap();
}

#[tokio::test]
async fn an_orphan_is_ended_and_its_folder_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let (program, orphan) = program(folder.path());
    kill(program);
    assert!(is_running(orphan), "the server outlives its program");
    let _data = DataDir::lock(folder.path()).unwrap();
    let server = Server::start(options(folder.path())).await.unwrap();
    assert!(!is_running(orphan));
    assert_ne!(server.pid(), orphan);
    server.stop().await;
}

#[tokio::test]
async fn an_orphan_is_ended_even_when_paused_and_unrecorded() {
    let folder = tempfile::tempdir().unwrap();
    let (program, orphan) = program(folder.path());
    kill(program);
    std::fs::remove_file(folder.path().join("nats/nats-server.json")).unwrap();
    assert!(Command::new("kill").args(["-STOP", &orphan.to_string()]).status().unwrap().success());
    let server = Server::start(options(folder.path())).await.unwrap();
    assert!(!is_running(orphan));
    server.stop().await;
}

#[tokio::test]
async fn a_server_of_a_living_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(options(folder.path())).await.unwrap();
    let refusal = Server::start(options(folder.path())).await.unwrap_err();
    assert!(matches!(refusal, LaunchError::StoreInUse { .. }), "{refusal}");
    assert!(refusal.to_string().contains(&std::process::id().to_string()), "{refusal}");
    assert!(is_running(server.pid()));
    assert_eq!(server.status().borrow().restarts, 0);
}

#[tokio::test]
async fn a_lock_of_a_stranger_is_respected() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("nats")).unwrap();
    let lock = std::fs::File::create(folder.path().join("nats/nats-server.lock")).unwrap();
    lock.lock().unwrap();
    let refusal = Server::start(options(folder.path())).await.unwrap_err();
    assert!(matches!(refusal, LaunchError::StoreInUse { .. }), "{refusal}");
}
