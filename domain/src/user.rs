//! A user: who it is, and how much of its credit is set aside for orders.
//!
//! That an e-mail address belongs to one user only is not decided here: [`email_claim`](crate::email_claim)
//! does, in the same append.

mod credit;
mod event;
#[cfg(test)]
mod tests;

use event_model::{Decider, Version};
use serde::{Deserialize, Serialize};

pub use event::UserEvent;

use crate::email_claim::EmailClaimRejection;
use crate::reservations::Reservations;
use crate::value::{Amount, Email, Name, OrderId, UserId};
use crate::view::{Credit, UserStatus, UserView};

/// One user, and what its credit is set aside for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    account: Account,
    credit: Reservations,
}

/// What may be asked of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCommand {
    /// Come into being.
    Register {
        /// What people call the user.
        name: Name,
        /// The address, which no other user has.
        email: Email,
        /// How much may be set aside for orders at once; [`User::DEFAULT_CREDIT_LIMIT`] where nobody says.
        credit_limit: Amount,
    },
    /// Take another name, another address, or both.
    ChangeProfile {
        /// The new name; `None` leaves it.
        name: Option<Name>,
        /// The new address; `None` leaves it.
        email: Option<Email>,
    },
    /// Have another limit, which may be below what is set aside.
    ChangeCreditLimit {
        /// The new limit.
        amount: Amount,
    },
    /// Go for good: the id is never free again.
    Delete,
    /// Set the reservation of an order to an amount. Never rejected: the answer is an event.
    ReserveCredit {
        /// For which order.
        order_id: OrderId,
        /// How much.
        amount: Amount,
    },
    /// Let go what is set aside for an order. Never rejected.
    ReleaseCredit {
        /// For which order.
        order_id: OrderId,
    },
    /// Use up what is set aside for an order; it is settled elsewhere. Never rejected.
    CaptureCredit {
        /// For which order.
        order_id: OrderId,
    },
}

/// Why a user refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserRejection {
    /// It was never registered, or is deleted.
    #[error("there is no such user")]
    NotFound,
    /// It was registered before; also when it is deleted since.
    #[error("a user with this id exists, or existed")]
    Exists,
    /// Another user has the address.
    #[error("the e-mail address belongs to another user")]
    EmailTaken,
}

impl From<EmailClaimRejection> for UserRejection {
    fn from(rejection: EmailClaimRejection) -> Self {
        match rejection {
            EmailClaimRejection::Taken => Self::EmailTaken,
        }
    }
}

impl User {
    /// The limit of a user for whom nobody named one.
    pub const DEFAULT_CREDIT_LIMIT: Amount = Amount::saturating(100_000);

    /// The address; `None` for a user that was never registered, or is deleted.
    pub fn email(&self) -> Option<&Email> {
        self.profile().ok().map(|profile| &profile.email)
    }

    /// What people see of it at this version; `None` when it was never registered, or is deleted.
    pub fn view(&self, id: UserId, version: Version) -> Option<UserView> {
        let Profile { name, email, credit_limit } = self.profile().ok()?.clone();
        let credit = Credit::new(credit_limit, Amount::saturating(self.credit.held()));
        Some(UserView { id, name, email, status: UserStatus::Active, credit, version })
    }
}

impl Decider for User {
    const CATEGORY: &'static str = "user";
    const STATE_FORMAT: u32 = 1;
    type Id = UserId;
    type Command = UserCommand;
    type Event = UserEvent;
    type Rejection = UserRejection;

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserRejection> {
        let event = match command {
            UserCommand::Register { name, email, credit_limit } => {
                self.register(Profile { name, email, credit_limit })?
            }
            UserCommand::ChangeProfile { name, email } => self.change_profile(name, email)?,
            UserCommand::ChangeCreditLimit { amount } => self.change_credit_limit(amount)?,
            UserCommand::Delete => {
                self.profile()?;
                Some(UserEvent::UserDeleted { orders: self.credit.holding() })
            }
            UserCommand::ReserveCredit { order_id, amount } => self.reserve(order_id, amount),
            UserCommand::ReleaseCredit { order_id } => self.release(order_id),
            UserCommand::CaptureCredit { order_id } => self.capture(order_id),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(mut self, event: UserEvent) -> Self {
        match event {
            UserEvent::UserRegistered { name, email, credit_limit } => {
                self.account = Account::Active(Profile { name, email, credit_limit });
            }
            UserEvent::UserProfileChanged { name, email } => {
                if let Account::Active(profile) = &mut self.account {
                    profile.name = name.unwrap_or_else(|| profile.name.clone());
                    profile.email = email.unwrap_or_else(|| profile.email.clone());
                }
            }
            UserEvent::UserCreditLimitChanged { credit_limit } => {
                if let Account::Active(profile) = &mut self.account {
                    profile.credit_limit = credit_limit;
                }
            }
            UserEvent::UserDeleted { .. } => self.account = Account::Deleted,
            UserEvent::CreditReserved { order_id, amount, .. } => {
                self.credit.reserved(order_id, amount.get());
            }
            UserEvent::CreditRefused { order_id, amount, .. } => self.credit.refused(order_id, amount.get()),
            UserEvent::CreditReleased { order_id, .. } => self.credit.released(order_id),
            UserEvent::CreditCaptured { order_id, .. } => self.credit.settled(order_id),
        }
        self
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Account {
    #[default]
    Unknown,
    Active(Profile),
    Deleted,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Profile {
    name: Name,
    email: Email,
    credit_limit: Amount,
}

impl User {
    fn profile(&self) -> Result<&Profile, UserRejection> {
        match &self.account {
            Account::Active(profile) => Ok(profile),
            Account::Unknown | Account::Deleted => Err(UserRejection::NotFound),
        }
    }

    fn register(&self, profile: Profile) -> Result<Option<UserEvent>, UserRejection> {
        match self.account {
            Account::Unknown => {
                let Profile { name, email, credit_limit } = profile;
                Ok(Some(UserEvent::UserRegistered { name, email, credit_limit }))
            }
            Account::Active(_) | Account::Deleted => Err(UserRejection::Exists),
        }
    }

    fn change_profile(
        &self,
        name: Option<Name>,
        email: Option<Email>,
    ) -> Result<Option<UserEvent>, UserRejection> {
        let now = self.profile()?;
        let name = name.filter(|name| *name != now.name);
        let email = email.filter(|email| *email != now.email);
        let changes = name.is_some() || email.is_some();
        Ok(changes.then_some(UserEvent::UserProfileChanged { name, email }))
    }

    fn change_credit_limit(&self, credit_limit: Amount) -> Result<Option<UserEvent>, UserRejection> {
        let changes = self.profile()?.credit_limit != credit_limit;
        Ok(changes.then_some(UserEvent::UserCreditLimitChanged { credit_limit }))
    }
}
