//! The admin API: who may talk to it, what it answers, and that other instances hear it, too.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Pair, Recorder, Site, until};

const VIEWER: &str = "viewer-token";
const OPERATOR: &str = "operator-token";

const ROUTES: &str = "\
subject: { tenant: [{ header: X-Tenant }] }
force: { secret: hunter2 }
routes:
  - { name: carts, match: { path: /carts }, new: new, stage: live }
  - { name: orders, group: shop, owner: ann, match: { methods: [GET], path: \"/orders/{id}\" }, new: new, stage: canary, canary: { tenants: [acme] } }";

const TOKENS: &str = "\
vic viewer sha256:VIEWER
ona operator sha256:OPERATOR
";

/// A request to the admin listener, as whoever one likes.
struct Ask<'a> {
    site: &'a Site,
    request: String,
    lines: String,
    body: String,
    host: &'a str,
    source: Ipv4Addr,
}

impl<'a> Ask<'a> {
    fn new(site: &'a Site, request: impl Into<String>) -> Ask<'a> {
        let (request, lines, body) = (request.into(), String::new(), String::new());
        Ask { site, request, lines, body, host: "localhost", source: Ipv4Addr::LOCALHOST }
    }

    fn line(mut self, line: &str) -> Self {
        self.lines += &format!("{line}\r\n");
        self
    }

    fn token(self, token: &str) -> Self {
        self.line(&format!("Authorization: Bearer {token}"))
    }

    fn owner(self) -> Self {
        let token = fs::read_to_string(self.site.facade().state_dir.join("admin.token")).unwrap();
        self.token(token.trim())
    }

    fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self.line("Content-Type: application/json")
    }

    /// From an address of its own, so that what others failed at does not count.
    fn from(mut self, number: usize) -> Self {
        self.source = Ipv4Addr::from(0x7f01_0000 + u32::try_from(number).unwrap());
        self
    }

    fn client(self) -> Client {
        let mut client = Client::connect_from(self.source, self.site.facade().admin);
        let (lines, length, body) = (self.lines, self.body.len(), self.body);
        let (request, host) = (self.request, self.host);
        // What is refused at once may be answered before it was all sent.
        client.try_send(format!("{request} HTTP/1.1\r\nHost: {host}\r\n{lines}Content-Length: {length}\r\n\r\n{body}"));
        client
    }

    #[track_caller]
    fn answer(self) -> Answer {
        self.client().answer()
    }
}

fn hashed(tokens: &str) -> String {
    let hash = |text: &str| -> String {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    tokens.replace("VIEWER", &hash(VIEWER)).replace("OPERATOR", &hash(OPERATOR))
}

/// A pair whose facade knows a viewer and an operator beside the owner.
fn pair() -> Pair {
    pair_with("")
}

/// The same, with more keys under `admin:`.
fn pair_with(admin: &str) -> Pair {
    let (legacy, new) = (Recorder::start("legacy"), Recorder::start("new"));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("etc/tokens.txt"), hashed(TOKENS)).unwrap();
    let rest = format!("admin: {{ address: 127.0.0.1:0, tokens: tokens.txt{admin} }}\n{ROUTES}");
    fs::write(folder.path().join("etc/routes.yaml"), Site::whole(&Pair::yaml(&legacy, &new, &rest))).unwrap();
    Pair { site: Site::start_in(folder), legacy, new }
}

#[track_caller]
fn read(site: &Site, path: &str) -> Value {
    let answer = Ask::new(site, format!("GET {path}")).token(VIEWER).answer();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

#[track_caller]
fn act(site: &Site, path: &str, told: &Value) -> Value {
    let answer = Ask::new(site, format!("POST /api/v1/{path}")).token(OPERATOR).json(told).answer();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// Every operation of the document: method, path with something in its braces, and what it says.
fn operations(site: &Site) -> Vec<(String, String, Value)> {
    let document = read(site, "/api/v1/openapi.json");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "0123456789abcdef").replace("{name}", "carts").replace("{number}", "1");
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    found
}

fn refused(site: &Site) -> BTreeMap<&'static str, u64> {
    let series = |reason: &str| site.metric(&format!("banyan_admin_refused_total{{reason=\"{reason}\"}}"));
    ["token", "role", "host", "origin", "rate", "method", "type", "size", "path"]
        .map(|reason| (reason, series(reason)))
        .into()
}

/// Asks each of them in this way, and holds that all are refused and counted.
#[track_caller]
fn all_refused<'a>(
    site: &'a Site,
    (status, reason): (u16, &'static str),
    asked: &[(String, String, Value)],
    how: impl Fn(Ask<'a>) -> Ask<'a>,
) {
    assert!(!asked.is_empty());
    let before = refused(site);
    for (number, (method, path, _)) in asked.iter().enumerate() {
        let answer = how(Ask::new(site, format!("{method} {path}")).from(number + 1)).answer();
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert!(answer.json()["message"].is_string(), "{method} {path}");
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.field("access-control-allow-origin"), None);
        match status {
            401 => assert_eq!(answer.field("www-authenticate"), Some("Bearer")),
            405 => assert!(answer.field("allow").is_some()),
            _ => {}
        }
    }
    let mut expected = before;
    *expected.get_mut(reason).unwrap() += asked.len() as u64;
    assert_eq!(refused(site), expected);
}

#[test]
fn every_endpoint_refuses_and_counts_who_may_not() {
    let pair = pair();
    let site = &pair.site;
    let all = operations(site);
    let guarded: Vec<_> = all.iter().filter(|(_, path, _)| path.starts_with("/api/v1/")).cloned().collect();
    assert!(guarded.len() >= 20, "{}", guarded.len());
    all_refused(site, (401, "token"), &guarded, |ask| ask);
    all_refused(site, (401, "token"), &guarded, |ask| ask.token("wrong"));
    let needs = |role: &str| -> Vec<_> {
        let says = |operation: &Value| operation["description"].as_str().unwrap().contains(&format!("role `{role}`"));
        guarded.iter().filter(|(_, _, operation)| says(operation)).cloned().collect()
    };
    all_refused(site, (403, "role"), &[needs("operator"), needs("owner")].concat(), |ask| ask.token(VIEWER));
    all_refused(site, (403, "role"), &needs("owner"), |ask| ask.token(OPERATOR));
    let named: Vec<_> = all.iter().filter(|(_, path, _)| path != "/livez" && path != "/readyz").cloned().collect();
    all_refused(site, (421, "host"), &named, |ask| Ask { host: "evil.example", ..ask.owner() });
    all_refused(site, (403, "origin"), &all, |ask| ask.owner().line("Origin: http://evil.example"));
    all_refused(site, (403, "origin"), &all, |ask| ask.owner().line("Sec-Fetch-Site: cross-site"));
    let options: Vec<_> =
        all.iter().map(|(_, path, more)| ("OPTIONS".to_owned(), path.clone(), more.clone())).collect();
    all_refused(site, (405, "method"), &options, Ask::owner);
    let turn = |method: &str| if method == "GET" { "POST" } else { "DELETE" }.to_owned();
    let turned: Vec<_> = all.iter().map(|(method, path, more)| (turn(method), path.clone(), more.clone())).collect();
    all_refused(site, (405, "method"), &turned, |ask| ask.owner().json(&json!({})));
    let told: Vec<_> = guarded.iter().filter(|(_, _, more)| more["requestBody"].is_object()).cloned().collect();
    all_refused(site, (415, "type"), &told, |ask| Ask { body: "{}".to_owned(), ..ask.owner() });
    for (method, path, _) in &told {
        let ask = Ask::new(site, format!("{method} {path}")).owner().line("Content-Type: text/plain");
        let answer = Ask { body: "{}".to_owned(), ..ask }.answer();
        assert_eq!(answer.status, 415, "{path}");
    }
    let small: Vec<_> =
        told.iter().filter(|(_, path, _)| !path.ends_with("/check") && !path.ends_with("/plan")).cloned().collect();
    all_refused(site, (413, "size"), &small, |ask| ask.owner().json(&json!({ "reason": "x".repeat(65 * 1024) })));
    assert_eq!(site.metric("banyan_generation"), 1, "nothing was done");
    let unknown = Ask::new(site, "GET /api/v1/nowhere").owner().answer();
    assert_eq!((unknown.status, unknown.json()["message"].is_string()), (404, true));
}

#[test]
fn guessing_is_slowed_down_and_never_stands_between_a_token_and_kill() {
    let pair = pair();
    let site = &pair.site;
    for _ in 0..10 {
        assert_eq!(Ask::new(site, "GET /api/v1/history").token("guess").answer().status, 401);
    }
    let answer = Ask::new(site, "GET /api/v1/history").token("guess").answer();
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=11).contains(&wait), "{wait}");
    assert_eq!(refused(site)["rate"], 1);
    assert_eq!(act(site, "kill", &json!({}))["changed"], true);
    assert_eq!(Ask::new(site, "GET /api/v1/history").token("guess").from(9).answer().status, 401);
}

