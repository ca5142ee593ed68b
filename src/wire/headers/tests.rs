use super::*;
use proptest::prelude::*;

fn map(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    headers
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    map(pairs).into()
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

fn names_of(fields: &Fields) -> Vec<&str> {
    let mut names: Vec<&str> = fields.names().map(|name| std::str::from_utf8(name).unwrap()).collect();
    names.sort_unstable();
    names
}

fn tenant() -> [HeaderName; 1] {
    [HeaderName::from_static("x-tenant-id")]
}

fn hop() -> Hop {
    Hop { address: HeaderValue::from_static("203.0.113.9"), proto: HeaderValue::from_static("http") }
}

#[test]
fn hop_by_hop_headers_and_those_that_connection_names_stop_here() {
    let mut headers = fields(&[
        ("connection", "close, X-Private"),
        ("connection", "keep-alive"),
        ("close", "x"),
        ("keep-alive", "5"),
        ("te", "gzip"),
        ("upgrade", "h2c"),
        ("http2-settings", "x"),
        ("proxy-connection", "x"),
        ("proxy-authorization", "x"),
        ("x-private", "1"),
        ("accept", "*/*"),
    ]);
    strip_request(&mut headers, false, &[]).unwrap();
    assert_eq!(names_of(&headers), ["accept"]);
}

#[test]
fn connection_cannot_take_away_what_a_request_means() {
    let nominated = "Host, Content-Length, Authorization, Cookie, X-Forwarded-For, X-Tenant-Id, Transfer-Encoding";
    let mut headers = fields(&[
        ("connection", nominated),
        ("host", "a"),
        ("content-length", "0"),
        ("authorization", "x"),
        ("cookie", "x"),
        ("x-forwarded-for", "203.0.113.1"),
        ("x-tenant-id", "acme"),
    ]);
    strip_request(&mut headers, true, &tenant()).unwrap();
    let kept = ["authorization", "content-length", "cookie", "host", "x-forwarded-for", "x-tenant-id"];
    assert_eq!(names_of(&headers), kept);
}

#[test]
fn what_only_trusted_peers_may_set_is_removed_from_everybody_else() {
    let sent = [
        ("x-forwarded-for", "1"),
        ("x-forwarded-proto", "1"),
        ("x-forwarded-host", "1"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "1"),
        ("forwarded", "for=1"),
        ("x-real-ip", "1"),
        ("x-request-id", "1"),
        ("traceparent", "1"),
        ("tracestate", "1"),
        ("x-tenant-id", "acme"),
        ("x_tenant_id", "acme"),
        ("x_forwarded-for", "1"),
        ("content_length", "1"),
        ("my_own", "1"),
    ];
    let mut headers = fields(&sent);
    strip_request(&mut headers, false, &tenant()).unwrap();
    assert_eq!(names_of(&headers), ["my_own"]);
    let mut headers = fields(&sent);
    strip_request(&mut headers, true, &tenant()).unwrap();
    assert_eq!(headers.names().count(), sent.len() - 3, "only the forms with underscores go");
}

#[test]
fn an_underscore_in_a_forwarding_header_is_no_trusted_proxys_spelling() {
    // A proxy in front that knows only the dashed form lets its clients' own through.
    let mut headers =
        fields(&[("x-forwarded-client_cert", "x"), ("x-forwarded-client-cert", "y"), ("x_forwarded_for", "z")]);
    strip_request(&mut headers, true, &[]).unwrap();
    assert_eq!(names_of(&headers), ["x-forwarded-client-cert"]);
}

#[test]
fn what_is_addressed_to_the_facade_goes_no_further() {
    let mut headers = fields(&[
        ("banyan-force", "new"),
        ("banyan-secret", "s"),
        ("banyan-explain", "1"),
        ("banyan-shadow", "1"),
        ("x-served-by", "new"),
    ]);
    let asked = strip_request(&mut headers, true, &[]).unwrap();
    assert_eq!(headers.names().count(), 0);
    assert_eq!(asked.force.unwrap(), "new");
    assert_eq!(asked.secret.unwrap(), "s");
    assert!(asked.explain);
}

#[test]
fn a_force_sent_twice_is_none() {
    let mut headers = fields(&[("banyan-force", "new"), ("banyan-force", "legacy")]);
    assert!(strip_request(&mut headers, true, &[]).unwrap().force.is_none());
}

#[test]
fn only_100_continue_is_expected() {
    assert!(strip_request(&mut fields(&[("expect", "100-Continue")]), false, &[]).is_ok());
    for pairs in [
        &[("expect", "100-continue, x")][..],
        &[("expect", "x")],
        &[("expect", "100-continue"), ("expect", "100-continue")],
    ] {
        assert_eq!(strip_request(&mut fields(pairs), false, &[]).unwrap_err(), Failure::Expectation);
    }
}

#[test]
fn a_request_that_goes_round_in_circles_is_cut() {
    assert!(
        strip_request(&mut fields(&[("via", "1.1 banyan, 1.1 banyan"), ("via", "1.0 x, 1.1 banyan")]), false, &[])
            .is_ok()
    );
    let circling = fields(&[("via", "1.1 banyan, 1.1 banyan"), ("via", "1.1 banyan, 1.1 banyan")]);
    assert_eq!(strip_request(&mut circling.clone(), false, &[]).unwrap_err(), Failure::Loop);
}

/// What a backend is sent of these headers.
fn written(pairs: &[(&str, &str)], trusted: bool) -> HeaderMap {
    let (headers, host) = (fields(pairs), HeaderValue::from_static("shop.example"));
    let id = request_id(&headers);
    let forwarding = Forwarding { hop: &hop(), trusted, client_host: Some(&host), host: &host, request_id: &id };
    let mut out = Vec::new();
    write_request_fields(&mut out, &headers, &forwarding);
    let text = String::from_utf8(out).unwrap();
    map(&text.lines().map(|line| line.split_once(": ").unwrap()).collect::<Vec<_>>())
}

#[test]
fn a_backend_learns_where_a_request_came_from() {
    let sent = written(&[("host", "x"), ("a", "1"), ("a", "2"), ("via", "1.0 cdn")], false);
    assert_eq!(sent.get_all("a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(sent.get_all("host").iter().collect::<Vec<_>>(), ["shop.example"]);
    assert_eq!(sent["x-forwarded-for"], "203.0.113.9");
    assert_eq!(sent["x-forwarded-proto"], "http");
    assert_eq!(sent["x-forwarded-host"], "shop.example");
    assert_eq!(sent["via"], "1.0 cdn, 1.1 banyan");
    assert!(ids::is_request_id(&sent["x-request-id"]) && ids::is_traceparent(sent["traceparent"].as_bytes()));
    assert!(!sent.contains_key("forwarded"));
}

#[test]
fn the_chain_of_a_trusted_peer_is_continued() {
    let sent = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=1.1.1.1")];
    let sent = written(&sent, true);
    assert_eq!(sent["x-forwarded-for"], "1.1.1.1, 203.0.113.9");
    assert_eq!(sent["x-forwarded-proto"], "https");
    assert_eq!(sent["x-forwarded-host"], "shop.example");
    assert_eq!(sent["forwarded"], "for=1.1.1.1, for=203.0.113.9;proto=http;host=\"shop.example\"");
    assert_eq!(sent["via"], "1.1 banyan");
    assert!(sent.iter().all(|(name, _)| sent.get_all(name).iter().count() == 1));
}

#[test]
fn ids_of_a_trusted_peer_are_kept_when_they_are_sane() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = written(&[("x-request-id", "abc"), ("traceparent", trace), ("tracestate", "y")], true);
    assert_eq!(
        (&sent["x-request-id"], &sent["traceparent"], &sent["tracestate"]),
        (&"abc".parse().unwrap(), &trace.parse().unwrap(), &"y".parse().unwrap())
    );
    let sent = written(&[("x-request-id", "a b"), ("traceparent", "x"), ("tracestate", "y")], true);
    assert_ne!(sent["x-request-id"], "a b");
    assert_ne!(sent["traceparent"], "x");
    assert!(!sent.contains_key("tracestate"));
}

#[test]
fn answers_lose_what_only_the_facade_may_say() {
    let mut headers = map(&[
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("x-served-by", "new"),
        ("banyan-decision", "x"),
        ("etag", "1"),
    ]);
    strip_response(&mut headers);
    stamp(&mut headers, Side::Legacy);
    assert_eq!(names(&headers), ["etag", "x-served-by"]);
    assert_eq!(headers["x-served-by"], "legacy");
}

#[test]
fn trailers_cannot_pose_as_headers() {
    let mut trailers = map(&[
        ("content-length", "1"),
        ("transfer-encoding", "x"),
        ("host", "x"),
        ("authorization", "x"),
        ("x-tenant-id", "acme"),
        ("x_tenant_id", "acme"),
        ("x-forwarded-for", "1"),
        ("banyan-force", "new"),
        ("x-checksum", "1"),
    ]);
    strip_trailers(&mut trailers, &tenant());
    assert_eq!(names(&trailers), ["x-checksum"]);
}

proptest! {
    #[test]
    fn no_connection_header_panics_or_leaves_a_hop_header(value in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut headers = map(&[("te", "x"), ("keep-alive", "x"), ("host", "h")]);
            headers.append(CONNECTION, value);
            let mut headers = Fields::from(headers);
            strip_request(&mut headers, false, &[]).unwrap();
            prop_assert_eq!(names_of(&headers), vec!["host"]);
        }
    }
}
