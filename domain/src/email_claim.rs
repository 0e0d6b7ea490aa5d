//! Who has an e-mail address: one entity per address, so that no two users ever have the same one.
//!
//! A command on a user brings [`claims`] along in the same append: all is stored, or nothing.

use event_model::{Decider, Event};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::user::{User, UserEvent};
use crate::value::{ClaimId, ClaimKey, Email, UserId};

/// The claim on one address; nobody holds it before the first event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailClaim {
    holder: Option<UserId>,
}

/// What may be asked of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailClaimCommand {
    /// Belong to this user.
    Claim {
        /// Which user.
        user_id: UserId,
    },
    /// Belong to this user no more.
    Release {
        /// Which user.
        user_id: UserId,
    },
}

/// What happened to a claim. Wire names and fields are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EmailClaimEvent {
    /// The address belongs to a user.
    ///
    /// Together with `user-registered` or `user-profile-changed`, in one append.
    EmailClaimed {
        /// Which user.
        user_id: UserId,
    },
    /// The address is free.
    ///
    /// Together with `user-profile-changed` or `user-deleted`, in one append.
    EmailReleased {
        /// Whose it was.
        user_id: UserId,
    },
}

/// Why a claim refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailClaimRejection {
    /// It belongs to another user.
    #[error("the e-mail address belongs to another user")]
    Taken,
}

/// The claims that an append of these events on a user brings along, `before` being the user without them.
pub fn claims(
    before: &User,
    events: &[UserEvent],
    user_id: UserId,
    key: &ClaimKey,
) -> Vec<(ClaimId, EmailClaimCommand)> {
    let claim = |email: &Email| (ClaimId::of(email, key), EmailClaimCommand::Claim { user_id });
    let release = |email: &Email| (ClaimId::of(email, key), EmailClaimCommand::Release { user_id });
    let mut claims = Vec::new();
    let mut now = before.email();
    for event in events {
        match event {
            UserEvent::UserRegistered { email, .. } => {
                claims.push(claim(email));
                now = Some(email);
            }
            UserEvent::UserProfileChanged { email: Some(email), .. } => {
                if now.map(Email::normalized) != Some(email.normalized()) {
                    claims.extend(now.map(release));
                    claims.push(claim(email));
                }
                now = Some(email);
            }
            UserEvent::UserDeleted { .. } => claims.extend(now.take().map(release)),
            UserEvent::UserProfileChanged { email: None, .. }
            | UserEvent::UserCreditLimitChanged { .. }
            | UserEvent::CreditReserved { .. }
            | UserEvent::CreditRefused { .. }
            | UserEvent::CreditReleased { .. }
            | UserEvent::CreditCaptured { .. } => {}
        }
    }
    claims
}

impl Decider for EmailClaim {
    const CATEGORY: &'static str = "email";
    const STATE_FORMAT: u32 = 1;
    type Id = ClaimId;
    type Command = EmailClaimCommand;
    type Event = EmailClaimEvent;
    type Rejection = EmailClaimRejection;

    fn decide(&self, command: EmailClaimCommand) -> Result<Vec<EmailClaimEvent>, EmailClaimRejection> {
        match command {
            EmailClaimCommand::Claim { user_id } => match self.holder {
                None => Ok(vec![EmailClaimEvent::EmailClaimed { user_id }]),
                Some(holder) if holder == user_id => Ok(vec![]),
                Some(_) => Err(EmailClaimRejection::Taken),
            },
            EmailClaimCommand::Release { user_id } => {
                let holds = self.holder == Some(user_id);
                Ok(holds.then_some(EmailClaimEvent::EmailReleased { user_id }).into_iter().collect())
            }
        }
    }

    fn evolve(self, event: EmailClaimEvent) -> Self {
        match event {
            EmailClaimEvent::EmailClaimed { user_id } => Self { holder: Some(user_id) },
            EmailClaimEvent::EmailReleased { .. } => Self { holder: None },
        }
    }
}

