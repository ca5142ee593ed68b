//! The console's pages of a route, of health and of progress: what they say, and that what strangers put into them does nothing.

use std::fs;

use banyan::ledger::Ledger;
use serde_json::json;

use crate::harness::{Answer, Client, Pair, Site, nobody, until};

const ROUTES: &str = "\
subject: { tenant: [{ header: X-Tenant }], user: [{ header: X-User }] }
routes:
  - name: orders-read # it
    owner: <b>ann</b>
    group: orders
    match: { methods: [GET], path: \"/orders/{id}\" }
    new: new
    stage: canary
    canary: { percent: 12.5, by: user }
    guard: { min_requests: 5, error_rate: 1%, latency_p99_ratio: 1.5 }
  - { name: orders-write, group: orders, match: { methods: [POST], path: /orders }, new: new, stage: shadow, shadow: {} }
  - { name: hostile, owner: \"</pre><script>alert(2)</script>\", match: { path: /hostile }, new: new, stage: live }";

#[track_caller]
fn page(site: &Site, path: &str) -> Answer {
    let token = fs::read_to_string(site.facade().state_dir.join("admin.token")).unwrap();
    let mut client = Client::connect(site.facade().admin);
    let token = token.trim();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"));
    client.answer()
}

#[track_caller]
fn text(site: &Site, path: &str) -> String {
    let answer = page(site, path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// Holds that each of these stands in the text, in this order.
#[track_caller]
fn says(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => panic!("`{part}` does not follow in\n{text}"),
        }
    }
}

#[test]
fn a_route_says_how_it_stands_and_whether_it_may_go_on() {
    let pair = Pair::start(ROUTES);
    (0..20).for_each(|user| drop(pair.site.get_with("/orders/7", &format!("X-User: u{user}\r\n"))));
    let told = text(&pair.site, "/routes/orders-read?to=50");
    says(
        &told,
        &[
            "<li class=\"here\" aria-current=\"step\">canary</li>",
            "May it go on to 50 %?",
            "Nothing was compared yet; the gate asks for 99.9 % of 10,000 or more.",
            "From 12.5 % to 50 %: about 37.5 of 100 users move to new",
            "banyan set orders-read canary.percent 50",
            "banyan set group:orders canary.percent 50",
            "<code>error_rate</code>",
            "the facade started",
            "12.5 % by user",
            "- name: orders-read # it",
            "  stage: canary",
            "value=\"/orders/1\"",
        ],
    );
    assert!(told.contains("&#60;b&#62;ann&#60;/b&#62;") && !told.contains("<b>ann"), "{told}");
    assert!(!told.contains(" style="), "{told}");
    assert_eq!(page(&pair.site, "/routes/nothing").status, 404);
}

#[test]
fn another_gate_can_be_asked_about() {
    let pair = Pair::start(ROUTES);
    let page = text(&pair.site, "/routes/orders-read?min_match=95&min_n=50");
    says(&page, &["the gate asks for 95 % of 50 or more.", "banyan gate orders-read --min-match 95% --min-n 50"]);
}

#[test]
fn a_request_typed_in_is_explained_step_by_step() {
    let pair = Pair::start(ROUTES);
    let page = text(&pair.site, "/routes/orders-read?method=GET&url=/orders/7&user=u-1&headers=X-A:%20b");
    says(&page, &["reason <code>", "bucket <b>", "route <b>orders-read</b>", "<ol class=\"steps\">", "matches"]);
    let wrong = text(&pair.site, "/routes/orders-read?url=/orders/7&client=%3Cscript%3E");
    says(&wrong, &["`&#60;script&#62;` is no IP address"]);
}

#[test]
fn what_was_done_is_told_with_the_way_back() {
    let pair = Pair::start(ROUTES);
    let told = json!({ "group": "orders", "reason": "</title><script>alert(1)</script>\u{1b}[31m\u{202e}" });
    assert_eq!(pair.site.command("rollback", &told).status, 200);
    let page = text(&pair.site, "/routes/orders-read");
    says(
        &page,
        &[
            "pinned to legacy</span>",
            "href=\"/resume?scope=group%3Aorders&#38;back=%2Froutes%2Forders-read\"",
            "Not yet",
            "Pinned to legacy: group:orders.",
            "<code>group:orders</code></b> is on legacy, by api",
            "rolled back with its group orders",
        ],
    );
    assert!(!page.contains("<script>alert") && !page.contains('\u{1b}') && !page.contains('\u{202e}'), "{page}");
    assert!(page.contains("\\u{1b}[31m\\u{202e}"));
}

#[test]
fn one_tenant_of_a_route_is_asked_about_by_its_scope() {
    let pair = Pair::start(ROUTES);
    let answer = page(&pair.site, "/routes/orders-read/rollback?tenant=a%20b");
    let place = answer.field("location").unwrap();
    assert_eq!((answer.status, place), (303, "/rollback?scope=orders-read+tenant%3Aa+b&back=%2Froutes%2Forders-read"));
    says(&text(&pair.site, place), &["Roll back orders-read tenant:a b"]);
    assert_eq!(page(&pair.site, "/routes/orders-read/rollback").status, 400);
}

#[test]
fn health_has_nothing_to_say_of_what_is_well() {
    let pair = Pair::start(ROUTES);
    until("it records", || pair.site.facade().store.is_recording().then_some(()));
    let page = text(&pair.site, "/health");
    says(
        &page,
        &["Nothing is wrong", "<th scope=\"row\">legacy</th>", "is up", "What is served is what the files say."],
    );
}

#[test]
fn a_refused_file_is_shown_with_its_line_and_the_column() {
    let pair = Pair::start(ROUTES);
    pair.save(&ROUTES.replace("percent: 12.5", "percnt: 12.5"));
    until("it is refused", || (!pair.site.facade().live.reload().accepted).then_some(()));
    let page = text(&pair.site, "/health");
    says(
        &page,
        &[
            "The last change of the files was refused for 2 errors",
            "unknown-key",
            "    canary: { percnt: 12.5, by: user }",
            "              ^",
            "did you mean <code>percent</code>?",
        ],
    );
    pair.save(ROUTES);
    until("it is taken back", || pair.site.facade().live.reload().accepted.then_some(()));
    assert!(!text(&pair.site, "/health").contains("refused for"));
}

#[test]
fn a_backend_that_is_gone_stands_first() {
    let health = "health: { path: /, every: 100ms, unhealthy_after: 1 }";
    let gone = format!(
        "backends: {{ legacy: {{ endpoints: [LEGACY] }}, new: {{ endpoints: [http://{}], {health} }} }}\n",
        nobody()
    );
    let pair = Pair::start(&format!("{gone}{ROUTES}"));
    let page = until("it is found out", || {
        let page = text(&pair.site, "/health");
        page.contains("has no endpoint that is up").then_some(page)
    });
    says(
        &page,
        &["The backend new has no endpoint that is up", "fails its health check", "Roll back the routes that need it"],
    );
}

#[test]
fn how_much_has_migrated_is_kept_through_a_restart() {
    let pair = Pair::start(ROUTES);
    (0..8).for_each(|_| drop(pair.site.get_with("/hostile", "X-Tenant: acme\r\n")));
    (0..8).for_each(|_| drop(pair.site.get_with("/else", "X-Tenant: globex\r\n")));
    // Workers tell of tenants now and then.
    let page = until("tenants are told apart", || {
        let page = text(&pair.site, "/progress");
        page.contains("1 of 2").then_some(page)
    });
    says(&page, &["<span>traffic</span><b>50 %</b>", "8 of 16", "<span>tenants</span><b>50 %</b>", "1 of 2"]);
    let (in_order, folder) = pair.site.stop();
    assert!(in_order);
    let hours = Ledger::open(&folder.path().join("state")).0.hours(0).unwrap();
    let sum = |of: fn(&banyan::ledger::Hour) -> u64| hours.iter().map(of).sum::<u64>();
    assert_eq!((sum(|hour| hour.answered), sum(|hour| hour.by_new)), (16, 8), "{hours:?}");
    let last = hours.last().unwrap();
    // 12.5 % of one in canary, nothing of the one in shadow, all of the one that is live.
    assert_eq!((last.routes, last.routes_thousandths), (3, 1125), "{last:?}");
}