#[test]
fn tokens_come_and_go_with_their_file_and_sign_what_is_done() {
    let pair = pair();
    let (site, file) = (&pair.site, pair.site.folder.path().join("etc/tokens.txt"));
    act(site, "rollback", &json!({ "route": "carts", "reason": "5xx" }));
    let record = read(site, "/api/v1/audit?on=carts")["records"][0].clone();
    assert_eq!((record["source"].as_str(), record["name"].as_str()), (Some("api"), Some("ona")));
    assert_eq!((record["what"].as_str(), record["why"].as_str()), (Some("rollback"), Some("5xx")));
    // A broken file changes nothing.
    fs::write(&file, "ona operator").unwrap();
    until("a refused reload", || site.admin("GET /readyz").json()["reload"]["accepted"].eq(&false).then_some(()));
    assert_eq!(act(site, "resume", &json!({ "route": "carts" }))["changed"], true);
    let before = site.generation();
    fs::write(&file, hashed("ona viewer sha256:OPERATOR\n")).unwrap();
    site.await_generation(before + 1);
    let refused = Ask::new(site, "POST /api/v1/kill").token(OPERATOR).json(&json!({})).answer();
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("role operator") && refused.text().contains("`ona`"), "{}", refused.text());
    // Putting the configuration of before back lets nobody in again whose token was taken away.
    let held = Ask::new(site, "POST /api/v1/rollback").owner().json(&json!({ "generation": 1 })).answer();
    assert_eq!(held.status, 200, "{}", held.text());
    assert_eq!(Ask::new(site, "GET /api/v1/history").token(VIEWER).answer().status, 401);
    fs::write(&file, hashed(TOKENS)).unwrap();
    until("the files of a held facade to let in", || {
        (Ask::new(site, "GET /api/v1/history").token(VIEWER).from(7).answer().status == 200).then_some(())
    });
    assert_eq!(site.metric("banyan_held"), 1);
}

