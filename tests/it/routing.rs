//! Decisions as real requests meet them.

use banyan::routing::bucket_of;

use crate::harness::{Pair, until};

#[test]
fn the_best_match_takes_the_request() {
    let pair = Pair::start(
        r#"
force: { networks: [127.0.0.0/8] }
routes:
  - { name: rest, match: { path: "/orders/{*rest}" }, new: new, stage: live }
  - { name: one, match: { path: "/orders/{id}" }, stage: legacy }
  - { name: latest, match: { path: /orders/latest }, new: new, stage: live }
  - { name: posts, match: { methods: [POST, PUT], path: "/orders/{id}" }, new: new, stage: live }
  - { name: v2, match: { path: "/orders/{id}", headers: { X-Api-Version: "2" } }, new: new, stage: live }
  - { name: app, match: { path: "/orders/{id}", headers: { User-Agent: { prefix: ShopApp/1. } } }, new: new, stage: live }
  - { name: full, match: { path: "/orders/{id}", query: { full: "1" } }, new: new, stage: live }
  - { name: any, match: { path: "/orders/{id}", query: { q: { regex: "^[0-9]+$" } } }, new: new, stage: live }
  - { name: eu, match: { host: "*.eu.example", path: "/orders/{id}" }, new: new, stage: live }
  - { name: exact, match: { host: shop.eu.example, path: "/orders/{id}" }, stage: legacy }
"#,
    );
    let shop = "shop.example";
    let rows = [
        ("GET", shop, "/orders", "", "rest", "new"),
        ("GET", shop, "/orders/7/items", "", "rest", "new"),
        ("GET", shop, "/orders/7", "", "one", "legacy"),
        ("DELETE", shop, "/orders/7", "", "one", "legacy"),
        ("GET", shop, "/orders/latest", "", "latest", "new"),
        ("POST", shop, "/orders/7", "", "posts", "new"),
        ("PUT", shop, "/orders/7", "", "posts", "new"),
        ("GET", shop, "/orders/8", "X-Api-Version: 2\r\n", "v2", "new"),
        ("GET", shop, "/orders/8", "X-Api-Version: 22\r\n", "one", "legacy"),
        ("GET", shop, "/orders/8", "User-Agent: ShopApp/1.9\r\n", "app", "new"),
        ("GET", shop, "/orders/8", "User-Agent: ShopApp/2.0\r\n", "one", "legacy"),
        ("GET", shop, "/orders/9?full=1", "", "full", "new"),
        ("GET", shop, "/orders/9?full=10", "", "one", "legacy"),
        ("GET", shop, "/orders/9?a=b&q=42", "", "any", "new"),
        ("GET", shop, "/orders/9?q=x", "", "one", "legacy"),
        ("GET", "a.eu.example", "/orders/7", "", "eu", "new"),
        ("GET", "a.b.eu.example", "/orders/7", "", "eu", "new"),
        ("GET", "SHOP.eu.example:80", "/orders/7", "", "exact", "legacy"),
        ("GET", "eu.example", "/orders/7", "", "one", "legacy"),
        ("GET", shop, "/other", "", "-", "legacy"),
    ];
    for (method, host, target, lines, route, side) in rows {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nBanyan-Explain: 1\r\n{lines}\r\n");
        let answer = pair.site.send(head);
        assert_eq!(answer.served_by(), side, "{method} {host} {target} {lines:?}");
        let decision = answer.field("banyan-decision").unwrap();
        assert!(decision.starts_with(&format!("route={route};")), "{method} {host} {target} {lines:?}: {decision}");
    }
}

