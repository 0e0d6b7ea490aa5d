//! Which nats-server is taken, and which refused.

use std::path::{Path, PathBuf};

use nats_launcher::{LaunchError, find};

#[test]
fn one_that_is_too_old_is_refused_by_its_version() {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old-nats-server");
    let refusal = find(Some(&old), &[]).unwrap_err();
    assert!(matches!(refusal, LaunchError::TooOld { .. }));
    let line = refusal.to_string();
    assert!(line.contains("is nats-server 2.9.0, and 2.15 or newer is needed"), "{line}");
    assert!(!line.contains('\n'));
}

#[test]
fn what_is_no_nats_server_is_refused() {
    let refusal = find(Some(Path::new("/bin/true")), &[]).unwrap_err();
    assert!(matches!(refusal, LaunchError::NotRunnable { .. }), "{refusal}");
    let refusal = find(Some(Path::new("/nowhere/nats-server")), &[]).unwrap_err();
    assert!(matches!(refusal, LaunchError::NotRunnable { .. }), "{refusal}");
}

#[test]
fn one_of_the_usual_places_will_do() {
    let binary = find(None, &[PathBuf::from("/nowhere")]).unwrap();
    assert!(binary.path().is_file());
    assert!(binary.version().starts_with("2."), "{}", binary.version());
}