impl Event for EmailClaimEvent {
    const TYPES: &'static [&'static str] = &["email-claimed", "email-released"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::EmailClaimed { .. } => "email-claimed",
            Self::EmailReleased { .. } => "email-released",
        }
    }
}

#[cfg(test)]
mod tests {
    use event_model::given;

    use super::*;
    use crate::testing::{email, name, user_id};

    fn claimed(user: u128) -> EmailClaimEvent {
        EmailClaimEvent::EmailClaimed { user_id: user_id(user) }
    }

    fn released(user: u128) -> EmailClaimEvent {
        EmailClaimEvent::EmailReleased { user_id: user_id(user) }
    }

    fn claim(user: u128) -> EmailClaimCommand {
        EmailClaimCommand::Claim { user_id: user_id(user) }
    }

    fn release(user: u128) -> EmailClaimCommand {
        EmailClaimCommand::Release { user_id: user_id(user) }
    }

    #[test]
    fn a_free_address_is_claimed() {
        given::<EmailClaim>([]).when(claim(1)).then([claimed(1)]);
        given::<EmailClaim>([claimed(1), released(1)]).when(claim(2)).then([claimed(2)]);
    }

    #[test]
    fn an_address_belongs_to_one_user() {
        given::<EmailClaim>([claimed(1)]).when(claim(2)).then_rejected(&EmailClaimRejection::Taken);
        given::<EmailClaim>([claimed(1)]).when(claim(1)).then_nothing();
    }

    #[test]
    fn only_its_holder_releases_an_address() {
        given::<EmailClaim>([claimed(1)]).when(release(1)).then([released(1)]);
        given::<EmailClaim>([claimed(1)]).when(release(2)).then_nothing();
        given::<EmailClaim>([]).when(release(1)).then_nothing();
        given::<EmailClaim>([claimed(1), released(1)]).when(release(1)).then_nothing();
    }

    fn registered(address: &str) -> UserEvent {
        UserEvent::UserRegistered {
            name: name("Ann"),
            email: email(address),
            credit_limit: User::DEFAULT_CREDIT_LIMIT,
        }
    }

    fn moved_to(address: &str) -> UserEvent {
        UserEvent::UserProfileChanged { name: None, email: Some(email(address)) }
    }

    fn brought_along(history: &[UserEvent], events: &[UserEvent]) -> Vec<(ClaimId, EmailClaimCommand)> {
        claims(&User::fold(history.iter().cloned()), events, user_id(1), &ClaimKey::from([7; 32]))
    }

    fn on(address: &str, command: EmailClaimCommand) -> (ClaimId, EmailClaimCommand) {
        (ClaimId::of(&email(address), &ClaimKey::from([7; 32])), command)
    }

    #[test]
    fn registering_claims_the_address() {
        assert_eq!(brought_along(&[], &[registered("ann@a")]), [on("ann@a", claim(1))]);
    }

    #[test]
    fn another_address_releases_the_old_one() {
        let moved = brought_along(&[registered("ann@a")], &[moved_to("ann@b")]);
        assert_eq!(moved, [on("ann@a", release(1)), on("ann@b", claim(1))]);
    }

    #[test]
    fn the_same_address_typed_otherwise_brings_nothing_along() {
        assert_eq!(brought_along(&[registered("ann@a")], &[moved_to("Ann@A")]), []);
        let renamed = UserEvent::UserProfileChanged { name: Some(name("Anna")), email: None };
        assert_eq!(brought_along(&[registered("ann@a")], &[renamed]), []);
    }

    #[test]
    fn deleting_releases_the_address() {
        let deleted = [UserEvent::UserDeleted { orders: vec![] }];
        assert_eq!(brought_along(&[registered("ann@a")], &deleted), [on("ann@a", release(1))]);
        assert_eq!(
            brought_along(&[registered("ann@a"), moved_to("ann@b")], &deleted),
            [on("ann@b", release(1))]
        );
    }
}
