//! Appends to UmaDB through its client for Rust: one connection, which all writers share.

use std::sync::Arc;

use umadb_client::{AsyncUmaDbClient, UmaDbClient};
use umadb_dcb::{DcbAppendCondition, DcbEvent, DcbEventStoreAsync as _, DcbQuery, DcbQueryItem};
use uuid::Uuid;

use crate::appends::Store;
use crate::event::{OrderPlaced, TYPE};

#[derive(Clone)]
pub(crate) struct Umadb {
    client: Arc<AsyncUmaDbClient>,
}

impl Umadb {
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Self> {
        let client = UmaDbClient::new(url.to_owned()).connect_async().await?;
        client.head().await?;
        Ok(Self { client: Arc::new(client) })
    }
}

impl Store for Umadb {
    async fn append(&self, entity: Uuid) -> anyhow::Result<()> {
        let tag = format!("order:{entity}");
        let event = DcbEvent::new()
            .event_type(TYPE)
            .tags([&tag])
            .data(serde_json::to_vec(&OrderPlaced::new())?)
            .uuid(Uuid::now_v7());
        // `after` is the head that the decision has read. Nothing is known of a new entity, so no event of it is allowed.
        let none_of_this_entity = DcbQuery::new().item(DcbQueryItem::new().tags([tag]));
        let condition = DcbAppendCondition::new(none_of_this_entity).after(None);
        self.client.append(vec![event], Some(condition), None).await?;
        Ok(())
    }
}
