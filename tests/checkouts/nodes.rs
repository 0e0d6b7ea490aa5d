//! The deployment: a broker, two nodes that take commands, and two that run sagas, each of which may be killed.

use std::time::Duration;

use nats_launcher::{Dice, Server};
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::sleep;

use crate::harness::{Program, free_address, send};

/// The processes.
pub(crate) struct Nodes {
    server: Server,
    url: String,
    restarts: u64,
    apis: [Program; 2],
    sagas: [Program; 2],
}

impl Nodes {
    pub(crate) async fn start() -> Self {
        let server = Server::throwaway().await.unwrap();
        let url = server.url();
        let start = |role: &'static str| {
            let url = url.clone();
            tokio::task::spawn_blocking(move || {
                // The callers know where it is, also after it was killed.
                Program::start_with(&[
                    "--role",
                    role,
                    "--listen",
                    &free_address(),
                    "--nats-url",
                    &url,
                    "--checkout-participants",
                    "payment",
                    "--checkout-deadline",
                    "8s",
                ])
            })
        };
        // The first makes the streams.
        let first = start("api,projections").await.unwrap();
        let second = start("api").await.unwrap();
        let sagas = [start("sagas").await.unwrap(), start("sagas").await.unwrap()];
        Self { server, url: url.clone(), restarts: 0, apis: [first, second], sagas }
    }

    pub(crate) fn nats(&self) -> &str {
        &self.url
    }

    /// Where commands are taken.
    pub(crate) fn apis(&self) -> Vec<String> {
        self.apis.iter().map(|api| api.http().to_owned()).collect()
    }

    /// One of them is killed and started again, or stands still for a while.
    pub(crate) async fn strike(&mut self, dice: &mut Dice) {
        let which = usize::try_from(dice.roll(0..2)).unwrap();
        match dice.roll(0..5) {
            0 => {
                println!("the broker is killed");
                self.restarts += 1;
                self.server.kill().unwrap();
                self.server.restarted(self.restarts).await;
            }
            1 => revive(&mut self.apis[which], "api"),
            2 => {
                let pid = self.apis[which].pid();
                println!("an api stands still");
                send(pid, Signal::STOP);
                sleep(Duration::from_millis(dice.roll(500..4000))).await;
                send(pid, Signal::CONT);
            }
            _ => revive(&mut self.sagas[which], "sagas"),
        }
    }

    /// What `GET /sagas` still shows as running, once the list is as far as the log.
    pub(crate) async fn running_sagas(&self, position: u64) -> Vec<Value> {
        let url = format!("{}/sagas?state=running", self.apis[0].http());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let list = client.get(url).header("jetsource-position", position).header("prefer", "wait=30");
        let answer = list.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

fn revive(program: &mut Program, role: &str) {
    println!("one with the role {role} is killed");
    program.kill();
    program.restart();
}
