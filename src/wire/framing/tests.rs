use super::*;
use proptest::prelude::*;

/// What was taken out of a connection's bytes: each request's method and target with its body as it was put together.
type Taken = Vec<(String, Vec<u8>)>;

/// Shows `bytes` to a fresh connection, `step` at a time; what was taken, and how it ended.
fn follow(bytes: &[u8], step: usize) -> (Taken, Option<Failure>, Place) {
    let mut framing = Framing::default();
    let mut buffer = BytesMut::new();
    let mut taken = Taken::new();
    for piece in bytes.chunks(step.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            if framing.place() == Place::Body {
                match framing.body(&mut buffer) {
                    Ok(Piece::Data(data)) => taken.last_mut().unwrap().1.extend_from_slice(&data),
                    Ok(Piece::Wait) => break,
                    Ok(Piece::Trailers(_) | Piece::End) => {}
                    Err(failure) => return (taken, Some(failure), framing.place()),
                }
                continue;
            }
            if buffer.is_empty() {
                break;
            }
            match framing.head(&mut buffer, HeadLimits::default()) {
                Ok(Some(head)) => taken.push((format!("{} {}", head.parts.method, head.parts.uri), Vec::new())),
                Ok(None) => break,
                Err(failure) => return (taken, Some(failure), framing.place()),
            }
        }
    }
    (taken, None, framing.place())
}

fn refused(request: &str) -> Failure {
    let whole = follow(request.as_bytes(), usize::MAX);
    let bytewise = follow(request.as_bytes(), 1);
    assert_eq!(whole.1, bytewise.1, "the verdict depends on how the bytes arrive: {request:?}");
    whole.1.unwrap_or_else(|| panic!("passed: {request:?}"))
}

fn passes(bytes: &str, requests: &[(&str, &str)]) {
    for step in [1, 7, usize::MAX] {
        let (taken, failure, place) = follow(bytes.as_bytes(), step);
        assert_eq!((failure, place), (None, Place::Between), "{bytes:?}");
        let taken: Vec<_> = taken.iter().map(|(head, body)| (&**head, std::str::from_utf8(body).unwrap())).collect();
        assert_eq!(taken, requests);
    }
}

#[test]
fn sound_requests_pass_whole() {
    passes("GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n", &[("GET /a?b", "")]);
    passes("GET / HTTP/1.0\r\n\r\n", &[("GET /", "")]);
    passes("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[("GET /", "")]);
    passes(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        &[("POST /", "hello"), ("GET /2", "")],
    );
    passes(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
        &[("POST /", "hello"), ("GET /2", "")],
    );
}

#[test]
fn a_head_says_how_its_connection_goes_on() {
    let head = |text: &str| {
        let mut buffer = BytesMut::from(text);
        Framing::default().head(&mut buffer, HeadLimits::default()).unwrap().unwrap()
    };
    assert!(head("GET / HTTP/1.1\r\n\r\n").keep_alive);
    assert!(!head("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n").keep_alive);
    assert!(!head("GET / HTTP/1.0\r\n\r\n").keep_alive);
    assert!(head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
    assert!(head("PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n").expects);
    assert!(!head("PUT / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n").expects);
    assert!(!head("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expects);
}

#[test]
fn ambiguous_framing_is_refused() {
    let with = |fields: &str| refused(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"));
    for fields in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: , chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding:",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -0",
        "Content-Length: 0x5",
        "Content-Length: 5_0",
        "Content-Length: 1e1",
        "Content-Length: 5 5",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
        "Content_Length: 5",
        "transfer_encoding: chunked",
    ] {
        assert!(matches!(with(fields), Failure::Framing(_)), "{fields}");
    }
    assert_eq!(with("Transfer-Encoding: gzip, chunked"), Failure::TransferCoding);
    assert!(matches!(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Failure::Framing(_)));
}

#[test]
fn malformed_heads_are_refused() {
    for head in [
        "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "\nGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\n A: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA\r\n\r\n",
        "GET / HTTP/1.1\r\n: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA(: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\0\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET\t/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.2\r\n\r\n",
        "GET / HTTP/01.1\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "GET /\r\n\r\n",
        "GET /\0 HTTP/1.1\r\n\r\n",
        "\u{16}\u{3}\u{1}",
        "\0",
        "GET / HTTP/1.1\r\nA: \u{1}\r\n\r\n",
    ] {
        assert!(matches!(refused(head), Failure::Malformed(_)), "{head:?}");
    }
    assert_eq!(refused("GET / HTTP/2.0\r\n\r\n"), Failure::Version);
    for target in ["/a#b", "/<b>", "unix:/a", "http://", "http:///a"] {
        assert!(
            matches!(refused(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")), Failure::Target(_)),
            "{target}"
        );
    }
}

#[test]
fn limits_are_named() {
    assert_eq!(refused(&format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(17 * 1024))), Failure::TargetTooLong);
    assert_eq!(refused(&format!("GET /{}", "a".repeat(64 * 1024))), Failure::TargetTooLong);
    let target = "a".repeat(64 * 1024);
    assert_eq!(refused(&format!("GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n")), Failure::TargetTooLong);
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(64 * 1024))), Failure::HeadTooLarge);
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101))), Failure::HeadTooLarge);
}

