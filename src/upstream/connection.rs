//! One connection to an endpoint, and one exchange over it.
//!
//! The request that holds a connection drives it: hyper's connection future is polled from within the request's own
//! future and, later, from within the answer's body. Compared with a task per connection this saves a wake-up and a
//! switch for each exchange, and dropping the request is all it takes to cancel it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Endpoint;
use crate::errors::Failure;
use crate::wire::body::RequestBody;

type Driver = http1::Connection<TokioIo<TcpStream>, RequestBody>;

/// A connection to an endpoint.
#[derive(Debug)]
pub struct Connection {
    endpoint: u64,
    sender: http1::SendRequest<RequestBody>,
    /// `None` once the connection has ended.
    driver: Option<Driver>,
    /// One timer for all waits, moved on rather than made anew: moving a deadline later takes no lock.
    timer: Pin<Box<Sleep>>,
    idle_since: Instant,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum SendError {
    /// The connection was closed before anything of the request was written; here it is back.
    NotSent(Box<Request<RequestBody>>),
    /// The request, or some of it, may have arrived.
    MaybeSent(Failure),
}

impl Connection {
    /// Connects to the first of the endpoint's addresses that accepts, within `patience`.
    ///
    /// # Errors
    /// [`Failure::Unresolved`], [`Failure::Connect`] or [`Failure::ConnectTimeout`].
    pub async fn open(endpoint: &Endpoint, patience: Duration) -> Result<Box<Connection>, Failure> {
        let addresses = endpoint.addresses();
        if addresses.is_empty() {
            return Err(Failure::Unresolved);
        }
        let deadline = Instant::now() + patience;
        let timer = Box::pin(sleep_until(deadline));
        let connect = async {
            for address in addresses.iter() {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => tracing::debug!(%address, %error, "cannot connect"),
                }
            }
            Err(Failure::Connect)
        };
        let stream = tokio::time::timeout_at(deadline, connect).await.map_err(|_| Failure::ConnectTimeout)??;
        // Small answers must not wait for a full segment; a socket without the option only is slower.
        let _ = stream.set_nodelay(true);
        let (sender, driver) = http1::Builder::new()
            .max_headers(256)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Failure::Connect)?;
        let idle_since = Instant::now();
        Ok(Box::new(Connection { endpoint: endpoint.id, sender, driver: Some(driver), timer, idle_since }))
    }

    /// The endpoint it leads to.
    #[must_use]
    pub fn endpoint(&self) -> u64 {
        self.endpoint
    }

    /// Since when it is unused.
    #[must_use]
    pub fn idle_since(&self) -> Instant {
        self.idle_since
    }

    /// Whether it can take a request now: it is open, nothing is under way, and nothing came in unasked.
    pub fn is_usable(&mut self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        self.drive(&mut nobody).is_pending() && self.sender.is_ready()
    }

    pub(super) fn rest(&mut self, since: Instant) {
        self.idle_since = since;
    }

    /// Drives the connection; ready when it has ended.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(driver) = &mut self.driver else { return Poll::Ready(()) };
        match Pin::new(driver).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection to a backend ended");
                }
                self.driver = None;
                Poll::Ready(())
            }
        }
    }

    /// Hands the driver to a task of its own, for an exchange in which both directions must go on independently.
    pub(super) fn detach(&mut self) -> Option<tokio::task::JoinHandle<()>> {
        let driver = self.driver.take()?;
        Some(tokio::task::spawn_local(async move {
            let _ = driver.await;
        }))
    }

    /// Moves the timer.
    pub(super) fn set_timer(&mut self, deadline: Instant) {
        self.timer.as_mut().reset(deadline);
    }

    /// Ready when the timer has run out.
    pub(super) fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }

    /// Sends a request and waits for the answer's head. `late` says what it is called when `deadline` passes.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn send(
        &mut self,
        request: Request<RequestBody>,
        deadline: Instant,
        late: Failure,
    ) -> Result<Response<Incoming>, SendError> {
        self.set_timer(deadline);
        let mut answer = pin!(self.sender.try_send_request(request));
        let result = poll_fn(|cx| {
            let ended = self.drive(cx).is_ready();
            if let Poll::Ready(result) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(result));
            }
            if ended || self.poll_timer(cx).is_ready() {
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await;
        match result {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(mut error)) => match error.take_message() {
                Some(request) => Err(SendError::NotSent(Box::new(request))),
                None => Err(SendError::MaybeSent(classify(error.error()))),
            },
            None if self.driver.is_none() => Err(SendError::MaybeSent(Failure::Reset)),
            None => Err(SendError::MaybeSent(late)),
        }
    }
}

fn classify(error: &hyper::Error) -> Failure {
    if error.is_parse() || error.is_parse_status() {
        Failure::BadAnswer
    } else if error.is_user() {
        // The only part of a request that can fail on our side is the body the client sends.
        Failure::ClientBody
    } else {
        Failure::Reset
    }
}
