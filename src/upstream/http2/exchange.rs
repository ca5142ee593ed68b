//! One request and the head of its answer.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use http::response::Parts;
use http::{Method, StatusCode};
use hyper::body::Body as _;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::request::{Extent, check, translate};
use super::session::Share;
use super::upload::{Progress, Upload};
use crate::errors::Failure;
use crate::upstream::{Patience, SendError};
use crate::wire::body::RequestBody;

/// The most interim answers (1xx) before the real one.
const MAX_INTERIM: usize = 100;

/// The head of an answer, and where its body comes from.
#[derive(Debug)]
pub(in crate::upstream) struct Head {
    pub(in crate::upstream) parts: Parts,
    pub(super) extent: Extent,
    pub(super) body: RecvStream,
    pub(super) uploading: Option<Uploading>,
}

/// The rest of an upload, which goes on beside the answer and ends with whoever holds this.
#[derive(Debug)]
pub(super) struct Uploading {
    task: JoinHandle<()>,
    pub(super) progress: Rc<Progress>,
}

impl Drop for Uploading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends a request, whose head `write` writes as HTTP/1.1, and waits for the answer's head. Dropped before that, the stream
/// is reset.
pub(in crate::upstream) async fn send(
    share: &Share,
    write: impl FnOnce(&mut Vec<u8>),
    method: &Method,
    body: RequestBody,
    patience: Patience,
) -> Result<Head, SendError> {
    let mut text = Vec::with_capacity(1024);
    write(&mut text);
    let session = &share.session;
    let Some(request) = translate(&Bytes::from(text), method, session.tls) else {
        return Err(SendError::MaybeSent(Failure::Internal));
    };
    let Ok((answer, stream)) = session.sender().send_request(request, body.is_end_stream()) else {
        return Err(SendError::NotSent(body));
    };
    let mut exchange = Exchange { answer, upload: Upload::new(stream, body), interim: 0 };
    match exchange.head(method, patience).await {
        Ok((parts, extent, body)) => {
            let uploading = (!exchange.upload.is_complete()).then(|| detach(exchange.upload));
            Ok(Head { parts, extent, body, uploading })
        }
        Err(Refusal::Unprocessed) => {
            let body = exchange.upload.into_body();
            Err(body.map_or(SendError::MaybeSent(Failure::Refused), SendError::NotSent))
        }
        Err(Refusal::Failed(failure)) => Err(SendError::MaybeSent(failure)),
    }
}

struct Exchange {
    answer: ResponseFuture,
    upload: Upload,
    interim: usize,
}

/// Why there is no head.
enum Refusal {
    /// The backend says that it has done nothing (RFC 9113 sections 6.8 and 8.7).
    Unprocessed,
    Failed(Failure),
}

impl From<&h2::Error> for Refusal {
    fn from(error: &h2::Error) -> Refusal {
        // A stream that a GOAWAY fails is one beyond the last that the backend took on.
        if error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM)) {
            Refusal::Unprocessed
        } else if error.is_library() {
            Refusal::Failed(Failure::BadAnswer)
        } else {
            Refusal::Failed(Failure::Reset)
        }
    }
}

impl Exchange {
    async fn head(&mut self, method: &Method, patience: Patience) -> Result<(Parts, Extent, RecvStream), Refusal> {
        // A body may take its time as long as it moves; the answer is waited for from its end on.
        let mut uploading = !self.upload.is_complete();
        let mut moved = 0;
        let mut timer = Box::pin(sleep_until(patience.began + if uploading { patience.idle } else { patience.answer }));
        poll_fn(|cx| {
            if let Poll::Ready(result) = self.poll_head(method, cx) {
                return Poll::Ready(result);
            }
            let now = self.upload.progress.moved.get();
            if uploading && self.upload.is_complete() {
                uploading = false;
                timer.as_mut().reset(Instant::now() + patience.answer);
            } else if uploading && now != moved {
                moved = now;
                timer.as_mut().reset(Instant::now() + patience.idle);
            }
            timer.as_mut().poll(cx).map(|()| Err(Refusal::Failed(patience.late)))
        })
        .await
    }

    fn poll_head(
        &mut self,
        method: &Method,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Parts, Extent, RecvStream), Refusal>> {
        // A backend may answer and refuse the body: what it said is looked for even when sending failed.
        if let Poll::Ready(Err(failure)) = self.upload.poll_send(cx)
            && failure != Failure::Reset
        {
            return Poll::Ready(Err(Refusal::Failed(failure)));
        }
        while let Poll::Ready(Some(interim)) = self.answer.poll_informational(cx) {
            self.interim += 1;
            // There is no switching of protocols in HTTP/2 (RFC 9113 section 8.6).
            let sound = |status| status != StatusCode::SWITCHING_PROTOCOLS && self.interim <= MAX_INTERIM;
            match interim {
                Ok(interim) if sound(interim.status()) => {}
                Ok(_) => return Poll::Ready(Err(Refusal::Failed(Failure::BadAnswer))),
                Err(error) => return Poll::Ready(Err(Refusal::from(&error))),
            }
        }
        Pin::new(&mut self.answer).poll(cx).map(|answer| {
            let mut answer = answer.map_err(|error| Refusal::from(&error))?;
            let extent = check(&mut answer, method).ok_or(Refusal::Failed(Failure::BadAnswer))?;
            let (parts, body) = answer.into_parts();
            Ok((parts, extent, body))
        })
    }
}

/// Hands the rest of the upload to a task, so that both directions go on independently.
fn detach(mut upload: Upload) -> Uploading {
    let progress = Rc::clone(&upload.progress);
    let task = tokio::task::spawn_local(async move {
        if poll_fn(|cx| upload.poll_send(cx)).await.is_err() {
            // Half a body must never look like a whole one.
            upload.cancel();
        }
    });
    Uploading { task, progress }
}
