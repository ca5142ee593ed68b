//! The console: who gets in, what browsers are told, and what its forms may do.

use std::fs;
use std::time::Instant;

use serde_json::Value;

use crate::harness::{Browser, Pair, Recorder, Site, form, owner};

const OPERATOR: &str = "operator-token";
const VIEWER: &str = "viewer-token";

const ROUTES: &str = "\
routes:
  - { name: carts, match: { path: /carts }, new: new, stage: live }
  - { name: orders-read, group: orders, owner: <b>ann</b>, match: { methods: [GET], path: \"/orders/{id}\" }, new: new, stage: live }
  - { name: orders-write, group: orders, match: { methods: [POST], path: \"/orders\" }, new: new, stage: live }
  - { name: accounts, match: { path: /accounts }, legacy: none, new: new, stage: complete }";

fn tokens() -> String {
    let hash = |text: &str| -> String {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    format!("vic viewer sha256:{}\nona operator sha256:{}\n", hash(VIEWER), hash(OPERATOR))
}

fn pair() -> Pair {
    let (legacy, new) = (Recorder::start("legacy"), Recorder::start("new"));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("etc/tokens.txt"), tokens()).unwrap();
    let rest = format!("admin: {{ address: 127.0.0.1:0, tokens: tokens.txt }}\n{ROUTES}");
    fs::write(folder.path().join("etc/routes.yaml"), Site::whole(&Pair::yaml(&legacy, &new, &rest))).unwrap();
    Pair { site: Site::start_in(folder), legacy, new }
}

fn status(site: &Site) -> Value {
    site.read("status").json()
}

#[test]
fn a_token_logs_in_and_its_session_ends_with_the_logout() {
    let pair = pair();
    let mut browser = Browser::new(&pair.site);
    let asked = browser.get("/rollback?scope=carts");
    assert_eq!((asked.status, asked.field("location")), (303, Some("/login?next=%2Frollback%3Fscope%3Dcarts")));
    let token = owner(&pair.site);
    let answer = browser.post("/login", &[("token", &format!(" {token}\n")), ("next", "/rollback?scope=carts")]);
    assert_eq!((answer.status, answer.field("location")), (303, Some("/rollback?scope=carts")));
    let cookie = answer.field("set-cookie").unwrap();
    assert!(cookie.starts_with("banyan_session=") && !cookie.contains(&token), "{cookie}");
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "the listener speaks no TLS: {cookie}");
    assert_eq!(browser.get("/").status, 200);
    assert_eq!(browser.get("/login").field("location"), Some("/"));
    // The API takes the cookie in place of a token.
    assert_eq!(browser.get("/api/v1/status").status, 200);
    let shown = browser.cookie.clone();
    assert_eq!(browser.act("/logout", &[]).field("location"), Some("/login"));
    assert_eq!(browser.cookie.as_deref(), Some("banyan_session="));
    browser.cookie = shown;
    assert_eq!(browser.get("/").status, 303);
    assert_eq!(browser.get("/api/v1/status").status, 401);
}

#[test]
fn a_wrong_token_is_told_counted_and_slowed_down() {
    let pair = pair();
    let mut browser = Browser::new(&pair.site);
    let first = browser.post("/login", &[("token", "wrong"), ("next", "//evil.example")]);
    assert_eq!(first.status, 403);
    let page = first.text();
    assert!(page.contains("this token is not known here") && page.contains("name=\"next\" value=\"/\""), "{page}");
    assert_eq!((first.field("set-cookie"), first.field("www-authenticate")), (None, None));
    let last = (0..10).map(|_| browser.post("/login", &[("token", "wrong")])).last().unwrap();
    assert_eq!(last.status, 429);
    assert!(last.field("retry-after").is_some() && last.text().contains("too many requests"), "{}", last.text());
    // Who has one always gets in.
    assert_eq!(browser.post("/login", &[("token", OPERATOR)]).status, 303);
    assert!(pair.site.metric("banyan_admin_refused_total{reason=\"token\"}") >= 10);
    assert!(pair.site.metric("banyan_admin_refused_total{reason=\"rate\"}") >= 1);
}

#[test]
fn a_session_is_worth_nothing_once_its_token_leaves_the_configuration() {
    let pair = pair();
    let mut browser = Browser::of(&pair.site, VIEWER);
    let mut operator = Browser::of(&pair.site, OPERATOR);
    assert!(browser.get("/").text().contains(">viewer<"));
    let folder = pair.site.config().parent().unwrap().to_path_buf();
    // What was the operator's is the only one left, and an owner's by now.
    let left = tokens().lines().last().unwrap().replace("operator", "owner");
    fs::write(folder.join("tokens.txt"), left + "\n").unwrap();
    pair.site.reload(true);
    assert_eq!(browser.get("/").status, 303);
    assert!(operator.get("/").text().contains(">owner<"));
}

#[test]
fn a_link_logs_in_once() {
    let pair = pair();
    let link = pair.site.facade().console_link().unwrap();
    let (address, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    assert_eq!(address, pair.site.facade().admin.to_string());
    let mut browser = Browser::new(&pair.site);
    assert_eq!(browser.get("/login/once/0123456789abcdef").status, 403);
    let answer = browser.get(&format!("/{path}"));
    assert_eq!((answer.status, answer.field("location")), (303, Some("/")));
    assert!(browser.get("/").text().contains(">owner<"));
    assert_eq!(browser.get(&format!("/{path}")).field("location"), Some("/"), "who is in already stays in");
    let again = Browser::new(&pair.site).get(&format!("/{path}"));
    assert_eq!(again.status, 403);
    assert!(again.text().contains("used already"), "{}", again.text());
}

#[test]
fn browsers_are_told_to_trust_nothing_but_these_pages() {
    let pair = pair();
    let mut browser = Browser::owner(&pair.site);
    for path in ["/", "/kill", "/rollback?scope=carts", "/rollback?scope=nothing", "/rollback", "/board", "/frame"] {
        let answer = browser.get(path);
        assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = answer.field("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.field(name), Some(value), "{path}: {name}");
        }
        let page = answer.text();
        for bad in ["<script>", " style=", " onclick", " onload", "javascript:", "<b>ann"] {
            assert!(!page.contains(bad), "{path}: {bad}");
        }
    }
    let page = browser.get("/").text();
    assert!(page.contains("&#60;b&#62;ann&#60;/b&#62;") || page.contains("&lt;b&gt;ann"), "{page}");
    for asset in page.split('"').filter(|text| text.starts_with("/assets/")) {
        let answer = Browser::new(&pair.site).get(asset);
        assert_eq!(
            (answer.status, answer.field("cache-control")),
            (200, Some("public, max-age=31536000, immutable")),
            "{asset}"
        );
    }
    assert_eq!(browser.get("/assets/..%2fCargo.toml").status, 404);
}

#[test]
fn a_form_needs_what_only_pages_of_its_session_know() {
    let pair = pair();
    let site = &pair.site;
    let mut browser = Browser::of(site, OPERATOR);
    let (csrf, foreign) = (browser.csrf(), Browser::of(site, OPERATOR).csrf());
    assert_ne!(csrf, foreign);
    for fields in [&[][..], &[("csrf", "")], &[("csrf", "x")], &[("csrf", &foreign)], &[("csrf", &csrf[1..])]] {
        assert_eq!(browser.post("/act/kill", fields).status, 403, "{fields:?}");
    }
    assert_eq!(Browser::new(site).post("/act/kill", &[("csrf", &csrf)]).status, 401);
    let json = "Content-Type: application/json\r\n";
    assert_eq!(browser.ask("POST", "/api/v1/kill", json, "{}").status, 403);
    assert_eq!(browser.ask("POST", "/act/kill", json, "{}").status, 415);
    for line in ["Origin: http://evil.example\r\n", "Origin: null\r\n"] {
        let answer = browser.ask(
            "POST",
            "/act/kill",
            &format!("{line}Content-Type: application/x-www-form-urlencoded\r\n"),
            &form(&[("csrf", &csrf)]),
        );
        assert_eq!(answer.status, 403, "{line}");
    }
    assert_eq!(status(site)["killed"], false);
    assert!(site.metric("banyan_admin_refused_total{reason=\"forged\"}") >= 6);
    let headers = format!("{json}X-CSRF-Token: {csrf}\r\n");
    assert_eq!(browser.ask("POST", "/api/v1/kill", &headers, "{}").status, 200);
    assert_eq!(status(site)["killed"], true);
}

#[test]
fn links_of_other_sites_show_a_page_and_nothing_else_of_theirs_is_taken() {
    let pair = pair();
    let mut browser = Browser::owner(&pair.site);
    let from = |mode: &str, dest: &str| {
        format!("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: {dest}\r\n")
    };
    browser.lines = from("navigate", "document");
    assert_eq!(browser.get("/").status, 200);
    let mut led = Browser::new(&pair.site);
    led.lines = browser.lines.clone();
    let led = led.get("/?q=a%22%3E&page=2");
    assert!(led.text().contains("content=\"0; url=/?q=a%22%3E&#38;page=2\""), "{}", led.text());
    assert_eq!(browser.get("/api/v1/status").status, 403);
    assert_eq!(browser.post("/act/kill", &[]).status, 403);
    for (mode, dest) in [("navigate", "iframe"), ("no-cors", "image"), ("cors", "empty"), ("no-cors", "script")] {
        browser.lines = from(mode, dest);
        assert_eq!(browser.get("/").status, 403, "{mode} {dest}");
    }
}

#[test]
fn a_route_is_rolled_back_and_resumed_and_the_next_page_says_so_once() {
    let pair = pair();
    let site = &pair.site;
    assert_eq!(site.get("/carts").served_by(), "new");
    let mut browser = Browser::of(site, OPERATOR);
    let asked = browser.get("/rollback?scope=carts&back=/%3Fq%3Dcarts").text();
    assert!(asked.contains("All requests to carts are answered by legacy, at once."), "{asked}");
    let done = browser
        .act("/act/rollback", &[("scope", "carts"), ("reason", "<i>drill</i>"), ("for", "1h"), ("back", "/?q=carts")]);
    assert_eq!((done.status, done.field("location")), (303, Some("/?q=carts")));
    assert_eq!(site.get("/carts").served_by(), "legacy");
    let pin = status(site)["pins"][0].clone();
    assert_eq!((&pin["scope"], &pin["by"], &pin["why"]), (&"carts".into(), &"api ona".into(), &"<i>drill</i>".into()));
    assert!(pin["ends_in_s"].as_f64().is_some_and(|left| left > 3500.0), "{pin}");
    // What a script asks behind a page's back takes nothing away from it.
    let live = browser.ask("GET", "/board", "X-Banyan-Live: 1\r\n", "");
    assert_eq!(live.status, 200);
    let (first, second) = (browser.get("/?q=carts").text(), browser.get("/?q=carts").text());
    assert!(first.contains("Done, generation 2") && !second.contains("Done, generation"), "{first}");
    assert!(first.contains("/resume?scope=carts"), "{first}");

    assert!(browser.get("/resume?scope=carts").text().contains("drill"));
    let done = browser.act("/act/resume", &[("scope", "carts"), ("back", "//evil.example")]);
    assert_eq!((done.status, done.field("location")), (303, Some("/")));
    assert_eq!(site.get("/carts").served_by(), "new");

    let asked = browser.get("/rollback?scope=orders-read").text();
    assert!(asked.contains("It is one of 2 routes that move together"), "{asked}");
    browser.act("/act/rollback", &[("scope", "group:orders tenant:acme")]);
    assert_eq!(status(site)["pins"][0]["scope"], "group:orders tenant:acme");
    browser.act("/act/rollback", &[("scope", "accounts")]);
    let page = browser.get("/").text();
    assert!(page.contains("Not done: nothing to roll back to: accounts has no legacy backend"), "{page}");
    let done = browser.act("/act/rollback", &[("scope", "carts"), ("for", "soon")]);
    assert_eq!(done.status, 303);
    assert!(browser.get("/").text().contains("is no duration"));
}

#[test]
fn the_kill_switch_says_what_it_will_do_and_is_seen_everywhere() {
    let pair = pair();
    let site = &pair.site;
    let mut browser = Browser::of(site, OPERATOR);
    let asked = browser.get("/kill").text();
    assert!(asked.contains("3 of 4 routes answer from new") && asked.contains("1 route stays with new"), "{asked}");
    browser.act("/act/kill", &[("reason", "drill")]);
    assert_eq!(site.get("/carts").served_by(), "legacy");
    for path in ["/", "/rollback?scope=carts", "/frame"] {
        assert!(browser.get(path).text().contains("The kill switch is on."), "{path}");
    }
    assert!(browser.get("/kill").text().contains("Resume traffic to new?"));
    browser.act("/act/resume", &[("scope", "all")]);
    assert_eq!(site.get("/carts").served_by(), "new");
    assert!(!browser.get("/").text().contains("The kill switch is on."));
}

#[test]
fn who_only_reads_sees_why_nothing_else_is_possible() {
    let pair = pair();
    let mut browser = Browser::of(&pair.site, VIEWER);
    for path in ["/", "/kill", "/rollback?scope=carts"] {
        let page = browser.get(path).text();
        assert!(page.contains("disabled") && page.contains("this needs the role operator"), "{path}: {page}");
    }
    let answer = browser.act("/act/kill", &[]);
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("this needs the role operator; the token `vic` has viewer"), "{}", answer.text());
    assert_eq!(status(&pair.site)["killed"], false);
}

#[test]
fn nonsense_is_answered_with_a_page() {
    let pair = pair();
    let mut browser = Browser::of(&pair.site, OPERATOR);
    for (path, expected) in [
        ("/?q=%3Cscript%3E%26sort=%22&page=-1&owner=%00&rows=1,x,99999999999999999999&of=%FF", 200),
        ("/?sort=-rate&page=99999999999999999999999&stage=%1B[31m", 200),
        ("/?q=colour:red", 200),
        ("/board?rows=99&of=other", 200),
        ("/rollback?scope=", 400),
        ("/rollback?scope=group:", 400),
        ("/rollback?scope=nothing", 404),
        ("/resume?scope=%00", 404),
        ("/nowhere", 404),
    ] {
        let answer = browser.ask("GET", path, "Accept: text/html,*/*\r\n", "");
        assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let page = answer.text();
        assert_eq!(answer.status, expected, "{path}: {page}");
        assert!(!page.contains("<script>") && !page.contains('\u{1b}') && !page.contains('\0'), "{path}");
    }
    assert!(browser.get("/?q=colour:red").text().contains("is no filter"));
    let large = "x".repeat(9 * 1024 * 1024);
    assert_eq!(browser.post("/act/kill", &[("reason", &large[..3 * 1024 * 1024])]).status, 413);
    let csrf = browser.csrf();
    let done = browser.post("/act/kill", &[("csrf", &csrf), ("reason", &"x".repeat(1001))]);
    assert_eq!(done.status, 303);
    assert!(browser.get("/").text().contains("a reason has at most 1000 characters"));
}

#[test]
#[allow(clippy::print_stdout, reason = "what was measured is told, not judged")]
fn the_board_of_five_thousand_routes_is_a_small_page() {
    let (legacy, new) = (Recorder::start("legacy"), Recorder::start("new"));
    let mut rest = "routes:\n".to_owned();
    for number in 0..5000 {
        let (owner, group) = (number % 40, number / 4);
        let stage = ["legacy", "shadow", "live"][number % 3];
        rest += &format!(
            "  - {{ name: route-{number:04}, owner: team-{owner}, group: group-{group}, match: {{ path: \"/p{number}/{{id}}\" }}, new: new, stage: {stage} }}\n"
        );
    }
    let site = Site::start(&Pair::yaml(&legacy, &new, &rest));
    for number in 0..50 {
        site.get(&format!("/p{number}/1"));
    }
    let mut browser = Browser::owner(&site);
    browser.get("/");
    for path in
        ["/", "/?sort=-rate", "/?q=group:group-7", "/?q=team-3&page=2&sort=-p99", "/board?rows=0,1,2,3,4,5,6,7,8,9"]
    {
        let began = Instant::now();
        let page = browser.get(path).text();
        println!("{path}: {} bytes in {:?}", page.len(), began.elapsed());
        assert!(page.len() < 500_000 && page.contains("data-row="), "{path}: {} bytes", page.len());
    }
    let first = browser.get("/").text();
    assert_eq!(first.matches("data-row=").count(), 100);
    assert!(first.contains("1 to 100 of 5001") && first.contains("/?page=2"));
    let group = browser.get("/?q=group:group-7").text();
    assert_eq!(group.matches("data-row=").count(), 4);
    assert!(group.contains("Roll back the group") && group.contains("/rollback?scope=group%3Agroup-7"));
}
