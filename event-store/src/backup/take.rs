//! Messages read from a stream, in its order.

use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::Message;
use crate::error::{Cause, StoreError};
use crate::keys::Record;
use crate::store::EventStore;
use crate::streams::{EVENTS, KEYS};

/// How long the broker may be silent while there is more.
const SILENCE: Duration = Duration::from_secs(10);

impl EventStore {
    /// All that a stream holds when its end is reached, asked for one by one of its leader: also of a queue, which
    /// takes no second reader, and never behind what was acknowledged.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer; what `take` returns.
    pub async fn take_all<E: From<StoreError>>(
        &self,
        stream: &str,
        mut take: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut next = 1;
        loop {
            let which = |raw: async_nats::jetstream::stream::RawMessageBuilder| {
                raw.sequence(next).next_by_subject(">".to_owned())
            };
            let Some(found) = self.of_leader(stream, which, self.deadline()).await? else { return Ok(()) };
            let StreamMessage { subject, sequence, headers, payload, time } = found;
            next = sequence + 1;
            take(Message::new(sequence, &subject, time, Some(&headers), &payload))?;
        }
    }

    /// The log behind a position, up to where it ends now, without the beginning of an append that is still being stored.
    /// Returns the last position that was taken.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the log has a gap; [`StoreError::Unavailable`] when the broker does not answer; what
    /// `take` returns.
    pub async fn take_log<E: From<StoreError>>(
        &self,
        after: u64,
        mut take: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<u64, E> {
        let (end, mut taken) = (self.head().await?.get(), after);
        let mut append = Vec::new();
        self.take_between::<E>(EVENTS, after, end, |message| {
            let due = taken + append.len() as u64 + 1;
            if message.sequence != due {
                let what = format!("position {} follows {}: the log has a gap", message.sequence, due - 1);
                return Err(StoreError::Corrupt(what).into());
            }
            let open = message.part().is_some_and(|(number, of)| number < of);
            append.push(message);
            // What a power cut left without its end is followed by others: it is not waited for.
            if !open || append.len() >= MOST_PARTS {
                taken = due;
                return append.drain(..).try_for_each(&mut take);
            }
            Ok(())
        })
        .await?;
        Ok(taken)
    }

    /// Idempotency keys with a sequence behind `after`. Those that were written behind `until` are taken only where what
    /// they say ends at `position`: with the others, repetitions on a log that ends there would be answered with what it
    /// does not hold.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer; what `take` returns.
    pub async fn take_keys<E: From<StoreError>>(
        &self,
        (after, until): (u64, u64),
        position: u64,
        mut take: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(keys) = self.stream_found(KEYS).await? else { return Ok(()) };
        self.take_between(KEYS, after, keys.last, |message| {
            let record = || serde_json::from_slice::<Record>(&message.data().ok()?).ok();
            let is_later = |record: Record| record.from.get() > position || record.unchanged.is_some();
            if message.sequence > until && record().is_none_or(is_later) {
                return Ok(());
            }
            take(message)
        })
        .await
    }

    /// Messages behind a sequence up to another one, at the pace of a consumer.
    async fn take_between<E: From<StoreError>>(
        &self,
        stream: &str,
        after: u64,
        end: u64,
        mut take: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<(), E> {
        if after >= end || self.stream_found(stream).await?.is_none_or(|kept| kept.messages == 0) {
            return Ok(());
        }
        let mut messages = self.messages_of(stream, after + 1).await?;
        loop {
            let message = timeout(SILENCE, messages.next()).await.map_err(StoreError::away)?;
            let message = message.ok_or_else(|| StoreError::away("the connection was made anew"))?;
            let message = message.map_err(StoreError::away)?;
            let info = message.info().map_err(|error: Cause| StoreError::away(error))?;
            let (sequence, time, more) = (info.stream_sequence, info.published, info.pending > 0);
            if sequence > end {
                return Ok(());
            }
            take(Message::new(sequence, &message.subject, time, message.headers.as_ref(), &message.payload))?;
            // The last one may have been replaced by a newer one meanwhile.
            if sequence == end || !more {
                return Ok(());
            }
        }
    }
}

/// More than the parts of any append.
const MOST_PARTS: usize = 1000;