#[test]
fn a_tenant_comes_from_the_first_source_that_yields_one() {
    let sources = [
        (r#"{ host: "{tenant}.shop.example" }"#, "/x", "acme.shop.example", ""),
        (r#"{ path: "/t/{tenant}/{*rest}" }"#, "/t/acme/x", "a", ""),
        ("{ header: X-Tenant-Id }", "/x", "a", "X-Tenant-Id: acme\r\n"),
        ("{ query: tenant }", "/x?a=b&tenant=acme", "a", ""),
        ("{ cookie: tenant }", "/x", "a", "Cookie: a=b; tenant=acme; c=d\r\n"),
        ("{ query: t }, { cookie: tenant }", "/x", "a", "Cookie: tenant=acme\r\n"),
    ];
    for (source, target, host, lines) in sources {
        let pair = Pair::start(&format!(
            "subject: {{ tenant: [{source}] }}\n\
             routes: [{{ name: a, match: {{ path: \"/{{*rest}}\" }}, new: new, stage: canary, canary: {{ tenants: [acme] }} }}]"
        ));
        let ask = |target: &str, host: &str, lines: &str| {
            pair.site.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")).served_by().to_owned()
        };
        assert_eq!(ask(target, host, lines), "new", "{source}");
        let other = |text: &str| text.replace("acme", "other");
        assert_eq!(ask(&other(target), &other(host), &other(lines)), "legacy", "{source}");
        assert_eq!(ask("/nobody", "nobody", ""), "legacy", "{source}");
        let path = target.split('?').next().unwrap();
        let line = until("the tenant's line", || {
            pair.site.log().into_iter().find(|line| line["path"] == path && line["tenant"] == "acme")
        });
        assert_eq!(line["reason"], "tenant");
    }
}

/// Who is where, by what the published hash says.
#[test]
fn a_percentage_is_what_the_published_hash_says() {
    let yaml = |percent: &str| {
        format!(
            "subject: {{ user: [{{ cookie: sid }}] }}\n\
             routes: [{{ name: a, group: orders, match: {{ path: \"/u/{{id}}\" }}, new: new, stage: canary, \
             canary: {{ percent: {percent}, by: user }} }}]"
        )
    };
    let pair = Pair::start(&yaml("12.5"));
    let mut client = pair.site.client();
    let mut ask = |user: usize| {
        client.send(format!("GET /u/{user} HTTP/1.1\r\nHost: a\r\nCookie: sid=u-{user}\r\n\r\n"));
        client.answer().served_by().to_owned()
    };
    let bucket = |user: usize| bucket_of("orders", format!("u-{user}")).0;
    let mut on_new = 0;
    for user in 0..400 {
        let new = bucket(user) < 12_500;
        on_new += usize::from(new);
        assert_eq!(ask(user), if new { "new" } else { "legacy" }, "u-{user}");
    }
    assert!((20..80).contains(&on_new), "{on_new}");
    assert_eq!(pair.site.logged("/u/7")["bucket"], bucket(7));
    // Raised, it moves nobody out.
    pair.save(&yaml("40%"));
    pair.site.await_generation(2);
    for user in 0..400 {
        assert_eq!(ask(user), if bucket(user) < 40_000 { "new" } else { "legacy" }, "u-{user}");
    }
}

#[test]
fn a_canary_is_a_union_less_its_exceptions() {
    let pair = Pair::start(
        r#"
subject: { tenant: [{ header: X-Tenant }], user: [{ header: X-User }] }
cohorts:
  beta: { tenants: [acme, goliath] }
  staff: { header: { name: X-Employee, value: "yes" } }
  here: { networks: [127.0.0.0/8] }
  large: { tenants: [goliath] }
  early: { all: [staff, here], except: [large] }
flags: { checkout: { users: { u-1: on }, default: off } }
routes:
  - name: a
    match: { path: /x }
    new: new
    stage: canary
    canary: { cohorts: [beta, early], tenants: [initech], flags: [checkout], except: { cohorts: [large] } }
"#,
    );
    for (lines, side) in [
        ("X-Tenant: acme\r\n", "new"),
        ("X-Tenant: initech\r\n", "new"),
        ("X-Tenant: goliath\r\n", "legacy"),
        ("X-Tenant: goliath\r\nX-Employee: yes\r\n", "legacy"),
        ("X-Employee: yes\r\n", "new"),
        ("X-Employee: no\r\n", "legacy"),
        ("X-User: u-1\r\n", "new"),
        ("X-User: u-2\r\n", "legacy"),
        ("", "legacy"),
    ] {
        assert_eq!(pair.site.get_with("/x", lines).served_by(), side, "{lines:?}");
    }
}

#[test]
fn every_stage_is_answered_by_its_side() {
    for (stage, side) in [("legacy", "legacy"), ("shadow", "legacy"), ("live", "new"), ("complete", "new")] {
        let pair = Pair::start(&format!("routes: [{{ name: a, match: {{ path: /x }}, new: new, stage: {stage} }}]"));
        assert_eq!(pair.site.get("/x").served_by(), side, "{stage}");
        assert_eq!(pair.site.logged("/x")["reason"], format!("stage:{stage}"));
    }
}

#[test]
fn without_a_legacy_what_no_route_takes_is_not_found() {
    let pair = Pair::start(
        "defaults: { legacy: none }\nroutes: [{ name: a, match: { path: /x }, new: new, stage: complete }]",
    );
    assert_eq!(pair.site.get("/x").served_by(), "new");
    let answer = pair.site.get("/y");
    answer.assert_problem(404);
    assert_eq!(answer.json().get("route"), None);
    let line = pair.site.logged("/y");
    assert_eq!((&line["error"], &line["backend"]), (&"no_route".into(), &serde_json::Value::Null));
    assert_eq!(pair.new.only().target, "/x");
}

#[test]
fn endpoints_of_a_backend_share_its_requests() {
    let pair = Pair::start(
        "backends: { legacy: { endpoints: [LEGACY, NEW], balance: round_robin } }\ndefaults: { legacy: legacy }",
    );
    let mut client = pair.site.client();
    for _ in 0..10 {
        assert_eq!(client.ask("GET", "/x").served_by(), "legacy");
    }
    assert_eq!((pair.legacy.requests().len(), pair.new.requests().len()), (5, 5));
}
