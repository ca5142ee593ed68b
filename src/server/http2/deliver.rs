//! An answer on its way out.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use hyper::body::Body;
use tokio::time::{Instant, timeout};

use crate::server::patience::Patience;

/// What belongs to a connection of HTTP/1.1 alone (RFC 9113 section 8.2.2).
const CONNECTION_ONLY: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Why an answer was not sent to its end. The client sees a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ended(Reason);

/// Sends an answer as fast as the client takes it, and for as long as it does.
pub(super) async fn deliver<B>(
    respond: &mut SendResponse<Bytes>,
    response: Response<B>,
    to_head: bool,
    patience: Patience,
) where
    B: Body<Data = Bytes> + Unpin,
{
    let (mut parts, body) = response.into_parts();
    without_connection(&mut parts.headers);
    parts.version = Version::HTTP_2;
    let never = to_head || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !never && let Some(length) = body.size_hint().exact() {
        parts.headers.entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    let over = never || body.is_end_stream();
    let mut outgoing = match respond.send_response(Response::from_parts(parts, ()), over) {
        Ok(outgoing) if !over => outgoing,
        // The client is gone, or the answer is whole.
        Ok(_) => return,
        Err(error) => {
            tracing::debug!(%error, "an answer could not be sent");
            respond.send_reset(Reason::INTERNAL_ERROR);
            return;
        }
    };
    if let Err(Ended(reason)) = send(&mut outgoing, body, patience).await {
        outgoing.send_reset(reason);
    }
}

async fn send<B>(outgoing: &mut SendStream<Bytes>, mut body: B, mut patience: Patience) -> Result<(), Ended>
where
    B: Body<Data = Bytes> + Unpin,
{
    loop {
        let frame = poll_fn(|cx| {
            if let Poll::Ready(frame) = Pin::new(&mut body).poll_frame(cx) {
                return Poll::Ready(Ok(frame));
            }
            outgoing.poll_reset(cx).map(|_| Err(Ended(Reason::CANCEL)))
        });
        match frame.await? {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    let over = body.is_end_stream();
                    send_data(outgoing, data, over, &mut patience).await?;
                    if over {
                        return Ok(());
                    }
                }
                Err(frame) => {
                    let mut trailers = frame.into_trailers().unwrap_or_default();
                    without_connection(&mut trailers);
                    return outgoing.send_trailers(trailers).map_err(gone);
                }
            },
            // Never a clean end for what was cut.
            Some(Err(_)) => return Err(Ended(Reason::INTERNAL_ERROR)),
            None => return outgoing.send_data(Bytes::new(), true).map_err(gone),
        }
    }
}

/// Sends as much at a time as the client's windows and its socket take.
async fn send_data(
    outgoing: &mut SendStream<Bytes>,
    mut data: Bytes,
    over: bool,
    patience: &mut Patience,
) -> Result<(), Ended> {
    if data.is_empty() {
        return if over { outgoing.send_data(data, true).map_err(gone) } else { Ok(()) };
    }
    while !data.is_empty() {
        outgoing.reserve_capacity(data.len());
        let (room, waited) = match outgoing.capacity() {
            0 => wait_for_room(outgoing, patience.left()).await?,
            room => (room, Duration::ZERO),
        };
        let piece = data.split_to(room.min(data.len()));
        if !patience.waited(waited, piece.len() as u64) {
            return Err(Ended(Reason::CANCEL));
        }
        let last = over && data.is_empty();
        outgoing.send_data(piece, last).map_err(gone)?;
    }
    Ok(())
}

/// Waits until the client takes more, for at most this long: how many bytes, and how long it took.
async fn wait_for_room(outgoing: &mut SendStream<Bytes>, most: Duration) -> Result<(usize, Duration), Ended> {
    let began = Instant::now();
    let room = poll_fn(|cx| {
        while let Poll::Ready(room) = outgoing.poll_capacity(cx) {
            match room {
                Some(Ok(0)) => {}
                Some(Ok(room)) => return Poll::Ready(Ok(room)),
                Some(Err(_)) | None => return Poll::Ready(Err(Ended(Reason::CANCEL))),
            }
        }
        outgoing.poll_reset(cx).map(|_| Err(Ended(Reason::CANCEL)))
    });
    match timeout(most, room).await {
        Ok(room) => Ok((room?, began.elapsed())),
        Err(_) => Err(Ended(Reason::CANCEL)),
    }
}

fn without_connection(headers: &mut HeaderMap) {
    for name in &CONNECTION_ONLY {
        headers.remove(name);
    }
}

fn gone(_: h2::Error) -> Ended {
    Ended(Reason::CANCEL)
}
