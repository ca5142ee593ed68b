//! A backend that records the bytes of every request and answers by a script.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::frames::PREFACE;
use super::message::{Framing, Reader, framing};
use super::multiplexed;
use super::received::Received;
use super::script::{Script, Step};
use super::wait::PATIENCE;

/// A backend that records what it is sent.
#[derive(Debug)]
pub struct Recorder {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    name: &'static str,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) requests: Vec<Received>,
    /// Whether each connection is open.
    connections: Vec<bool>,
    /// By path: for one request each, the last one for all that follow.
    scripts: HashMap<String, VecDeque<Script>>,
    /// Bytes received and, by [`Step::Flood`], sent.
    pub(super) bytes: usize,
    pub(super) flooded: usize,
}

impl Recorder {
    /// Starts one; `name` is what it answers where no script says otherwise.
    pub fn start(name: &'static str) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { name, state: Mutex::default(), changed: Condvar::new() });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let number = serving.change(|state| {
                    state.connections.push(true);
                    state.connections.len() - 1
                });
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || {
                    // However a connection ends, it ends.
                    let _ = Shared::serve(&shared, stream, number);
                    shared.ended(number);
                });
            }
        });
        Recorder { address, shared }
    }

    /// Says what this path is answered: each further script of the same path is for a further request.
    pub fn on(&self, path: &str, script: Script) {
        self.shared.change(|state| state.scripts.entry(path.to_owned()).or_default().push_back(script));
    }

    /// The n-th request, counted from 0, when all of it has come.
    #[track_caller]
    pub fn request(&self, n: usize) -> Received {
        let whole = |state: &State| state.requests.get(n).filter(|request| request.body.complete).cloned();
        self.shared.wait(&format!("request {n} at {}", self.shared.name), whole)
    }

    /// The n-th request when its head has come.
    #[track_caller]
    pub fn head(&self, n: usize) -> Received {
        self.shared.wait(&format!("head {n} at {}", self.shared.name), |state| state.requests.get(n).cloned())
    }

    /// The only request there has been.
    #[track_caller]
    pub fn only(&self) -> Received {
        let request = self.request(0);
        assert_eq!(self.lines(), [request.line()]);
        request
    }

    /// Waits until the n-th request, counted from 0, has been broken off before all of it had come.
    #[track_caller]
    pub fn broken_off(&self, n: usize) {
        let broken = |state: &State| state.requests.get(n).filter(|request| request.broken_off).map(|_| ());
        self.shared.wait(&format!("the breaking off of request {n} at {}", self.shared.name), broken);
    }

    /// Everything received so far.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.lock().requests.clone()
    }

    /// Method and target of everything received so far.
    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Received::line).collect()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// How many bytes came in so far.
    pub fn bytes(&self) -> usize {
        self.shared.lock().bytes
    }

    /// How many bytes a flood has got rid of so far.
    pub fn flooded(&self) -> usize {
        self.shared.lock().flooded
    }

    /// Waits for the end of a connection.
    #[track_caller]
    pub fn closed(&self, connection: usize) {
        let gone = |state: &State| (state.connections.get(connection) == Some(&false)).then_some(());
        self.shared.wait(&format!("the end of connection {connection} to {}", self.shared.name), gone);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, look: impl Fn(&State) -> Option<T>) -> T {
        let state = self.lock();
        let (state, late) = self.changed.wait_timeout_while(state, PATIENCE, |state| look(state).is_none()).unwrap();
        assert!(!late.timed_out(), "waited in vain for {what}; there are {:?}", state.requests);
        look(&state).unwrap()
    }

    /// Notes that no more will come of a request.
    pub(super) fn break_off(&self, place: usize) {
        self.change(|state| {
            let request = &mut state.requests[place];
            request.broken_off = !request.body.complete;
        });
    }

    fn ended(&self, number: usize) {
        self.change(|state| {
            state.connections[number] = false;
            let cut =
                state.requests.iter_mut().filter(|request| request.connection == number && !request.body.complete);
            cut.for_each(|request| request.broken_off = true);
        });
    }

    fn serve(shared: &Arc<Shared>, stream: TcpStream, number: usize) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = Reader::new(stream);
        loop {
            let counted = reader.bytes;
            let head = reader.head();
            if counted == 0 && matches!(&head, Ok(Some(head)) if PREFACE.starts_with(head)) {
                let held = reader.rest();
                return multiplexed::serve(shared, reader.stream, held, number);
            }
            shared.change(|state| state.bytes += reader.bytes - counted);
            let Some(head) = head? else { return Ok(()) };
            let request = Received::new(number, head);
            let framing = framing(&request.fields)?.unwrap_or(Framing::None);
            let script = shared.script(&request);
            let place = shared.change(|state| {
                state.requests.push(request);
                state.requests.len() - 1
            });
            if script.early && !shared.play(&script, &mut reader)? {
                return Ok(());
            }
            let body = reader.body(framing, &mut |part| {
                shared.change(|state| state.requests[place].body.content.extend_from_slice(part));
            })?;
            shared.change(|state| state.requests[place].body = body);
            if !script.early && !shared.play(&script, &mut reader)? {
                return Ok(());
            }
        }
    }

    pub(super) fn script(&self, request: &Received) -> Script {
        let path = request.target.split('?').next().unwrap_or_default();
        self.change(|state| match state.scripts.get_mut(path) {
            Some(scripts) if scripts.len() > 1 => scripts.pop_front(),
            Some(scripts) => scripts.front().cloned(),
            None => None,
        })
        .unwrap_or_else(|| {
            let body = if request.method == "HEAD" { "" } else { self.name };
            Script::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", self.name.len()))
        })
    }

    /// Whether the connection goes on afterwards.
    fn play(&self, script: &Script, reader: &mut Reader<TcpStream>) -> io::Result<bool> {
        for step in &script.steps {
            match step {
                Step::Send(bytes) => reader.stream.write_all(bytes)?,
                Step::Frames(_) => panic!("frames on a connection of HTTP/1"),
                Step::Flood(bytes) => self.flood(*bytes, &mut reader.stream)?,
                Step::Await(latch) => latch.wait(),
                Step::Hang => {
                    while reader.more()? {
                        reader.rest();
                    }
                    return Ok(false);
                }
                Step::Close => return Ok(false),
                Step::Reset => {
                    socket2::SockRef::from(&reader.stream).set_linger(Some(Duration::ZERO))?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn flood(&self, bytes: usize, stream: &mut TcpStream) -> io::Result<()> {
        let block = [b'x'; 16 * 1024];
        let mut left = bytes;
        while left > 0 {
            let count = stream.write(&block[..left.min(block.len())])?;
            left -= count;
            self.change(|state| state.flooded += count);
        }
        Ok(())
    }
}
