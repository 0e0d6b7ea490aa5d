//! What all nodes of a deployment share, kept in the broker: secrets, made at first use, and how far the log is known to
//! be whole.

use async_nats::jetstream::kv;
use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::StoreError;
use crate::leader::patiently;
use crate::store::EventStore;

/// The bucket of what all nodes of a deployment share.
const BUCKET: &str = "jetsource";
/// Its stream, as the broker's key-value stores are laid out.
pub(crate) const KV_STREAM: &str = "KV_jetsource";

/// The subject of a name.
pub(crate) fn subject(name: &str) -> String {
    format!("$KV.{BUCKET}.{name}")
}

impl EventStore {
    /// A secret that all nodes of the deployment share: made at first use, kept in the broker.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn shared_secret(&self, name: &str) -> Result<[u8; 32], StoreError> {
        let mut fresh = [0; 32];
        fresh[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        fresh[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        let fresh = &fresh;
        // Whoever may not write here may read all the same.
        if let Some(kept) = self.kept_secret(name).await? {
            return Ok(kept);
        }
        patiently(self.deadline(), |by| async move {
            let bucket = self.shared_bucket().await?;
            let made = bucket.create(name, fresh.to_vec().into()).await;
            let Some(stored) = self.shared(name, by).await? else {
                return Err(
                    made.map_or_else(StoreError::away, |_| StoreError::away("the secret is not there"))
                );
            };
            <[u8; 32]>::try_from(&stored[..])
                .map_err(|_| StoreError::Corrupt(format!("the secret {name} is not 32 bytes")))
        })
        .await
    }

    /// A secret that all nodes share, where there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn kept_secret(&self, name: &str) -> Result<Option<[u8; 32]>, StoreError> {
        let Some(kept) = self.shared(name, self.deadline()).await? else { return Ok(None) };
        let secret = <[u8; 32]>::try_from(&kept[..]);
        secret.map(Some).map_err(|_| StoreError::Corrupt(format!("the secret {name} is not 32 bytes")))
    }

    /// Keeps a secret that was made elsewhere in the place of the one that is there. Nodes that run already go on with
    /// that one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn keep_secret(&self, name: &str, secret: [u8; 32]) -> Result<(), StoreError> {
        self.share(name, secret.to_vec()).await
    }

    /// What is kept under a name. Of the leader: a replica may not have it yet, whoever wrote it.
    pub(crate) async fn shared(&self, name: &str, deadline: Instant) -> Result<Option<Bytes>, StoreError> {
        self.shared_bucket().await?;
        let stored = self.of_leader(KV_STREAM, |raw| raw.last_by_subject(subject(name)), deadline).await?;
        Ok(stored.map(|stored| stored.payload))
    }

    /// Keeps something under a name.
    pub(crate) async fn share(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let bucket = self.shared_bucket().await?;
        bucket.put(name, value.into()).await.map(drop).map_err(StoreError::away)
    }

    /// The bucket, made when it is not there.
    pub(crate) async fn shared_bucket(&self) -> Result<&kv::Store, StoreError> {
        self.bucket().get_or_try_init(|| self.open_bucket()).await
    }

    async fn open_bucket(&self) -> Result<kv::Store, StoreError> {
        if let Ok(bucket) = self.context().get_key_value(BUCKET).await {
            return Ok(bucket);
        }
        let config = kv::Config {
            bucket: BUCKET.into(),
            description: "what all nodes of the deployment share".into(),
            num_replicas: self.connection().replicas(),
            ..kv::Config::default()
        };
        self.context().create_key_value(config).await.map_err(StoreError::away)
    }
}
