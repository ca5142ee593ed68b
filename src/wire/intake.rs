//! Bytes that come in from a connection of which it is not known when it says something, and how much.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

/// The most that is read at once, in bytes.
pub const MOST: usize = 32 * 1024;

thread_local! {
    /// Where all connections of a worker are read to: a connection that is silent has no buffer, what was read is kept in no more
    /// memory than it needs, and this piece stays in the cache. On the stack it would be a row of pages that each poll walks down.
    static SPACE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Reads up to `most` bytes, [`MOST`] of them at most, and appends them: how many there were, 0 at the end of the stream.
///
/// # Errors
/// Those of the stream.
// Not inlined: clients and backends are read from by the same code, which is fetched once.
#[inline(never)]
pub fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    most: usize,
    to: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    SPACE.with_borrow_mut(|space| {
        space.reserve(MOST);
        let mut space = ReadBuf::uninit(&mut space.spare_capacity_mut()[..most.min(MOST)]);
        ready!(Pin::new(stream).poll_read(cx, &mut space))?;
        to.extend_from_slice(space.filled());
        Poll::Ready(Ok(space.filled().len()))
    })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn what_comes_is_appended_up_to_a_bound() {
        let mut stream: &[u8] = b"abcdef";
        let mut read = BytesMut::from(&b"-"[..]);
        for (most, count, all) in [(4, 4, &b"-abcd"[..]), (usize::MAX, 2, b"-abcdef"), (4, 0, b"-abcdef")] {
            assert_eq!(poll_fn(|cx| poll_read(&mut stream, cx, most, &mut read)).await.unwrap(), count);
            assert_eq!(read, all);
        }
    }
}
