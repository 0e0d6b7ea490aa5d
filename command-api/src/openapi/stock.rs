//! The calls of stock.

use serde_json::json;
use utoipa::openapi::HttpMethod::Post;

use super::entry::Entry;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::act(Post, ("/stock/{sku}/receipts", "receiveStock", "Take in an article"), "Article")
            .says("Each call takes in as many again; with an `Idempotency-Key` a repetition does not.")
            .of("sku")
            .body("Receipt", vec![("receipt", "So many have come in", json!({"quantity": 120}))]),
        Entry::list(("/stock", "listStock", "List the articles that are tracked, by sku"), "Article"),
        Entry::one(("/stock/{sku}", "getArticle", "Read an article's stock"), "Article")
            .says("An article without a receipt is not tracked: 404.")
            .of("sku")
            .or_as_it_was(),
    ]
}