#[test]
fn malformed_chunks_are_broken_off() {
    for body in [
        "0x5\r\n",
        "+5\r\n",
        "-1\r\n",
        " 5\r\n",
        "5_0\r\n",
        "\r\n",
        "G\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "5;\nhello",
        "5\n",
        "0\n\r\n",
        "0\r\n\n",
        "5\r\nhelloX",
        "5\r\nhello\n",
        "0\r\nA: b\n\r\n",
        "0\r\n: b\r\n",
        "5;a\rX\n",
        "5 \r\n",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert!(matches!(refused(&request), Failure::Framing(_)), "{body:?}");
    }
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(matches!(refused(&format!("{head}5;{}\r\n", "x".repeat(300))), Failure::Framing(_)));
    assert!(matches!(refused(&format!("{head}0\r\n{}\r\n", "A: b\r\n".repeat(3000))), Failure::Framing(_)));
}

#[test]
fn nothing_passes_after_a_refused_head() {
    let (taken, failure, place) = follow(b"GET / HTTP/1.1\r\n\r\nBAD\r\n\r\nGET /x HTTP/1.1\r\n\r\n", usize::MAX);
    assert_eq!(taken.len(), 1);
    assert!(failure.is_some());
    assert_eq!(place, Place::Ended);
}

proptest! {
    #[test]
    fn the_verdict_does_not_depend_on_how_bytes_arrive(
        bytes in proptest::collection::vec(prop_oneof![
            Just(b"GET / HTTP/1.1\r\n".to_vec()), Just(b"\r\n".to_vec()), Just(b"Content-Length: 3\r\n".to_vec()),
            Just(b"Transfer-Encoding: chunked\r\n".to_vec()), Just(b"3\r\nabc\r\n".to_vec()), Just(b"0\r\n\r\n".to_vec()),
            Just(b"abc".to_vec()), Just(b"\n".to_vec()), Just(b"A: b\r\n".to_vec()), proptest::collection::vec(any::<u8>(), 0..4),
        ], 0..12).prop_map(|parts| parts.concat()),
        step in 1usize..9,
    ) {
        let whole = follow(&bytes, usize::MAX);
        let stepped = follow(&bytes, step);
        prop_assert_eq!(whole.1.map(Failure::reason), stepped.1.map(Failure::reason));
        // A body that is broken off may have come out in part.
        let broken_off = matches!(whole.1, Some(Failure::Framing(_)));
        prop_assert!(whole.0 == stepped.0 || broken_off, "{:?} and {:?}", whole.0, stepped.0);
    }
}
