use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::task::yield_now;

use super::*;
use crate::shutdown::{Phase, Shutdown};

/// What handlers have seen.
#[derive(Debug, Clone, Default)]
struct Notes {
    events: Arc<Mutex<Vec<Event>>>,
    /// Requests and pieces of bodies, in the order in which they were worked on.
    worked: Arc<Mutex<Vec<&'static str>>>,
    /// How often workers have looked after their connections.
    ticks: Arc<AtomicUsize>,
    /// While somebody holds it, `/gate` makes its worker wait.
    gate: Arc<Mutex<()>>,
}

impl Notes {
    /// How often this was worked on.
    fn count(&self, what: &str) -> usize {
        self.worked.lock().unwrap().iter().filter(|each| **each == what).count()
    }

    fn wait(&self, until: impl Fn(&Notes) -> bool) {
        let began = Instant::now();
        while !until(self) {
            assert!(began.elapsed() < Duration::from_secs(30), "{:?}", self.worked.lock().unwrap());
            std::thread::yield_now();
        }
    }

    /// Waits until all that is under way was so when a worker looked after its connections.
    fn wait_for_a_walk(&self) {
        let before = self.ticks.load(SeqCst);
        self.wait(|notes| notes.ticks.load(SeqCst) >= before + 2);
    }
}

/// Answers with the number of its worker, and panics where it is told to.
struct Told {
    worker: usize,
    notes: Notes,
}

impl Handler for Told {
    type Body = Full<Bytes>;

    fn handle(
        &self,
        parts: Parts,
        body: Option<ClientBody>,
        _: &Rc<Peer>,
    ) -> Pin<Box<impl Future<Output = Reply<Full<Bytes>>>>> {
        Box::pin(async move {
            yield_now().await;
            let what = if parts.uri.path() == "/first" { "first request" } else { "request" };
            self.notes.worked.lock().unwrap().push(what);
            if parts.uri.path() == "/gate" {
                drop(self.notes.gate.lock());
            }
            if let Some(mut body) = body {
                while body.frame().await.is_some() {
                    self.notes.worked.lock().unwrap().push("piece");
                }
            }
            assert!(parts.uri.path() != "/panic", "on purpose");
            Response::new(Full::from(self.worker.to_string())).into()
        })
    }

    fn refuse(&self, failure: Failure, _: &Rc<Peer>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(failure.reason()));
        *response.status_mut() = failure.status();
        response
    }

    fn timeouts(&self, _: usize) -> ClientTimeouts {
        let seconds = Duration::from_secs;
        let (header, idle, body) = (seconds(10), seconds(70), seconds(30));
        ClientTimeouts { header, idle, body, handshake: seconds(10), tunnel: seconds(90) }
    }

    fn limits(&self, _: usize) -> ClientLimits {
        ClientLimits::default()
    }

    fn trusts(&self, _: IpAddr) -> bool {
        false
    }

    fn tls(&self, _: usize) -> Option<Arc<ListenerTls>> {
        None
    }

    fn event(&self, event: Event) {
        self.notes.events.lock().unwrap().push(event);
    }

    fn tick(&self) {
        self.notes.ticks.fetch_add(1, SeqCst);
    }
}

/// Workers of which only the first one has a listener.
struct Running {
    address: SocketAddr,
    notes: Notes,
    shutdown: Shutdown,
    workers: Vec<WorkerHandle>,
}

impl Running {
    fn start(workers: usize) -> Running {
        let mut listeners = bind(&["127.0.0.1:0".parse().unwrap()], 1, &mut Inherited::default()).unwrap();
        let (crew, bells) = Crew::new(workers).unwrap();
        let (shutdown, crowd, notes) = (Shutdown::default(), Arc::new(Crowd::new(1)), Notes::default());
        let start = |(number, bell)| {
            let (crew, crowd, shutdown) = (Arc::clone(&crew), Arc::clone(&crowd), shutdown.watch());
            let sockets = listeners.sockets.pop().unwrap_or_default();
            let worker = Worker { name: format!("w{number}"), sockets, shutdown, crew, number, bell, crowd };
            let notes = notes.clone();
            worker.start(move || Told { worker: number, notes }).unwrap()
        };
        let workers = bells.into_iter().enumerate().map(start).collect();
        Running { address: listeners.addresses[0], notes, shutdown, workers }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    fn stop(self) {
        self.shutdown.advance(Phase::Draining);
        assert!(self.workers.into_iter().all(WorkerHandle::join));
    }
}

/// Asks over HTTP/1.1; the status line's code, and the body.
fn ask(stream: &mut TcpStream, path: &str) -> (String, String) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head[9..12].to_owned(), String::from_utf8(body).unwrap())
}

#[test]
fn who_has_too_many_connections_hands_them_over() {
    let running = Running::start(3);
    let mut clients: Vec<TcpStream> = (0..30).map(|_| running.connect()).collect();
    let served: Vec<String> = clients.iter_mut().map(|client| ask(client, "/").1).collect();
    let workers: BTreeSet<&String> = served.iter().collect();
    assert_eq!(workers.len(), 3, "{served:?}");
    let most = workers.iter().map(|worker| served.iter().filter(|by| by == worker).count()).max();
    assert!(most <= Some(14), "{served:?}");
    // They stay where they are.
    assert_eq!(clients.iter_mut().map(|client| ask(client, "/").1).collect::<Vec<_>>(), served);
    drop(clients);
    running.stop();
}

