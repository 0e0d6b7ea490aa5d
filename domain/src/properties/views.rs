//! Views over many things equal what is counted from the states of those things, whatever their history.

use std::collections::BTreeMap;

use event_model::{Position, Recorded};
use time::{Duration, OffsetDateTime};

use super::*;
use crate::{
    Activity, CustomerStatus, Customers, OrderCommand, OrderEvent, OrderId, OrderStatus, SalesByArticle,
    SalesByDay, UserCommand, UserEvent, UserId,
};

/// Something that is asked, and how many hours after what was asked before.
type Deeds = Vec<(Asked, i64)>;

#[derive(Debug, Clone)]
enum Asked {
    Order(u128, OrderCommand),
    User(u128, UserCommand),
}

fn deeds() -> impl Strategy<Value = Deeds> {
    let asked = prop_oneof![
        4 => (0..5_u128, order_command()).prop_map(|(order, command)| Asked::Order(order, command)),
        1 => (1..4_u128, user_command()).prop_map(|(user, command)| Asked::User(user, command)),
    ];
    vec((asked, 0..20_i64), 0..80)
}

/// The log of what was asked, and what is counted from states on the way.
#[derive(Default)]
struct Counted {
    log: Vec<Recorded>,
    orders: BTreeMap<OrderId, (Order, u64)>,
    users: BTreeMap<UserId, (User, u64)>,
    /// Orders, units and revenue, by day; units and revenue, by day and article.
    by_day: BTreeMap<String, (i64, i64, i64)>,
    by_article: BTreeMap<(String, String), (i64, i64)>,
    spent: BTreeMap<UserId, u64>,
}

impl Counted {
    fn of(deeds: Deeds) -> Self {
        let mut counted = Self::default();
        let mut now = OffsetDateTime::UNIX_EPOCH;
        for (asked, hours) in deeds {
            now += Duration::hours(hours);
            match asked {
                Asked::Order(order, command) => counted.order(order_id(order), command, now),
                Asked::User(user, command) => counted.user(user_id(user), command, now),
            }
        }
        counted
    }

    fn order(&mut self, id: OrderId, command: OrderCommand, now: OffsetDateTime) {
        let (mut order, mut version) = self.orders.remove(&id).unwrap_or_default();
        for event in order.decide(command).unwrap_or_default() {
            let before = order.status();
            order = order.evolve(event.clone());
            version += 1;
            self.store(recorded::<Order>(&id, version, &event), now);
            match (before, order.status()) {
                (before, Some(OrderStatus::Confirmed)) if before != order.status() => {
                    self.sell(&order, id, now, 1);
                }
                (Some(OrderStatus::Confirmed), Some(OrderStatus::Cancelled)) => {
                    self.sell(&order, id, now, -1);
                }
                _ => {}
            }
        }
        self.orders.insert(id, (order, version));
    }

    fn user(&mut self, id: UserId, command: UserCommand, now: OffsetDateTime) {
        let (mut user, mut version) = self.users.remove(&id).unwrap_or_default();
        for event in user.decide(command).unwrap_or_default() {
            if let UserEvent::CreditCaptured { amount, .. } = &event {
                *self.spent.entry(id).or_default() += amount.get();
            }
            user = user.evolve(event.clone());
            version += 1;
            self.store(recorded::<User>(&id, version, &event), now);
        }
        self.users.insert(id, (user, version));
    }

    fn store(&mut self, event: Recorded, time: OffsetDateTime) {
        let position = Position::new(self.log.len() as u64 + 1);
        self.log.push(Recorded { position, time, ..event });
    }

    fn sell(&mut self, order: &Order, id: OrderId, now: OffsetDateTime, sign: i64) {
        let (day, lines) = (now.date().to_string(), order.view(id, Version::new(1)).unwrap().lines);
        let of_day = self.by_day.entry(day.clone()).or_default();
        of_day.0 += sign;
        for line in lines.as_slice() {
            let units = sign * line.quantity.get().cast_signed();
            let revenue = units * line.unit_price.get().cast_signed();
            (of_day.1, of_day.2) = (of_day.1 + units, of_day.2 + revenue);
            let of_article = self.by_article.entry((day.clone(), line.sku.to_string())).or_default();
            *of_article = (of_article.0 + units, of_article.1 + revenue);
        }
    }

