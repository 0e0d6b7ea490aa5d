//! Schemas: what bodies are made of, with the bounds of the domain's values.

use domain::{
    Amount, Email, Lines, Name, OrderEvent, OrderStatus, Quantity, Sku, Text, UnitPrice, Units, User,
    UserEvent,
};
use event_model::Event as _;
use serde_json::json;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use super::shapes::{
    always, at_least, id_or_null, of, of_with, sent, shown, some_text, text, text_of_format, whole, within,
    words,
};
use super::{events, examples, problems, reports, sagas};
use crate::problem::Kind;

/// One `@`, something on both sides, no white space, no control characters.
const ADDRESS: &str = r"^[^\s@\x00-\x1f\x7f-\x9f]+@[^\s@\x00-\x1f\x7f-\x9f]+$";
/// Not blank, without control characters.
const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// Not blank, without control characters other than line feed and tab.
const PARAGRAPH: &str =
    r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b-\x1f\x7f-\x9f]*$";

const STATUSES: &str =
    "How far an order has come. The checkout turns `placed` into `confirmed` or `rejected`.";

/// Every schema, by name.
pub(super) fn all() -> Vec<(&'static str, Schema)> {
    let values = values().map(|(name, says, value)| (name, value.description(Some(says)).build().into()));
    values
        .into_iter()
        .chain(things())
        .chain(bodies())
        .chain(reports::schemas())
        .chain(sagas::schemas())
        .collect()
}

fn values() -> [(&'static str, &'static str, ObjectBuilder); 12] {
    let sku = format!("^[A-Za-z0-9._-]{{1,{}}}$", Sku::MAX_CHARS);
    [
        ("Id", "A UUID, hyphenated.", text_of_format("uuid")),
        ("Name", "What people call a user. Trimmed.", text(1, Name::MAX_CHARS).pattern(Some(LINE))),
        ("Email", "An e-mail address. Trimmed.", text(3, Email::MAX_CHARS).pattern(Some(ADDRESS))),
        ("Text", "For people. Trimmed.", text(1, Text::MAX_CHARS).pattern(Some(PARAGRAPH))),
        ("Sku", "Which article. Case counts.", text(1, Sku::MAX_CHARS).pattern(Some(sku))),
        ("Amount", "Money, in minor units.", whole(Amount::MIN.get(), Amount::MAX.get())),
        ("UnitPrice", "What one costs, in minor units.", whole(UnitPrice::MIN.get(), UnitPrice::MAX.get())),
        ("Quantity", "How many.", whole(Quantity::MIN.get(), Quantity::MAX.get())),
        ("Units", "How many, counted over all.", whole(Units::MIN.get(), Units::MAX.get())),
        ("Version", "How many events something has.", at_least(1)),
        ("Position", "A place on the log.", at_least(0)),
        ("OrderStatus", STATUSES, words(OrderStatus::ALL.map(OrderStatus::as_str))),
    ]
}

/// What answers show.
fn things() -> Vec<(&'static str, Schema)> {
    let available = "How much more may be set aside; negative where the limit was lowered below what is.";
    let credit = [
        ("limit", of_with("Amount", "How much may be set aside for orders at once.")),
        ("reserved", of_with("Amount", "How much is.")),
        ("available", within(Amount::MAX.get()).description(Some(available)).into()),
    ];
    let user = [
        ("id", of("Id")),
        ("name", of("Name")),
        ("email", of("Email")),
        ("status", words(["active"]).into()),
        ("credit", of("Credit")),
        ("version", of("Version")),
    ];
    let reason = "Why it was rejected or cancelled. Of a rejection it begins with `credit`, `stock of <sku>`, \
                  `deadline` or `payment`.";
    let order = [
        ("id", of("Id")),
        ("user_id", of("Id")),
        ("status", of("OrderStatus")),
        ("lines", of("Lines")),
        ("total", of_with("Amount", "What the lines cost together.")),
        ("ship_to?", of_with("Text", "Where it goes.")),
        ("reason?", of_with("Text", reason)),
        ("version", of("Version")),
    ];
    let line = [("sku", of("Sku")), ("quantity", of("Quantity")), ("unit_price", of("UnitPrice"))];
    let lines = "An article may stand on several lines. Their total is at most that of an `Amount`.";
    let article = [
        ("sku", of("Sku")),
        ("on_hand", of_with("Units", "How many are there.")),
        ("reserved", of_with("Units", "How many of them are set aside for orders.")),
        ("available", of_with("Units", "How many of them are not.")),
        ("version", of("Version")),
    ];
    let done = ["User deleted", "Order cancelled"].map(|message| json!({"message": message}));
    vec![
        ("User", shown("A user.", user, [examples::user()])),
        ("Credit", shown("What a user may spend, in minor units.", credit, [])),
        ("Order", shown("An order.", order, [examples::order()])),
        ("Line", sent("So many of an article, at a price each.", line).build().into()),
        ("Lines", array(of("Line")).max_items(Some(Lines::MAX)).description(Some(lines)).build().into()),
        ("Article", shown("The stock of an article.", article, [examples::article()])),
        ("Event", event()),
        events::schema(),
        ("Problem", problem()),
        ("WrongField", wrong_field()),
        ("Message", shown("That it is done.", [("message", some_text().into())], done)),
        ("Readiness", readiness()),
    ]
}

