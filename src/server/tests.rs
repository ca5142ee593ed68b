use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::Duration;

use http::Request;
use http_body_util::Full;

use super::*;
use crate::shutdown::{Phase, Shutdown};

/// Answers with the number of its worker, and panics where it is told to.
struct Told {
    worker: usize,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Handler for Told {
    type Body = Full<Bytes>;

    fn handle(
        &self,
        parts: Parts,
        _: Option<ClientBody>,
        _: &Rc<Peer>,
    ) -> Pin<Box<impl Future<Output = Reply<Full<Bytes>>>>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
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
        self.events.lock().unwrap().push(event);
    }

    fn tick(&self) {}
}

/// Workers of which only the first one has a listener.
struct Running {
    address: SocketAddr,
    events: Arc<Mutex<Vec<Event>>>,
    shutdown: Shutdown,
    workers: Vec<WorkerHandle>,
}

impl Running {
    fn start(workers: usize) -> Running {
        let mut listeners = bind(&["127.0.0.1:0".parse().unwrap()], 1, &mut Inherited::default()).unwrap();
        let (crew, bells) = Crew::new(workers).unwrap();
        let (shutdown, crowd, events) = (Shutdown::default(), Arc::new(Crowd::new(1)), Arc::default());
        let start = |(number, bell)| {
            let (crew, crowd, shutdown) = (Arc::clone(&crew), Arc::clone(&crowd), shutdown.watch());
            let sockets = listeners.sockets.pop().unwrap_or_default();
            let worker = Worker { name: format!("w{number}"), sockets, shutdown, crew, number, bell, crowd };
            let events = Arc::clone(&events);
            worker.start(move || Told { worker: number, events }).unwrap()
        };
        let workers = bells.into_iter().enumerate().map(start).collect();
        Running { address: listeners.addresses[0], events, shutdown, workers }
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
    assert!(running.events.lock().unwrap().contains(&Event::Panicked));
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
    assert_eq!(running.events.lock().unwrap().iter().filter(|event| **event == Event::Panicked).count(), 1);
    running.stop();
}
