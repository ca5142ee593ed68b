use super::*;
use proptest::prelude::*;

/// Shows `bytes` to a fresh connection, `step` at a time; what passed, and how it ended.
fn follow(bytes: &[u8], step: usize) -> (Vec<u8>, Option<Failure>, Place) {
    let mut framing = Framing::default();
    let mut held: Vec<u8> = Vec::new();
    let mut passed = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        held.extend_from_slice(piece);
        while !held.is_empty() {
            match framing.look(&held) {
                Verdict::Pass(count) => passed.extend(held.drain(..count)),
                Verdict::Wait => break,
                Verdict::Refuse(failure) | Verdict::Abort(failure) => return (passed, Some(failure), framing.place()),
            }
        }
    }
    (passed, None, framing.place())
}

fn refused(request: &str) -> Failure {
    let whole = follow(request.as_bytes(), usize::MAX);
    let bytewise = follow(request.as_bytes(), 1);
    assert_eq!(whole.1, bytewise.1, "the verdict depends on how the bytes arrive: {request:?}");
    whole.1.unwrap_or_else(|| panic!("passed: {request:?}"))
}

fn passes(request: &str) {
    for step in [1, 7, usize::MAX] {
        let (passed, failure, place) = follow(request.as_bytes(), step);
        assert_eq!((failure, place), (None, Place::Between), "{request:?}");
        assert_eq!(passed, request.as_bytes());
    }
}

#[test]
fn sound_requests_pass_whole() {
    passes("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    passes("GET / HTTP/1.0\r\n\r\n");
    passes("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    passes("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    passes(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    );
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
    assert_eq!(refused(&format!("GET /{}", "a".repeat(MAX_HEAD))), Failure::TargetTooLong);
    let target = "a".repeat(MAX_HEAD);
    assert_eq!(refused(&format!("GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n")), Failure::TargetTooLong);
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(MAX_HEAD))), Failure::HeadTooLarge);
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
    let (passed, failure, place) = follow(b"GET / HTTP/1.1\r\n\r\nBAD\r\n\r\nGET /x HTTP/1.1\r\n\r\n", usize::MAX);
    assert_eq!(passed, b"GET / HTTP/1.1\r\n\r\n");
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
        // A body that is broken off may take with it what came in the same read.
        let broken_off = matches!(whole.1, Some(Failure::Framing(_)));
        let agrees = whole.0 == stepped.0 || broken_off && stepped.0.starts_with(&whole.0);
        prop_assert!(agrees, "{:?} and {:?}", whole.0, stepped.0);
    }
}
