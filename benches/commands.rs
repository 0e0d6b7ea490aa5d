//! What a command costs over HTTP, with an fsync behind each answer, beside what it stands on: a bare axum handler,
//! and raw JetStream publishes of an event of the same size. All in one run, in alternating rounds.
//!
//! `cargo bench` prints a table in Markdown. `ROUNDS` and `SECONDS` change how long it takes.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops where it fails, and prints")]
#![expect(clippy::cast_precision_loss, reason = "rates and milliseconds are for people")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use nats_launcher::Server;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use uuid::Uuid;

const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];

/// What one measurement found.
struct Found {
    /// Done in a second.
    rate: f64,
    /// Milliseconds.
    p50: f64,
    p99: f64,
}

#[tokio::main]
async fn main() {
    if std::env::args().any(|argument| argument == "--bare-handler") {
        return bare_handler().await;
    }
    let rounds = number("ROUNDS", 3);
    let time = Duration::from_secs(number("SECONDS", 3));
    let shop = Shop::start().await;
    let (mut bare, bare_address) = start_bare_handler().await;
    let raw = Raw::start().await;
    println!("| connections | | per second | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|");
    for connections in CONNECTIONS {
        let (mut http, mut handler, mut publish) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            http.push(requests(&shop.address, connections, time, |_| shop.order()).await);
            publish.push(raw.publishes(connections, time).await);
            handler.push(requests(&bare_address, connections, time, |_| shop.order()).await);
        }
        let (http, publish, handler) = (median(http), median(publish), median(handler));
        row(connections, "`POST /orders`, durable", &http);
        row(connections, "raw JetStream publish, same size, durable", &publish);
        row(connections, "bare axum handler", &handler);
        let share = http.rate / publish.rate;
        println!("| {connections} | **commands per raw publish** | **{share:.2}** | | |");
    }
    bare.kill().await.unwrap();
    shop.stop().await;
}

fn row(connections: usize, what: &str, found: &Found) {
    println!("| {connections} | {what} | {:.0} | {:.2} | {:.2} |", found.rate, found.p50, found.p99);
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The round with the median rate.
fn median(mut found: Vec<Found>) -> Found {
    found.sort_by(|one, two| one.rate.total_cmp(&two.rate));
    found.swap_remove(found.len() / 2)
}

fn summary(mut times: Vec<Duration>, took: Duration) -> Found {
    times.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into what was measured"
        )]
        let index = ((times.len() - 1) as f64 * share) as usize;
        times[index].as_secs_f64() * 1000.0
    };
    Found { rate: times.len() as f64 / took.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
}

/// Requests one after the other on each connection, for a time.
async fn requests(
    address: &str,
    connections: usize,
    time: Duration,
    request: impl Fn(usize) -> Vec<u8>,
) -> Found {
    let started = Instant::now();
    let mut clients = Vec::new();
    for client in 0..connections {
        let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        stream.get_ref().set_nodelay(true).unwrap();
        let mut ahead = (0..).map(|_| request(client)).take(50_000 / connections.max(10)).collect::<Vec<_>>();
        clients.push(tokio::spawn(async move {
            let mut times = Vec::new();
            let started = Instant::now();
            while let Some(request) = ahead.pop().filter(|_| started.elapsed() < time) {
                let asked = Instant::now();
                stream.get_mut().write_all(&request).await.unwrap();
                answer(&mut stream).await;
                times.push(asked.elapsed());
            }
            (times, started.elapsed())
        }));
    }
    let _ = started;
    let mut times = Vec::new();
    let mut took = Duration::ZERO;
    for client in clients {
        let (of_client, needed) = client.await.unwrap();
        times.extend(of_client);
        took = took.max(needed);
    }
    summary(times, took)
}

/// Reads one answer, which must be a success.
async fn answer(stream: &mut BufReader<TcpStream>) {
    let mut line = String::new();
    let mut length = 0;
    stream.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("HTTP/1.1 20"), "{line}");
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).await.unwrap();
}

/// The real program, on a log of its own.
struct Shop {
    program: Child,
    _data: tempfile::TempDir,
    address: String,
    user: Uuid,
}

impl Shop {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let ready = data.path().join("ready.json");
        let program = Command::new(env!("CARGO_BIN_EXE_jetsource"))
            .args(["serve", "--listen", "127.0.0.1:0", "--nats-port", "0", "--data-dir"])
            .arg(data.path())
            .arg("--ready-file")
            .arg(&ready)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = loop {
            if let Ok(text) = std::fs::read(&ready) {
                break serde_json::from_slice::<serde_json::Value>(&text).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let address = said["http"].as_str().unwrap().trim_start_matches("http://").to_owned();
        let user = Uuid::now_v7();
        let body = serde_json::json!({"id": user, "name": "Ann", "email": "ann@example.com"});
        let mut stream = BufReader::new(TcpStream::connect(&address).await.unwrap());
        stream.get_mut().write_all(&post("/users", &body)).await.unwrap();
        answer(&mut stream).await;
        Self { program, _data: data, address, user }
    }

    /// A request that places an order of one line.
    fn order(&self) -> Vec<u8> {
        let line = serde_json::json!({"sku": "85123A", "quantity": 6, "unit_price": 255});
        post(
            "/orders",
            &serde_json::json!({"user_id": self.user, "lines": [line], "ship_to": "1 Main Street"}),
        )
    }

    async fn stop(mut self) {
        let pid = self.program.id().unwrap().to_string();
        Command::new("kill").arg(pid).status().await.unwrap();
        self.program.wait().await.unwrap();
    }
}

fn post(path: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Publishes of an event like an order's, on a server of their own that syncs always.
struct Raw {
    _server: Server,
    context: async_nats::jetstream::Context,
}

impl Raw {
    async fn start() -> Self {
        let server = Server::throwaway().await.unwrap();
        let client = async_nats::connect(server.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        let config = async_nats::jetstream::stream::Config {
            name: "RAW".into(),
            subjects: vec!["raw.>".into()],
            ..Default::default()
        };
        context.create_stream(config).await.unwrap();
        Self { _server: server, context }
    }

    async fn publishes(&self, writers: usize, time: Duration) -> Found {
        let writers: Vec<_> = (0..writers)
            .map(|_| {
                let context = self.context.clone();
                tokio::spawn(async move {
                    let mut times = Vec::new();
                    let started = Instant::now();
                    while started.elapsed() < time {
                        let id = Uuid::now_v7();
                        let message = async_nats::jetstream::message::PublishMessage::build()
                            .message_id(id.to_string())
                            .expected_last_subject_sequence(0)
                            .header("ce-attributes", "x".repeat(380))
                            .payload("x".repeat(250).into());
                        let asked = Instant::now();
                        context
                            .send_publish(format!("raw.order.{id}"), message)
                            .await
                            .unwrap()
                            .await
                            .unwrap();
                        times.push(asked.elapsed());
                    }
                    (times, started.elapsed())
                })
            })
            .collect();
        let mut times = Vec::new();
        let mut took = Duration::ZERO;
        for writer in writers {
            let (of_writer, needed) = writer.await.unwrap();
            times.extend(of_writer);
            took = took.max(needed);
        }
        summary(times, took)
    }
}

async fn start_bare_handler() -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--bare-handler")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).await.unwrap();
    (child, address.trim().to_owned())
}

/// What HTTP alone costs: the same request, read and answered.
async fn bare_handler() {
    let app = axum::Router::new().route("/orders", axum::routing::post(async |body: String| body));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, app).await.unwrap();
}
