//! How a user's credit is set aside for orders. Sagas ask, and are always answered by an event: there is no
//! rejection here, also when the user is gone.

use super::{Account, User, UserEvent};
use crate::reservations::{Closed, Wish};
use crate::value::{Amount, OrderId, Text};
use crate::view::Credit;

impl User {
    pub(super) fn reserve(&self, order_id: OrderId, amount: Amount) -> Option<UserEvent> {
        let available = self.available();
        let refused = |reason| {
            Some(UserEvent::CreditRefused { order_id, amount, available, reason: Text::clipped(reason) })
        };
        match (&self.account, self.credit.wish(order_id, amount.get())) {
            (_, Wish::Answered) => None,
            (Account::Unknown, _) => refused("there is no such user".to_owned()),
            (Account::Deleted, _) => refused("the user is deleted".to_owned()),
            (Account::Active(_), Wish::Closed(Closed::Released)) => {
                refused("what was reserved for the order was released".to_owned())
            }
            (Account::Active(_), Wish::Closed(Closed::Settled)) => {
                refused("what was reserved for the order was captured".to_owned())
            }
            (Account::Active(_), Wish::Open { held }) => {
                // What the order holds already is available to it.
                let for_it = available.saturating_add_unsigned(held);
                if i128::from(amount.get()) <= i128::from(for_it) {
                    let reserved = Amount::saturating(self.credit.held_with(order_id, amount.get()));
                    Some(UserEvent::CreditReserved { order_id, amount, reserved })
                } else {
                    refused(format!("{amount} needed, {for_it} available"))
                }
            }
        }
    }

    pub(super) fn release(&self, order_id: OrderId) -> Option<UserEvent> {
        let amount = Amount::saturating(self.credit.to_release(order_id)?);
        let reserved = Amount::saturating(self.credit.held_with(order_id, 0));
        Some(UserEvent::CreditReleased { order_id, amount, reserved })
    }

    pub(super) fn capture(&self, order_id: OrderId) -> Option<UserEvent> {
        let amount = Amount::saturating(self.credit.to_settle(order_id)?);
        let reserved = Amount::saturating(self.credit.held_with(order_id, 0));
        Some(UserEvent::CreditCaptured { order_id, amount, reserved })
    }

    fn available(&self) -> i64 {
        match &self.account {
            Account::Active(profile) => {
                Credit::new(profile.credit_limit, Amount::saturating(self.credit.held())).available
            }
            Account::Unknown | Account::Deleted => 0,
        }
    }
}
