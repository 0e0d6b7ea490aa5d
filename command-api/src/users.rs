//! The routes of users.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{
    ClaimKey, Email, EmailClaim, EmailClaimRejection, Name, User, UserCommand, UserEvent, UserId,
    UserRejection, UserView, claims,
};
use event_store::{Also, ExecuteError, Expected, Loaded};
use serde_json::json;
use uuid::Uuid;

use crate::api::{Acted, Api, Seen, of_new, shown, tag};
use crate::body::Body;
use crate::call::Call;
use crate::path::Id;
use crate::problem::{Kind, Problem};

/// `POST /users`
pub(crate) async fn register(State(api): State<Api>, call: Call, body: Body) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let name = fields.required::<Name>("name");
    let email = fields.required::<Email>("email");
    let credit_limit = fields.optional("credit_limit");
    let (id, expected) = match fields.optional("id") {
        Some(own) => (own, Expected::Newest),
        None => (UserId::from(Uuid::now_v7()), Expected::New),
    };
    fields.finish()?;
    let (Some(name), Some(email)) = (name, email) else { return Err(Problem::invalid(vec![])) };
    let credit_limit = credit_limit.unwrap_or(User::DEFAULT_CREDIT_LIMIT);
    let command = UserCommand::Register { name, email, credit_limit };
    let expected = call.expected_of_new(expected);
    let acted = act(&api, &call, &body, &id, expected, command, &Seen::default()).await;
    let acted = acted.map_err(of_new)?;
    let location = format!("/users/{}", acted.body.id);
    Ok(acted.created(location).into_response())
}

/// `GET /users/{id}`
pub(crate) async fn get(State(api): State<Api>, Id(id): Id<UserId>) -> Result<Response, Problem> {
    let user = api.store.load::<User>(&id).await?;
    let view = user.state.view(id, user.version).ok_or_else(|| Problem::not_found(&format!("user {id}")))?;
    Ok((tag(user.version), Json(view)).into_response())
}

/// `PUT /users/{id}`
pub(crate) async fn change(
    State(api): State<Api>,
    Id(id): Id<UserId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let (name, email) = (fields.optional("name"), fields.optional("email"));
    let seen = Seen::new(fields.as_sent(&["id", "status", "credit"]));
    let expected = fields.version_or(call.expected());
    fields.finish()?;
    let command = UserCommand::ChangeProfile { name, email };
    match act(&api, &call, &body, &id, expected, command, &seen).await {
        Ok(acted) => Ok(acted.into_response()),
        Err(error) => Err(gone_or(&api, &id, error).await),
    }
}

/// `PUT /users/{id}/credit-limit`
pub(crate) async fn change_credit_limit(
    State(api): State<Api>,
    Id(id): Id<UserId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let amount = fields.required("amount");
    fields.finish()?;
    let Some(amount) = amount else { return Err(Problem::invalid(vec![])) };
    let command = UserCommand::ChangeCreditLimit { amount };
    match act(&api, &call, &body, &id, call.expected(), command, &Seen::default()).await {
        Ok(acted) => Ok(acted.into_response()),
        Err(error) => Err(gone_or(&api, &id, error).await),
    }
}

/// `DELETE /users/{id}`
pub(crate) async fn delete(
    State(api): State<Api>,
    Id(id): Id<UserId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    body.fields_if_any()?.finish()?;
    let also = |id: &UserId, user: &Loaded<User>, events: &[UserEvent]| {
        Ok(claimed(&api.claim_key, id, user, events))
    };
    let done = api.perform::<User>(&call, &body, &id, call.expected(), UserCommand::Delete, also).await;
    match done {
        Ok(done) => Ok(Acted::new(&done, json!({"message": "User deleted"})).into_response()),
        Err(error) => Err(gone_or(&api, &id, error).await),
    }
}

async fn act(
    api: &Api,
    call: &Call,
    body: &Body,
    id: &UserId,
    expected: Expected,
    command: UserCommand,
    seen: &Seen,
) -> Result<Acted<UserView>, ExecuteError<Problem>> {
    let also = |id: &UserId, user: &Loaded<User>, events: &[UserEvent]| {
        seen.check(user.state.view(*id, user.version), instead)?;
        Ok(claimed(&api.claim_key, id, user, events))
    };
    let done = api.perform::<User>(call, body, id, expected, command, also).await?;
    let view = shown(done.entity.state.view(done.id, done.entity.version));
    Ok(Acted::new(&done, view.map_err(ExecuteError::Rejected)?))
}

/// The claims on e-mail addresses that go into the same append.
fn claimed(key: &ClaimKey, id: &UserId, user: &Loaded<User>, events: &[UserEvent]) -> Vec<Also<Problem>> {
    let claims = claims(&user.state, events, *id, key);
    claims.into_iter().map(|(id, command)| Also::new::<EmailClaim>(id, command)).collect()
}

/// Of something that is gone, no version is the wrong one.
async fn gone_or(api: &Api, id: &UserId, error: ExecuteError<Problem>) -> Problem {
    if matches!(error, ExecuteError::VersionMismatch { .. }) {
        match api.store.load::<User>(id).await {
            Ok(user) if user.state.email().is_none() => return UserRejection::NotFound.into(),
            Ok(_) => {}
            Err(error) => return error.into(),
        }
    }
    error.into()
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
