//! What the checkouts come to, and that each read model is the fold of the log.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{stderr, stdout};
use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_confirmed_is_sold_and_what_is_shipped_is_spent() {
    let shop = Shop::open(&[]).await;
    let sold = [shop.orders(2, 1_000).await, shop.orders(1, 900).await];
    for order in &sold {
        assert_eq!(shop.settled(order).await["status"], "confirmed");
    }
    let refused = shop.orders(9, 1_000).await;
    assert_eq!(shop.settled(&refused).await["status"], "rejected");
    shop.does(Method::POST, &format!("/orders/{}/ship", sold[0]), &Value::Null).await;
    shop.does(Method::DELETE, &format!("/orders/{}", sold[1]), &Value::Null).await;
    shop.comes_to((0, 0, 8)).await;

    let totals = json!({"orders": 1, "units": 2, "revenue": 2_000});
    shop.until("the sales are summed", || async {
        shop.get("/reports/sales").await["totals"] == totals
            && shop.get("/reports/sales?by=article").await["rows"]
                == json!([{"sku": "teapot", "units": 2, "revenue": 2_000}])
    })
    .await;
    shop.until("the customer has spent", || async {
        let customer = &shop.get("/reports/customers").await[0];
        (&customer["open_orders"], &customer["spent"]) == (&json!(1), &json!(2_000))
    })
    .await;

    let status = stdout(&shop.program.call(&["projections", "status", "--json"]));
    let views: Vec<Value> = serde_json::from_str(&status).unwrap();
    assert_eq!(views.len(), 8, "{status}");
    for view in views {
        let verified = shop.program.call(&["projections", "verify", view["view"].as_str().unwrap()]);
        assert!(verified.status.success(), "{}{}", stdout(&verified), stderr(&verified));
    }
}
