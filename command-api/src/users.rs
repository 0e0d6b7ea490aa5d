//! The routes of users.

mod commands;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{User, UserId, UserRejection, UserView};
use event_store::{ExecuteError, Expected};
use serde_json::json;
use uuid::Uuid;

use crate::api::{Acted, Api, of_new, shown, tag};
use crate::as_of::AsOf;
use crate::body::Body;
use crate::call::Call;
use crate::entity::Wish;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Parameters;

/// `POST /users`
pub(crate) async fn register(State(api): State<Api>, call: Call, body: Body) -> Result<Response, Problem> {
    let mut fields = body.fields()?;
    let command = commands::register(&mut fields);
    let (id, expected) = match fields.optional("id") {
        Some(own) => (own, Expected::Newest),
        None => (UserId::from(Uuid::now_v7()), Expected::New),
    };
    let wish = Wish::at(fields.finish_with(command)?, call.expected_of_new(expected));
    let acted = act(&api, &call, &body, &id, wish).await.map_err(of_new)?;
    let location = format!("/users/{}", acted.body.id);
    Ok(acted.created(location).into_response())
}

/// `GET /users/{id}`
pub(crate) async fn get(
    State(api): State<Api>,
    Id(id): Id<UserId>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let as_of = AsOf::take(parameters)?;
    let user = as_of.load::<User>(&api, &id).await?;
    let view = user.state.view(id, user.version);
    let view = view.ok_or_else(|| as_of.nothing(format_args!("user {id}")))?;
    Ok((tag(user.version), Json(view)).into_response())
}

/// `PUT /users/{id}`
pub(crate) async fn change(
    State(api): State<Api>,
    Id(id): Id<UserId>,
    call: Call,
    body: Body,
) -> Result<Response, Problem> {
    let wish = commands::change_profile(&body, call.expected())?;
    match act(&api, &call, &body, &id, wish).await {
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
    let wish = commands::change_credit_limit(&body, call.expected())?;
    match act(&api, &call, &body, &id, wish).await {
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
    let wish = commands::delete(&body, call.expected())?;
    match api.perform(&call.once(&body), &call.metadata, &id, wish).await {
        Ok(done) => Ok(Acted::new(&done, json!({"message": "User deleted"})).into_response()),
        Err(error) => Err(gone_or(&api, &id, error).await),
    }
}

async fn act(
    api: &Api,
    call: &Call,
    body: &Body,
    id: &UserId,
    wish: Wish<User>,
) -> Result<Acted<UserView>, ExecuteError<Problem>> {
    let done = api.perform(&call.once(body), &call.metadata, id, wish).await?;
    let view = shown(done.entity.state.view(done.id, done.entity.version));
    Ok(Acted::new(&done, view.map_err(ExecuteError::Rejected)?))
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
