//! People who order, cancel, and are sent things; and who call again until they are answered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nats_launcher::Dice;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

const CALLERS: u64 = 16;
const USERS: u64 = 12;
const ARTICLES: u64 = 10;
/// One of them is deleted every so many orders, and another takes their place.
const DELETED_EVERY: u64 = 100;
/// How long people wait before they call again.
const BREATH: Duration = Duration::from_millis(50);
/// The first two are not tracked.
const UNTRACKED: u64 = 2;

/// Who calls, and where.
#[derive(Clone)]
pub(crate) struct Crowd {
    client: Client,
    apis: Arc<Vec<String>>,
    seed: u64,
}

/// The calls that are under way.
pub(crate) struct Calls {
    placed: watch::Receiver<u64>,
    callers: JoinSet<()>,
}

impl Calls {
    /// Returns once so many orders were placed, or all have ended.
    pub(crate) async fn reach(&mut self, placed: u64) {
        let _ = self.placed.wait_for(|so_far| *so_far >= placed).await;
    }

    pub(crate) async fn join(self) {
        self.callers.join_all().await;
    }
}

impl Crowd {
    /// Users with some credit, articles with some stock: not enough for all.
    pub(crate) async fn prepare(apis: Vec<String>, seed: u64) -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        let crowd = Self { client, apis: Arc::new(apis), seed };
        for user in 0..USERS {
            crowd.register(user).await;
        }
        for article in UNTRACKED..ARTICLES {
            crowd.receive(article, 25).await;
        }
        crowd
    }

    pub(crate) fn go(&self, checkouts: u64) -> Calls {
        let (count, placed) = watch::channel(0);
        let next = Arc::<AtomicU64>::default();
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (crowd, count, next) = (self.clone(), count.clone(), Arc::clone(&next));
            callers.spawn(async move {
                let mut known = VecDeque::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= checkouts {
                        break;
                    }
                    known.push_back(crowd.order(number).await);
                    count.send_modify(|placed| *placed += 1);
                    if known.len() > 4
                        && let Some(order) = known.pop_front()
                    {
                        crowd.later(&order, number).await;
                    }
                    if number % DELETED_EVERY == 60 {
                        let leaves = number / DELETED_EVERY;
                        crowd.register(leaves + USERS).await;
                        crowd
                            .call(Method::DELETE, &format!("/users/{}", crowd.user(leaves)), &json!({}))
                            .await;
                    }
                }
            });
        }
        Calls { placed, callers }
    }

    fn dice(&self, number: u64) -> Dice {
        Dice::new(self.seed.wrapping_mul(31).wrapping_add(number))
    }

    fn user(&self, number: u64) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("user {} {number}", self.seed).as_bytes()).to_string()
    }

    /// Places an order, some of them by way of a draft; sometimes it is cancelled at once.
    async fn order(&self, number: u64) -> String {
        let mut dice = self.dice(number);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("order {} {number}", self.seed).as_bytes());
        let line = |dice: &mut Dice| json!({"sku": format!("article-{}", dice.roll(0..ARTICLES)), "quantity": dice.roll(1..5), "unit_price": dice.roll(0..1500)});
        let lines: Vec<_> = (0..dice.roll(1..4)).map(|_| line(&mut dice)).collect();
        let draft = dice.roll(0..8) == 0;
        // One of them may be gone already, or not be there yet.
        let user = self.user(number / DELETED_EVERY + dice.roll(0..USERS));
        let body = json!({"id": id.to_string(), "user_id": user, "lines": lines, "draft": draft});
        self.call(Method::POST, "/orders", &body).await;
        if draft && dice.roll(0..4) > 0 {
            self.call(Method::POST, &format!("/orders/{id}/place"), &json!({})).await;
        }
        match dice.roll(0..8) {
            0 => self.call(Method::DELETE, &format!("/orders/{id}"), &json!({})).await,
            1 => {}
            _ => self.outcome(&id.to_string()).await,
        }
        id.to_string()
    }

    /// What happens to an order some time after it was placed.
    async fn later(&self, order: &str, number: u64) {
        let mut dice = self.dice(number.wrapping_add(1 << 40));
        let path = format!("/orders/{order}");
        match dice.roll(0..6) {
            0 => self.call(Method::DELETE, &path, &json!({})).await,
            1 | 2 => self.call(Method::POST, &format!("{path}/ship"), &json!({})).await,
            3 => {
                self.call(Method::POST, &format!("{path}/ship"), &json!({})).await;
                self.call(Method::POST, &format!("{path}/complete"), &json!({})).await;
            }
            4 => self.receive(dice.roll(UNTRACKED..ARTICLES), 15).await,
            _ => {}
        }
    }

    /// Waits until it is known what becomes of an order, as people do.
    async fn outcome(&self, order: &str) {
        for round in 0..20 {
            let api = &self.apis[round % self.apis.len()];
            let request = self.client.get(format!("{api}/orders/{order}")).header("prefer", "wait=5");
            match request.send().await {
                Ok(answer) => {
                    let text = answer.text().await.unwrap_or_default();
                    let order: Value = serde_json::from_str(&text).unwrap_or_default();
                    if order["status"] != "placed" && order["status"].is_string() {
                        return;
                    }
                }
                Err(_) => sleep(BREATH).await,
            }
        }
    }

    async fn register(&self, user: u64) {
        let (id, email) = (self.user(user), format!("{user}@shop.example"));
        let body = json!({"id": id, "name": "Ann", "email": email, "credit_limit": 40_000});
        self.call(Method::POST, "/users", &body).await;
    }

    async fn receive(&self, article: u64, quantity: u64) {
        let path = format!("/stock/article-{article}/receipts");
        self.call(Method::POST, &path, &json!({"quantity": quantity})).await;
    }

    /// Calls until there is an answer that will not change: under one key, at whatever node answers.
    async fn call(&self, method: Method, path: &str, body: &Value) {
        let key = Uuid::now_v7().to_string();
        for round in 0_usize.. {
            let api = &self.apis[(round + usize::try_from(self.seed).unwrap_or(0)) % self.apis.len()];
            let request = self.client.request(method.clone(), format!("{api}{path}"));
            let request = request.header("idempotency-key", &key).header("content-type", "application/json");
            let answer = request.body(body.to_string()).send().await;
            match answer.map(|answer| answer.status().as_u16()) {
                Ok(200 | 201 | 404 | 422) => return,
                Ok(409) if path.ends_with("ship") || path.ends_with("complete") => return,
                Ok(409) if method == Method::DELETE => return,
                Ok(status @ (409 | 503)) => {
                    assert!(round < 600, "{method} {path}: {status}, again and again");
                    sleep(BREATH).await;
                }
                Ok(status) => panic!("{method} {path}: {status}"),
                Err(error) => {
                    assert!(round < 600, "{method} {path}: {error}");
                    sleep(BREATH).await;
                }
            }
        }
    }
}
