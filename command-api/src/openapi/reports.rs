//! The calls of reports, and of what happened.

use domain::CustomerStatus;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{ObjectBuilder, Schema, Type};

use super::entry::{Entry, JSON};
use super::shapes::{Field, at_least, of, of_with, shown, some_text, text_of_format, words};
use super::{examples, parameters};
use crate::problem::Kind;
use crate::reports::By;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::list(("/activity", "listActivity", "Read what happened, newest first"), "Activity")
            .says("An entry for each event that is worth telling, in words. No name and no address is told.")
            .takes(&["activity_user", "activity_category"]),
        Entry::list(
            ("/reports/customers", "listCustomers", "List what users have open and have spent, by id"),
            "Customer",
        )
        .says("Also users that are deleted, and those whom orders name and who never registered.")
        .takes(&["customer_status", "open"]),
        Entry::get(("/reports/sales", "reportSales", "Sum what is sold, by day or by article"))
            .says(
                "An order is sold when it is confirmed. One that is cancelled after that is taken back on the day of \
                 the cancellation: a day that is over never changes, and may be below zero. By day the earliest comes \
                 first, by article the one with the largest revenue; an article that overtakes another one between \
                 two pages may be seen twice.",
            )
            .takes(&["by", "from_day", "to_day", "limit", "after", "Jetsource-Position", "PreferFresh"])
            .answers(200, "A page of the report.", &["Jetsource-Position", "Link"], JSON, of("SalesReport"))
            .refuses(&[Kind::MalformedRequest, Kind::ProjectionBehind, Kind::Unavailable]),
    ]
}

/// What the calls show.
pub(super) fn schemas() -> Vec<(&'static str, Schema)> {
    let day = || text_of_format("date");
    let activity = [
        ("position", of("Position")),
        ("time", text_of_format("date-time").into()),
        ("event_id", of_with("Id", "The event.")),
        ("type", some_text().description(Some("The event's type.")).into()),
        ("category", words(["user", "order", "stock"]).description(Some("What it is about.")).into()),
        ("id", some_text().description(Some("Which of these.")).into()),
        ("user_id?", of_with("Id", "The user that it concerns.")),
        ("what", some_text().description(Some("What happened, for people.")).into()),
    ];
    let open = "How many orders are open: from their first event, also as drafts, until they are rejected, cancelled \
                or completed.";
    let customer = [
        ("user_id", of("Id")),
        ("status", words(CustomerStatus::ALL.map(CustomerStatus::as_str)).into()),
        ("name?", of("Name")),
        ("open_orders", at_least(0).description(Some(open)).into()),
        ("spent", at_least(0).description(Some("What was captured of the credit, in minor units.")).into()),
        ("version", at_least(0).description(Some("How many events the user has.")).into()),
    ];
    let rows = ArrayBuilder::new().items(of("Sold")).max_items(Some(parameters::LARGEST_PAGE));
    let report: [Field; 5] = [
        ("by", words(By::ALL.map(By::as_str)).into()),
        ("from?", day().into()),
        ("to?", day().into()),
        ("totals", of_with("Sold", "Over all pages.")),
        ("rows", rows.into()),
    ];
    let orders = "Orders that were confirmed, less those cancelled after that. Not by article.";
    let sold = [
        ("day?", day().into()),
        ("sku?", of("Sku")),
        ("orders?", whole_number(orders)),
        ("units", whole_number("How many units.")),
        ("revenue", whole_number("What for, in minor units.")),
    ];
    vec![
        ("Activity", shown("Something that happened.", activity, [examples::activity()])),
        ("Customer", shown("What a user has open and has spent.", customer, [examples::customer()])),
        (
            "SalesReport",
            shown("What was sold.", report, [examples::sales_by_day(), examples::sales_by_article()]),
        ),
        ("Sold", shown("A row of a report.", sold, [])),
    ]
}

/// Of any size, also below zero.
fn whole_number(says: &str) -> utoipa::openapi::RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Integer).description(Some(says)).into()
}
