//! The head of a request, from HTTP/1.1 as the facade writes it; and the checks of an answer's head.

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};

/// What belongs to one HTTP/1.1 connection and must not be said in HTTP/2 (RFC 9113 section 8.2.2). What the facade writes
/// has no more of it than this.
const OF_CONNECTION: [HeaderName; 4] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, HeaderName::from_static("keep-alive")];

/// Translates a head that the facade has written itself. `None` where HTTP/2 has no way to say it.
pub(super) fn translate(text: &Bytes, method: &Method, tls: bool) -> Option<Request<()>> {
    let mut lines = text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut first = lines.next()?.split(|&byte| byte == b' ');
    let target = first.nth(1)?;
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.version_mut() = Version::HTTP_2;
    let mut authority = None;
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = memchr::memchr(b':', line)?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = line[colon + 1..].trim_ascii();
        if name == header::HOST {
            authority = Some(value);
        } else if !OF_CONNECTION.contains(&name) && (name != header::TE || value == b"trailers") {
            // Values stay where they are: they share the memory of the head.
            let value = HeaderValue::from_maybe_shared(text.slice_ref(value)).ok()?;
            request.headers_mut().append(name, value);
        }
    }
    let scheme = if tls { Scheme::HTTPS } else { Scheme::HTTP };
    let path = PathAndQuery::from_maybe_shared(text.slice_ref(target)).ok()?;
    *request.uri_mut() = Uri::builder().scheme(scheme).authority(authority?).path_and_query(path).build().ok()?;
    Some(request)
}

/// How long an answer's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) enum Extent {
    /// There is none, whatever is sent.
    None,
    /// So many bytes, if the backend keeps its word.
    Said(u64),
    /// Until the stream ends.
    Open,
}

/// Checks the head of an answer for what h2 lets pass; it has refused connection-specific fields itself. `None`: no answer.
pub(super) fn check<T>(answer: &mut Response<T>, method: &Method) -> Option<Extent> {
    let mut lengths = answer.headers().get_all(header::CONTENT_LENGTH).iter();
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => None,
        (Some(value), None) => {
            let digits = value.as_bytes();
            let sound = (1..=19).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
            Some(value.to_str().ok().filter(|_| sound)?.parse().ok()?)
        }
        (Some(_), Some(_)) => return None,
    };
    match answer.status() {
        StatusCode::NO_CONTENT => {
            // RFC 9110 section 8.6: there must be none.
            answer.headers_mut().remove(header::CONTENT_LENGTH);
            Some(Extent::None)
        }
        StatusCode::NOT_MODIFIED => Some(Extent::None),
        _ if *method == Method::HEAD => Some(Extent::None),
        _ => Some(length.map_or(Extent::Open, Extent::Said)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(text: &str) -> Option<Request<()>> {
        translate(&Bytes::copy_from_slice(text.as_bytes()), &Method::POST, true)
    }

    #[test]
    fn a_head_says_the_same_in_either_version() {
        let text = "POST /a/b?c=d%20e HTTP/1.1\r\nhost: shop.example:8443\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 5\r\n\
                    te: trailers\r\ntransfer-encoding: chunked\r\nconnection: upgrade\r\nupgrade: foo\r\nempty: \r\n\r\n";
        let request = request(text).unwrap();
        assert_eq!(request.uri(), "https://shop.example:8443/a/b?c=d%20e");
        let mut fields: Vec<_> =
            request.headers().iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
        fields.sort();
        assert_eq!(fields, ["content-length=5", "empty=", "te=trailers", "x-a=1", "x-a=2"]);
    }

    #[test]
    fn what_http2_cannot_say_is_no_request() {
        assert!(request("POST / HTTP/1.1\r\nhost: a b\r\n\r\n").is_none());
        assert!(request("POST / HTTP/1.1\r\n\r\n").is_none());
        assert!(request("POST\r\n\r\n").is_none());
        assert!(request("").is_none());
    }

    fn answer(status: u16, lengths: &[&str], method: Method) -> Option<Extent> {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        for length in lengths {
            answer.headers_mut().append(header::CONTENT_LENGTH, HeaderValue::from_str(length).unwrap());
        }
        check(&mut answer, &method)
    }

    #[test]
    fn the_length_of_an_answer_is_said_once_or_not_at_all() {
        assert_eq!(answer(200, &[], Method::GET), Some(Extent::Open));
        assert_eq!(answer(200, &["5"], Method::GET), Some(Extent::Said(5)));
        assert_eq!(answer(200, &["5"], Method::HEAD), Some(Extent::None));
        assert_eq!(answer(204, &["5"], Method::GET), Some(Extent::None));
        assert_eq!(answer(304, &["5"], Method::GET), Some(Extent::None));
        for lengths in [&["5", "5"][..], &["5", "6"], &["+5"], &[""], &["5, 5"], &["99999999999999999999"]] {
            assert_eq!(answer(200, lengths, Method::GET), None, "{lengths:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[A-Z]{0,4} ?[ -~]{0,20}(\r\n[ -~]{0,20}){0,4}") {
            let _ = request(&text);
        }
    }
}
