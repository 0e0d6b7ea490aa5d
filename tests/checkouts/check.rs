//! What the log must hold, whatever happened: read as it is stored, and folded by nothing but sums.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::raw::Event;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What contradicts the promises.
    pub(crate) findings: Vec<String>,
    /// Orders that have not ended, and why not.
    pub(crate) open: Vec<String>,
    statuses: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<String, u64>,
    events: usize,
}

/// An order, by what its own events say.
#[derive(Debug, Default)]
struct Order {
    user: String,
    total: u64,
    units: BTreeMap<String, u64>,
    status: &'static str,
    placed: bool,
    reason: String,
    /// Where it ended in vain.
    failed_at: u64,
    authorised: bool,
}

/// What one order has of a user's credit or of an article.
#[derive(Debug, Default)]
struct Hold {
    held: u64,
    reserved: u64,
    given_back: u64,
    used: u64,
    releases: u64,
    uses: u64,
    waived: bool,
    last: u64,
}

/// A user's credit, or an article's stock.
#[derive(Debug, Default)]
struct Purse {
    limit: u64,
    on_hand: u64,
    orders: BTreeMap<String, Hold>,
}

impl Purse {
    fn held(&self) -> u64 {
        self.orders.values().map(|hold| hold.held).sum()
    }
}

#[derive(Default)]
struct Books {
    orders: BTreeMap<String, Order>,
    purses: BTreeMap<(String, String), Purse>,
    ids: BTreeSet<String>,
    causes: BTreeSet<(String, String, String)>,
    findings: Vec<String>,
}

impl Report {
    pub(crate) fn of(log: &[Event], voided: &BTreeSet<String>) -> Self {
        let mut books = Books::default();
        for event in log {
            books.once(event);
            match event.category.as_str() {
                "order" => books.order(event),
                "user" => books.purse(event, "amount"),
                "stock" => books.purse(event, "quantity"),
                "payment" if event.kind == "payment-authorised" => {
                    books.orders.entry(event.entity.clone()).or_default().authorised = true;
                }
                _ => {}
            }
        }
        let mut report = Self { events: log.len(), ..Self::default() };
        for (id, order) in books.orders.iter().filter(|(_, order)| order.placed) {
            *report.statuses.entry(order.status).or_default() += 1;
            if order.status == "rejected" {
                let kind = order.reason.split(':').next().unwrap_or_default();
                let kind = if kind.starts_with("stock of ") { "stock" } else { kind };
                *report.reasons.entry(kind.to_owned()).or_default() += 1;
                let known = ["credit", "stock", "deadline", "payment"].contains(&kind);
                if !known {
                    books.findings.push(format!("order {id} was rejected for {:?}", order.reason));
                }
            }
            books.findings.extend(settled(id, order, &books.purses, voided, &mut report.open));
        }
        report.findings = books.findings;
        report
    }

    /// How many orders were placed.
    pub(crate) fn placed(&self) -> u64 {
        self.statuses.values().sum()
    }
}

/// Whether all that the order set in motion has come to rest, and as it must.
fn settled(
    id: &str,
    order: &Order,
    purses: &BTreeMap<(String, String), Purse>,
    voided: &BTreeSet<String>,
    open: &mut Vec<String>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let hold = |category: &str, entity: &str| {
        let purse = purses.get(&(category.to_owned(), entity.to_owned()));
        purse.and_then(|purse| purse.orders.get(id))
    };
    let mut steps = vec![(format!("credit of {}", order.user), hold("user", &order.user), order.total)];
    for (sku, units) in &order.units {
        steps.push((format!("stock of {sku}"), hold("stock", sku), *units));
    }
    for (what, hold, wanted) in steps {
        let has = hold.map_or(0, |hold| hold.held);
        let waived = hold.is_some_and(|hold| hold.waived);
        let rejected_too_early = hold.is_some_and(|hold| hold.given_back > 0 && hold.last > order.failed_at);
        let used = hold.map_or(0, |hold| hold.used);
        match order.status {
            "placed" => open.push(format!("{id} is placed: {what} holds {has}")),
            "confirmed" if !waived && has != wanted => {
                wrong.push(format!("confirmed order {id} holds {has} of {wanted}: {what}"));
            }
            "rejected" if has > 0 => wrong.push(format!("rejected order {id} still holds {has}: {what}")),
            "rejected" if rejected_too_early => {
                wrong.push(format!("order {id} was rejected before all was given back: {what}"));
            }
            "cancelled" if has > 0 => open.push(format!("{id} is cancelled, and still holds {has}: {what}")),
            "shipped" | "completed" if has > 0 => {
                open.push(format!("{id} is shipped, and still holds {has}: {what}"));
            }
            "shipped" | "completed" if !waived && used != wanted => {
                wrong.push(format!("shipped order {id} used {used} of {wanted}: {what}"));
            }
            _ => {}
        }
    }
    let failed = matches!(order.status, "rejected" | "cancelled");
    if failed && order.authorised && !voided.contains(id) {
        open.push(format!("{id} has failed, and its payment was not voided"));
    }
    if matches!(order.status, "confirmed" | "shipped" | "completed") && !order.authorised {
        wrong.push(format!("order {id} is {} without a payment", order.status));
    }
    wrong
}

