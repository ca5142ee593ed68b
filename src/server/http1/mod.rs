//! A client's HTTP/1.1 connection.
//!
//! An own codec, as towards backends: one task for each connection, which reads a request, drives its handler, writes the
//! answer, and then holds hardly any memory until the next request comes. It takes what [`crate::wire::framing`] lets pass.
//!
//! - [`socket`]: what comes in, and when the client is gone
//! - [`incoming`]: the body of a request
//! - [`answer`]: what goes out
//! - [`writer`]: how it is written to the socket

mod answer;
mod incoming;
mod socket;
mod writer;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Poll, ready};

use bytes::Bytes;
use http::Method;

use self::answer::{Asked, Sent};
use self::socket::{Next, Socket};
use super::panic::{Panicked, caught_call, poll_caught};
use super::pulse::{End, Pulse};
use super::{Event, Handler, Peer, Reply};
use crate::errors::Failure;
use crate::runtime::lane;
use crate::shutdown::{Phase, ShutdownWatch};
use crate::wire::stream::Stream;

/// Serves a client until either side is done with the connection. `early` are bytes that were read from it already.
pub(super) fn serve<H: Handler>(
    stream: Stream,
    early: Bytes,
    peer: Rc<Peer>,
    handler: Rc<H>,
    pulse: Rc<Pulse>,
    shutdown: ShutdownWatch,
) -> impl Future<Output = ()> {
    let limits = handler.limits(peer.listener);
    let socket = Rc::new(Socket::new(stream, early, limits, Rc::clone(&pulse)));
    async move {
        let mut run = pin!(run(&socket, &peer, &*handler));
        let mut place = lane::Place::default();
        poll_fn(|cx| {
            pulse.watch(cx.waker());
            if pulse.end() == Some(End::Close) {
                return Poll::Ready(());
            }
            if pulse.leaving(shutdown.phase() >= Phase::Draining) {
                socket.leave();
            }
            if let Some(lane) = pulse.lane() {
                ready!(place.poll_turn(lane, cx));
            }
            run.as_mut().poll(cx)
        })
        .await;
    }
}

async fn run<H: Handler>(socket: &Rc<Socket>, peer: &Rc<Peer>, handler: &H) {
    loop {
        let (head, body) = match poll_fn(|cx| socket.poll_request(cx)).await {
            Next::Request(head, body) => (head, body),
            Next::Refused(failure) => {
                let version = http::Version::HTTP_11;
                let asked = Asked { is_head: false, version, keep_alive: false, takes_trailers: false };
                if let Sent::Whole { .. } = answer::send(socket, handler.refuse(failure, peer), None, asked).await {
                    poll_fn(|cx| socket.poll_close(cx)).await;
                }
                return;
            }
            Next::Closed => return poll_fn(|cx| socket.poll_farewell(cx)).await,
        };
        let asked = Asked {
            is_head: head.parts.method == Method::HEAD,
            version: head.parts.version,
            keep_alive: head.keep_alive,
            takes_trailers: head.takes_trailers,
        };
        let reply = match caught_call(|| handler.handle(head.parts, body, peer)) {
            Ok(handling) => unless_gone(socket, handling).await,
            Err(panicked) => Some(Err(panicked)),
        };
        let Some(reply) = reply else { return };
        let Reply { response, lines, tunnel } = reply.unwrap_or_else(|Panicked| {
            handler.event(Event::Panicked);
            handler.refuse(Failure::Internal, peer).into()
        });
        match answer::send(socket, response, lines, asked).await {
            Sent::Whole { go_on: true } if socket.is_ready_for_next() => {}
            Sent::Whole { .. } => {
                poll_fn(|cx| socket.poll_close(cx)).await;
                return;
            }
            Sent::Switched => {
                if let (Some(tunnel), Some((stream, early))) = (tunnel, socket.take()) {
                    tunnel.run(stream, early).await;
                }
                return;
            }
            Sent::Broken => return,
        }
    }
}

/// What a future comes to, if only to a panic; `None` when the client is gone before.
async fn unless_gone<T>(socket: &Socket, mut future: Pin<Box<impl Future<Output = T>>>) -> Option<Result<T, Panicked>> {
    poll_fn(|cx| {
        if let Poll::Ready(output) = poll_caught(future.as_mut(), cx) {
            return Poll::Ready(Some(output));
        }
        ready!(socket.poll_gone(cx));
        tracing::debug!("a client went away before it was answered");
        Poll::Ready(None)
    })
    .await
}
