//! Listeners, and what each of them should have heard.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::load::Done;

/// How long the last events may be on their way.
const LATE: Duration = Duration::from_secs(20);

/// What one has heard: positions, and when.
type Notes = Vec<(u64, Instant)>;

/// Who listens.
pub(crate) struct Listeners {
    /// Of one article each, by its number.
    of_one: Vec<JoinHandle<Notes>>,
    of_all: Vec<JoinHandle<Notes>>,
    /// Where all is over: nothing behind it is awaited.
    end: watch::Sender<Option<HashMap<u64, u64>>>,
}

/// What came of it.
pub(crate) struct Heard {
    pub(crate) missed: usize,
    pub(crate) twice: usize,
    /// From when a command was due to when its event was heard.
    pub(crate) delays: Vec<Duration>,
}

impl Listeners {
    /// Once each has heard where it begins.
    pub(crate) async fn connect(address: &str, of_one: u64, of_all: u64) -> Self {
        let (end, ending) = watch::channel(None);
        let mut listeners = Self { of_one: Vec::new(), of_all: Vec::new(), end };
        for article in 0..of_one {
            let stream = listen(address, &format!("?entity=stock/a-{article}")).await;
            listeners.of_one.push(tokio::spawn(take_notes(stream, Some(article), ending.clone())));
        }
        for _ in 0..of_all {
            let stream = listen(address, "").await;
            listeners.of_all.push(tokio::spawn(take_notes(stream, None, ending.clone())));
        }
        listeners
    }

    /// What they have heard of these commands, once the last is there.
    pub(crate) async fn heard(self, done: &[Done]) -> Heard {
        let mut last: HashMap<u64, u64> = HashMap::new();
        let mut wanted: HashMap<u64, Vec<u64>> = HashMap::new();
        for done in done {
            let position = last.entry(done.article).or_default();
            *position = (*position).max(done.position);
            wanted.entry(done.article).or_default().push(done.position);
        }
        let due: HashMap<u64, Instant> = done.iter().map(|done| (done.position, done.due)).collect();
        self.end.send_replace(Some(last));
        let mut heard = Heard { missed: 0, twice: 0, delays: Vec::new() };
        for (article, listener) in self.of_one.into_iter().enumerate() {
            let wanted = wanted.remove(&(article as u64)).unwrap_or_default();
            heard.add(&wanted, &listener.await.unwrap(), &due);
        }
        let all: Vec<u64> = done.iter().map(|done| done.position).collect();
        for listener in self.of_all {
            heard.add(&all, &listener.await.unwrap(), &due);
        }
        heard
    }
}

impl Heard {
    fn add(&mut self, wanted: &[u64], notes: &Notes, due: &HashMap<u64, Instant>) {
        let mut times: BTreeMap<u64, usize> = BTreeMap::new();
        for (position, heard) in notes {
            *times.entry(*position).or_default() += 1;
            self.delays.extend(due.get(position).map(|due| heard.saturating_duration_since(*due)));
        }
        self.missed += wanted.iter().filter(|position| !times.contains_key(position)).count();
        self.twice += times.values().map(|times| times - 1).sum::<usize>();
    }
}

async fn listen(address: &str, query: &str) -> BufReader<TcpStream> {
    let mut stream = BufReader::with_capacity(1024, TcpStream::connect(address).await.unwrap());
    let request = format!("GET /events{query} HTTP/1.1\r\nhost: shop\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes()).await.unwrap();
    let mut line = String::new();
    while !line.starts_with("id: ") {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "no listener any more");
    }
    stream
}

/// Notes each event, until all of this article was heard, or of all articles.
async fn take_notes(
    mut stream: BufReader<TcpStream>,
    article: Option<u64>,
    mut ending: watch::Receiver<Option<HashMap<u64, u64>>>,
) -> Notes {
    let (mut notes, mut line, mut id) = (Notes::new(), Vec::new(), 0);
    let mut until = None;
    let mut patience = std::pin::pin!(tokio::time::sleep(Duration::MAX));
    loop {
        let heard = notes.last().map_or(0, |(position, _)| *position);
        if until.is_some_and(|until| heard >= until) {
            return notes;
        }
        tokio::select! {
            read = stream.read_until(b'\n', &mut line) => {
                if read.unwrap() == 0 {
                    return notes;
                }
                if let Some(position) = line.strip_prefix(b"id: ") {
                    id = std::str::from_utf8(position).unwrap().trim().parse().unwrap();
                } else if line.starts_with(b"data: ") {
                    notes.push((id, Instant::now()));
                }
                line.clear();
            }
            _ = ending.changed(), if until.is_none() => {
                let ends = ending.borrow().clone().unwrap_or_default();
                let last = article.map_or_else(|| ends.values().max(), |article| ends.get(&article));
                until = Some(last.copied().unwrap_or_default());
                patience.as_mut().reset(tokio::time::Instant::now() + LATE);
            }
            () = &mut patience => return notes,
        }
    }
}
