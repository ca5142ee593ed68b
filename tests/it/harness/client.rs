//! A client's connection: bytes out, answers in.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

use super::answer::{Answer, End};
use super::message::{Body, Framing, Reader, framing, parse};
use super::wait::PATIENCE;

/// A client's connection.
#[derive(Debug)]
pub struct Client {
    reader: Reader<TcpStream>,
}

/// Sends bytes over a connection of its own and reads answers until it is closed.
#[track_caller]
pub fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Vec<Answer> {
    let mut client = Client::connect(address);
    client.try_send(bytes);
    let mut answers = Vec::new();
    while let Some(answer) = client.next() {
        answers.push(answer);
    }
    answers
}

impl Client {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Client {
        Client::over(TcpStream::connect_timeout(&address, PATIENCE).unwrap())
    }

    /// A connection whose kernel buffers hold little, so that who does not read is soon noticed.
    #[track_caller]
    pub fn narrow(address: SocketAddr) -> Client {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        socket.connect(&address.into()).unwrap();
        Client::over(socket.into())
    }

    /// A connection from this address of the loopback network.
    #[track_caller]
    pub fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Client {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Client::over(socket.into())
    }

    fn over(stream: TcpStream) -> Client {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { reader: Reader::new(stream) }
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.reader.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends to somebody who may have closed already.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.reader.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Another handle to the same connection, to send with while this one reads.
    pub fn sender(&self) -> TcpStream {
        self.reader.stream.try_clone().unwrap()
    }

    /// Sends a request without a body and reads its answer.
    #[track_caller]
    pub fn ask(&mut self, method: &str, target: &str) -> Answer {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n"));
        let answer = if method == "HEAD" { self.head_answer() } else { self.next() };
        answer.expect("an answer, not a close")
    }

    /// The next answer, interim ones included; `None` if the connection was closed instead.
    #[track_caller]
    pub fn next(&mut self) -> Option<Answer> {
        self.read(false)
    }

    /// The next answer.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        self.next().expect("an answer, not a close")
    }

    /// The next answer, to a HEAD.
    #[track_caller]
    pub fn head_answer(&mut self) -> Option<Answer> {
        self.read(true)
    }

    /// The next answer's head, its body left unread.
    #[track_caller]
    pub fn only_head(&mut self) -> Vec<u8> {
        self.reader.head().unwrap().expect("a head, not a close")
    }

    /// Waits for the next bytes of a body, without framing taken off, after [`Client::only_head`].
    #[track_caller]
    pub fn some_bytes(&mut self) -> Vec<u8> {
        let rest = self.reader.rest();
        if !rest.is_empty() {
            return rest;
        }
        self.reader.more().unwrap();
        self.reader.rest()
    }

    /// Reads on in a body, after [`Client::only_head`], until this has come.
    #[track_caller]
    pub fn await_bytes(&mut self, text: &str) {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(text) {
            let more = self.some_bytes();
            assert!(!more.is_empty(), "{text:?} never came after {:?}", String::from_utf8_lossy(&seen));
            seen.extend(more);
        }
    }

    /// Waits for the connection's end and returns what came before it.
    #[track_caller]
    pub fn closed(&mut self) -> Vec<u8> {
        loop {
            match self.reader.more() {
                Ok(true) => {}
                Ok(false) => return self.reader.rest(),
                Err(error) if is_end(&error) => return self.reader.rest(),
                Err(error) => panic!("the connection stays open: {error}"),
            }
        }
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        self.reader.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Closes with a reset.
    pub fn reset(self) {
        socket2::SockRef::from(&self.reader.stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    #[track_caller]
    fn read(&mut self, to_head: bool) -> Option<Answer> {
        let head = match self.reader.head() {
            Ok(head) => head?,
            Err(error) if is_end(&error) => return None,
            Err(error) => panic!("no answer: {error}"),
        };
        let (first, fields) = parse(&head).unwrap();
        let status: u16 = first.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status line");
        assert!(first.starts_with("HTTP/1.1 ") || first.starts_with("HTTP/1.0 "), "{first}");
        let bodyless = to_head || status < 200 || status == 204 || status == 304;
        let (body, end) =
            if bodyless { (Body::default(), End::Bodyless) } else { self.body(framing(&fields).unwrap()) };
        Some(Answer { head, status, fields, body, end })
    }

    #[track_caller]
    fn body(&mut self, framing: Option<Framing>) -> (Body, End) {
        let Some(framing) = framing else {
            let content = self.closed();
            return (Body { wire: content.clone(), content, complete: true, ..Body::default() }, End::Closed);
        };
        let mut so_far = Body::default();
        match self.reader.body(framing, &mut |part| so_far.content.extend_from_slice(part)) {
            Ok(body) if body.complete => (body, if framing == Framing::Chunked { End::Chunked } else { End::Length }),
            Ok(body) => (body, End::Cut),
            Err(error) if is_end(&error) => (so_far, End::Cut),
            Err(error) => panic!("the answer's body: {error}"),
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
    )
}
