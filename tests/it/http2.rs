//! HTTP/2 in front: what is asked reaches the backend, and what it answers reaches the client.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::frames::{DATA, GOAWAY, HEADERS};
use crate::harness::http2::{Raw, request};
use crate::harness::tls::client_config;
use crate::harness::{Authority, Latch, Pair, Recorder, Script, Site, until};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(PATIENCE, future).await.expect("an end in time") })
}

async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://shop.example{path}")).body(()).unwrap()
}

/// The whole of an answer's body, and its trailers.
async fn read(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, body.trailers().await?))
}

async fn answer(response: ResponseFuture) -> (Response<()>, Vec<u8>) {
    let (head, body) = response.await.unwrap().into_parts();
    (Response::from_parts(head, ()), read(body).await.unwrap().0)
}

async fn ask(client: &mut SendRequest<Bytes>, request: Request<()>) -> (Response<()>, Vec<u8>) {
    answer(client.send_request(request, true).unwrap().0).await
}

#[test]
fn a_request_by_prior_knowledge_is_relayed_like_any_other() {
    let pair = Pair::start("");
    run(async {
        let mut client = connect(pair.site.address()).await;
        let (head, body) = ask(&mut client, get("/orders/7?full=1")).await;
        assert_eq!((head.status(), head.version(), body.as_slice()), (StatusCode::OK, Version::HTTP_2, &b"legacy"[..]));
        assert_eq!(head.headers()["x-served-by"], "legacy");
        assert!(!head.headers().contains_key("connection"));
    });
    let received = pair.legacy.only();
    assert_eq!((received.line().as_str(), received.field("host")), ("GET /orders/7?full=1", Some("shop.example")));
    assert_eq!(received.field("x-forwarded-proto"), Some("http"));
    assert_eq!(pair.site.logged("/orders/7")["status"], 200);
}

#[test]
fn clients_that_speak_tls_choose_it_by_name() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    std::fs::create_dir(&etc).unwrap();
    authority.issue(&["shop.example"]).save(&etc, "a");
    let (legacy, new) = (Recorder::start("legacy"), Recorder::start("new"));
    let rest = "listen: [{ address: 127.0.0.1:0, tls: { certificates: [{ cert: a.pem, key: a.key }] } }]";
    std::fs::write(etc.join("routes.yaml"), Site::whole(&Pair::yaml(&legacy, &new, rest))).unwrap();
    let site = Site::start_in(folder);
    let config = client_config(&authority, None, &["h2", "http/1.1"]);
    run(async {
        let stream = TcpStream::connect(site.address()).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("shop.example").unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::clone(&config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let (head, body) = ask(&mut client, get("/")).await;
        assert_eq!((head.status(), body.as_slice()), (StatusCode::OK, &b"legacy"[..]));
    });
    assert_eq!(legacy.only().field("x-forwarded-proto"), Some("https"));
}

#[test]
fn cookies_in_crumbs_become_one() {
    let pair = Pair::start("");
    run(async {
        let mut client = connect(pair.site.address()).await;
        let mut request = get("/");
        for crumb in ["a=1", "b=2", "c=3"] {
            request.headers_mut().append("cookie", crumb.parse().unwrap());
        }
        ask(&mut client, request).await;
    });
    assert_eq!(pair.legacy.only().field("cookie"), Some("a=1; b=2; c=3"));
}

