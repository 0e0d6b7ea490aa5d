//! The rules of a user, by example.

use event_model::given;

use super::*;
use crate::testing::{amount, email, name, order_id, text};

fn registered() -> UserEvent {
    limited_to(1_000)
}

fn limited_to(limit: u64) -> UserEvent {
    UserEvent::UserRegistered {
        name: name("Ann"),
        email: email("ann@example.com"),
        credit_limit: amount(limit),
    }
}

fn register() -> UserCommand {
    UserCommand::Register { name: name("Ann"), email: email("ann@example.com"), credit_limit: amount(1_000) }
}

fn change(new_name: Option<&str>, new_email: Option<&str>) -> UserCommand {
    UserCommand::ChangeProfile { name: new_name.map(name), email: new_email.map(email) }
}

fn changed(new_name: Option<&str>, new_email: Option<&str>) -> UserEvent {
    UserEvent::UserProfileChanged { name: new_name.map(name), email: new_email.map(email) }
}

fn reserve(order: u128, number: u64) -> UserCommand {
    UserCommand::ReserveCredit { order_id: order_id(order), amount: amount(number) }
}

fn release(order: u128) -> UserCommand {
    UserCommand::ReleaseCredit { order_id: order_id(order) }
}

fn capture(order: u128) -> UserCommand {
    UserCommand::CaptureCredit { order_id: order_id(order) }
}

fn reserved(order: u128, number: u64, all: u64) -> UserEvent {
    UserEvent::CreditReserved { order_id: order_id(order), amount: amount(number), reserved: amount(all) }
}

fn released(order: u128, number: u64, all: u64) -> UserEvent {
    UserEvent::CreditReleased { order_id: order_id(order), amount: amount(number), reserved: amount(all) }
}

fn captured(order: u128, number: u64, all: u64) -> UserEvent {
    UserEvent::CreditCaptured { order_id: order_id(order), amount: amount(number), reserved: amount(all) }
}

fn refused(order: u128, number: u64, available: i64, reason: &str) -> UserEvent {
    let (order_id, amount) = (order_id(order), amount(number));
    UserEvent::CreditRefused { order_id, amount, available, reason: text(reason) }
}

const DELETED: UserEvent = UserEvent::UserDeleted { orders: vec![] };

#[test]
fn an_id_is_registered_once() {
    given::<User>([]).when(register()).then([registered()]);
    given::<User>([registered()]).when(register()).then_rejected(&UserRejection::Exists);
    given::<User>([registered(), DELETED]).when(register()).then_rejected(&UserRejection::Exists);
}

#[test]
fn a_user_that_was_only_refused_credit_can_still_register() {
    let before = [refused(1, 5, 0, "there is no such user"), released(2, 0, 0)];
    given::<User>(before).when(register()).then([registered()]);
}

#[test]
fn a_profile_change_says_only_what_changed() {
    given::<User>([registered()]).when(change(Some("Anna"), None)).then([changed(Some("Anna"), None)]);
    given::<User>([registered()])
        .when(change(Some("Ann"), Some("ann@b.org")))
        .then([changed(None, Some("ann@b.org"))]);
    given::<User>([registered()])
        .when(change(Some("Anna"), Some("Ann@Example.com")))
        .then([changed(Some("Anna"), Some("Ann@Example.com"))]);
}

#[test]
fn a_profile_that_is_so_already_is_not_changed() {
    given::<User>([registered()]).when(change(None, None)).then_nothing();
    given::<User>([registered()]).when(change(Some("Ann"), Some("ann@example.com"))).then_nothing();
    given::<User>([registered(), changed(Some("Anna"), None)])
        .when(change(Some("Anna"), None))
        .then_nothing();
}

#[test]
fn a_limit_is_changed_once() {
    let (command, event) = (
        UserCommand::ChangeCreditLimit { amount: amount(5) },
        UserEvent::UserCreditLimitChanged { credit_limit: amount(5) },
    );
    given::<User>([registered()]).when(command.clone()).then([event.clone()]);
    given::<User>([registered(), event]).when(command).then_nothing();
}