fn event() -> Schema {
    let named = |types: &[&str]| types.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let types = format!(
        "What happened. To a user: {}. To an order: {}. More may come.",
        named(UserEvent::TYPES),
        named(OrderEvent::TYPES)
    );
    let fields = [
        ("id", of("Id")),
        ("type", text(1, 100).pattern(Some("^[a-z]+(-[a-z]+)*$")).description(Some(types)).into()),
        ("version", of_with("Version", "The version of what it happened to, after it.")),
        ("position", of("Position")),
        ("time", text_of_format("date-time").into()),
        ("causation_id", id_or_null().description(Some("The command or event that caused it.")).into()),
        ("correlation_id", id_or_null().description(Some("The first cause of the chain.")).into()),
        (
            "data",
            ObjectBuilder::new().schema_type(Type::Object).description(Some("As it is on the log.")).into(),
        ),
    ];
    shown("A fact about one thing, never changed.", fields, [examples::event()])
}

fn problem() -> Schema {
    let errors = "Every wrong field, where fields are wrong.";
    let fields = [
        ("type", text_of_format("uri-reference").description(Some("`/problems/` and its slug.")).into()),
        ("title", some_text().into()),
        ("status", whole(400, 599).into()),
        ("detail", some_text().description(Some("What is wrong this time, and what to do.")).into()),
        (
            "instance",
            text_of_format("uri-reference").description(Some("The path that was asked for.")).into(),
        ),
        ("errors?", array(of("WrongField")).description(Some(errors)).into()),
        ("trace_id?", text(1, 128).description(Some("Finds it in the server's log.")).into()),
    ];
    shown("A problem (RFC 9457).", fields, [problems::body(Kind::InvalidRequest)])
}

fn wrong_field() -> Schema {
    let fields = [
        ("pointer", text_of_format("json-pointer").description(Some("Where it is (RFC 6901).")).into()),
        ("detail", some_text().description(Some("What it must be.")).into()),
    ];
    shown("A wrong field.", fields, [])
}

fn readiness() -> Schema {
    let fields = [
        ("ready", ObjectBuilder::new().schema_type(Type::Boolean).into()),
        ("reasons", array(some_text()).description(Some("Why not; none when it is.")).into()),
    ];
    shown("Whether the server can serve.", fields, [json!({"ready": true, "reasons": []})])
}

/// What requests may have.
fn bodies() -> Vec<(&'static str, Schema)> {
    let own = "Your own; a new one (version 7) where you send none.";
    let limit = whole(Amount::MIN.get(), Amount::MAX.get()).default(Some(json!(User::DEFAULT_CREDIT_LIMIT)));
    let new_user = [
        ("name", of("Name")),
        ("email", of("Email")),
        ("credit_limit?", limit.into()),
        ("id?", of_with("Id", own)),
    ];
    let unchanged = "Changed nowhere here: only accepted as it is.";
    let version = "As `If-Match`.";
    let user = [
        ("name?", of("Name")),
        ("email?", of("Email")),
        ("id?", of_with("Id", unchanged)),
        ("status?", words(["active"]).description(Some(unchanged)).into()),
        ("credit?", of_with("Credit", unchanged)),
        ("version?", of_with("Version", version)),
    ];
    let order = [
        ("lines?", of_with("Lines", "While it is a draft.")),
        ("ship_to?", of_with("Text", "Until it is shipped.")),
        ("id?", of_with("Id", unchanged)),
        ("user_id?", of_with("Id", unchanged)),
        ("status?", of_with("OrderStatus", unchanged)),
        ("total?", of_with("Amount", unchanged)),
        ("reason?", of_with("Text", unchanged)),
        ("version?", of_with("Version", version)),
    ];
    let placed = [
        ("user_id", of("Id")),
        ("lines", array(of("Line")).min_items(Some(1)).max_items(Some(Lines::MAX)).into()),
        ("draft?", always(false).into()),
        ("ship_to?", of("Text")),
        ("id?", of_with("Id", own)),
    ];
    let draft = [
        ("user_id", of("Id")),
        ("lines?", of("Lines")),
        ("draft", always(true).into()),
        ("ship_to?", of("Text")),
        ("id?", of_with("Id", own)),
    ];
    let new_order = AnyOfBuilder::new().item(of("NewPlacedOrder")).item(of("NewDraft"));
    vec![
        ("NewUser", sent("A user to be.", new_user).build().into()),
        ("UserChange", sent("What changes of a user; the rest stays.", user).build().into()),
        ("CreditLimit", sent("The new limit.", [("amount", of("Amount"))]).build().into()),
        ("NewOrder", Schema::AnyOf(new_order.description(Some("An order to be.")).build())),
        ("NewPlacedOrder", sent("An order, placed at once.", placed).build().into()),
        ("NewDraft", sent("A draft, which may have no lines yet.", draft).build().into()),
        ("OrderChange", sent("What changes of an order; the rest stays.", order).build().into()),
        ("Cancellation", sent("Why.", [("reason?", of("Text"))]).build().into()),
        ("Receipt", sent("What has come in.", [("quantity", of("Quantity"))]).build().into()),
    ]
}

fn array(items: impl Into<RefOr<Schema>>) -> ArrayBuilder {
    ArrayBuilder::new().items(items.into())
}