#[test]
fn it_answers_to_the_hosts_it_is_told() {
    let pair = pair_with(", hosts: [banyan.internal, \"*.svc\"]");
    let status = |host: &str, path: &str| Ask { host, ..Ask::new(&pair.site, format!("GET {path}")) }.answer().status;
    for host in ["banyan.internal:9900", "a.svc", "127.0.0.1", "[::1]:1"] {
        assert_eq!(status(host, "/metrics"), 200, "{host}");
    }
    assert_eq!([status("evil.example", "/metrics"), status("svc", "/metrics")], [421, 421]);
    assert_eq!([status("evil.example", "/livez"), status("evil.example", "/readyz")], [200, 200]);
}

#[test]
fn routes_are_told_as_they_live() {
    let pair = pair();
    act(&pair.site, "rollback", &json!({ "group": "shop", "tenant": "globex", "for": "1h" }));
    let all = read(&pair.site, "/api/v1/routes");
    assert_eq!((all["generation"].as_u64(), all["routes"].as_array().map(Vec::len)), (Some(2), Some(2)));
    let orders = read(&pair.site, "/api/v1/routes/orders");
    assert_eq!(orders, all["routes"][1]);
    assert_eq!(orders["matches"], json!(["GET /orders/{id}"]));
    assert_eq!((&orders["canary"], &orders["salt"]), (&json!("tenants acme"), &json!("shop")));
    assert_eq!((&orders["legacy"], &orders["new"], &orders["owner"]), (&json!("legacy"), &json!("new"), &json!("ann")));
    assert_eq!(orders["pins"][0]["scope"], "group:shop tenant:globex");
    assert!(orders["pins"][0]["until"].is_string());
    assert_eq!(Ask::new(&pair.site, "GET /api/v1/routes/nope").token(VIEWER).answer().status, 404);
}