#[test]
fn a_user_that_is_not_there_is_not_found() {
    for history in [vec![], vec![registered(), DELETED]] {
        for command in [
            change(None, None),
            change(Some("Anna"), None),
            UserCommand::ChangeCreditLimit { amount: amount(5) },
            UserCommand::Delete,
        ] {
            given::<User>(history.clone()).when(command).then_rejected(&UserRejection::NotFound);
        }
    }
}

#[test]
fn a_user_is_deleted_also_with_credit_set_aside() {
    given::<User>([registered()]).when(UserCommand::Delete).then([DELETED]);
    let history =
        [registered(), reserved(1, 10, 10), reserved(2, 0, 10), reserved(3, 5, 15), released(3, 5, 10)];
    let deleted = UserEvent::UserDeleted { orders: vec![order_id(1), order_id(2)] };
    given::<User>(history).when(UserCommand::Delete).then([deleted]);
}

#[test]
fn credit_is_set_aside_as_far_as_it_goes() {
    given::<User>([registered()]).when(reserve(1, 1_000)).then([reserved(1, 1_000, 1_000)]);
    given::<User>([registered()]).when(reserve(1, 0)).then([reserved(1, 0, 0)]);
    given::<User>([registered(), reserved(1, 200, 200)])
        .when(reserve(2, 800))
        .then([reserved(2, 800, 1_000)]);
    given::<User>([registered(), reserved(1, 200, 200)]).when(reserve(2, 900)).then([refused(
        2,
        900,
        800,
        "900 needed, 800 available",
    )]);
}

#[test]
fn reserving_sets_what_the_order_holds() {
    let history = [registered(), reserved(1, 600, 600)];
    given::<User>(history.clone()).when(reserve(1, 1_000)).then([reserved(1, 1_000, 1_000)]);
    given::<User>(history.clone()).when(reserve(1, 100)).then([reserved(1, 100, 100)]);
    given::<User>(history).when(reserve(1, 1_001)).then([refused(
        1,
        1_001,
        400,
        "1001 needed, 1000 available",
    )]);
}

#[test]
fn a_refusal_leaves_what_the_order_held() {
    let history = [registered(), reserved(1, 600, 600), refused(1, 1_001, 400, "too much")];
    given::<User>(history.clone()).when(reserve(1, 600)).then_nothing();
    given::<User>(history).when(release(1)).then([released(1, 600, 0)]);
}

#[test]
fn the_same_wish_is_answered_once() {
    given::<User>([registered(), reserved(1, 600, 600)]).when(reserve(1, 600)).then_nothing();
    let refusal = [registered(), refused(1, 1_001, 1_000, "too much")];
    given::<User>(refusal.clone()).when(reserve(1, 1_001)).then_nothing();
    let raised = UserEvent::UserCreditLimitChanged { credit_limit: amount(5_000) };
    given::<User>(refusal.clone().into_iter().chain([raised])).when(reserve(1, 1_001)).then_nothing();
    given::<User>(refusal).when(reserve(1, 1_000)).then([reserved(1, 1_000, 1_000)]);
}

#[test]
fn nothing_is_available_below_what_is_reserved() {
    let lowered = UserEvent::UserCreditLimitChanged { credit_limit: amount(100) };
    let history = [registered(), reserved(1, 600, 600), lowered];
    given::<User>(history.clone()).when(reserve(2, 1)).then([refused(
        2,
        1,
        -500,
        "1 needed, -500 available",
    )]);
    given::<User>(history.clone()).when(reserve(2, 0)).then([refused(
        2,
        0,
        -500,
        "0 needed, -500 available",
    )]);
    given::<User>(history).when(reserve(1, 100)).then([reserved(1, 100, 100)]);
}

