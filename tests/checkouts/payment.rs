//! A participant from outside that is as bad as one can be: it declines, answers twice, late, in any order, or never,
//! and takes commands that it has carried out once more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, Context};
use async_nats::{ConnectOptions, HeaderMap};
use futures_util::StreamExt as _;
use nats_launcher::Dice;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

/// The participant.
pub(crate) struct Payment {
    voided: watch::Sender<BTreeSet<String>>,
    kind: Arc<AtomicBool>,
}

impl Payment {
    pub(crate) async fn start(nats: &str, seed: u64) -> Self {
        let payment = Self { voided: watch::Sender::default(), kind: Arc::default() };
        let (voided, kind) = (payment.voided.clone(), Arc::clone(&payment.kind));
        let client = ConnectOptions::new().max_reconnects(None).connect(nats).await.unwrap();
        let context = jetstream::new(client);
        tokio::spawn(async move {
            loop {
                // Whatever breaks, it begins again with what it has not acknowledged.
                let _ = take(&context, seed, &voided, &kind).await;
                sleep(Duration::from_millis(100)).await;
            }
        });
        payment
    }

    /// The orders of which it was told that they failed.
    pub(crate) fn voided(&self) -> watch::Receiver<BTreeSet<String>> {
        self.voided.subscribe()
    }

    /// It acknowledges what it does, and answers nothing late, so that all ends.
    pub(crate) fn is_kind_from_now_on(&self) {
        self.kind.store(true, Ordering::Relaxed);
    }
}

async fn take(
    context: &Context,
    seed: u64,
    voided: &watch::Sender<BTreeSet<String>>,
    kind: &AtomicBool,
) -> Result<(), async_nats::Error> {
    let stream = context.get_stream("COMMANDS").await?;
    let config = pull::Config {
        durable_name: Some("payment".into()),
        filter_subject: "commands.payment.>".into(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(2),
        ..pull::Config::default()
    };
    let consumer = stream.get_or_create_consumer("payment", config).await?;
    let mut messages = consumer
        .stream()
        .heartbeat(Duration::from_secs(1))
        .expires(Duration::from_secs(5))
        .messages()
        .await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        let mut tokens = message.subject.split('.').skip(2).map(str::to_owned);
        let (order, command) = (tokens.next().unwrap(), tokens.next().unwrap());
        let delivered = message.info()?.delivered.unsigned_abs();
        let mut dice = Dice::new(seed ^ Uuid::parse_str(&order)?.as_u64_pair().1 ^ delivered);
        let kind = kind.load(Ordering::Relaxed);
        if command == "void" {
            voided.send_if_modified(|voided| voided.insert(order.clone()));
        } else {
            answer(context, &order, &mut dice, kind);
        }
        // An acknowledgement that gets lost: it is delivered once more.
        if kind || dice.roll(0..10) > 0 {
            message.ack().await?;
        }
    }
    Ok(())
}

/// By the dice: at once, twice, late, declined, both, or not at all.
fn answer(context: &Context, order: &str, dice: &mut Dice, kind: bool) {
    let (yes, no) = ("payment-authorised", "payment-declined");
    let answers: &[(&str, u64)] = match dice.roll(0..20) {
        0 => &[],
        1 => &[(no, 0)],
        2 => &[(yes, 0), (yes, 5)],
        3 => &[(yes, 1500)],
        4 => &[(yes, 9000)],
        5 => &[(no, 30), (yes, 0)],
        6 => &[(yes, 2500), (yes, 300)],
        _ => &[(yes, 0)],
    };
    for (answer, after) in answers.iter().copied() {
        let after = if kind { 0 } else { after };
        let (context, order) = (context.clone(), order.to_owned());
        tokio::spawn(async move {
            sleep(Duration::from_millis(after)).await;
            let mut headers = HeaderMap::new();
            headers.insert("ce-id", Uuid::now_v7().to_string());
            headers.insert("ce-type", answer);
            let body = json!({"reason": "the card has expired"}).to_string();
            let mut tries = 0;
            while tries < 100 {
                tries += 1;
                let subject = format!("append.payment.{order}");
                let sent = context.publish_with_headers(subject, headers.clone(), body.clone().into()).await;
                if let Ok(sent) = sent
                    && sent.await.is_ok()
                {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
}