#[test]
fn a_body_streams_both_ways_with_its_trailers() {
    let pair = Pair::start("");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n";
    pair.legacy.on("/echo", Script::raw(chunked));
    run(async {
        let mut client = connect(pair.site.address()).await;
        let request = Request::post("http://shop.example/echo").body(()).unwrap();
        let (response, mut upload) = client.send_request(request, false).unwrap();
        upload.send_data(Bytes::from_static(b"one "), false).unwrap();
        upload.send_data(Bytes::from_static(b"two"), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-end", "here".parse().unwrap());
        upload.send_trailers(trailers).unwrap();
        let (bytes, trailers) = read(response.await.unwrap().into_body()).await.unwrap();
        assert_eq!((bytes.as_slice(), &trailers.unwrap()["x-sum"]), (&b"hello"[..], &"5".parse().unwrap()));
    });
    let received = pair.legacy.only();
    assert_eq!((received.text().as_str(), received.field("transfer-encoding")), ("one two", Some("chunked")));
}

#[test]
fn a_length_that_is_said_is_sent_on() {
    let pair = Pair::start("");
    run(async {
        let mut client = connect(pair.site.address()).await;
        let request = Request::put("http://shop.example/").header("content-length", "300000").body(()).unwrap();
        let (response, mut upload) = client.send_request(request, false).unwrap();
        let sending = async {
            let mut left = Bytes::from(vec![b'x'; 300_000]);
            while !left.is_empty() {
                upload.reserve_capacity(left.len());
                let room = std::future::poll_fn(|cx| upload.poll_capacity(cx)).await.unwrap().unwrap();
                let piece = left.split_to(room.min(left.len()));
                upload.send_data(piece, left.is_empty()).unwrap();
            }
        };
        let (_, (head, _)) = tokio::join!(sending, answer(response));
        assert_eq!(head.status(), StatusCode::OK);
    });
    let received = pair.legacy.only();
    assert_eq!((received.body.content.len(), received.field("content-length")), (300_000, Some("300000")));
}

#[test]
fn a_large_answer_arrives_whole() {
    let pair = Pair::start("");
    let body: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    pair.legacy.on("/large", Script::ok(&body));
    run(async {
        let mut client = connect(pair.site.address()).await;
        let (head, bytes) = ask(&mut client, get("/large")).await;
        assert_eq!(head.headers()["content-length"], "3000000");
        assert!(bytes == body);
    });
}

#[test]
fn requests_share_a_connection_and_do_not_wait_for_each_other() {
    let pair = Pair::start("");
    let latch = Latch::default();
    pair.legacy.on("/slow", Script::default().wait(&latch).send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow"));
    run(async {
        let mut client = connect(pair.site.address()).await;
        let slow = client.send_request(get("/slow"), true).unwrap().0;
        for _ in 0..20 {
            assert_eq!(ask(&mut client, get("/fast")).await.1, b"legacy");
        }
        latch.open();
        assert_eq!(answer(slow).await.1, b"slow");
    });
}

#[test]
fn an_answer_without_a_body_has_none() {
    let pair = Pair::start("");
    pair.legacy.on("/none", Script::raw("HTTP/1.1 204 No Content\r\n\r\n"));
    run(async {
        let mut client = connect(pair.site.address()).await;
        let head = Request::builder().method(Method::HEAD).uri("http://shop.example/x").body(()).unwrap();
        let (answer, body) = ask(&mut client, head).await;
        assert_eq!((answer.headers()["content-length"].as_bytes(), body.len()), (&b"6"[..], 0));
        let (answer, body) = ask(&mut client, get("/none")).await;
        assert_eq!((answer.status(), body.len()), (StatusCode::NO_CONTENT, 0));
        // The facade's own, to HEAD.
        let head = Request::builder().method(Method::HEAD).uri("http://shop.example/a/../b").body(()).unwrap();
        assert_eq!(ask(&mut client, head).await.0.status(), StatusCode::BAD_REQUEST);
    });
}

#[test]
fn what_a_backend_cuts_is_no_clean_end() {
    let pair = Pair::start("");
    pair.legacy.on("/cut", Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").close());
    pair.legacy.on("/chunk", Script::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").close());
    run(async {
        let mut client = connect(pair.site.address()).await;
        for path in ["/cut", "/chunk"] {
            // The reset may overtake the head.
            let error = match client.send_request(get(path), true).unwrap().0.await {
                Ok(response) => read(response.into_body()).await.unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR), "{path}");
        }
        // The connection goes on.
        assert_eq!(ask(&mut client, get("/")).await.0.status(), StatusCode::OK);
    });
}

#[test]
fn a_request_that_is_taken_back_is_cancelled_at_the_backend() {
    let pair = Pair::start("");
    pair.legacy.on("/hang", Script::hang());
    let Pair { site, legacy, .. } = pair;
    run(async {
        let mut client = connect(site.address()).await;
        let (_response, mut stream) = client.send_request(get("/hang"), true).unwrap();
        // The client's connection must be driven meanwhile.
        let legacy = tokio::task::spawn_blocking(move || {
            legacy.head(0);
            legacy
        });
        let legacy = legacy.await.unwrap();
        stream.send_reset(Reason::CANCEL);
        tokio::task::spawn_blocking(move || legacy.closed(0)).await.unwrap();
    });
}

#[test]
fn who_waits_for_leave_to_send_gets_it() {
    let pair = Pair::start("");
    run(async {
        let mut client = connect(pair.site.address()).await;
        let request = Request::post("http://shop.example/").header("expect", "100-continue").body(()).unwrap();
        let (mut response, mut upload) = client.send_request(request, false).unwrap();
        let go_on = std::future::poll_fn(|cx| response.poll_informational(cx)).await.unwrap().unwrap();
        assert_eq!(go_on.status(), StatusCode::CONTINUE);
        upload.send_data(Bytes::from_static(b"body"), true).unwrap();
        assert_eq!(answer(response).await.0.status(), StatusCode::OK);
    });
    let received = pair.legacy.only();
    assert_eq!((received.text().as_str(), received.field("expect")), ("body", None));
}

#[test]
fn an_answer_may_come_before_the_body_has_ended() {
    let pair = Pair::start("");
    pair.legacy.on("/early", Script::raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").early().and_hang());
    run(async {
        let mut client = connect(pair.site.address()).await;
        let request = Request::post("http://shop.example/early").body(()).unwrap();
        let (response, mut upload) = client.send_request(request, false).unwrap();
        upload.send_data(Bytes::from_static(b"begin"), false).unwrap();
        let (head, body) = answer(response).await;
        assert_eq!((head.status(), body.as_slice()), (StatusCode::FORBIDDEN, &b"no"[..]));
        assert_eq!(ask(&mut client, get("/")).await.0.status(), StatusCode::OK);
    });
}

#[test]
fn going_down_says_goodbye_and_finishes_what_is_under_way() {
    let Pair { site, legacy, .. } = Pair::start("drain: { grace: 10s }");
    let latch = Latch::default();
    legacy.on("/slow", Script::default().wait(&latch).send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"));
    let (mut busy, mut idle) = (Raw::connect(site.address()), Raw::connect(site.address()));
    idle.ask(1, &request("GET", "/", &[]));
    idle.ended(1).unwrap();
    busy.ask(1, &request("GET", "/slow", &[]));
    until("the request", || (legacy.requests().len() == 2).then_some(()));
    let stopping = std::thread::spawn(move || site.stop());
    // Nothing is refused by the first one: what was on its way to the facade when it was sent is still answered.
    let goodbye = busy.wait(GOAWAY);
    assert_eq!((&goodbye.payload[..4], goodbye.code()), (&0x7fff_ffff_u32.to_be_bytes()[..], 0));
    busy.ask(3, &request("GET", "/late", &[]));
    latch.open();
    idle.closed();
    let mut answered = Vec::new();
    let mut last = None;
    while let Some(frame) = busy.next() {
        match frame.kind {
            HEADERS => answered.push(frame.stream),
            DATA => {}
            GOAWAY => last = Some(frame.payload[..4].to_vec()),
            _ => busy.acknowledge(&frame),
        }
    }
    assert_eq!(answered.len(), 2, "{answered:?}");
    assert_eq!(last, Some(3_u32.to_be_bytes().to_vec()));
    assert!(stopping.join().unwrap().0);
}

#[test]
fn a_connection_without_requests_is_told_to_end() {
    let pair = Pair::listening("timeouts: { idle: 300ms }", "");
    let mut client = Raw::connect(pair.site.address());
    client.ask(1, &request("GET", "/", &[]));
    client.ended(1).unwrap();
    assert_eq!(client.wait(GOAWAY).code(), 0);
    client.closed();
}

#[test]
fn a_connection_has_only_so_many_requests() {
    let pair = Pair::listening("limits: { requests: 2 }", "");
    let mut client = Raw::connect(pair.site.address());
    for stream in [1, 3] {
        client.ask(stream, &request("GET", "/", &[]));
    }
    client.closed();
    assert_eq!(pair.legacy.requests().len(), 2);
}
