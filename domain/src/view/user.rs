//! What people see of users.

use event_model::{Column, Projection, Recorded, Unreadable, Version};
use serde::{Deserialize, Serialize};

use super::{follows, id_of, key_of};
use crate::user::{User, UserEvent};
use crate::value::{Amount, Email, Name, UserId};

/// What people see of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// Which user.
    pub id: UserId,
    /// What people call the user.
    pub name: Name,
    /// The address as typed.
    pub email: Email,
    /// Always active: a deleted user is not seen.
    pub status: UserStatus,
    /// What it may spend.
    pub credit: Credit,
    /// How many events it has.
    pub version: Version,
}

/// Whether a user can be dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserStatus {
    /// It can.
    Active,
}

/// What a user may spend, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// How much may be set aside for orders at once.
    pub limit: Amount,
    /// How much is.
    pub reserved: Amount,
    /// How much more may be; negative when the limit was lowered below what is reserved.
    pub available: i64,
}

/// The list of users that are not deleted, to be looked up by address.
#[derive(Debug)]
pub enum Users {}

impl Credit {
    /// With this limit and this much set aside.
    pub fn new(limit: Amount, reserved: Amount) -> Self {
        Self { limit, reserved, available: limit.less(reserved) }
    }
}

impl Projection for Users {
    const NAME: &'static str = "users";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[&["email"]];
    type Row = UserView;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        Ok(key_of::<User>(event))
    }

    fn project(_: &str, row: Option<UserView>, event: &Recorded) -> Result<Option<UserView>, Unreadable> {
        let (Some(id), Some(version)) = (id_of::<User>(event), event.version) else { return Ok(row) };
        let happened = event.decode::<UserEvent>()?;
        Ok(match row {
            None => registered(id, version, happened),
            Some(row) if follows(row.version, event) => UserView { version, ..row }.after(happened),
            unchanged @ Some(_) => unchanged,
        })
    }

    fn columns(row: &UserView) -> Vec<(&'static str, Column)> {
        vec![("email", row.email.normalized().into())]
    }
}

/// A user is answered for before it registers and after it is deleted; only registering makes a row.
fn registered(id: UserId, version: Version, happened: UserEvent) -> Option<UserView> {
    match happened {
        UserEvent::UserRegistered { name, email, credit_limit } => {
            let credit = Credit::new(credit_limit, Amount::ZERO);
            Some(UserView { id, name, email, status: UserStatus::Active, credit, version })
        }
        UserEvent::UserProfileChanged { .. }
        | UserEvent::UserCreditLimitChanged { .. }
        | UserEvent::UserDeleted { .. }
        | UserEvent::CreditReserved { .. }
        | UserEvent::CreditRefused { .. }
        | UserEvent::CreditReleased { .. }
        | UserEvent::CreditCaptured { .. } => None,
    }
}

impl UserView {
    fn after(mut self, happened: UserEvent) -> Option<Self> {
        match happened {
            UserEvent::UserRegistered { name, email, credit_limit } => {
                (self.name, self.email) = (name, email);
                self.credit = Credit::new(credit_limit, self.credit.reserved);
            }
            UserEvent::UserProfileChanged { name, email } => {
                self.name = name.unwrap_or(self.name);
                self.email = email.unwrap_or(self.email);
            }
            UserEvent::UserCreditLimitChanged { credit_limit } => {
                self.credit = Credit::new(credit_limit, self.credit.reserved);
            }
            UserEvent::UserDeleted { .. } => return None,
            UserEvent::CreditReserved { reserved, .. }
            | UserEvent::CreditReleased { reserved, .. }
            | UserEvent::CreditCaptured { reserved, .. } => {
                self.credit = Credit::new(self.credit.limit, reserved);
            }
            UserEvent::CreditRefused { .. } => {}
        }
        Some(self)
    }
}
