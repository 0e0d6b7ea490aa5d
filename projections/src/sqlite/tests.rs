//! What only a file can do, or suffer.

use std::path::Path;
use std::sync::Arc;

use event_model::Position;
use event_store::Mark;

use super::SqliteViews;
use super::connection::lock;
use crate::applying::apply;
use crate::definition::Definition;
use crate::error::{ViewError, line};
use crate::generation::{Place, Target};
use crate::home::Home as _;
use crate::home::tests::toy::{Tallies, raised};
use crate::query::{Order, Query};

/// The first view of a file, made.
async fn made(views: &SqliteViews) -> Target {
    let definition = Arc::new(Definition::of::<Tallies>().unwrap());
    let serving = views.prepare(&definition).await.unwrap().serving;
    serving.target(&definition, Place::Serving, &Arc::default())
}

async fn raise(views: &SqliteViews, target: &Target, keys: &[&str]) -> Result<Mark, ViewError> {
    let entries: Vec<_> = (1..).zip(keys).map(|(position, key)| raised(position, key)).collect();
    let to = Mark::on(entries.last().unwrap());
    apply::<Tallies>(views, target, &Arc::new(entries), Mark::START, to).await?;
    Ok(to)
}

async fn keys(views: &SqliteViews, target: &Target) -> Vec<String> {
    let page = views.list(&target.definition, Query::new(Order::KeyAscending, 10)).await.unwrap();
    page.rows.into_iter().map(|row| row.key).collect()
}

fn file(folder: &Path) -> std::path::PathBuf {
    folder.join("views.sqlite")
}

#[test]
fn a_path_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = line(&SqliteViews::open(file(&folder.path().join("missing"))).unwrap_err());
    assert!(text.contains("missing/views.sqlite") && text.contains("unable to open"), "{text}");
    std::fs::write(folder.path().join("text"), "x".repeat(5000)).unwrap();
    let text = line(&SqliteViews::open(folder.path().join("text")).unwrap_err());
    assert!(text.contains("not a database") && !text.contains('\n'), "{text}");
}

#[test]
fn a_file_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let views = SqliteViews::open(file(folder.path())).unwrap();
    lock(&views.writer).pragma_update(None, "user_version", 3).unwrap();
    let text = line(&SqliteViews::open(file(folder.path())).unwrap_err());
    assert!(text.contains("a newer program wrote this file"), "{text}");
}

#[tokio::test]
async fn a_file_of_an_older_program_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let views = SqliteViews::open(file(folder.path())).unwrap();
    let target = made(&views).await;
    let mark = raise(&views, &target, &["a"]).await.unwrap();
    lock(&views.writer)
        .execute_batch(
            "ALTER TABLE checkpoints DROP COLUMN generation;
             DROP TABLE builds; DROP TABLE leftovers; PRAGMA user_version = 1",
        )
        .unwrap();
    let reopened = SqliteViews::open(file(folder.path())).unwrap();
    let prepared = reopened.prepare(&target.definition).await.unwrap();
    assert_eq!((prepared.serving.number, prepared.serving.mark), (1, mark));
    assert_eq!(keys(&reopened, &target).await, ["a"]);
}

#[tokio::test]
async fn a_full_disk_changes_nothing_and_is_over_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let views = SqliteViews::open(file(folder.path())).unwrap();
    let target = made(&views).await;
    let pages = |pages: i64| lock(&views.writer).pragma_update(None, "max_page_count", pages).unwrap();
    pages(1);
    let many: Vec<_> = (1..2000).map(|number| format!("counter {number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let text = line(&raise(&views, &target, &many).await.unwrap_err());
    assert!(text.contains("database or disk is full"), "{text}");
    assert!(keys(&views, &target).await.is_empty());
    pages(1 << 20);
    assert_eq!(raise(&views, &target, &many).await.unwrap().position, Position::new(1999));
}

#[tokio::test]
async fn a_list_never_waits_for_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let views = SqliteViews::open(file(folder.path())).unwrap();
    let target = made(&views).await;
    raise(&views, &target, &["a"]).await.unwrap();
    lock(&views.writer).execute_batch("BEGIN IMMEDIATE; DELETE FROM tallies").unwrap();
    assert_eq!(keys(&views, &target).await, ["a"]);
    lock(&views.writer).execute_batch("ROLLBACK").unwrap();
}

#[tokio::test]
async fn every_filter_has_an_index_that_gives_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let views = SqliteViews::open(file(folder.path())).unwrap();
    made(&views).await;
    let writer = lock(&views.writer);
    for (wanted, index) in [
        ("parity = 'odd' AND ", "tallies_by_parity "),
        ("total = 1 AND parity = 'odd' AND ", "tallies_by_total_and_parity "),
        ("", "tallies_by_first_position "),
    ] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT key, row FROM tallies WHERE {wanted}first_position < 9
             ORDER BY first_position DESC LIMIT 3"
        );
        let mut statement = writer.prepare(&sql).unwrap();
        let plan = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        let plan = plan.map(Result::unwrap).collect::<Vec<_>>().join("; ");
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
    let by_key = "EXPLAIN QUERY PLAN SELECT row FROM tallies WHERE parity = 'odd' ORDER BY key LIMIT 3";
    let plan: String = writer.query_row(by_key, [], |row| row.get(3)).unwrap();
    assert!(plan.starts_with("SEARCH") && plan.contains("tallies_by_parity "), "{plan}");
}

#[tokio::test]
async fn old_rows_go_in_pieces_and_who_reads_them_goes_on_reading() {
    let folder = tempfile::tempdir().unwrap();
    let views = SqliteViews::open(file(folder.path())).unwrap();
    let target = made(&views).await;
    let many: Vec<_> = (1..=1200).map(|number| format!("k{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    raise(&views, &target, &many).await.unwrap();
    let built = views.begin_build(&target.definition).await.unwrap();
    let mut reader = rusqlite::Connection::open(file(folder.path())).unwrap();
    let reading = reader.transaction().unwrap();
    let count = || reading.query_row("SELECT count(*) FROM tallies", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 1200);
    let serving = views.serving("tallies").await.unwrap().unwrap();
    views.switch(&target.definition, serving, built.number, built.mark).await.unwrap();
    let mut pieces = 0;
    while views.sweep("tallies").await.unwrap() {
        pieces += 1;
        assert_eq!(count(), 1200);
    }
    assert_eq!(pieces, 4);
}

#[tokio::test]
async fn of_two_processes_one_writes_a_file_and_the_other_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let definition = Arc::new(Definition::of::<Tallies>().unwrap());
    let (one, other) =
        (SqliteViews::open(file(folder.path())).unwrap(), SqliteViews::open(file(folder.path())).unwrap());
    one.found(&definition).await.unwrap();
    let refused = other.found(&definition).await.unwrap_err();
    assert!(matches!(&refused, ViewError::Driven { at } if at.ends_with("views.sqlite")), "{refused}");
    drop(one);
    other.found(&definition).await.unwrap();
}
