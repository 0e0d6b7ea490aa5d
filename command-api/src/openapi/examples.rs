//! One user, one order and one article, as all examples show them.

use serde_json::{Value, json};

pub(super) const USER_ID: &str = "0190b5c6-7d2e-7a31-8c55-0f5d1f6f9a10";
pub(super) const ORDER_ID: &str = "0190b5c6-8a10-7f42-9d3b-5e2f7c1a0b64";
pub(super) const SKU: &str = "tea-green-100g";

pub(super) fn user() -> Value {
    json!({
        "id": USER_ID,
        "name": "Ann Lee",
        "email": "ann@example.com",
        "status": "active",
        "credit": {"limit": 100_000, "reserved": 1_899, "available": 98_101},
        "version": 2,
    })
}

pub(super) fn order() -> Value {
    json!({
        "id": ORDER_ID,
        "user_id": USER_ID,
        "status": "confirmed",
        "lines": lines(),
        "total": 1_899,
        "ship_to": "1 Harbour Street, Port Town",
        "version": 2,
    })
}

pub(super) fn lines() -> Value {
    json!([
        {"sku": SKU, "quantity": 2, "unit_price": 450},
        {"sku": "cup-blue", "quantity": 1, "unit_price": 999},
    ])
}

pub(super) fn article() -> Value {
    json!({"sku": SKU, "on_hand": 120, "reserved": 2, "available": 118, "version": 2})
}

pub(super) fn activity() -> Value {
    json!({
        "position": 41,
        "time": "2026-03-02T09:15:27.104Z",
        "event_id": "0c9f61d2-7a43-5b8e-91d6-2f5e8a3b7c10",
        "type": "order-placed",
        "category": "order",
        "id": ORDER_ID,
        "user_id": USER_ID,
        "what": "an order was placed: 3 units for 1899",
    })
}

pub(super) fn customer() -> Value {
    json!({
        "user_id": USER_ID,
        "status": "active",
        "name": "Ann Lee",
        "open_orders": 1,
        "spent": 4_500,
        "version": 5,
    })
}

pub(super) fn sales_by_day() -> Value {
    json!({
        "by": "day",
        "from": "2026-03-01",
        "totals": {"orders": 1, "units": 3, "revenue": 1_899},
        "rows": [{"day": "2026-03-02", "orders": 1, "units": 3, "revenue": 1_899}],
    })
}

pub(super) fn sales_by_article() -> Value {
    json!({
        "by": "article",
        "totals": {"units": 3, "revenue": 1_899},
        "rows": [
            {"sku": "cup-blue", "units": 1, "revenue": 999},
            {"sku": SKU, "units": 2, "revenue": 900},
        ],
    })
}

pub(super) fn saga() -> Value {
    json!({
        "name": "checkout",
        "id": ORDER_ID,
        "state": "running",
        "waits_for": ["stock of tea-green-100g"],
        "started": "2026-03-02T09:15:27.104Z",
        "changed": "2026-03-02T09:15:27.131Z",
        "version": 2,
    })
}

pub(super) fn event() -> Value {
    json!({
        "id": "6f1c2a34-90b7-5d21-8e4f-3b7a9c0d1e52",
        "type": "order-confirmed",
        "version": 2,
        "position": 42,
        "time": "2026-03-02T09:15:27.104Z",
        "causation_id": "3d9b1e70-52c4-5f18-a6b3-7e0f4c8d2a91",
        "correlation_id": "0190b5c7-0c5e-7b1d-a3f2-64d8e9b01c37",
        "data": {"user_id": USER_ID, "lines": lines()},
    })
}

pub(super) fn cloud_event() -> Value {
    let Value::Object(event) = event() else { return Value::Null };
    json!({
        "specversion": "1.0",
        "id": event["id"],
        "source": "/jetsource",
        "type": event["type"],
        "subject": format!("order/{ORDER_ID}"),
        "time": event["time"],
        "datacontenttype": "application/json",
        "position": event["position"],
        "entityversion": event["version"],
        "causationid": event["causation_id"],
        "correlationid": event["correlation_id"],
        "data": event["data"],
    })
}