#[test]
fn history_tells_what_changed_and_no_secret() {
    let pair = pair();
    let text = fs::read_to_string(pair.site.config()).unwrap();
    fs::write(
        pair.site.config(),
        text.replace("hunter2", "hunter3").replace("tenants: [acme]", "tenants: [acme, globex]"),
    )
    .unwrap();
    pair.site.await_generation(2);
    act(&pair.site, "kill", &json!({}));
    let all = read(&pair.site, "/api/v1/history")["generations"].clone();
    let numbers: Vec<_> =
        all.as_array().unwrap().iter().map(|past| (past["number"].clone(), past["live"].clone())).collect();
    assert_eq!(numbers, [(json!(3), json!(true)), (json!(2), json!(false)), (json!(1), json!(false))]);
    assert_eq!((&all[0]["by"], &all[1]["by"]), (&json!("api ona"), &json!("file")));
    let two = read(&pair.site, "/api/v1/history/2");
    assert!(two["changes"].to_string().contains("orders: canary"), "{two}");
    let diff = two["diff"].as_str().unwrap();
    assert!(diff.contains("+  - { name: orders") && diff.contains("globex"), "{diff}");
    assert!(!diff.contains("hunter") && diff.contains("-force: { secret: (secret) }"), "{diff}");
    assert_eq!(read(&pair.site, "/api/v1/history/3")["diff"], "");
    assert_eq!(read(&pair.site, "/api/v1/history/1")["diff"], Value::Null);
    assert_eq!(Ask::new(&pair.site, "GET /api/v1/history/9").token(VIEWER).answer().status, 404);
}

