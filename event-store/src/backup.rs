//! All that a deployment keeps on its broker, as messages: to be kept elsewhere, and to be put on an empty broker.
//!
//! - here: which streams, in which order they are read
//! - [`message`]: one message
//! - `take`: read from a stream
//! - `put`: put back
//!
//! Writers go on meanwhile, so the order decides what can be relied on. Whoever moves something on writes it to the next
//! place first and takes it away afterwards: a saga notes that it is done with an event after its commands are on the
//! queue; a command leaves the queue after its events are on the log, or its refusal is on `REJECTED`. Reading in the
//! same direction ([`BEFORE_THE_LOG`], the log, [`KEYS`]) therefore finds each thing in one place at least. What is found
//! in two is known by its id when it comes again. The log ends at one position then, and nothing that is kept knows of
//! a later one.

pub mod message;
mod put;
mod take;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::Config;
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::leader::patiently;
use crate::shared::KV_STREAM;
use crate::store::EventStore;
use crate::streams::{COMMANDS, DEADLINES, EVENTS, KEYS, REJECTED};

pub use message::Message;

/// The stream of sagas that are stuck.
const STUCK: &str = "STUCK";

/// What sagas have noted, and what all nodes share.
pub const NOTED: &str = KV_STREAM;

/// What is read before the log, in this order: what sagas have noted, what they have sent, what was refused.
pub const BEFORE_THE_LOG: [&str; 5] = [NOTED, STUCK, DEADLINES, COMMANDS, REJECTED];

/// In which order streams are put back: nothing of what sagas have noted is there before all that it speaks of is.
pub const TO_PUT_BACK: [&str; 7] = [EVENTS, KEYS, REJECTED, COMMANDS, DEADLINES, STUCK, NOTED];

/// A stream as it is now, by its leader's word.
#[derive(Debug, Clone)]
pub struct Found {
    /// How it is configured.
    pub config: Config,
    /// When it was made; another time is another stream, whose sequences mean something else.
    pub made: OffsetDateTime,
    /// How many messages it holds.
    pub messages: u64,
    /// The sequence of its last message, also of one that is gone.
    pub last: u64,
}

impl EventStore {
    /// A stream as it is now; `None` where there is none of this name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn stream_found(&self, stream: &str) -> Result<Option<Found>, StoreError> {
        patiently(self.deadline(), |_| async move {
            let info = match self.context().get_stream(stream).await {
                Ok(found) => found.cached_info().clone(),
                Err(error) => {
                    return match error.kind() {
                        GetStreamErrorKind::JetStream(error)
                            if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                        {
                            Ok(None)
                        }
                        GetStreamErrorKind::EmptyName
                        | GetStreamErrorKind::Request
                        | GetStreamErrorKind::InvalidStreamName
                        | GetStreamErrorKind::JetStream(_) => Err(StoreError::away(error)),
                    };
                }
            };
            let (messages, last) = (info.state.messages, info.state.last_sequence);
            Ok(Some(Found { config: info.config, made: info.created, messages, last }))
        })
        .await
    }
}