#[test]
fn a_release_is_recorded_once() {
    given::<User>([registered(), reserved(1, 600, 600), reserved(2, 50, 650)])
        .when(release(1))
        .then([released(1, 600, 50)]);
    given::<User>([registered()]).when(release(1)).then([released(1, 0, 0)]);
    given::<User>([registered(), released(1, 0, 0)]).when(release(1)).then_nothing();
    given::<User>([registered(), refused(1, 9, 0, "too much")]).when(release(1)).then([released(1, 0, 0)]);
}

#[test]
fn a_release_that_overtakes_its_reserve_never_leaks() {
    let why = "what was reserved for the order was released";
    let overtaken = [registered(), released(1, 0, 0)];
    given::<User>(overtaken.clone()).when(reserve(1, 5)).then([refused(1, 5, 1_000, why)]);
    given::<User>(overtaken.into_iter().chain([refused(1, 5, 1_000, why)]))
        .when(reserve(1, 5))
        .then_nothing();
}

#[test]
fn a_capture_ends_the_reservation() {
    let history = [registered(), reserved(1, 600, 600), reserved(2, 50, 650)];
    given::<User>(history).when(capture(1)).then([captured(1, 600, 50)]);
    given::<User>([registered()]).when(capture(1)).then([captured(1, 0, 0)]);
    let after = [registered(), reserved(1, 600, 600), captured(1, 600, 0)];
    given::<User>(after.clone()).when(capture(1)).then_nothing();
    given::<User>(after.clone()).when(release(1)).then([released(1, 0, 0)]);
    given::<User>(after.clone().into_iter().chain([released(1, 0, 0)])).when(release(1)).then_nothing();
    let why = "what was reserved for the order was captured";
    given::<User>(after).when(reserve(1, 600)).then([refused(1, 600, 1_000, why)]);
}

#[test]
fn a_capture_after_a_release_is_recorded_once() {
    let history = [registered(), reserved(1, 600, 600), released(1, 600, 0)];
    given::<User>(history.clone()).when(capture(1)).then([captured(1, 0, 0)]);
    given::<User>(history.into_iter().chain([captured(1, 0, 0)])).when(capture(1)).then_nothing();
}

#[test]
fn a_user_that_is_gone_still_answers() {
    let never = "there is no such user";
    given::<User>([]).when(reserve(1, 5)).then([refused(1, 5, 0, never)]);
    given::<User>([refused(1, 5, 0, never)]).when(reserve(1, 5)).then_nothing();
    given::<User>([refused(1, 5, 0, never)]).when(reserve(1, 6)).then([refused(1, 6, 0, never)]);
    given::<User>([]).when(release(1)).then([released(1, 0, 0)]);
    given::<User>([]).when(capture(1)).then([captured(1, 0, 0)]);
    let deleted = [registered(), reserved(1, 600, 600), DELETED];
    given::<User>(deleted.clone()).when(reserve(2, 5)).then([refused(2, 5, 0, "the user is deleted")]);
    given::<User>(deleted.clone()).when(reserve(1, 600)).then_nothing();
    given::<User>(deleted.clone()).when(release(1)).then([released(1, 600, 0)]);
    given::<User>(deleted).when(capture(1)).then([captured(1, 600, 0)]);
}

#[test]
fn people_see_the_user_until_it_is_deleted() {
    let id = crate::testing::user_id(1);
    let version = Version::new(2);
    let view = User::fold([registered(), reserved(1, 600, 600)]).view(id, version).unwrap();
    assert_eq!(
        serde_json::to_value(&view).unwrap(),
        serde_json::json!({
            "id": id.to_string(), "name": "Ann", "email": "ann@example.com", "status": "active",
            "credit": {"limit": 1000, "reserved": 600, "available": 400}, "version": 2,
        })
    );
    assert_eq!(User::default().view(id, version), None);
    assert_eq!(User::fold([registered(), DELETED]).view(id, version), None);
    assert_eq!(User::DEFAULT_CREDIT_LIMIT, amount(100_000));
}
