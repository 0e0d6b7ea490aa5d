//! What people see, and the read models over it.
//!
//! - [`user`], [`order`], [`stock`], [`saga`]: what one thing looks like, and the list of all of them
//! - [`customer`], [`sales`], [`activity`]: what many events together come to
//!
//! A row of one thing is what the entity's own `view` gives at that version; the events carry the totals that it takes.
//! An event counts when its version follows the row's: what a foreign hand wrote elsewhere changes nothing. Rows over
//! many things have no such version: there an event is what it says.

pub mod activity;
pub mod customer;
pub mod order;
pub mod saga;
pub mod sales;
pub mod stock;
pub mod user;

use event_model::{Decider, Recorded, Version};

pub use activity::{Activity, ActivityView};
pub use customer::{CustomerStatus, CustomerView, Customers, UnknownCustomerStatus};
pub use order::{OrderView, Orders};
pub use saga::{SagaRow, SagaState, SagaView, Sagas};
pub use sales::{SalesByArticle, SalesByDay, SalesOfArticle, SalesOfDay};
pub use stock::{StockView, Stocks};
pub use user::{Credit, UserStatus, UserView, Users};

/// The key of the row that an event touches: the id of its entity, when it is one of these.
fn key_of<D: Decider>(event: &Recorded) -> Vec<String> {
    id_of::<D>(event).map(|id| id.to_string()).into_iter().collect()
}

/// The id of the entity that an event is about, when it is one of these. An id that is written otherwise than
/// we would is another subject, and so none of ours.
pub(crate) fn id_of<D: Decider>(event: &Recorded) -> Option<D::Id> {
    if event.entity.category != D::CATEGORY {
        return None;
    }
    let id = event.entity.id.parse::<D::Id>().ok()?;
    (id.to_string() == event.entity.id).then_some(id)
}

/// Whether an event is the one after this version.
fn follows(version: Version, event: &Recorded) -> bool {
    event.version.is_some_and(|next| next.get().checked_sub(1) == Some(version.get()))
}

#[cfg(test)]
mod over_many;

#[cfg(test)]
mod tests {
    use event_model::Projection as _;

    use super::*;
    use crate::testing::{email, name, projected, recorded, user_id};
    use crate::{User, UserEvent};

    fn registered() -> Recorded {
        let (name, email) = (name("Ann"), email("Ann@Example.com"));
        let credit_limit = User::DEFAULT_CREDIT_LIMIT;
        let event = UserEvent::UserRegistered { name, email, credit_limit };
        recorded::<User>(&user_id(0xab), 3, &event)
    }

    #[test]
    fn a_user_that_was_refused_credit_before_is_seen_from_its_registration_on() {
        let row = projected::<Users>(None, &registered()).unwrap().unwrap();
        assert_eq!((row.id, row.version), (user_id(0xab), Version::new(3)));
        assert_eq!(Users::columns(&row), [("email", "ann@example.com".into())]);
    }

    #[test]
    fn what_is_none_of_ours_touches_no_row() {
        let mut of_another = registered();
        of_another.entity.category = "payment".to_owned();
        let mut upper_case = registered();
        upper_case.entity.id = upper_case.entity.id.to_uppercase();
        let mut nameless = registered();
        nameless.entity.id = "ann".to_owned();
        for event in [of_another, upper_case, nameless] {
            assert_eq!(Users::keys(&event).unwrap(), [""; 0]);
            assert_eq!(projected::<Users>(None, &event).unwrap(), None);
        }
        let unversioned = Recorded { version: None, ..registered() };
        assert_eq!(projected::<Users>(None, &unversioned).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let row = projected::<Users>(None, &registered()).unwrap();
        let unknown = Recorded { event_type: "user-painted".to_owned(), ..registered() };
        assert!(projected::<Users>(row.clone(), &unknown).is_err());
        let unreadable = Recorded { data: "{}".into(), ..registered() };
        assert!(projected::<Users>(row, &unreadable).is_err());
    }
}
