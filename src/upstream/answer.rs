//! The body of a backend's answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::{http1, http2};

/// The body of a backend's answer. It ends only where the backend said that it ends; dropped before that, it cancels the
/// exchange.
#[derive(Debug)]
pub struct AnswerBody(pub(super) Download);

#[derive(Debug)]
pub(super) enum Download {
    Http1(http1::download::Download),
    Http2(http2::download::Download),
}

/// The backend broke its answer off, or went silent within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerError {
    /// The connection ended before the body did, or the body is not well-formed.
    Broken,
    /// Nothing came for too long.
    Silent,
    /// The facade ended it: its side has lost the route.
    Cut,
}

impl std::fmt::Display for AnswerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            AnswerError::Broken => "the backend broke its answer off",
            AnswerError::Silent => "the backend went silent within its answer",
            AnswerError::Cut => "the stream's side has lost its route",
        })
    }
}

impl std::error::Error for AnswerError {}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        match &mut self.0 {
            Download::Http1(download) => download.poll_frame(cx),
            Download::Http2(download) => download.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Download::Http1(download) => download.is_end_stream(),
            Download::Http2(download) => download.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Download::Http1(download) => download.size_hint(),
            Download::Http2(download) => download.size_hint(),
        }
    }
}
