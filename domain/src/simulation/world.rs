//! Entities, the log, the queue, the deadlines, the sagas' runners, and another tool that takes payments.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use event_model::{Decider, EntityName, Outgoing, Position, Progress, Recorded, Request, Saga};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::testing::*;
use crate::*;

pub(super) const USERS: u128 = 2;
pub(super) const SKUS: [&str; 3] = ["tea", "cup", "untracked"];

/// One category's entities, folded.
#[derive(Debug)]
pub(super) struct Entities<D: Decider>(pub(super) BTreeMap<String, (D, u64)>);

#[derive(Debug)]
pub(super) struct World {
    pub(super) log: Vec<Recorded>,
    pub(super) users: Entities<User>,
    pub(super) orders: Entities<Order>,
    pub(super) stock: Entities<Stock>,
    pub(super) checkouts: Entities<Checkout>,
    pub(super) departures: Entities<Departure>,
    pub(super) queue: Vec<Request>,
    /// What the runners have read: what was learned, and what was sent.
    learned: [usize; 2],
    sent: usize,
    deadlines: BTreeSet<String>,
    /// Orders that payment holds money for, and those that it was ever asked to authorise.
    pub(super) paid: BTreeSet<String>,
    asked_to_pay: BTreeSet<String>,
    pub(super) misunderstood: Vec<Request>,
    pub(super) abandoned: BTreeSet<String>,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            log: vec![],
            users: Entities::default(),
            orders: Entities::default(),
            stock: Entities::default(),
            checkouts: Entities::default(),
            departures: Entities::default(),
            queue: vec![],
            learned: [0; 2],
            sent: 0,
            deadlines: BTreeSet::new(),
            paid: BTreeSet::new(),
            asked_to_pay: BTreeSet::new(),
            misunderstood: vec![],
            abandoned: BTreeSet::new(),
        };
        for user in 0..USERS {
            let (name, email) = (name("Ann"), email("ann@a"));
            world.user(user_id(user), UserCommand::Register { name, email, credit_limit: amount(40) });
        }
        for sku in &SKUS[..2] {
            world.stock(&sku.parse().unwrap(), StockCommand::Receive { quantity: quantity(12) });
        }
        world
    }

    pub(super) fn user(&mut self, id: UserId, command: UserCommand) {
        self.users.execute(&mut self.log, &id, command);
    }

    pub(super) fn order(&mut self, id: OrderId, command: OrderCommand) {
        self.orders.execute(&mut self.log, &id, command);
    }

    pub(super) fn stock(&mut self, id: &Sku, command: StockCommand) {
        self.stock.execute(&mut self.log, id, command);
    }

    pub(super) fn checkout(&mut self, id: OrderId, command: CheckoutCommand) {
        self.checkouts.execute(&mut self.log, &id, command);
    }

    /// The sagas learn from the next event that they have not read.
    pub(super) fn learn(&mut self, saga: usize) {
        let Some(event) = self.log.get(self.learned[saga]).cloned() else { return };
        self.learned[saga] += 1;
        if saga == 0 {
            let participants = vec!["payment".parse().unwrap()];
            let settings = CheckoutSettings { deadline: Duration::from_secs(30), participants };
            if let Some((id, command)) = Checkout::route(&event, &settings).unwrap() {
                self.checkouts.execute(&mut self.log, &id, command);
            }
        } else if let Some((id, command)) = Departure::route(&event, &()).unwrap() {
            self.departures.execute(&mut self.log, &id, command);
        }
    }

    /// What the next event of a saga intends is sent.
    pub(super) fn send(&mut self) {
        let Some(event) = self.log.get(self.sent).cloned() else { return };
        self.sent += 1;
        for outgoing in sent::<Checkout>(&event).into_iter().chain(sent::<Departure>(&event)) {
            match outgoing {
                Outgoing::Request(request) => self.queue.push(request),
                Outgoing::Deadline(deadline) => {
                    assert!(Checkout::expire(deadline.name).is_some());
                    self.deadlines.insert(event.entity.id.clone());
                }
            }
        }
    }

    /// A runner dies, and begins a while before where it was.
    pub(super) fn crash(&mut self, which: usize, back: usize) {
        let reads = match which {
            0 | 1 => &mut self.learned[which],
            _ => &mut self.sent,
        };
        *reads = reads.saturating_sub(back);
    }

    /// A deadline passes; it may pass again.
    pub(super) fn expire(&mut self, which: usize) {
        if let Some(order) = nth(&self.deadlines, which) {
            let command = Checkout::expire("answers").unwrap();
            self.checkout(order.parse().unwrap(), command);
        }
    }

    /// One of the commands in the queue is carried out, and perhaps stays there.
    pub(super) fn carry_out(&mut self, which: usize, stays: bool) {
        if self.queue.is_empty() {
            return;
        }
        let which = which % self.queue.len();
        let request = if stays { self.queue[which].clone() } else { self.queue.remove(which) };
        if self.understand(&request).is_none() {
            self.misunderstood.push(request);
        }
    }

    /// Nobody does anything any more; all that is under way arrives, and every deadline passes.
    pub(super) fn comes_to_rest(&mut self) {
        for _ in 0..10_000 {
            let before = (self.log.len(), self.learned, self.sent, self.queue.len());
            self.learn(0);
            self.learn(1);
            self.send();
            self.carry_out(0, false);
            if before == (self.log.len(), self.learned, self.sent, self.queue.len()) {
                if self.deadlines.is_empty() {
                    return;
                }
                let order = self.deadlines.pop_first().unwrap();
                self.checkout(order.parse().unwrap(), Checkout::expire("answers").unwrap());
            }
        }
        panic!("it never comes to rest");
    }

    pub(super) fn statuses(&self) -> Vec<(u128, OrderStatus)> {
        let number = |id: &String| id.parse::<OrderId>().unwrap().get().as_u128();
        self.orders.0.iter().map(|(id, (order, _))| (number(id), order.status().unwrap())).collect()
    }

    pub(super) fn progress(&self, order: &str) -> Progress {
        self.checkouts.0.get(order).map_or(Progress::NotBegun, |(checkout, _)| checkout.progress())
    }

    /// What the inbox will do with what arrives on a subject.
    fn understand(&mut self, request: &Request) -> Option<()> {
        let Request { entity: EntityName { category, id }, command, body } = request;
        let order_id = || field::<OrderId>(body, "order_id");
        match (category.as_str(), *command) {
            ("user", "reserve-credit") => {
                let (order_id, amount) = (order_id()?, field(body, "amount")?);
                self.user(id.parse().ok()?, UserCommand::ReserveCredit { order_id, amount });
            }
            ("user", "release-credit") => {
                self.user(id.parse().ok()?, UserCommand::ReleaseCredit { order_id: order_id()? });
            }
            ("user", "capture-credit") => {
                self.user(id.parse().ok()?, UserCommand::CaptureCredit { order_id: order_id()? });
            }
            ("stock", "reserve") => {
                let (order_id, quantity) = (order_id()?, field(body, "quantity")?);
                self.stock(&id.parse().ok()?, StockCommand::Reserve { order_id, quantity });
            }
            ("stock", "release") => {
                self.stock(&id.parse().ok()?, StockCommand::Release { order_id: order_id()? });
            }
            ("stock", "ship") => {
                self.stock(&id.parse().ok()?, StockCommand::Ship { order_id: order_id()? });
            }
            ("order", "confirm") => self.order(id.parse().ok()?, OrderCommand::Confirm),
            ("order", "reject") => {
                self.order(id.parse().ok()?, OrderCommand::Reject { reason: field(body, "reason")? });
            }
            ("order", "cancel") => {
                self.order(id.parse().ok()?, OrderCommand::Cancel { reason: field(body, "reason")? });
            }
            ("payment", "authorise") => {
                field::<UserId>(body, "user_id")?;
                self.pay(id, order_id()?, field(body, "amount")?)?;
            }
            ("payment", "void") => {
                self.paid.remove(&order_id()?.to_string());
            }
            _ => return None,
        }
        Some(())
    }

    /// Another tool, with rules of its own: it declines what costs 13, is silent about what costs 17, and authorises
    /// once. It knows nothing of a void that came before.
    fn pay(&mut self, id: &str, order_id: OrderId, amount: Amount) -> Option<()> {
        let is_new = self.asked_to_pay.insert(id.to_owned());
        let (event_type, data) = match amount.get() {
            17 => return Some(()),
            13 => ("payment-declined", r#"{"reason":"no luck","code":13}"#),
            _ => ("payment-authorised", "{}"),
        };
        if is_new && event_type == "payment-authorised" {
            self.paid.insert(id.to_owned());
        }
        (order_id.to_string() == id).then_some(())?;
        let log = &mut self.log;
        let any = recorded::<EmailClaim>(&"0".repeat(64).parse().ok()?, 1, &claimed());
        let entity = EntityName::new("payment", id);
        let position = Position::new(log.len() as u64 + 1);
        let event_type = event_type.to_owned();
        log.push(Recorded { entity, event_type, version: None, position, data: data.into(), ..any });
        Some(())
    }
}

