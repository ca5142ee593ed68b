//! One request of an HTTP/2 connection and its answer.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};

use super::Shared;
use super::deliver::deliver;
use super::head;
use super::upload::{Progress, Upload};
use crate::errors::Failure;
use crate::runtime::lane;
use crate::server::panic::{Panicked, caught_call, poll_caught};
use crate::server::patience::Patience;
use crate::server::pulse::Pulse;
use crate::server::{Event, Handler, Reply};

/// Answers one request. Dropping what is left of the stream resets it, so that a client sees whatever goes wrong.
pub(super) async fn exchange<H: Handler>(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    shared: Rc<Shared<H>>,
) {
    let _answering = Answering(Rc::clone(&shared.pulse));
    let (began_at, mut place) = (shared.pulse.walks(), lane::Place::default());
    let mut answering = Box::pin(answer(request, &mut respond, &shared));
    let polling = poll_fn(|cx| {
        if let Some(lane) = shared.pulse.lane_since(began_at) {
            ready!(place.poll_turn(lane, cx));
        }
        poll_caught(answering.as_mut(), cx)
    });
    let answered = polling.await;
    drop(answering);
    if answered == Err(Panicked) {
        shared.handler.event(Event::Panicked);
        respond.send_reset(Reason::INTERNAL_ERROR);
    }
}

async fn answer<H: Handler>(request: Request<RecvStream>, respond: &mut SendResponse<Bytes>, shared: &Shared<H>) {
    let (parts, incoming) = request.into_parts();
    let limits = shared.handler.limits(shared.peer.listener);
    let to_head = parts.method == Method::HEAD;
    let progress = Rc::new(Progress::default());
    let response = match head::canonical(parts, &limits) {
        Ok(parts) => {
            let timeouts = shared.handler.timeouts(shared.peer.listener);
            let upload = Upload::new(incoming, &parts.headers, &limits, &timeouts, Rc::clone(&progress));
            match handled(parts, upload, respond, shared, &progress).await {
                Some(response) => response,
                None => {
                    shared.taken_back.set(shared.taken_back.get() + 1);
                    return;
                }
            }
        }
        Err(failure) => {
            // What comes of its body is not kept.
            drop(incoming);
            shared.handler.refuse(failure, &shared.peer)
        }
    };
    progress.answered();
    let timeouts = shared.handler.timeouts(shared.peer.listener);
    let patience = Patience::new(timeouts.body, limits.min_rate);
    deliver(respond, response, to_head, patience).await;
}

/// Lets the handler work until it has an answer; `None` if the client takes the request back before.
async fn handled<H: Handler>(
    parts: Parts,
    upload: Option<Upload>,
    respond: &mut SendResponse<Bytes>,
    shared: &Shared<H>,
    progress: &Progress,
) -> Option<Response<H::Body>> {
    let mut expects = upload.is_some() && parts.headers.contains_key(header::EXPECT);
    let body = upload.map(|upload| Box::pin(upload) as _);
    let broken = || {
        shared.handler.event(Event::Panicked);
        shared.handler.refuse(Failure::Internal, &shared.peer)
    };
    // Handlers work before they wait: that, too, happens where a panic is caught.
    let Ok(mut work) = caught_call(|| shared.handler.handle(parts.into(), body, &shared.peer)) else {
        return Some(broken());
    };
    let reply = poll_fn(|cx| {
        if let Poll::Ready(reply) = poll_caught(work.as_mut(), cx) {
            return Poll::Ready(Some(reply));
        }
        if expects && progress.is_wanted() {
            expects = false;
            let mut go_on = Response::new(());
            *go_on.status_mut() = StatusCode::CONTINUE;
            // A client that does not wait for it loses nothing.
            let _ = respond.send_informational(go_on);
        }
        respond.poll_reset(cx).map(|_| None)
    })
    .await?;
    Some(reply.map_or_else(|Panicked| broken(), Reply::into_response))
}

/// Tells the watchdog when a request is over.
struct Answering(Rc<Pulse>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
        // The connection may have waited for this to say goodbye.
        self.0.wake();
    }
}