    fn open(&self, user: UserId) -> u64 {
        let ended = [OrderStatus::Rejected, OrderStatus::Cancelled, OrderStatus::Completed];
        let views = self.orders.iter().filter_map(|(id, (order, _))| order.view(*id, Version::new(1)));
        views.filter(|view| view.user_id == user && !ended.contains(&view.status)).count() as u64
    }
}

proptest! {
    #[test]
    fn sales_are_what_the_confirmed_orders_held(deeds in deeds()) {
        let counted = Counted::of(deeds);
        let rows = rows_of::<SalesByDay>(&counted.log);
        let of_day: BTreeMap<_, _> =
            rows.into_values().map(|row| (row.day, (row.orders, row.units, row.revenue))).collect();
        prop_assert_eq!(&of_day, &counted.by_day);
        let rows = rows_of::<SalesByArticle>(&counted.log);
        let of_article: BTreeMap<_, _> =
            rows.into_values().map(|row| ((row.day, row.sku), (row.units, row.revenue))).collect();
        prop_assert_eq!(&of_article, &counted.by_article);
        // Both views are of the same sales.
        let summed = of_article.values().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        let of_days = of_day.values().fold((0, 0), |sum, row| (sum.0 + row.1, sum.1 + row.2));
        prop_assert_eq!(summed, of_days);
    }

    #[test]
    fn a_customer_is_what_its_orders_and_its_credit_are(deeds in deeds()) {
        let counted = Counted::of(deeds);
        let rows = rows_of::<Customers>(&counted.log);
        for user in (1..4).map(user_id) {
            let Some(row) = rows.get(&user.to_string()) else {
                prop_assert_eq!(counted.open(user), 0);
                continue;
            };
            prop_assert_eq!(row.open_orders, counted.open(user));
            prop_assert_eq!(row.spent, counted.spent.get(&user).copied().unwrap_or_default());
            let (state, version) = counted.users.get(&user).cloned().unwrap_or_default();
            prop_assert_eq!(row.version, Version::new(version));
            let view = state.view(user, row.version);
            prop_assert_eq!(row.status == CustomerStatus::Active, view.is_some());
            prop_assert_eq!(&row.name, &view.map(|view| view.name));
        }
    }

    #[test]
    fn the_activity_tells_each_event_of_its_types_once(deeds in deeds()) {
        let counted = Counted::of(deeds);
        let told: Vec<_> = rows_of::<Activity>(&counted.log).into_values().map(|row| row.event_id).collect();
        let silent = ["order-lines-changed", "order-ship-to-changed"];
        let wanted = counted.log.iter().filter(|event| {
            let tells = OrderEvent::TYPES.contains(&event.event_type.as_str())
                || event.event_type.starts_with("user-");
            tells && !silent.contains(&event.event_type.as_str())
        });
        prop_assert_eq!(told, wanted.map(|event| event.id).collect::<Vec<_>>());
    }

    #[test]
    fn their_rows_are_read_as_they_are_written_and_have_their_columns(deeds in deeds()) {
        let log = Counted::of(deeds).log;
        rows_are_kept::<SalesByDay>(&log)?;
        rows_are_kept::<SalesByArticle>(&log)?;
        rows_are_kept::<Customers>(&log)?;
        rows_are_kept::<Activity>(&log)?;
    }
}

fn rows_are_kept<P: Projection>(log: &[Recorded]) -> Result<(), TestCaseError> {
    for row in rows_of::<P>(log).into_values() {
        let json = serde_json::to_string(&row).unwrap();
        prop_assert_eq!(&serde_json::from_str::<P::Row>(&json).unwrap(), &row);
        columns_are_as_declared::<P>(&row);
    }
    Ok(())
}
