//! Views over many things, by example.

use event_model::{Decider, Position, Projection as _, Recorded};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{Activity, Customers, SalesByArticle, SalesByDay};
use crate::testing::{
    amount, email, line, name, order_id, quantity, recorded, rows_of, text, units, user_id,
};
use crate::{Lines, Order, OrderEvent, Stock, StockEvent, User, UserEvent, UserId};

/// A log that is written down event by event, one an hour.
#[derive(Default)]
struct Log(Vec<Recorded>);

impl Log {
    fn with<D: Decider>(mut self, id: &D::Id, version: u64, event: &D::Event) -> Self {
        let position = self.0.len() as u64 + 1;
        let time = OffsetDateTime::UNIX_EPOCH + Duration::hours(position.cast_signed());
        self.0.push(Recorded {
            position: Position::new(position),
            time,
            ..recorded::<D>(id, version, event)
        });
        self
    }

    fn a_day_later(mut self) -> Self {
        for event in &mut self.0 {
            event.time -= Duration::DAY;
        }
        self
    }
}

fn ann() -> UserId {
    user_id(1)
}

fn tea_and_cups() -> Lines {
    Lines::new(vec![line("tea", 2, 450), line("cup", 1, 999), line("tea", 1, 400)]).unwrap()
}

fn placed() -> OrderEvent {
    let lines = tea_and_cups();
    OrderEvent::OrderPlaced { user_id: ann(), total: lines.total(), lines, ship_to: None }
}

fn confirmed() -> OrderEvent {
    OrderEvent::OrderConfirmed { user_id: ann(), lines: tea_and_cups() }
}

fn cancelled(lines: Lines) -> OrderEvent {
    OrderEvent::OrderCancelled { user_id: ann(), reason: Some(text("ordered twice")), lines }
}

fn shown(rows: impl serde::Serialize) -> Value {
    serde_json::to_value(rows).unwrap()
}

#[test]
fn an_order_is_sold_when_it_is_confirmed_and_taken_back_on_the_day_that_it_is_cancelled() {
    let log = Log::default()
        .with::<Order>(&order_id(1), 1, &placed())
        .with::<Order>(&order_id(1), 2, &confirmed())
        .with::<Order>(&order_id(2), 1, &placed())
        .with::<Order>(&order_id(2), 2, &confirmed())
        .a_day_later()
        .with::<Order>(&order_id(1), 3, &cancelled(tea_and_cups()));
    let by_day = json!({
        "1969-12-31": {"day": "1969-12-31", "orders": 2, "units": 8, "revenue": 4598},
        "1970-01-01": {"day": "1970-01-01", "orders": -1, "units": -4, "revenue": -2299},
    });
    assert_eq!(shown(rows_of::<SalesByDay>(&log.0)), by_day);
    let by_article = json!({
        "1969-12-31/cup": {"day": "1969-12-31", "sku": "cup", "units": 2, "revenue": 1998},
        "1969-12-31/tea": {"day": "1969-12-31", "sku": "tea", "units": 6, "revenue": 2600},
        "1970-01-01/cup": {"day": "1970-01-01", "sku": "cup", "units": -1, "revenue": -999},
        "1970-01-01/tea": {"day": "1970-01-01", "sku": "tea", "units": -3, "revenue": -1300},
    });
    assert_eq!(shown(rows_of::<SalesByArticle>(&log.0)), by_article);
}

#[test]
fn what_was_never_confirmed_or_says_no_lines_is_not_sold() {
    let of_an_older_program = OrderEvent::OrderConfirmed { user_id: ann(), lines: Lines::default() };
    let log = Log::default()
        .with::<Order>(&order_id(1), 1, &placed())
        .with::<Order>(&order_id(1), 2, &cancelled(Lines::default()))
        .with::<Order>(&order_id(2), 1, &placed())
        .with::<Order>(&order_id(2), 2, &of_an_older_program);
    assert!(rows_of::<SalesByDay>(&log.0).is_empty() && rows_of::<SalesByArticle>(&log.0).is_empty());
}

