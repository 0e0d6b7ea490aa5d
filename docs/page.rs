//! A page of `docs/` that shows a crate: all of it, and what it really prints. Each such crate has this test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::Command;

use nats_launcher::Server;

/// What the page may leave out: what this crate has because it belongs to this workspace.
const LEFT_OUT: [&str; 2] = ["//! ", "#![expect("];

fn read(file: &str) -> String {
    fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The fences of this kind, such as `rust src/main.rs`, in the order of the page.
fn fences(kind: &str) -> Vec<String> {
    let page = read(concat!("../", env!("CARGO_PKG_NAME"), ".md"));
    let opening = format!("\n```{kind}\n");
    page.split(&opening).skip(1).map(|text| text.split_once("```\n").unwrap().0.to_owned()).collect()
}

/// What is left of a file when the fences are taken out of it, in their order.
fn not_shown(file: &str, kind: &str) -> String {
    let text = read(file);
    let mut rest = text.as_str();
    let mut left = String::new();
    for fence in fences(kind) {
        assert!(rest.contains(&fence), "{file} has not, or not in this place:\n{fence}");
        let (before, after) = rest.split_once(&fence).unwrap();
        left.push_str(before);
        rest = after;
    }
    left + rest
}

#[test]
fn the_page_shows_all_of_the_code() {
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let file = format!("src/{}", file.unwrap().file_name().display());
        let left = not_shown(&file, &format!("rust {file}"));
        let missing = |line: &&str| !line.is_empty() && !LEFT_OUT.iter().any(|start| line.starts_with(start));
        assert_eq!(left.lines().filter(missing).collect::<Vec<_>>(), [""; 0], "{file}");
    }
}

#[test]
fn the_page_shows_all_dependencies() {
    let left = not_shown("Cargo.toml", "toml Cargo.toml");
    let (head, tail) = left.split_once("# As a crate outside").unwrap();
    assert!(head.starts_with("[package]\n") && !head.contains("dependencies]"), "{head}");
    assert!(tail.contains("shows these lines.\n\n[dev-dependencies]\n"), "{tail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_what_the_page_shows() {
    let server = Server::throwaway().await.unwrap();
    // Twice, as a reader will: the second time on a log that holds the first.
    for _ in 0..2 {
        let ran = Command::new(env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))))
            .arg(server.url())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(fences("text"), [String::from_utf8_lossy(&ran.stdout)]);
    }
}