#[test]
fn the_audit_is_read_page_by_page() {
    let pair = pair();
    for n in 0..5 {
        act(&pair.site, "rollback", &json!({ "tenant": format!("t{n}") }));
    }
    let mut path = "/api/v1/audit?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = read(&pair.site, &path);
        assert_eq!(page["unreadable"], Value::Null);
        seen.extend(page["records"].as_array().unwrap().iter().map(|record| record["on"].as_str().unwrap().to_owned()));
        match page["next"].as_u64() {
            Some(next) => path = format!("/api/v1/audit?limit=2&before={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["tenant:t4", "tenant:t3", "tenant:t2", "tenant:t1", "tenant:t0", ""]);
    assert_eq!(read(&pair.site, "/api/v1/audit?since=1h")["records"].as_array().unwrap().len(), 6);
    assert_eq!(Ask::new(&pair.site, "GET /api/v1/audit?since=soon").token(VIEWER).answer().status, 422);
    assert_eq!(Ask::new(&pair.site, "GET /api/v1/audit?limit=x").token(VIEWER).answer().status, 400);
}

#[test]
fn a_decision_is_explained_as_it_would_be_made_now() {
    let pair = pair();
    let ask = "/api/v1/explain?method=GET&url=/orders/7&header=X-Tenant:%20acme&header=A:%20b";
    let before = read(&pair.site, ask);
    assert_eq!((before["side"].as_str(), before["route"].as_str()), (Some("new"), Some("orders")));
    assert_eq!(before["generation"], 1);
    act(&pair.site, "rollback", &json!({ "group": "shop" }));
    let after = read(&pair.site, ask);
    assert_eq!((after["side"].as_str(), after["reason"].as_str()), (Some("legacy"), Some("pin:group")));
    for (query, status) in [
        ("", 400),
        ("?method=GET", 400),
        ("?method=GET&url=/&x=1", 400),
        ("?method=GET&url=/&url=/", 400),
        ("?method=GET&url=/&trusted=maybe", 400),
        ("?method=GET&url=/&client=here", 422),
        ("?method=G%20T&url=/", 422),
        ("?method=GET&url=/a/../b", 422),
        ("?method=GET&url=/&header=x", 422),
    ] {
        let answer = Ask::new(&pair.site, format!("GET /api/v1/explain{query}")).token(VIEWER).answer();
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
    }
}

#[test]
fn a_configuration_is_checked_without_a_look_at_this_machine() {
    let pair = pair();
    let check = |told: Value| {
        let answer = Ask::new(&pair.site, "POST /api/v1/check").token(VIEWER).json(&told).answer();
        (answer.status, answer.json())
    };
    let good = "version: 1\nlisten: [{ address: 127.0.0.1:1 }]\ndefaults: { legacy: none }\n";
    assert_eq!(check(json!({ "config": good })).1["valid"], true);
    let (_, found) = check(json!({ "config": format!("{good}ruotes: []\n") }));
    assert_eq!((&found["valid"], &found["findings"][0]["code"]), (&json!(false), &json!("unknown-key")));
    assert_eq!((&found["findings"][0]["line"], &found["findings"][0]["file"]), (&json!(4), &json!("routes.yaml")));
    let (_, found) = check(
        json!({ "config": format!("{good}state_dir: ${{PATH}}\ncohorts: {{ a: {{ tenants_file: /etc/passwd }} }}\n") }),
    );
    let codes: Vec<_> = found["findings"].as_array().unwrap().iter().map(|found| found["code"].clone()).collect();
    assert!(codes.contains(&json!("unset-variable")) && codes.contains(&json!("unreadable")), "{found}");
    assert!(!found.to_string().contains("root:"), "{found}");
    let bundle = fs::read_to_string(pair.site.facade().state_dir.join("accepted.json")).unwrap();
    let (_, found) = check(json!({ "bundle": bundle }));
    assert_eq!(found["valid"], true, "{found}");
    assert_eq!(check(json!({ "bundle": "x" })).0, 422);
    assert_eq!(check(json!({})).0, 422);
    assert_eq!(pair.site.generation(), 1);
}

/// What a listener hears until this has come; without the framing of chunks.
#[track_caller]
fn hears(listener: &mut Client, until: &str) -> String {
    let mut heard = String::new();
    while !heard.contains(until) {
        heard += &String::from_utf8(listener.some_bytes()).unwrap();
    }
    let chunk = |line: &&str| !line.is_empty() && u64::from_str_radix(line.trim(), 16).is_err();
    heard.split("\r\n").filter(chunk).collect()
}

#[test]
fn events_are_heard_as_they_happen_and_end_with_the_facade() {
    let pair = pair();
    let mut listener = Ask::new(&pair.site, "GET /api/v1/events").token(VIEWER).client();
    assert!(listener.only_head().starts_with(b"HTTP/1.1 200"));
    hears(&mut listener, ": alive\n\n");
    act(&pair.site, "rollback", &json!({ "route": "carts", "reason": "a\nb" }));
    let heard = hears(&mut listener, "}\n\n");
    assert!(heard.starts_with("event: rollback\n"), "{heard}");
    let data = heard.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let event: Value = serde_json::from_str(data).unwrap();
    assert_eq!((&event["what"], &event["on"], &event["by"]), (&json!("rollback"), &json!("carts"), &json!("api ona")));
    assert!(heard.contains(&format!("\nid: {}\n", event["id"])), "{heard}");
    let Pair { site, .. } = pair;
    site.stop();
    listener.closed();
}

#[test]
fn only_so_many_may_listen() {
    let pair = pair();
    let listen = || Ask::new(&pair.site, "GET /api/v1/events").token(VIEWER).client();
    let listeners: Vec<Client> = (0..64)
        .map(|_| {
            let mut listener = listen();
            assert!(listener.only_head().starts_with(b"HTTP/1.1 200"));
            listener
        })
        .collect();
    let answer = listen().answer();
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("30")));
    assert_eq!(pair.site.metric("banyan_admin_refused_total{reason=\"crowded\"}"), 1);
    assert_eq!(act(&pair.site, "kill", &json!({}))["changed"], true);
    drop(listeners);
}

