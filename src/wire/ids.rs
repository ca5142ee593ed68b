//! Request ids and W3C trace context.

use http::HeaderValue;

/// The longest request id that is taken over from a trusted peer, in bytes.
pub const MAX_REQUEST_ID: usize = 128;

/// The id of a request.
#[derive(Debug, Clone)]
pub enum RequestId {
    /// Made here: 32 hexadecimal digits. In place, since nearly every request has one.
    Made([u8; 32]),
    /// A trusted peer's, which [is fit](is_request_id) to be passed on.
    Given(HeaderValue),
}

impl RequestId {
    /// A new one.
    #[must_use]
    pub fn new() -> RequestId {
        let mut text = [0; 32];
        write_hex(&mut text, &fastrand::u128(1..).to_be_bytes());
        RequestId::Made(text)
    }

    /// Its text: visible ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The same as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            RequestId::Made(text) => text,
            RequestId::Given(value) => value.as_bytes(),
        }
    }
}

impl Default for RequestId {
    fn default() -> RequestId {
        RequestId::new()
    }
}

/// Whether an id from a trusted peer is fit to be passed on and logged.
#[must_use]
pub fn is_request_id(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=MAX_REQUEST_ID).contains(&bytes.len()) && bytes.iter().all(|byte| byte.is_ascii_graphic())
}

/// A new `traceparent` (W3C Trace Context, version 00), not sampled: the facade has no say in that.
#[must_use]
pub fn new_traceparent() -> [u8; 55] {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    write_hex(&mut text[3..35], &fastrand::u128(1..).to_be_bytes());
    write_hex(&mut text[36..52], &fastrand::u64(1..).to_be_bytes());
    text
}

/// Whether a `traceparent` is well-formed: version, trace id and parent id in lower-case hexadecimal, the ids not zero.
#[must_use]
pub fn is_traceparent(bytes: &[u8]) -> bool {
    let hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |part: &[u8]| part.iter().all(|&byte| byte == b'0');
    let dashes = bytes.len() >= 55 && bytes[2] == b'-' && bytes[35] == b'-' && bytes[52] == b'-';
    dashes
        && hex(&bytes[..2])
        && &bytes[..2] != b"ff"
        && hex(&bytes[3..35])
        && !zero(&bytes[3..35])
        && hex(&bytes[36..52])
        && !zero(&bytes[36..52])
        && hex(&bytes[53..55])
        && (bytes.len() == 55 || (&bytes[..2] != b"00" && bytes[55] == b'-' && bytes.len() <= 256))
}

#[inline(never)]
fn write_hex(out: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in out.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_made_is_valid_and_new() {
        let made = RequestId::new();
        assert!(is_request_id(&HeaderValue::from_str(made.as_str()).unwrap()));
        assert!(is_traceparent(&new_traceparent()));
        assert_ne!(made.as_str(), RequestId::new().as_str());
    }

    #[test]
    fn malformed_trace_context_is_not_taken() {
        for text in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert!(!is_traceparent(text.as_bytes()), "{text}");
        }
        assert!(is_traceparent(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        assert!(is_traceparent(b"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later"));
    }

    proptest! {
        #[test]
        fn no_value_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = is_traceparent(&bytes);
            let _ = HeaderValue::from_bytes(&bytes).is_ok_and(|value| is_request_id(&value));
        }
    }
}
