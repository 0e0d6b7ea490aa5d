//! The log of a shop that goes on as the till's file began: the same baskets, the same number of orders a day.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use domain::{Amount, Lines, Order, OrderEvent, OrderId, Text, User, UserEvent, UserId};
use event_model::{Decider as _, EntityName, Event, Position, Recorded, Version, event, event_id};
use nats_launcher::Dice;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

/// Where the file begins.
const OPENING: OffsetDateTime = datetime!(2010-12-01 08:26 UTC);
const SECOND: u64 = 1000;
const DAY: u64 = 24 * 60 * 60 * SECOND;
/// Of 65 invoices with a customer in the file four are cancellations.
const CANCELLED: (u64, u64) = (4, 65);
/// Of 61 orders in the file 46 were the first of their customer.
const NEW_USERS: (u64, u64) = (46, 61);

/// What the file knows of orders.
pub(crate) struct Till {
    baskets: Vec<(Lines, Option<Text>)>,
}

impl Till {
    /// As the demo reads it.
    pub(crate) fn read() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/demo/online_retail.py");
        let said = Command::new("python3").arg(script).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let commands = String::from_utf8(said.stdout).unwrap();
        let basket = |command: &str| {
            let command: serde_json::Value = serde_json::from_str(command).unwrap();
            let body = command.get("body").filter(|_| command["path"] == "/orders")?;
            let ship_to = body.get("ship_to").map(|text| serde_json::from_value(text.clone()).unwrap());
            Some((serde_json::from_value(body["lines"].clone()).unwrap(), ship_to))
        };
        Self { baskets: commands.lines().filter_map(basket).collect() }
    }
}

/// An order that is under way.
struct Open {
    id: OrderId,
    user_id: UserId,
    version: Version,
    next: OrderEvent,
}

/// Its events, one after the other, without an end; the same for the same seed.
pub(crate) struct ShopLog {
    till: Till,
    dice: Dice,
    orders_a_day: u64,
    /// Milliseconds since the opening.
    now: u64,
    opens: u64,
    position: Position,
    users: Vec<UserId>,
    /// By when each order goes on, in milliseconds, and a number that no other has.
    open: BTreeMap<(u64, u64), Open>,
    /// What belongs to a new user, before the order.
    buyer: Option<UserId>,
}

impl ShopLog {
    pub(crate) fn new(till: Till, seed: u64, orders_a_day: u64) -> Self {
        let dice = Dice::new(seed);
        let (now, opens, position) = (0, 0, Position::START);
        Self {
            till,
            dice,
            orders_a_day,
            now,
            opens,
            position,
            users: Vec::new(),
            open: BTreeMap::new(),
            buyer: None,
        }
    }

    /// An id as the program makes them.
    fn id(&mut self) -> Uuid {
        let drawn = (u128::from(self.dice.roll(0..u64::MAX)) << 64) | u128::from(self.dice.roll(0..u64::MAX));
        let [random @ .., _, _, _, _, _, _] = drawn.to_be_bytes();
        let millis = self.time().unix_timestamp_nanos() / 1_000_000;
        uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap(), &random).into_uuid()
    }

    fn time(&self) -> OffsetDateTime {
        OPENING + time::Duration::milliseconds(i64::try_from(self.now).unwrap())
    }

    fn happens(&mut self, (part, of): (u64, u64)) -> bool {
        self.dice.roll(0..of) < part
    }

    /// Who buys: somebody new, or anybody who has bought before.
    fn buyer(&mut self) -> (UserId, Option<Recorded>) {
        if !self.users.is_empty() && !self.happens(NEW_USERS) {
            let which = self.dice.roll(0..self.users.len() as u64);
            return (self.users[usize::try_from(which).unwrap()], None);
        }
        let id = UserId::from(self.id());
        self.users.push(id);
        let number = self.users.len();
        let event = UserEvent::UserRegistered {
            name: format!("Customer {number}").parse().unwrap(),
            email: format!("customer-{number}@example.com").parse().unwrap(),
            credit_limit: Amount::new(1_000_000).unwrap(),
        };
        (id, Some(self.recorded(EntityName::new(User::CATEGORY, id), Version::new(1), &event)))
    }

    fn place(&mut self, user_id: UserId) -> Recorded {
        let which = self.dice.roll(0..self.till.baskets.len() as u64);
        let (lines, ship_to) = self.till.baskets[usize::try_from(which).unwrap()].clone();
        let total = lines.total();
        let id = OrderId::from(self.id());
        let next = OrderEvent::OrderConfirmed { user_id, lines: lines.clone() };
        let placed = OrderEvent::OrderPlaced { user_id, lines, total, ship_to };
        self.opens = self.now + self.dice.roll(0..2 * DAY / self.orders_a_day);
        self.step(Open { id, user_id, version: Version::START, next: placed }, Some((SECOND, next)))
    }

    /// Confirmed in a second, shipped the day after or the one after that, there some days later.
    fn go_on(&mut self, open: Open) -> Recorded {
        let user_id = open.user_id;
        let next = match &open.next {
            OrderEvent::OrderConfirmed { lines, .. } if self.happens(CANCELLED) => {
                let lines = lines.clone();
                Some((self.dice.roll(0..DAY), OrderEvent::OrderCancelled { user_id, reason: None, lines }))
            }
            OrderEvent::OrderConfirmed { .. } => {
                Some((self.dice.roll(DAY..2 * DAY), OrderEvent::OrderShipped { user_id }))
            }
            OrderEvent::OrderShipped { .. } => {
                Some((self.dice.roll(DAY..4 * DAY), OrderEvent::OrderCompleted { user_id }))
            }
            _ => None,
        };
        self.step(open, next)
    }

    fn step(&mut self, open: Open, next: Option<(u64, OrderEvent)>) -> Recorded {
        let Open { id, user_id, version, next: happens } = open;
        let version = version.next();
        let recorded = self.recorded(EntityName::new(Order::CATEGORY, id), version, &happens);
        if let Some((later, next)) = next {
            let at = (self.now + later, recorded.position.get());
            self.open.insert(at, Open { id, user_id, version, next });
        }
        recorded
    }

    fn recorded(&mut self, entity: EntityName, version: Version, event: &impl Event) -> Recorded {
        let command = self.id();
        self.position = self.position.next();
        Recorded {
            id: event_id(command, &entity, 0),
            entity,
            event_type: event.event_type().to_owned(),
            position: self.position,
            version: Some(version),
            time: self.time(),
            causation_id: Some(command),
            correlation_id: Some(command),
            part: None,
            actor: None,
            traceparent: None,
            data: event::encode(event).unwrap(),
        }
    }
}

impl Iterator for ShopLog {
    type Item = Recorded;

    fn next(&mut self) -> Option<Recorded> {
        if let Some(user) = self.buyer.take() {
            return Some(self.place(user));
        }
        if let Some(due) = self.open.first_entry().filter(|due| due.key().0 <= self.opens) {
            let ((at, _), open) = due.remove_entry();
            self.now = self.now.max(at);
            return Some(self.go_on(open));
        }
        self.now = self.now.max(self.opens);
        let (user, registered) = self.buyer();
        if registered.is_none() {
            return Some(self.place(user));
        }
        self.buyer = Some(user);
        registered
    }
}
