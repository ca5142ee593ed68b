//! A small HTTP/1.1 client with a few connections that are kept open: enough for the demo's visitors.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long an answer may take, body and all.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many connections wait for their next request.
const IDLE: usize = 16;

/// One request to be sent.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The path, with the query if there is one.
    pub target: String,
    /// The host; `None` names the address that is connected to.
    pub host: Option<String>,
    /// Further headers.
    pub headers: Vec<(HeaderName, String)>,
    /// The body; empty for none.
    pub body: Bytes,
}

impl Ask {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, target: impl Into<String>) -> Ask {
        Ask { method, target: target.into(), host: None, headers: Vec::new(), body: Bytes::new() }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(target: impl Into<String>) -> Ask {
        Ask::new(Method::GET, target)
    }

    /// The same request to this host.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Ask {
        self.host = Some(host.into());
        self
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Ask {
        self.headers.push((name, value.into()));
        self
    }

    /// The same request with a JSON body.
    #[must_use]
    pub fn json(mut self, body: impl Into<Bytes>) -> Ask {
        self.body = body.into();
        self.header(http::header::CONTENT_TYPE, "application/json")
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A header's value as text, where there is one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Sends requests to one address.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Client {
    /// A client of this address; it connects when it is first asked.
    #[must_use]
    pub fn new(address: SocketAddr) -> Client {
        Client { address, idle: Mutex::new(Vec::new()) }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the request is malformed, the connection fails, or the answer takes more than 15 seconds.
    pub async fn ask(&self, ask: Ask) -> io::Result<Answer> {
        let request = self.request(ask)?;
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> io::Result<Answer> {
        let (mut connection, response) = self.send(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        // Only a connection whose answer was read to its end can carry the next one.
        if connection.ready().await.is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE {
                idle.push(connection);
            }
        }
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// Sends on an idle connection, or on a new one if there is none or if it was closed meanwhile.
    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> io::Result<(SendRequest<Full<Bytes>>, http::Response<hyper::body::Incoming>)> {
        while let Some(mut connection) = self.pop() {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok((connection, response)),
                Err(mut error) => match error.take_message() {
                    // Not a byte of it was sent.
                    Some(unsent) => request = unsent,
                    None => return Err(io::Error::other(error.into_error())),
                },
            }
        }
        let mut connection = self.connect().await?;
        let response = connection.send_request(request).await.map_err(io::Error::other)?;
        Ok((connection, response))
    }

    async fn connect(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // How it ends is told to whoever waits for an answer on it.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    fn pop(&self) -> Option<SendRequest<Full<Bytes>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn request(&self, ask: Ask) -> io::Result<Request<Full<Bytes>>> {
        let host = ask.host.unwrap_or_else(|| self.address.to_string());
        let mut request = Request::builder().method(ask.method).uri(ask.target).header(HOST, host);
        for (name, value) in ask.headers {
            request = request.header(name, HeaderValue::from_str(&value).map_err(io::Error::other)?);
        }
        request.body(Full::new(ask.body)).map_err(io::Error::other)
    }
}
