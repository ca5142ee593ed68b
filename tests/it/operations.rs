//! What operators see.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Client, Pair, Script, until};

const CANARY: &str = "\
subject: { tenant: [{ header: X-Tenant }] }
routes: [{ name: orders, match: { path: /x }, new: new, stage: canary, canary: { percent: 100, by: tenant } }]";

#[test]
fn metrics_name_route_side_backend_and_reason() {
    let pair = Pair::start(CANARY);
    pair.new.on("/x", Script::ok("ok"));
    pair.new.on("/x", Script::raw("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"));
    pair.site.get_with("/x", "X-Tenant: acme\r\n");
    pair.site.get_with("/x", "X-Tenant: acme\r\n");
    pair.site.get("/x");
    pair.site.get("/elsewhere");
    pair.site.get("/..").assert_problem(400);
    for (series, value) in [
        ("banyan_requests_total{route=\"orders\",side=\"new\",class=\"2xx\"}", 1),
        ("banyan_requests_total{route=\"orders\",side=\"new\",class=\"5xx\"}", 1),
        ("banyan_requests_total{route=\"orders\",side=\"legacy\",class=\"2xx\"}", 1),
        ("banyan_requests_total{route=\"\",side=\"legacy\",class=\"2xx\"}", 1),
        ("banyan_requests_total{route=\"\",side=\"banyan\",class=\"4xx\"}", 1),
        ("banyan_request_seconds_count{route=\"orders\",side=\"new\"}", 2),
        ("banyan_upstream_seconds_count{backend=\"new\"}", 2),
        ("banyan_upstream_seconds_count{backend=\"legacy\"}", 2),
        ("banyan_upstream_errors_total{backend=\"new\",reason=\"connect\"}", 0),
        ("banyan_rejected_total{reason=\"target\"}", 1),
        ("banyan_generation", 1),
        ("banyan_reload_total{result=\"accepted\"}", 0),
        ("banyan_reload_total{result=\"rejected\"}", 0),
        ("banyan_access_log_lost_total", 0),
    ] {
        pair.site.await_metric(series, value);
    }
    let text = pair.site.admin("GET /metrics").text();
    for name in ["banyan_connections", "banyan_state_unwritable", "process_resident_memory_bytes", "process_open_fds"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name}");
    }
    for family in ["banyan_requests_total", "banyan_request_seconds", "banyan_rejected_total", "banyan_generation"] {
        assert!(text.contains(&format!("# HELP {family} ")) && text.contains(&format!("# TYPE {family} ")), "{family}");
    }
}

#[test]
fn a_request_is_one_line_that_tells_all_about_it() {
    let pair = Pair::start(CANARY);
    let request =
        "POST /x?secret=1 HTTP/1.1\r\nHost: Shop.Example:80\r\nX-Tenant: acme\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(pair.site.send(request).text(), "new");
    let line = pair.site.logged("/x");
    let bucket = banyan::routing::bucket_of("orders", "acme").0;
    for (key, value) in [
        ("method", Value::from("POST")),
        ("path", "/x".into()),
        ("host", "Shop.Example:80".into()),
        ("status", 200.into()),
        ("served_by", "new".into()),
        ("side", "new".into()),
        ("route", "orders".into()),
        ("reason", "percent".into()),
        ("bucket", bucket.into()),
        ("tenant", "acme".into()),
        ("generation", 1.into()),
        ("backend", "new".into()),
        ("endpoint", pair.new.address.to_string().into()),
        ("client", "127.0.0.1".into()),
        ("bytes_in", 3.into()),
        ("bytes_out", 3.into()),
        ("error", Value::Null),
    ] {
        assert_eq!(line[key], value, "{key}");
    }
    assert!(line["duration_us"].as_u64() >= line["upstream_us"].as_u64() && line["upstream_us"].is_u64());
    assert!(line["ts"].as_str().is_some_and(|text| text.ends_with('Z')));
    assert_eq!(line["request_id"], pair.new.only().field("x-request-id").unwrap());
    assert!(!line.to_string().contains("secret"));
    assert_eq!(pair.site.log().len(), 1);
}

#[test]
fn hostile_text_stays_one_line_of_the_log() {
    let pair = Pair::start("");
    pair.site.get_with("/a%22b%1bc", "X-Row: 1\r\n").assert_problem(400);
    pair.site.get_with("/a%22b", "User-Agent: \"\\n{\r\n");
    pair.site.logged("/a%22b");
    // Each line has been parsed as JSON on its way here.
    until("both lines", || (pair.site.log().len() == 2).then_some(()));
}

#[test]
fn the_admin_listener_answers_health_and_nothing_it_should_not() {
    let pair = Pair::start("");
    assert_eq!(pair.site.admin("GET /livez").status, 200);
    let ready = pair.site.admin("GET /readyz");
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &true.into()));
    assert_eq!(pair.site.admin("GET /metrics").field("content-type"), Some("text/plain; version=0.0.4"));
    assert_eq!(pair.site.admin("GET /nowhere").status, 404);
    assert_eq!(pair.site.admin("POST /api/v1/reload").status, 401);
    // Through a listener of clients the same paths are the backend's.
    for path in ["/metrics", "/readyz", "/livez", "/api/v1/reload"] {
        assert_eq!(pair.site.get(path).served_by(), "legacy", "{path}");
    }
}

#[test]
fn a_reload_needs_the_token() {
    let pair = Pair::start("");
    let path = pair.site.folder.path().join("state/admin.token");
    let token = fs::read_to_string(&path).unwrap().trim().to_owned();
    assert!(token.len() >= 32, "{token}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let post = |lines: &str| {
        let mut client = Client::connect(pair.site.facade().admin);
        client.send(format!("POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: 0\r\n\r\n"));
        client.answer()
    };
    for lines in [
        String::new(),
        "Authorization: Bearer x\r\n".to_owned(),
        format!("Authorization: Bearer {token}x\r\n"),
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: {token}\r\n"),
        format!("Cookie: token={token}\r\n"),
    ] {
        let answer = post(&lines);
        assert_eq!((answer.status, answer.field("www-authenticate")), (401, Some("Bearer")), "{lines:?}");
    }
    let good = format!("Authorization: Bearer {token}\r\n");
    let answer = post(&good);
    assert_eq!((answer.status, &answer.json()["generation"]), (200, &1.into()));
    fs::write(pair.site.config(), "version: 1\nroutes: [").unwrap();
    let refused = post(&good);
    assert_eq!((refused.status, &refused.json()["live"]), (422, &false.into()), "{}", refused.text());
    assert!(refused.text().contains("routes.yaml:"), "{}", refused.text());
}