#[test]
fn a_customer_has_open_what_has_not_ended_and_has_spent_what_was_captured() {
    let (name, email) = (name("Ann"), email("ann@a"));
    let registered = UserEvent::UserRegistered { name, email, credit_limit: amount(9_000) };
    let captured =
        UserEvent::CreditCaptured { order_id: order_id(1), amount: amount(2_299), reserved: amount(0) };
    let drafted = OrderEvent::OrderDrafted { user_id: ann(), lines: Lines::default(), ship_to: None };
    let log = Log::default()
        .with::<User>(&ann(), 1, &registered)
        .with::<Order>(&order_id(1), 1, &placed())
        .with::<Order>(&order_id(2), 1, &drafted)
        .with::<Order>(&order_id(2), 2, &placed())
        .with::<Order>(&order_id(3), 1, &placed())
        .with::<Order>(&order_id(3), 2, &cancelled(Lines::default()))
        .with::<User>(&ann(), 2, &captured);
    let of_ann = |log: &Log| shown(&rows_of::<Customers>(&log.0)[&ann().to_string()]);
    assert_eq!(
        of_ann(&log),
        json!({
            "user_id": ann(), "status": "active", "name": "Ann", "open_orders": 2, "spent": 2299, "version": 2,
        })
    );
    let log = log
        .with::<Order>(&order_id(1), 2, &OrderEvent::OrderCompleted { user_id: ann() })
        .with::<User>(&ann(), 3, &UserEvent::UserDeleted { orders: vec![] });
    assert_eq!(
        of_ann(&log),
        json!({
            "user_id": ann(), "status": "deleted", "open_orders": 1, "spent": 2299, "version": 3,
        })
    );
}

#[test]
fn what_is_worth_telling_is_told_in_words_and_names_nobody() {
    let registered = UserEvent::UserRegistered {
        name: name("Zoë Quill"),
        email: email("zoe@example.com"),
        credit_limit: amount(9_000),
    };
    let reserved =
        UserEvent::CreditReserved { order_id: order_id(7), amount: amount(1), reserved: amount(1) };
    let tea = "tea".parse().unwrap();
    let log = Log::default()
        .with::<User>(&ann(), 1, &registered)
        .with::<Order>(&order_id(7), 1, &placed())
        .with::<User>(&ann(), 2, &reserved)
        .with::<Order>(&order_id(7), 2, &cancelled(Lines::default()))
        .with::<Stock>(&tea, 1, &StockEvent::StockReceived { quantity: quantity(3), on_hand: units(5) });
    let rows = rows_of::<Activity>(&log.0);
    let told: Vec<_> = rows.values().map(|row| (row.position.get(), row.what.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "a user registered"),
            (2, "an order was placed: 4 units for 2299"),
            (4, "an order was cancelled: ordered twice"),
            (5, "3 of tea came in, 5 are there"),
        ]
    );
    assert_eq!(
        shown(&rows["00000000000000000002"]),
        json!({
            "position": 2, "time": "1970-01-01T02:00:00Z", "event_id": log.0[1].id, "type": "order-placed",
            "category": "order", "id": order_id(7), "user_id": ann(), "what": "an order was placed: 4 units for 2299",
        })
    );
    let all = shown(&rows).to_string();
    assert!(!all.contains("Zoë") && !all.contains("zoe@"), "{all}");
}

#[test]
fn what_other_hands_wrote_touches_none_of_them_and_what_cannot_be_read_is_told() {
    let event = recorded::<Order>(&order_id(1), 2, &confirmed());
    let unversioned = Recorded { version: None, ..event.clone() };
    let mut of_another = event.clone();
    of_another.entity.category = "payment".to_owned();
    for event in [unversioned, of_another] {
        assert_eq!(SalesByDay::keys(&event).unwrap(), [""; 0]);
        assert_eq!(SalesByArticle::keys(&event).unwrap(), [""; 0]);
        assert_eq!(Customers::keys(&event).unwrap(), [""; 0]);
        assert_eq!(Activity::keys(&event).unwrap(), [""; 0]);
    }
    let unreadable = Recorded { data: "{}".into(), ..event };
    assert!(SalesByDay::keys(&unreadable).is_err() && SalesByArticle::keys(&unreadable).is_err());
    assert!(Customers::keys(&unreadable).is_err() && Activity::keys(&unreadable).is_err());
}
