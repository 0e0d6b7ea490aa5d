//! A shop with all its roles, and who calls it.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::Program;

/// A slow machine under load does everything in less.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program, and a user and an article to begin with.
pub(crate) struct Shop {
    pub(crate) program: Program,
    client: Client,
    pub(crate) user: String,
}

impl Shop {
    /// With ten teapots, and a user who may spend 10000.
    pub(crate) async fn open(arguments: &[&str]) -> Self {
        let all = [&["--role", "api,projections,sagas"], arguments].concat();
        let program = Program::start_with(&all);
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(40)).build().unwrap();
        let mut shop = Self { program, client, user: String::new() };
        let body = json!({"name": "Ann", "email": "ann@example.com", "credit_limit": 10_000});
        let user = shop.does(Method::POST, "/users", &body).await;
        shop.user.push_str(user["id"].as_str().unwrap());
        shop.does(Method::POST, "/stock/teapot/receipts", &json!({"quantity": 10})).await;
        shop
    }

    /// The answer, whatever it is.
    pub(crate) async fn asks(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{path}", self.program.http()));
        let request = request.header("prefer", "wait=30").header("content-type", "application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    /// The answer, which must be a success.
    pub(crate) async fn does(&self, method: Method, path: &str, body: &Value) -> Value {
        let (status, answer) = self.asks(method.clone(), path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.does(Method::GET, path, &Value::Null).await
    }

    /// An order of so many teapots at this price, placed.
    pub(crate) async fn orders(&self, quantity: u64, price: u64) -> String {
        let lines = json!([{"sku": "teapot", "quantity": quantity, "unit_price": price}]);
        let order = self.does(Method::POST, "/orders", &json!({"user_id": self.user, "lines": lines})).await;
        order["id"].as_str().unwrap().to_owned()
    }

    /// The order once it is no longer `placed`.
    pub(crate) async fn settled(&self, order: &str) -> Value {
        self.get(&format!("/orders/{order}")).await
    }

    /// How much of the credit, and how many teapots, are set aside and left.
    pub(crate) async fn held(&self) -> (u64, u64, u64) {
        let (user, stock) =
            (self.get(&format!("/users/{}", self.user)).await, self.get("/stock/teapot").await);
        let number = |value: &Value| value.as_u64().unwrap();
        (number(&user["credit"]["reserved"]), number(&stock["reserved"]), number(&stock["on_hand"]))
    }

    /// Looks until it is so.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, what: &str, so: impl Fn() -> F) {
        let since = Instant::now();
        while !so().await {
            assert!(since.elapsed() < PATIENCE, "never: {what}\n{}", self.program.stderr());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Until what is set aside and left is this.
    pub(crate) async fn comes_to(&self, held: (u64, u64, u64)) {
        self.until(&format!("{held:?}"), || async { self.held().await == held }).await;
    }

    /// Until the checkout of an order is so, as its page shows it.
    pub(crate) async fn checkout_is(&self, order: &str, so: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/sagas/checkout/{order}");
        self.until("the checkout is so", || async {
            let (status, saga) = self.asks(Method::GET, &path, &Value::Null).await;
            status == 200 && so(&saga)
        })
        .await;
        self.get(&path).await
    }
}
