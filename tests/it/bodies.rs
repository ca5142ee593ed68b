//! Request bodies that are broken, ambiguous, or followed by what is no request.

use crate::harness::{Pair, Recorder, Script, exchange};

const CHUNKED: &str = "POST /upload HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Whatever a backend saw of the upload, it saw no end of it, and was told that none will come.
#[track_caller]
fn assert_never_whole(backend: &Recorder, row: &str) {
    for (place, _) in backend.requests().iter().enumerate().filter(|(_, request)| request.target == "/upload") {
        backend.broken_off(place);
        assert!(!backend.requests()[place].body.complete, "{row}");
    }
}

#[test]
fn a_malformed_chunk_breaks_both_sides_off() {
    let extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(64 * 1024));
    let trailers = format!("0\r\n{}\r\n", "A: b\r\n".repeat(10_000));
    let large = format!("0\r\nA: {}\r\n\r\n", "b".repeat(17 * 1024));
    let rows = [
        ("17 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("17 plus", "+5\r\nhello\r\n0\r\n\r\n"),
        ("17 minus", "-1\r\nhello\r\n0\r\n\r\n"),
        ("17 space", " 5\r\nhello\r\n0\r\n\r\n"),
        ("17 underscore", "5_0\r\nhello\r\n0\r\n\r\n"),
        ("17 empty", "\r\nhello\r\n0\r\n\r\n"),
        ("17 G", "G\r\nhello\r\n0\r\n\r\n"),
        ("18 wraps", "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
        ("20 extension ends with LF", "5;\nhello\r\n0\r\n\r\n"),
        ("20 CR in an extension", "5;a\rX\nhello\r\n0\r\n\r\n"),
        ("20 size ends with LF", "5\nhello\r\n0\r\n\r\n"),
        ("20 last chunk ends with LF", "0\n\r\n"),
        ("21 extension", &extension),
        ("22 no CRLF after the data", "5\r\nhello0\r\n\r\n"),
        ("24 many trailers", &trailers),
        ("24 large trailers", &large),
    ];
    for pair in Pair::by_protocol("") {
        for (row, body) in rows {
            let bytes = format!("{CHUNKED}{body}GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n");
            let answers = exchange(pair.site.address(), bytes);
            assert_eq!(answers.len(), 1, "{row}: {answers:?}");
            answers[0].assert_problem(400);
            assert_never_whole(&pair.legacy, row);
        }
        assert!(pair.legacy.lines().iter().all(|line| line == "POST /upload"));
        pair.site.await_metric("banyan_rejected_total{reason=\"framing\"}", rows.len() as u64);
    }
}

#[test]
fn many_long_chunk_extensions_are_cut_off() {
    for pair in Pair::by_protocol("") {
        let chunk = format!("1;{}\r\nx\r\n", "e".repeat(100));
        let answers = exchange(pair.site.address(), format!("{CHUNKED}{}0\r\n\r\n", chunk.repeat(1000)));
        assert!(answers.iter().all(|answer| answer.status == 400), "{answers:?}");
        assert_never_whole(&pair.legacy, "21");
    }
}

#[test]
fn a_body_that_its_client_breaks_off_is_never_whole_at_the_backend() {
    for sent in ["5\r\nhel", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", "5"] {
        for pair in Pair::by_protocol("") {
            let mut client = pair.site.client();
            client.send(CHUNKED);
            client.send(sent);
            pair.legacy.head(0);
            client.finish();
            client.closed();
            assert_never_whole(&pair.legacy, sent);
        }
    }
    for pair in Pair::by_protocol("") {
        let mut client = pair.site.client();
        client.send("POST /upload HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nhello");
        pair.legacy.head(0);
        client.reset();
        assert_never_whole(&pair.legacy, "Content-Length");
        assert_eq!(pair.site.logged("/upload")["error"], "client_body");
    }
}

#[test]
fn a_chunk_extension_is_dropped() {
    for pair in Pair::by_protocol("") {
        let answer = pair.site.send(format!("{CHUNKED}5;name=\"value\"\r\nhello\r\n0;last\r\n\r\n"));
        assert_eq!(answer.status, 200);
        let request = pair.legacy.only();
        assert_eq!(request.text(), "hello");
        assert!(!String::from_utf8_lossy(&request.body.wire).contains(';'));
    }
}

#[test]
fn trailers_cannot_pose_as_headers() {
    for pair in Pair::by_protocol(
        "subject: { tenant: [{ header: X-Tenant-Id, from: trusted }], trusted_proxies: [10.0.0.0/8] }\n\
         routes: [{ name: a, match: { path: /upload }, new: new, stage: canary, canary: { tenants: [acme] } }]",
    ) {
        let head =
            CHUNKED.replace("Transfer", "Trailer: X-Checksum, X-Tenant-Id, Host, Cookie, X_Tenant_Id\r\nTransfer");
        let trailers = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: evil.example\r\nAuthorization: Basic x\r\n\
                    X-Tenant-Id: acme\r\nX_Tenant_Id: acme\r\nX-Forwarded-For: 10.0.0.1\r\nCookie: a=b\r\nX-Checksum: 7\r\n";
        assert_eq!(pair.site.send(format!("{head}5\r\nhello\r\n0\r\n{trailers}\r\n")).served_by(), "legacy");
        let request = pair.legacy.only();
        assert_eq!(request.body.trailers, [("x-checksum".to_owned(), "7".to_owned())]);
        assert_eq!(request.field("host"), Some("a.example"));
        for name in ["authorization", "x-tenant-id", "cookie", "content-length"] {
            assert_eq!(request.field(name), None, "{name}");
        }
    }
}

#[test]
fn an_http_1_0_post_without_a_length_has_no_body() {
    for pair in Pair::by_protocol("") {
        let answers =
            exchange(pair.site.address(), "POST /old HTTP/1.0\r\nHost: a.example\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].status, 200);
        let request = pair.legacy.only();
        assert_eq!((request.line().as_str(), request.body.wire.len()), ("POST /old", 0));
    }
}

#[test]
fn framing_cannot_be_nominated_away() {
    for pair in Pair::by_protocol("") {
        let rows = [
            "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello",
        ];
        for (place, row) in rows.iter().enumerate() {
            assert_eq!(pair.site.send(format!("POST /a HTTP/1.1\r\nHost: a.example\r\n{row}")).status, 200);
            // The recorder fails on anything but one canonical framing field.
            assert_eq!(pair.legacy.request(place).text(), "hello");
        }
    }
}

#[test]
fn a_request_within_a_body_is_a_body() {
    let inner = "GET /inner HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for pair in Pair::by_protocol("") {
        for (place, method) in ["GET", "HEAD", "OPTIONS"].into_iter().enumerate() {
            let head = format!("{method} /outer HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n");
            let mut client = pair.site.client();
            client.send(format!("{head}Content-Length: {}\r\n\r\n{inner}", inner.len()));
            let answer = if method == "HEAD" { client.head_answer().unwrap() } else { client.answer() };
            assert_eq!(answer.status, 200);
            assert_eq!(client.closed(), b"");
            assert_eq!(pair.legacy.request(place).text(), inner);
        }
        assert_eq!(pair.legacy.lines(), ["GET /outer", "HEAD /outer", "OPTIONS /outer"]);
    }
}

#[test]
fn bytes_after_an_early_answer_of_the_facades_own_are_no_request() {
    for pair in
        Pair::by_protocol("defaults: { legacy: none }\nroutes: [{ name: a, match: { path: /a }, legacy: legacy }]")
    {
        let inner = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let head = "POST /nowhere HTTP/1.1\r\nHost: a.example\r\n";
        for (row, bytes) in [
            ("whole", format!("{head}Content-Length: {}\r\n\r\n{inner}", inner.len())),
            ("still coming", format!("{head}Content-Length: 100000\r\n\r\n{inner}")),
            ("chunks still coming", format!("{head}Transfer-Encoding: chunked\r\n\r\nfff\r\n{inner}")),
        ] {
            let mut client = pair.site.client();
            client.send(bytes);
            client.answer().assert_problem(404);
            client.finish();
            assert_eq!(client.closed(), b"", "{row}");
        }
        assert_eq!(pair.legacy.bytes(), 0);
    }
}

#[test]
fn bytes_after_an_early_answer_of_a_backend_are_no_request() {
    for (behind, pair) in Pair::by_protocol("").into_iter().enumerate() {
        pair.legacy.on("/early", Script::ok("early").early());
        let mut client = pair.site.client();
        client.send("POST /early HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000\r\n\r\n");
        assert_eq!(client.answer().text(), "early");
        client.try_send("GET /inner HTTP/1.1\r\nHost: a.example\r\n\r\n");
        client.closed();
        // A connection that was left in the midst of a request serves nobody else; a stream is nobody else's anyway.
        assert_eq!(pair.site.get("/next").status, 200);
        assert_eq!(pair.legacy.lines(), ["POST /early", "GET /next"]);
        let requests = pair.legacy.requests();
        assert!(behind == 1 || requests[0].connection != requests[1].connection);
    }
}

#[test]
fn pipelined_requests_end_at_the_first_that_is_refused() {
    for pair in Pair::by_protocol(
        "subject: { tenant: [{ header: X-Tenant }] }\n\
         routes: [{ name: a, match: { path: /a }, new: new, stage: canary, canary: { tenants: [b] } }]",
    ) {
        let one = |tenant: &str| format!("GET /a HTTP/1.1\r\nHost: a.example\r\nX-Tenant: {tenant}\r\n\r\n");
        let bad = "GET /a HTTP/1.1\r\nHost : a.example\r\n\r\n";
        let bytes = [&one("a"), &one("b"), &one("c"), bad, &one("b")].concat();
        let answers = exchange(pair.site.address(), bytes);
        let sides: Vec<_> = answers.iter().map(|answer| (answer.status, answer.served_by())).collect();
        assert_eq!(sides, [(200, "legacy"), (200, "new"), (200, "legacy"), (400, "banyan")]);
        let tenants = |recorder: &Recorder| -> Vec<String> {
            recorder.requests().iter().map(|request| request.field("x-tenant").unwrap().to_owned()).collect()
        };
        assert_eq!((tenants(&pair.legacy), tenants(&pair.new)), (vec!["a".into(), "c".into()], vec!["b".into()]));
    }
}