#[test]
fn commands_go_to_all_peers_and_one_that_is_down_delays_nothing() {
    let other = pair();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let peer = other.site.facade().admin;
    let pair = pair_with(&format!(", peers: [\"http://{peer}\", \"http://{gone}\"]"));
    let said = act(&pair.site, "rollback", &json!({ "route": "carts", "reason": "5xx" }));
    assert_eq!(said["changed"], true);
    let peers = said["peers"].as_array().unwrap();
    assert_eq!(
        (&peers[0]["address"], &peers[0]["ok"], &peers[0]["durable"]),
        (&json!(format!("http://{peer}")), &json!(true), &json!(true))
    );
    assert_eq!((&peers[0]["status"], &peers[0]["generation"]), (&json!(200), &json!(2)));
    assert_eq!((&peers[1]["ok"], &peers[1]["status"]), (&json!(false), &json!(0)));
    assert!(peers[1]["message"].as_str().is_some_and(|why| why.contains("refused")), "{said}");
    assert_eq!(pair.site.get("/carts").served_by(), "legacy");
    assert_eq!(other.site.get("/carts").served_by(), "legacy");
    let record = read(&other.site, "/api/v1/audit?on=carts")["records"][0].clone();
    assert_eq!((&record["name"], &record["why"]), (&json!("ona"), &json!("5xx")));
    for (path, told) in [("kill", json!({})), ("resume", json!({ "all": true }))] {
        let said = act(&pair.site, path, &told);
        assert_eq!(said["peers"][0]["ok"], true, "{said}");
    }
    assert_eq!((other.site.metric("banyan_killed"), pair.site.metric("banyan_killed")), (0, 0));
    // The owner's token is that of one instance; a peer that does not know it says so.
    let said = Ask::new(&pair.site, "POST /api/v1/reload").owner().answer().json();
    assert_eq!((&said["peers"][0]["ok"], &said["peers"][0]["status"]), (&json!(false), &json!(401)), "{said}");
    // Numbers of generations are each instance's own.
    let said = act(&pair.site, "rollback", &json!({ "generation": 1 }));
    assert_eq!(said["peers"][0]["ok"], false, "{said}");
    // What came from a peer goes no further.
    let passed = Ask::new(&pair.site, "POST /api/v1/kill").token(OPERATOR).line("Banyan-Peer: 1").json(&json!({}));
    let said = passed.answer().json();
    assert_eq!((&said["changed"], said.get("peers")), (&json!(true), None), "{said}");
    assert_eq!(other.site.metric("banyan_killed"), 0);
    let said = Ask::new(&pair.site, "GET /api/v1/status").token(OPERATOR).answer().json();
    let differences = said["peers"][0]["differences"].to_string();
    assert_eq!((&said["peers"][0]["agrees"], &said["peers"][1]["agrees"]), (&json!(false), &json!(false)), "{said}");
    assert!(differences.contains("kill switch: off there, on here") && differences.contains("pin all: not there"));
    act(&pair.site, "resume", &json!({}));
    act(&pair.site, "resume", &json!({ "all": true }));
}
