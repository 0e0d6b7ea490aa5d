//! A TCP proxy that misbehaves when told to, between a client and its server: for tests of what a client makes of
//! a bad network.
//!
//! It knows nothing of what it carries. [`Proxy::storm`] draws faults from a seed.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

const CHUNK: usize = 16 * 1024;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    There,
    /// From the server to the client.
    Back,
}

/// What is wrong now, and how often each thing happened that is over at once.
#[derive(Clone, Debug, Default)]
struct Weather {
    refuses: bool,
    drops_answers: bool,
    delay: [Duration; 2],
    cuts: u64,
    half_closes: [u64; 2],
    tears: [u64; 2],
    /// How many bytes go through before the last tear.
    tear_after: [usize; 2],
}

/// A port on loopback that leads to a server. Dropping it closes the port and cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    weather: watch::Sender<Weather>,
    listener: JoinHandle<()>,
}

impl Proxy {
    /// Opens a free port that leads to `server`. All is well until told otherwise.
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (weather, now) = watch::channel(Weather::default());
        Ok(Self { port, weather, listener: tokio::spawn(listen(listener, server, now)) })
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection, with whatever is under way.
    pub fn cut(&self) {
        self.weather.send_modify(|now| now.cuts += 1);
    }

    /// Ends every connection once so many more bytes went this way on it: in the middle of whatever they are.
    pub fn tear(&self, way: Way, after: usize) {
        self.weather.send_modify(|now| {
            now.tears[way as usize] += 1;
            now.tear_after[way as usize] = after;
        });
    }

    /// Ends every connection in one direction only.
    pub fn half_close(&self, way: Way) {
        self.weather.send_modify(|now| now.half_closes[way as usize] += 1);
    }

    /// Holds all that goes this way back for so long.
    pub fn delay(&self, way: Way, by: Duration) {
        self.weather.send_modify(|now| now.delay[way as usize] = by);
    }

    /// Lets the client speak and hear nothing. A connection that lost bytes is cut when all is well again, because
    /// what comes after a hole makes no sense.
    pub fn drop_answers(&self) {
        self.weather.send_modify(|now| now.drops_answers = true);
    }

    /// Ends every new connection as soon as it is made.
    pub fn refuse(&self) {
        self.weather.send_modify(|now| now.refuses = true);
    }

    /// From now on all is well.
    pub fn calm(&self) {
        self.weather.send_modify(|now| {
            now.refuses = false;
            now.drops_answers = false;
            now.delay = [Duration::ZERO; 2];
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It owns the connections, which end with it.
        self.listener.abort();
    }
}

async fn listen(listener: TcpListener, server: SocketAddr, weather: watch::Receiver<Weather>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                if !weather.borrow().refuses {
                    connections.spawn(carry(client, server, weather.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until both directions have ended, one of them has failed, or it is cut.
async fn carry(
    client: TcpStream,
    server: SocketAddr,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let cuts = weather.borrow().cuts;
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pump(from_client, to_server, Way::There, weather.clone());
    let back = pump(from_server, to_client, Way::Back, weather.clone());
    tokio::select! {
        ended = async { tokio::try_join!(there, back) } => ended.map(|_| ()),
        _ = weather.wait_for(|now| now.cuts != cuts) => Ok(()),
    }
}

/// One direction of a connection. What it returns without an error is a half-closed connection.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let way = way as usize;
    let before = weather.borrow().clone();
    let mut tears = before.tears[way];
    let mut left = None;
    let mut lost = false;
    let mut chunk = vec![0; CHUNK];
    loop {
        let over =
            |now: &Weather| now.half_closes[way] != before.half_closes[way] || lost && !now.drops_answers;
        let read = tokio::select! {
            read = from.read(&mut chunk) => read?,
            _ = weather.wait_for(over) => 0,
        };
        if lost && !weather.borrow().drops_answers {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if read == 0 {
            return to.shutdown().await;
        }
        let now = weather.borrow().clone();
        if now.drops_answers && way == Way::Back as usize {
            lost = true;
            continue;
        }
        if now.tears[way] != tears {
            (tears, left) = (now.tears[way], Some(now.tear_after[way]));
        }
        if !now.delay[way].is_zero() {
            sleep(now.delay[way]).await;
        }
        let goes = left.map_or(read, |left| read.min(left));
        to.write_all(&chunk[..goes]).await?;
        left = left.map(|left| left - goes);
        if left == Some(0) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}
