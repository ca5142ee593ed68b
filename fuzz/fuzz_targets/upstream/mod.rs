//! What must hold of an answer's head and body.

pub(crate) mod http1;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::wire::decode::{Decoder, From, Length, Piece};
use http1::head::{self, NotHttp};

/// Beyond this the verdict on a head that is too large depends on how much of it was there.
const MOST: usize = 60 * 1024;

/// One answer off the front of a connection.
#[derive(Debug, PartialEq)]
struct Taken {
    status: StatusCode,
    fields: HeaderMap,
    length: Length,
    keep_alive: bool,
    body: Vec<u8>,
    trailers: HeaderMap,
    done: bool,
    left: Vec<u8>,
}

/// Reads the same bytes in three ways.
pub(crate) fn check(data: &[u8]) {
    let [step, method, bytes @ ..] = data else { return };
    if bytes.len() > MOST {
        return;
    }
    let method = if method % 4 == 0 { Method::HEAD } else { Method::GET };
    let whole = take(bytes, usize::MAX, &method);
    if let Ok(Some(taken)) = &whole {
        check_head(taken, &sent(bytes), &method);
    }
    for step in [1, usize::from(*step).max(2)] {
        assert_eq!(take(bytes, step, &method), whole, "steps of {step}");
    }
}

/// Shows `bytes` in steps until the answer has ended; `None` where its head never did.
fn take(bytes: &[u8], step: usize, method: &Method) -> Result<Option<Taken>, NotHttp> {
    let mut buffer = BytesMut::new();
    let mut pieces = bytes.chunks(step);
    let head = loop {
        let Some(piece) = pieces.next() else { return Ok(None) };
        buffer.extend_from_slice(piece);
        if let Some(head) = head::take(&mut buffer, method)? {
            break head;
        }
    };
    let mut decoder = Decoder::new(head.length, From::Backend);
    let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
    loop {
        match decoder.take(&mut buffer).map_err(|_| NotHttp)? {
            Piece::Data(data) => {
                assert!(!data.is_empty());
                body.extend_from_slice(&data);
            }
            Piece::Trailers(fields) => trailers = fields,
            Piece::End => break,
            Piece::Wait => {
                assert!(buffer.is_empty(), "bytes that nobody takes");
                let Some(piece) = pieces.next() else { break };
                buffer.extend_from_slice(piece);
            }
        }
    }
    pieces.for_each(|piece| buffer.extend_from_slice(piece));
    Ok(Some(Taken {
        status: head.status,
        fields: head.fields.to_map(),
        length: head.length,
        keep_alive: head.keep_alive,
        body,
        trailers,
        done: decoder.is_done(),
        left: buffer.to_vec(),
    }))
}

/// The fields of the head as they were sent, by somebody else's reading. Interim answers have heads of their own.
fn sent(bytes: &[u8]) -> HeaderMap {
    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut parsed = httparse::Response::new(&mut fields);
    assert!(parsed.parse(bytes).is_ok_and(|status| status.is_complete()), "taken, but no head");
    let pairs = parsed.headers.iter().map(|field| (field.name.parse::<HeaderName>(), HeaderValue::from_bytes(field.value)));
    let mut sent = HeaderMap::new();
    for (name, value) in pairs {
        sent.append(name.expect("a name"), value.expect("a value"));
    }
    sent
}

fn check_head(taken: &Taken, sent: &HeaderMap, method: &Method) {
    let framings = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].map(|name| sent.get_all(name).iter().count());
    assert!(framings[0] + framings[1] <= 1, "two framings");
    let bodyless = *method == Method::HEAD
        || taken.status.is_informational()
        || matches!(taken.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodyless {
        assert!(taken.body.is_empty() && taken.trailers.is_empty() && taken.done);
    } else {
        match taken.length {
            Length::Fixed(length) => {
                let says = taken.fields.get(header::CONTENT_LENGTH).expect("a length").to_str().expect("digits");
                assert_eq!(says.parse(), Ok(length));
                assert_eq!(taken.done, taken.body.len() as u64 == length);
            }
            Length::Chunked => assert_eq!(framings, [0, 1]),
            Length::UntilClose => assert!(framings == [0, 0] && !taken.done && taken.left.is_empty()),
        }
    }
    for name in taken.fields.keys() {
        assert!(sent.contains_key(name), "{name} was not sent");
    }
    if taken.status != StatusCode::SWITCHING_PROTOCOLS {
        for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TE] {
            assert!(!taken.fields.contains_key(&name), "{name} went on");
        }
    }
    // RFC 9112 section 9.3: close wins, whatever stands beside it.
    let tokens = sent.get_all(header::CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let closes = tokens.map(<[u8]>::trim_ascii).any(|token| token.eq_ignore_ascii_case(b"close"));
    assert!(!(taken.keep_alive && (closes || taken.length == Length::UntilClose)), "kept, but to be closed");
}