#[test]
fn a_panic_ends_its_request_alone() {
    let running = Running::start(1);
    let (mut client, mut other) = (running.connect(), running.connect());
    assert_eq!(ask(&mut other, "/").0, "200");
    assert_eq!(ask(&mut client, "/panic"), ("500".to_owned(), "internal".to_owned()));
    assert_eq!(ask(&mut client, "/").0, "200");
    assert_eq!(ask(&mut other, "/").0, "200");
    assert!(running.notes.events.lock().unwrap().contains(&Event::Panicked));
    drop((client, other));
    running.stop();
}

#[test]
fn a_panic_ends_its_stream_alone() {
    let running = Running::start(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        drop(tokio::spawn(connection));
        for (path, status) in [("/", 200), ("/panic", 500), ("/", 200)] {
            let request = Request::get(format!("http://a{path}")).body(()).unwrap();
            let answer = client.send_request(request, true).unwrap().0.await.unwrap();
            assert_eq!(answer.status(), status, "{path}");
        }
    });
    drop(runtime);
    assert_eq!(running.notes.events.lock().unwrap().iter().filter(|event| **event == Event::Panicked).count(), 1);
    running.stop();
}

/// How many go on in the same instant.
const SLOW: usize = 200;

/// Two clients that are known: one holds the worker up until many others have gone on, the other asks then.
struct Late<'r> {
    running: &'r Running,
    holder: TcpStream,
    client: TcpStream,
}

impl Late<'_> {
    fn new(running: &Running) -> Late<'_> {
        let (mut holder, mut client) = (running.connect(), running.connect());
        assert_eq!([ask(&mut holder, "/").0, ask(&mut client, "/").0], ["200", "200"]);
        running.notes.wait_for_a_walk();
        Late { running, holder, client }
    }

    /// `go_on` makes [`SLOW`] of `what` come. The request is worked on before most of them, all of which came before it.
    fn asks_after(&mut self, what: &str, go_on: impl FnOnce()) {
        let notes = &self.running.notes;
        let before = notes.count("request");
        let gate = notes.gate.lock().unwrap();
        self.holder.write_all(b"GET /gate HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        notes.wait(|notes| notes.count("request") > before);
        go_on();
        self.client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        drop(gate);
        notes.wait(|notes| notes.count(what) == SLOW && notes.count("request") == before + 2);
        let worked = notes.worked.lock().unwrap();
        let after = worked.split(|what| *what == "request").next_back().map_or(0, <[_]>::len);
        assert!(after > SLOW / 2, "{after} of {SLOW} were worked on after the request");
    }
}

#[test]
fn a_new_request_does_not_wait_for_bodies_that_go_on_all_at_once() {
    let running = Running::start(1);
    let mut slow: Vec<TcpStream> = (0..SLOW).map(|_| running.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n").unwrap();
    }
    running.notes.wait(|notes| notes.count("request") == SLOW);
    let mut late = Late::new(&running);
    late.asks_after("piece", || slow.iter_mut().for_each(|stream| stream.write_all(b"1").unwrap()));
    // They are answered all the same.
    for stream in &mut slow {
        stream.write_all(b"2").unwrap();
    }
    for stream in &mut slow {
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    drop((late, slow));
    running.stop();
}

#[test]
fn who_is_known_does_not_wait_for_a_crowd_that_asks_for_the_first_time() {
    let running = Running::start(1);
    let mut crowd: Vec<TcpStream> = (0..SLOW).map(|_| running.connect()).collect();
    let mut late = Late::new(&running);
    late.asks_after("first request", || {
        for stream in &mut crowd {
            stream.write_all(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        }
    });
    for stream in &mut crowd {
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    drop((late, crowd));
    running.stop();
}

#[test]
fn a_new_request_does_not_wait_for_streams_that_go_on_all_at_once() {
    let running = Running::start(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut slow, mut connections) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        for _ in 0..4 {
            let stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
            let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
            drop(tokio::spawn(connection));
            for _ in 0..SLOW / 4 {
                let request = Request::post("http://a/").body(()).unwrap();
                slow.push(client.send_request(request, false).unwrap());
            }
            connections.push(client);
        }
        while running.notes.count("request") < SLOW {
            yield_now().await;
        }
    });
    let mut late = Late::new(&running);
    late.asks_after("piece", || {
        for (_, body) in &mut slow {
            body.send_data(Bytes::from_static(b"1"), false).unwrap();
        }
        // The connections' tasks send it.
        runtime.block_on(async {
            for _ in 0..10 {
                yield_now().await;
            }
        });
    });
    // They are answered all the same.
    runtime.block_on(async {
        for (answer, mut body) in slow {
            body.send_data(Bytes::from_static(b"2"), true).unwrap();
            assert_eq!(answer.await.unwrap().status(), 200);
        }
    });
    drop((runtime, connections, late));
    running.stop();
}