impl<D: Decider> Entities<D> {
    fn execute(&mut self, log: &mut Vec<Recorded>, id: &D::Id, command: D::Command) {
        let (state, version) = self.0.entry(id.to_string()).or_default();
        for event in state.decide(command).unwrap_or_default() {
            *version += 1;
            let position = Position::new(log.len() as u64 + 1);
            log.push(Recorded { position, ..recorded::<D>(id, *version, &event) });
            *state = std::mem::take(state).evolve(event);
        }
        if *version == 0 {
            self.0.remove(&id.to_string());
        }
    }
}

impl<D: Decider> Default for Entities<D> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

pub(super) fn nth<T: Clone>(all: &BTreeSet<T>, which: usize) -> Option<T> {
    all.iter().nth(which % all.len().max(1)).cloned()
}

fn sent<S: Saga>(event: &Recorded) -> Vec<Outgoing> {
    if event.entity.category != S::CATEGORY {
        return vec![];
    }
    let id = S::Id::from_str(&event.entity.id).unwrap_or_else(|_| panic!("{}", event.entity));
    S::send(&id, &event.decode().unwrap())
}

fn field<T: DeserializeOwned>(body: &serde_json::Map<String, Value>, name: &str) -> Option<T> {
    serde_json::from_value(body.get(name)?.clone()).ok()
}

fn claimed() -> EmailClaimEvent {
    EmailClaimEvent::EmailClaimed { user_id: user_id(0) }
}
