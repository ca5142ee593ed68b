//! A client's HTTP/1.1 connection.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::gate::{Gate, Refusals};
use super::panic::{Panicked, caught};
use super::stream::ClientStream;
use super::watchdog::{End, Pulse};
use super::{Event, Handler, Peer};
use crate::errors::Failure;
use crate::shutdown::{Phase, ShutdownWatch};
use crate::wire::body::ClientBody;

/// Serves a client until either side is done with the connection; `early` are bytes that were read of it already.
pub(super) async fn serve<H: Handler>(
    stream: ClientStream,
    early: Bytes,
    peer: Rc<Peer>,
    handler: Rc<H>,
    pulse: Rc<Pulse>,
    shutdown: ShutdownWatch,
) {
    let refusals = Rc::new(Refusals::default());
    let gate = Gate::new(stream, early, Rc::clone(&refusals), Rc::clone(&pulse));
    let service = service_fn(|request: Request<Incoming>| {
        let (handler, peer, pulse) = (Rc::clone(&handler), Rc::clone(&peer), Rc::clone(&pulse));
        let refused = refusals.next();
        async move {
            let guard = Answering(pulse);
            let answer = match refused {
                Some(failure) => handler.refuse(failure, &peer),
                None => {
                    let request = request.map(client_body);
                    match caught(handler.handle(request, &peer)).await {
                        Ok(reply) => reply.response,
                        Err(Panicked) => {
                            handler.event(Event::Panicked);
                            handler.refuse(Failure::Internal, &peer)
                        }
                    }
                }
            };
            Ok::<_, std::convert::Infallible>(answer.map(|inner| Tracked { inner, _answering: guard }))
        }
    });
    let mut http = http1::Builder::new();
    // Slow heads are the watchdog's business, and answers are dated by whoever makes them.
    http.header_read_timeout(None).auto_date_header(false);
    let mut connection = pin!(http.serve_connection(TokioIo::new(gate), service));
    poll_fn(|cx| {
        pulse.watch(cx.waker());
        if pulse.end() == Some(End::Close) {
            return Poll::Ready(());
        }
        if pulse.leaving(shutdown.phase() >= Phase::Draining) {
            connection.as_mut().graceful_shutdown();
        }
        if let Err(error) = ready!(connection.as_mut().poll(cx)) {
            tracing::debug!(%error, "a client's connection ended");
        }
        Poll::Ready(())
    })
    .await;
}

/// A body as handlers take it; `None` where there is none.
fn client_body(incoming: Incoming) -> Option<ClientBody> {
    (!incoming.is_end_stream()).then(|| Box::pin(incoming.map_err(Into::into)) as ClientBody)
}

/// Tells the watchdog when an answer is complete or given up.
#[derive(Debug)]
struct Answering(Rc<Pulse>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// An answer's body that is watched.
#[derive(Debug)]
struct Tracked<B> {
    inner: B,
    _answering: Answering,
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
