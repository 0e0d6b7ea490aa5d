//! What caused what, on a real checkout: over HTTP and on the command line, as a tree and as a picture.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Program, poll, stderr, stdout};
use crate::{LONG, import, told};

const USER: &str = "01900000-0000-7000-8000-000000000001";
const ORDER: &str = "01900000-0000-7000-8000-000000000002";
const NOBODY: &str = "01900000-0000-7000-8000-00000000000f";

/// A program on which one order was placed and confirmed.
pub(crate) fn with_an_order() -> Program {
    let program = Program::start_with(&["--role", "api,projections,sagas"]);
    let user = json!({"id": USER, "name": "Ann", "email": "ann@example.com"});
    let lines = json!([{"sku": "tea", "quantity": 2, "unit_price": 100}]);
    import(
        &program,
        &[
            json!({"method": "POST", "path": "/users", "body": user}),
            json!({"method": "POST", "path": "/stock/tea/receipts", "body": {"quantity": 5}}),
            json!({"method": "POST", "path": "/orders", "body": {"id": ORDER, "user_id": USER, "lines": lines}}),
        ],
    );
    poll(LONG, || {
        let events = program.call(&["events", "tail", "--json", "--category", "checkout"]);
        stdout(&events).contains("checkout-confirmed").then_some(())
    })
    .unwrap_or_else(|| panic!("{}", program.stderr()));
    program
}

/// `type of the cause > type`, for every event of the tree.
fn arrows(tree: &Value) -> Vec<String> {
    let tree = tree["tree"].as_array().unwrap();
    let name = |place: &Value| place["event"]["type"].as_str().unwrap_or("command").to_owned();
    let below = tree.iter().filter(|place| place["cause"].is_u64());
    let arrow = |place: &Value| {
        let cause = &tree[usize::try_from(place["cause"].as_u64().unwrap()).unwrap()];
        format!("{} > {}", name(cause), name(place))
    };
    below.map(arrow).collect()
}

async fn get(program: &Program, path: &str, accept: &str) -> (StatusCode, String, String) {
    let client = Client::builder().no_proxy().build().unwrap();
    let answer =
        client.get(format!("{}{path}", program.http())).header("accept", accept).send().await.unwrap();
    let media = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status(), media, answer.text().await.unwrap())
}

#[test]
fn a_checkout_is_a_tree_from_the_command_to_the_last_step() {
    let program = with_an_order();
    let placed = program.call(&["events", "tail", "--json", "--type", "order-placed"]);
    let placed: Value = told(&placed);
    let (id, correlation) = (placed["id"].as_str().unwrap(), placed["correlation_id"].as_str().unwrap());
    let whole = told(&program.call(&["why", id, "--json"]));
    assert_eq!((&whole["correlation_id"], &whole["complete"]), (&json!(correlation), &json!(true)));
    let arrows = arrows(&whole);
    for arrow in [
        "command > order-placed",
        "order-placed > checkout-started",
        "checkout-started > credit-reserved",
        "checkout-started > stock-reserved",
        "credit-reserved > checkout-step-held",
        "checkout-confirming > order-confirmed",
        "order-confirmed > checkout-confirmed",
    ] {
        assert!(arrows.iter().any(|drawn| drawn == arrow), "{arrow} is not in {arrows:?}");
    }
    // The same from any other event of it, and by position.
    let last = program.call(&["events", "tail", "--json", "--type", "checkout-confirmed"]);
    let position = told(&last)["position"].to_string();
    assert_eq!(told(&program.call(&["why", &position, "--json"])), whole);

    let text = stdout(&program.call(&["why", &position]));
    assert!(text.starts_with(&format!("command or deadline {correlation}\n└─ order-placed")), "{text}");
    let marked: Vec<_> = text.lines().filter(|line| line.ends_with("<- this one")).collect();
    assert!(marked.len() == 1 && marked[0].contains("checkout-confirmed"), "{text}");
    let picture = stdout(&program.call(&["why", id, "--mermaid"]));
    assert!(
        picture.starts_with("flowchart TD\n") && picture.contains("checkout-confirmed<br/>"),
        "{picture}"
    );
    assert_eq!(picture.matches("-->").count(), arrows.len());

    let unknown = program.call(&["why", NOBODY]);
    assert_eq!(unknown.status.code(), Some(3), "{}", stderr(&unknown));
}

#[tokio::test]
async fn it_is_the_same_over_http() {
    let program = with_an_order();
    let placed = told(&program.call(&["events", "tail", "--json", "--type", "order-placed"]));
    let correlation = placed["correlation_id"].as_str().unwrap();
    let path = format!("/correlations/{correlation}");
    let (status, _, body) = get(&program, &path, "*/*").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let told: Value = serde_json::from_str(&body).unwrap();
    let by_hand = crate::told(&program.call(&["why", placed["id"].as_str().unwrap(), "--json"]));
    assert_eq!((&told["tree"], &told["complete"]), (&by_hand["tree"], &json!(true)));

    let (_, media, picture) = get(&program, &path, "text/vnd.mermaid").await;
    assert!(media == "text/vnd.mermaid" && picture.starts_with("flowchart TD\n"), "{media} {picture}");
    assert_eq!(get(&program, &format!("{path}?format=mermaid"), "*/*").await.2, picture);
    // Behind the end of the chain there is nothing of it.
    let end = told["upto"].as_u64().unwrap();
    for (path, status) in [
        (format!("{path}?after={end}"), 404),
        (format!("/correlations/{NOBODY}"), 404),
        ("/correlations/7".to_owned(), 400),
        (format!("{path}?format=svg"), 400),
        (format!("{path}?before=7"), 400),
    ] {
        let (found, media, body) = get(&program, &path, "*/*").await;
        assert_eq!((found.as_u16(), &*media), (status, "application/problem+json"), "{path}: {body}");
    }
}
