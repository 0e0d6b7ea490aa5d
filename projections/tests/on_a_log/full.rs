//! The disk of the views is full, and then it is not.

use std::fs;

use projections::HomeAddress;

use crate::small_disk::Disk;
use crate::toy::{Node, Tallies, log, raise, rows};

#[tokio::test]
async fn a_full_disk_is_told_and_the_view_goes_on_when_there_is_room() {
    let Some(disk) = Disk::mount(2) else { return };
    let (_server, store) = log().await;
    let node = Node::at::<Tallies<1>>(&HomeAddress::Sqlite(disk.path().join("views.sqlite")), &store).await;
    node.reaches(raise(&store, "a", 1).await).await;
    disk.fill(0);
    let mut counters = 1;
    let status = loop {
        // What was made room for before may still take some.
        raise(&store, &format!("counter {counters}"), 1).await;
        counters += 1;
        let status = node.tells(|status| status.behind.is_some()).await;
        if status.error.is_some() {
            break status;
        }
    };
    let line = status.error.unwrap_or_default();
    assert!(line.contains("disk is full") && line.contains("make room"), "{line}");
    assert!(status.running && status.failures == 0);
    let shown = rows(&node.views).await;
    assert!(!shown.is_empty() && shown.len() < counters, "lists go on with what there was");

    fs::remove_file(disk.ballast()).unwrap();
    node.reaches(raise(&store, "a", 1).await).await;
    assert_eq!(rows(&node.views).await.len(), counters);
    assert_eq!(node.tells(|status| status.error.is_none()).await.failures, 0);
}
