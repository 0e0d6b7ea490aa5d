//! What may be asked of a user, whatever the door.

use domain::{
    Amount, Email, EmailClaim, EmailClaimRejection, Name, OrderId, User, UserCommand, UserEvent, UserId,
    UserRejection, claims,
};
use event_model::Decider as _;
use event_store::{Also, Expected, Loaded};

use crate::api::Api;
use crate::body::{Body, Fields};
use crate::entity::{Entity, Seen, Wish, no_such_command};
use crate::problem::{Kind, Problem};

impl Entity for User {
    fn asked(id: &UserId, command: &str, body: &Body) -> Result<Wish<Self>, Problem> {
        let about_order = |command: fn(OrderId) -> UserCommand| {
            let mut fields = body.fields()?;
            let order_id = fields.required("order_id");
            fields.finish_with(order_id.map(command)).map(Wish::of)
        };
        match command {
            "register" => {
                let mut fields = body.fields()?;
                let command = register(&mut fields);
                fields.same_id(id);
                fields.finish_with(command).map(Wish::of)
            }
            "change-profile" => change_profile(body, Expected::Newest),
            "change-credit-limit" => change_credit_limit(body, Expected::Newest),
            "delete" => delete(body, Expected::Newest),
            "reserve-credit" => {
                let mut fields = body.fields()?;
                let (order_id, amount) = (fields.required("order_id"), fields.required("amount"));
                let asked = order_id.zip(amount);
                let command = asked.map(|(order_id, amount)| UserCommand::ReserveCredit { order_id, amount });
                fields.finish_with(command).map(Wish::of)
            }
            "release-credit" => about_order(|order_id| UserCommand::ReleaseCredit { order_id }),
            "capture-credit" => about_order(|order_id| UserCommand::CaptureCredit { order_id }),
            _ => Err(no_such_command(Self::CATEGORY, command)),
        }
    }

    /// The claims on e-mail addresses go into the same append.
    fn also(
        api: &Api,
        seen: &Seen,
        id: &UserId,
        user: &Loaded<Self>,
        events: &[UserEvent],
    ) -> Result<Vec<Also<Problem>>, Problem> {
        seen.check(user.state.view(*id, user.version), instead)?;
        let claims = claims(&user.state, events, *id, &api.claim_key);
        Ok(claims.into_iter().map(|(id, command)| Also::new::<EmailClaim>(id, command)).collect())
    }

    fn bears_repetition(command: &UserCommand) -> bool {
        match command {
            UserCommand::ReserveCredit { .. }
            | UserCommand::ReleaseCredit { .. }
            | UserCommand::CaptureCredit { .. } => true,
            UserCommand::Register { .. }
            | UserCommand::ChangeProfile { .. }
            | UserCommand::ChangeCreditLimit { .. }
            | UserCommand::Delete => false,
        }
    }

    /// A reservation that is asked for again, after it was let go, used up or set to another amount, would be decided
    /// anew. Nothing of the kind has happened to an order of which the user knows nothing.
    fn may_have_met(&self, command: &UserCommand) -> bool {
        let UserCommand::ReserveCredit { order_id, .. } = *command else { return false };
        let events = |command| self.decide(command).unwrap_or_default();
        let none = UserCommand::ReserveCredit { order_id, amount: Amount::ZERO };
        let (release, capture) =
            (UserCommand::ReleaseCredit { order_id }, UserCommand::CaptureCredit { order_id });
        let released = events(release);
        let holds = released
            .iter()
            .any(|event| matches!(event, UserEvent::CreditReleased { amount, .. } if *amount > Amount::ZERO));
        holds || released.is_empty() || events(capture).is_empty() || events(none).is_empty()
    }
}

/// The fields of a new user, its id apart.
pub(super) fn register(fields: &mut Fields) -> Option<UserCommand> {
    let (name, email) = (fields.required::<Name>("name"), fields.required::<Email>("email"));
    let credit_limit = fields.optional("credit_limit").unwrap_or(User::DEFAULT_CREDIT_LIMIT);
    let (name, email) = name.zip(email)?;
    Some(UserCommand::Register { name, email, credit_limit })
}

pub(super) fn change_profile(body: &Body, expected: Expected) -> Result<Wish<User>, Problem> {
    let mut fields = body.fields()?;
    let (name, email) = (fields.optional("name"), fields.optional("email"));
    let seen = Seen::new(fields.as_sent(&["id", "status", "credit"]));
    let expected = fields.version_or(expected);
    fields.finish()?;
    Ok(Wish { command: UserCommand::ChangeProfile { name, email }, expected, seen })
}

pub(super) fn change_credit_limit(body: &Body, expected: Expected) -> Result<Wish<User>, Problem> {
    let mut fields = body.fields()?;
    let amount = fields.required("amount");
    let command = amount.map(|amount| UserCommand::ChangeCreditLimit { amount });
    fields.finish_with(command).map(|command| Wish::at(command, expected))
}

pub(super) fn delete(body: &Body, expected: Expected) -> Result<Wish<User>, Problem> {
    body.fields_if_any()?.finish()?;
    Ok(Wish::at(UserCommand::Delete, expected))
}

fn instead(field: &str) -> &'static str {
    match field {
        "credit" => "cannot be changed here; PUT /users/{id}/credit-limit changes the limit",
        "status" => "cannot be changed here; DELETE /users/{id} deletes the user",
        _ => "cannot be changed",
    }
}

impl From<UserRejection> for Problem {
    fn from(rejection: UserRejection) -> Self {
        match rejection {
            UserRejection::NotFound => Self::not_found("this user"),
            UserRejection::Exists => Self::new(Kind::Conflict, "this id exists, or did; use another one"),
            UserRejection::EmailTaken => {
                Self::new(Kind::EmailTaken, "another user has this e-mail address; use another one")
            }
        }
    }
}

impl From<EmailClaimRejection> for Problem {
    fn from(rejection: EmailClaimRejection) -> Self {
        UserRejection::from(rejection).into()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn reserve(order: u128, amount: u64) -> UserCommand {
        let amount = Amount::new(amount).unwrap();
        UserCommand::ReserveCredit { order_id: Uuid::from_u128(order).into(), amount }
    }

    fn after(commands: &[UserCommand]) -> User {
        let (name, email) = ("Ann".parse().unwrap(), "ann@example.com".parse().unwrap());
        let register = UserCommand::Register { name, email, credit_limit: User::DEFAULT_CREDIT_LIMIT };
        [register].iter().chain(commands).fold(User::default(), |user, command| {
            user.decide(command.clone()).unwrap().into_iter().fold(user, User::evolve)
        })
    }

    #[test]
    fn an_order_that_the_user_has_met_is_told_from_one_that_he_has_not() {
        let order_id = OrderId::from(Uuid::from_u128(1));
        let (release, capture) =
            (UserCommand::ReleaseCredit { order_id }, UserCommand::CaptureCredit { order_id });
        for met in [
            &[reserve(1, 5)][..],
            &[reserve(1, 5), reserve(1, 0)],
            &[reserve(1, 5), release.clone()],
            &[reserve(1, 5), capture],
            &[release],
        ] {
            assert!(after(met).may_have_met(&reserve(1, 7)), "{met:?}");
            assert!(!after(met).may_have_met(&reserve(2, 7)), "{met:?}");
        }
        assert!(!after(&[UserCommand::Delete]).may_have_met(&reserve(1, 5)));
    }
}