impl Books {
    /// Nothing that we write is there twice: no event, and no effect of one cause on one entity. The payment says again
    /// what it has no acknowledgement of, and may; that nothing comes of it, the other sums show.
    fn once(&mut self, event: &Event) {
        if event.category != "payment" && !self.ids.insert(event.id.clone()) {
            self.findings.push(format!("stored twice: {event:?}"));
        }
        let asked = matches!(event.category.as_str(), "user" | "stock" | "order");
        let effect =
            (event.cause.clone(), format!("{}/{}", event.category, event.entity), event.kind.clone());
        if asked && !event.cause.is_empty() && !self.causes.insert(effect) {
            self.findings.push(format!("one cause, twice the effect: {event:?}"));
        }
    }

    fn order(&mut self, event: &Event) {
        let order = self.orders.entry(event.entity.clone()).or_default();
        let before = order.status;
        let after = match event.kind.as_str() {
            "order-drafted" => "draft",
            "order-placed" => {
                (order.user, order.total, order.placed) =
                    (event.text("user_id").into(), event.number("total"), true);
                for line in event.data["lines"].as_array().unwrap() {
                    let sku = line["sku"].as_str().unwrap().to_owned();
                    *order.units.entry(sku).or_default() += line["quantity"].as_u64().unwrap();
                }
                "placed"
            }
            "order-confirmed" => "confirmed",
            "order-rejected" => "rejected",
            "order-cancelled" => "cancelled",
            "order-shipped" => "shipped",
            "order-completed" => "completed",
            _ => before,
        };
        let allowed = matches!(
            (before, after),
            ("", "draft" | "placed")
                | ("draft", "draft" | "placed" | "cancelled")
                | ("placed", "placed" | "confirmed" | "rejected" | "cancelled")
                | ("confirmed", "confirmed" | "shipped" | "cancelled")
                | ("shipped", "completed")
        );
        if !allowed {
            self.findings.push(format!("an order went from {before} to {after}: {event:?}"));
        }
        order.status = after;
        if matches!(after, "rejected" | "cancelled") {
            (order.reason, order.failed_at) = (event.text("reason").into(), event.position);
        }
    }

    /// Sums that must come out at every position, and not only at the end.
    fn purse(&mut self, event: &Event, field: &str) {
        let purse = self.purses.entry((event.category.clone(), event.entity.clone())).or_default();
        match event.kind.as_str() {
            "user-registered" | "user-credit-limit-changed" => purse.limit = event.number("credit_limit"),
            "stock-received" => purse.on_hand += event.number("quantity"),
            "credit-reserved" | "stock-reserved" => {
                let hold = purse.orders.entry(event.text("order_id").into()).or_default();
                if hold.releases + hold.uses > 0 || hold.reserved > 0 {
                    self.findings.push(format!("reserved again: {event:?}"));
                }
                (hold.held, hold.reserved) = (event.number(field), event.number(field));
                hold.waived = event.category == "stock" && purse.on_hand == 0 && event.number(field) == 0;
                let (all, limit) =
                    (purse.held(), if field == "amount" { purse.limit } else { purse.on_hand });
                if all > limit {
                    self.findings.push(format!("{all} of {limit} are set aside: {event:?}"));
                }
            }
            "credit-released" | "stock-released" | "credit-captured" | "stock-shipped" => {
                let hold = purse.orders.entry(event.text("order_id").into()).or_default();
                let amount = event.number(field);
                if amount != hold.held {
                    self.findings.push(format!("{} was held: {event:?}", hold.held));
                }
                (hold.held, hold.last) = (0, event.position);
                let used = matches!(event.kind.as_str(), "credit-captured" | "stock-shipped");
                let times = if used {
                    (hold.used, hold.uses) = (hold.used + amount, hold.uses + 1);
                    hold.uses
                } else {
                    (hold.given_back, hold.releases) = (hold.given_back + amount, hold.releases + 1);
                    hold.releases
                };
                if times > 1 {
                    self.findings.push(format!("carried out {times} times: {event:?}"));
                }
                if hold.reserved != hold.used + hold.given_back {
                    self.findings.push(format!("{hold:?} does not come out: {event:?}"));
                }
                if event.kind == "stock-shipped" {
                    match purse.on_hand.checked_sub(amount) {
                        Some(left) => purse.on_hand = left,
                        None => self.findings.push(format!("fewer than none are on hand: {event:?}")),
                    }
                    if event.number("on_hand") != purse.on_hand {
                        self.findings.push(format!("{} are on hand: {event:?}", purse.on_hand));
                    }
                }
            }
            _ => {}
        }
        if let Some(said) = event.data["reserved"].as_u64() {
            let purse = &self.purses[&(event.category.clone(), event.entity.clone())];
            if said != purse.held() {
                self.findings.push(format!("{} is set aside: {event:?}", purse.held()));
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events; orders {:?}; rejected for {:?}", self.events, self.statuses, self.reasons)
    }
}

#[cfg(test)]
mod tests;
