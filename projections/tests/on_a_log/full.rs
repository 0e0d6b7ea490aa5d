//! The disk of the views is full, and then it is not.

use std::fs;

use projections::HomeAddress;

use crate::place::Place;
use crate::small_disk::Disk;
use crate::toy::{Node, Tallies, log, raise, rows};

#[tokio::test]
async fn a_full_disk_is_told_and_the_view_goes_on_when_there_is_room() {
    let Some(disk) = Disk::mount(2) else { return };
    let address = HomeAddress::Sqlite(disk.path().join("views.sqlite"));
    assert!(through_a_full_disk(&disk, &address).await.contains("disk is full"));
}

#[tokio::test]
async fn so_is_the_full_disk_of_a_server() {
    let place = Place::make();
    if !place.is_on_a_server() {
        return;
    }
    let Some(disk) = Disk::mount(32) else { return };
    place.move_onto(disk.path());
    assert!(through_a_full_disk(&disk, &place.url().parse().unwrap()).await.contains("No space left"));
    place.move_back();
}

/// What is told while it is full.
async fn through_a_full_disk(disk: &Disk, address: &HomeAddress) -> String {
    let (_server, store) = log().await;
    let node = Node::at::<Tallies<1>>(address, &store).await;
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
    assert!(line.contains("make room"), "{line}");
    assert!(status.running && status.failures == 0);
    let shown = rows(&node.views).await;
    assert!(!shown.is_empty() && shown.len() < counters, "lists go on with what there was");

    fs::remove_file(disk.ballast()).unwrap();
    node.reaches(raise(&store, "a", 1).await).await;
    assert_eq!(rows(&node.views).await.len(), counters);
    assert_eq!(node.tells(|status| status.error.is_none()).await.failures, 0);
    node.stop().await;
    line
}
