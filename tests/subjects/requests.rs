//! Requests on subjects: a service that any NATS tool finds, and that answers what became of a command.

use async_nats::RequestErrorKind;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::Program;
use crate::sender::{Sender, data};

#[tokio::test]
async fn the_service_is_found_by_those_who_ask_for_services() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    for subject in ["$SRV.PING", "$SRV.PING.jetsource"] {
        let pong = data(&sender.client.request(subject, "".into()).await.unwrap());
        assert_eq!(
            (&pong["name"], &pong["version"]),
            (&json!("jetsource"), &json!(env!("CARGO_PKG_VERSION")))
        );
    }
    let info = data(&sender.client.request("$SRV.INFO.jetsource", "".into()).await.unwrap());
    let mut subjects: Vec<_> =
        info["endpoints"].as_array().unwrap().iter().map(|end| &end["subject"]).collect();
    subjects.sort_by_key(ToString::to_string);
    assert_eq!(subjects, ["requests.order.>", "requests.stock.>", "requests.user.>"]);
}

#[tokio::test]
async fn a_request_is_answered_with_where_the_entity_stands() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let receive = async |id| sender.ask("stock.A.receive", id, r#"{"quantity":1}"#).await;
    assert_eq!(receive(None).await.body, json!({"version": 1, "position": 1}));
    // Without an id each is a command of its own.
    assert_eq!(receive(None).await.body, json!({"version": 2, "position": 2}));
    let first = receive(Some("a")).await;
    assert_eq!(first.body, json!({"version": 3, "position": 3}));
    assert_eq!(receive(Some("b")).await.body, json!({"version": 4, "position": 4}));
    assert_eq!(receive(Some("a")).await, first);
    assert_eq!(sender.length("REJECTED").await, 0);
}

#[tokio::test]
async fn a_list_asked_right_after_shows_it() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    sender.ask("stock.A.receive", None, r#"{"quantity":1}"#).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let list = http.get(format!("{}/stock", program.http())).send().await.unwrap();
    let list: Value = list.json().await.unwrap();
    assert_eq!(list[0]["sku"], "A");
}

#[tokio::test]
async fn an_error_has_its_code_and_the_problem() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let command = format!("order.{}.ship", Uuid::now_v7());
    let reply = sender.ask(&command, None, "").await;
    assert_eq!(reply.error, Some((404, "There is no such thing".into())));
    assert_eq!(
        (&reply.body["type"], &reply.body["instance"]),
        (&json!("/problems/not-found"), &json!(format!("requests.{command}")))
    );
    for (command, headers, code) in [
        ("stock.A", &[][..], 400),
        ("stock.A.paint", &[], 404),
        ("stock.A.receive", &[("Nats-Msg-Id", "a b")], 400),
    ] {
        let reply = sender.try_ask(command, headers, "{}").await.unwrap();
        assert_eq!(reply.error.unwrap().0, code, "{command}");
    }
    // What was answered is not put aside as well.
    assert_eq!(sender.length("REJECTED").await, 0);
    let nobody = sender.try_ask("payment.7.capture", &[], "{}").await;
    assert_eq!(nobody.unwrap_err().kind(), RequestErrorKind::NoResponders);
}
