//! Each mistake is found, where it stands, and all of them at once.

use super::*;

#[test]
fn ten_mistakes_are_found_at_once_each_where_it_stands() {
    let loaded = load(&Disk, &fixture("invalid/ten-mistakes.yaml"), &Options::default());
    assert!(loaded.snapshot.is_none());
    let found: Vec<_> = loaded.diagnostics.errors().map(|found| (found.line, found.col, found.code)).collect();
    assert_eq!(
        found,
        [
            (5, 40, "wrong-type"),
            (9, 17, "bad-endpoint"),
            (10, 14, "bad-value"),
            (12, 3, "mixed-cohort"),
            (13, 18, "cohort-cycle"),
            (14, 21, "bad-percent"),
            (17, 20, "bad-path"),
            (18, 10, "unknown-backend"),
            (19, 5, "unknown-key"),
            (20, 24, "missing-by"),
            (21, 11, "duplicate-name"),
            (23, 12, "missing-new"),
        ]
    );
    let help: Vec<_> = loaded.diagnostics.errors().filter_map(|found| found.suggestion.as_deref()).collect();
    for near in ["did you mean `least_requests`?", "did you mean `orders-v2`?", "did you mean `stage`?"] {
        assert!(help.contains(&near), "{near}: {help:?}");
    }
}

#[test]
fn a_cycle_is_named() {
    let loaded = main(format!("{HEAD}cohorts: {{ a: {{ any: [b] }}, b: {{ all: [c] }}, c: {{ any: [a] }} }}\n")).load();
    let messages: Vec<_> = loaded.diagnostics.errors().map(|found| found.message.clone()).collect();
    assert_eq!(messages, ["cohorts within each other: a → b → c → a"]);
}

#[test]
fn keys() {
    assert_eq!(found("tls: {}\n"), ["1:1 unknown-key"]);
    assert_eq!(found("admin: { pears: [] }\n"), ["1:10 unknown-key"]);
    assert_eq!(found("drain: { delay: 1s, delay: 2s }\n"), ["1:21 duplicate-key"]);
    assert_eq!(found("cohorts: { a: { percent: 1, by: client }, a: {} }\n"), ["1:43 duplicate-key"]);
    assert_eq!(found("drain: { delay: }\n"), ["1:10 missing-value"]);
    assert_eq!(found("drain: []\n"), ["1:8 wrong-type"]);
    assert_eq!(found("drain:\n  ? [a]\n  : b\n"), ["2:5 bad-key"]);
    assert_eq!(found("force: {}\n"), ["1:8 empty-force"]);
    assert_eq!(found("force: { networks: [] }\n"), ["1:20 empty-list"]);
    assert_eq!(found("reload: { confirm_removals: yes }\n"), ["1:29 wrong-type"]);
    assert_eq!(found("access_log: false\n"), ["1:13 wrong-type"]);
}

#[test]
fn shadows() {
    let route = |shadow: &str| {
        found(&format!(
            "routes: [{{ name: a, match: {{ path: /a }}, new: new, stage: shadow, shadow: {{ {shadow} }} }}]\n"
        ))
    };
    assert_eq!(route("sample: 101"), ["1:85 bad-percent"]);
    assert_eq!(route("methods: [get]"), ["1:87 bad-value"]);
    assert_eq!(route("max_body: 64"), ["1:87 wrong-type"]);
    assert_eq!(route("max_body: 65MiB"), ["1:87 out-of-range"]);
    assert_eq!(route("timeout: 0s"), ["1:86 zero-duration"]);
    assert_eq!(route("remove: [Host]"), ["1:86 bad-header"]);
    assert_eq!(route("set: { Banyan-Shadow: x }"), ["1:84 bad-header"]);
    assert_eq!(route("set: { \"bad name\": x }"), ["1:84 bad-value"]);
    assert_eq!(route("credentials: keap"), ["1:90 bad-value"]);
    assert_eq!(route("compare: nowhere"), ["1:86 unknown-comparison"]);
    assert_eq!(found("shadowing: { threads: 17, requests: 0 }\n"), ["1:23 out-of-range", "1:37 out-of-range"]);
}

#[test]
fn comparisons() {
    let one = |keys: &str| {
        found(&format!(
            "comparisons: {{ default: {{ {keys} }} }}\nroutes: [{{ name: a, match: {{}}, new: new, stage: shadow }}]\n"
        ))
    };
    assert_eq!(one("ignore: [items]"), ["1:36 bad-place"]);
    assert_eq!(one("ignore: [\"$.items[\"]"), ["1:36 bad-place"]);
    assert_eq!(one("ignore: [\"query:x\"]"), ["1:36 bad-place"]);
    assert_eq!(one("unordered: [{ path: \"header:x\" }]"), ["1:47 bad-place"]);
    assert_eq!(one("tolerance: [{ path: $.a }]"), ["1:39 bad-tolerance"]);
    assert_eq!(one("tolerance: [{ path: $.a, absolute: 1, relative: 1 }]"), ["1:39 bad-tolerance"]);
    assert_eq!(one("tolerance: [{ path: $.a, absolute: -1 }]"), ["1:62 out-of-range"]);
    assert_eq!(one("equivalent: [{ path: $.a, as: date }]"), ["1:57 bad-value"]);
    assert_eq!(one("equivalent: [{ path: $.a, as: uuid, within: 1s }]"), ["1:71 bad-within"]);
    assert_eq!(one("rename: [{ legacy: $.a, new: \"$.b[*].c\" }]"), ["1:36 bad-rename"]);
    assert_eq!(one("noise: { sample: 6% }"), ["1:44 noise-sample"]);
    assert_eq!(one("bodies: json"), ["1:27 unknown-key"]);
    assert_eq!(found("comparisons: { none: {} }\n"), ["1:16 bad-name"]);
    assert_eq!(found("comparisons: { orders: {} }\n"), ["1:16 unused"]);
}

#[test]
fn what_is_kept_of_comparisons_has_bounds() {
    assert_eq!(
        found("retention: { size: 15MiB, age: 59m, samples: 1001 }\n"),
        ["1:20 out-of-range", "1:32 out-of-range", "1:46 out-of-range"]
    );
    assert_eq!(found("retention: { size: 1024, age: 11y }\n"), ["1:20 wrong-type", "1:31 out-of-range"]);
    assert_eq!(found("retention: { sise: 1GiB }\n"), ["1:14 unknown-key"]);
    assert_eq!(found("retention: { size: 16MiB, age: 1h, samples: 0 }\n"), [""; 0]);
}

#[test]
fn missing_keys() {
    let loaded = main("listen: [{}]\n").load();
    let found: Vec<_> = loaded.diagnostics.errors().map(|found| (found.line, found.col, &*found.message)).collect();
    assert_eq!(found, [(1, 1, "`version` is missing here"), (1, 10, "`address` is missing here")]);
}

#[test]
fn durations_and_percentages() {
    assert_eq!(found("drain: { delay: 1, grace: soon }\n"), ["1:17 wrong-type", "1:27 bad-value"]);
    assert_eq!(found("routes: [{ name: a, match: {}, timeout: 0s }]\n"), ["1:41 zero-duration"]);
    for (percent, code) in [
        ("101", "bad-percent"),
        ("-1", "bad-percent"),
        (".nan", "bad-percent"),
        (".inf", "bad-percent"),
        ("0.0001", "bad-percent"),
        ("1e2", "bad-percent"),
        ("true", "wrong-type"),
        ("[5]", "wrong-type"),
    ] {
        let text = format!("cohorts: {{ a: {{ percent: {percent}, by: client }} }}\n");
        assert_eq!(found(&text), [format!("1:26 {code}")], "{percent}");
    }
}

#[test]
fn percentages_and_what_they_need() {
    let canary = |canary: &str| {
        found(&format!("routes: [{{ name: a, match: {{}}, new: new, stage: canary, canary: {canary} }}]\n"))
    };
    assert_eq!(canary("{ percent: 5 }"), ["1:76 missing-by"]);
    assert_eq!(canary("{ by: user, tenants: [a] }"), ["1:71 missing-percent"]);
    assert_eq!(canary("{ of: x, tenants: [a] }"), ["1:71 missing-percent", "1:71 unknown-cohort"]);
    assert_eq!(canary("{ percent: 0, by: user }"), ["1:65 empty-canary"]);
    assert_eq!(canary("{}"), ["1:65 empty-canary"]);
    assert_eq!(canary("{ cohorts: [] }"), ["1:76 empty-list"]);
}

#[test]
fn stages_and_what_they_need() {
    let route = |keys: &str| found(&format!("routes: [{{ name: a, match: {{}}, {keys} }}]\n"));
    assert_eq!(route("stage: live"), ["1:39 missing-new"]);
    assert_eq!(route("stage: canary, new: new"), ["1:39 missing-canary"]);
    assert_eq!(route("stage: canarry, new: new"), ["1:39 bad-value"]);
    assert_eq!(route("legacy: none"), ["1:18 missing-legacy"]);
    assert_eq!(route("stage: live, new: old"), ["1:50 same-backend"]);
    assert_eq!(route("stage: legacy, canary: { percent: 5, by: user }, new: new"), [""; 0]);
}

#[test]
fn references_lead_somewhere() {
    assert_eq!(found("routes: [{ name: a, match: {}, legacy: odl }]\n"), ["1:40 unknown-backend"]);
    assert_eq!(found("cohorts: { a: { any: [b] } }\n"), ["1:23 unknown-cohort"]);
    let text = "routes: [{ name: a, match: {}, canary: { flags: [x], except: { cohorts: [y] } } }]\n";
    assert_eq!(found(text), ["1:50 unknown-flag", "1:74 unknown-cohort"]);
}

#[test]
fn subjects() {
    let with = |sources: &str| {
        let text = HEAD.replace("[{ header: X-Tenant }]", sources);
        let loaded = main(text).load();
        loaded.diagnostics.list.iter().filter(|f| f.line == 5).map(|f| (f.col, f.code)).collect::<Vec<_>>()
    };
    assert_eq!(with("[{ header: Host }]"), [(31, "proxy-header")]);
    assert_eq!(with("[{ header: X-Forwarded-For }]"), [(31, "proxy-header")]);
    assert_eq!(with("[{ header: X-T, query: t }]"), [(21, "bad-source")]);
    assert_eq!(with("[{ header: X-T, from: trusted }]"), [(31, "nobody-trusted")]);
    assert_eq!(with("[{ cookie: t, from: trusted }]"), [(40, "bad-source")]);
    assert_eq!(with("[{ host: \"{user}.example\" }]"), [(29, "bad-host")]);
    assert_eq!(with("[{ host: \"{tenant}.{tenant}.example\" }]"), [(29, "bad-host")]);
    assert_eq!(with("[{ path: \"/t/{user}\" }]"), [(29, "bad-path")]);
    assert_eq!(with("[{ jwt: tid }]"), [(28, "missing-jwt")]);
}

#[test]
fn a_key_without_a_source_is_nobody() {
    let text = HEAD.replace("tenant: [{ header: X-Tenant }], ", "") + "cohorts: { a: { percent: 5, by: tenant } }\n";
    let loaded = main(text).load();
    assert!(loaded.diagnostics.warnings().any(|found| found.code == "no-key-source" && found.line == 6));
    assert!(loaded.is_clean());
}

#[test]
fn jwt_algorithms_and_keys_fit() {
    let jwt = |jwt: &str, keys: &str| {
        let text = format!("{}jwt: {jwt} }}\n", HEAD.trim_end().trim_end_matches('}').to_owned() + ", ");
        let loaded = main(text).with("keys.json", keys).load();
        loaded.diagnostics.errors().map(|found| found.code).collect::<Vec<_>>()
    };
    let oct = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#;
    assert_eq!(jwt("{ keys: keys.json, algorithms: [HS256] }", oct), [""; 0]);
    assert_eq!(jwt("{ keys: keys.json, algorithms: [RS256] }", oct), ["jwt-no-key"]);
    assert_eq!(jwt("{ keys: keys.json, algorithms: [HS256] }", r#"{"keys":[]}"#), ["jwt-no-key"]);
    assert_eq!(jwt("{ keys: keys.json, algorithms: [none, rs256] }", oct), ["jwt-algorithm", "jwt-algorithm"]);
    assert_eq!(jwt("{ keys: keys.json, algorithms: [HS256] }", "{}"), ["jwt-keys"]);
    assert_eq!(jwt("{ keys: other.json, algorithms: [HS256] }", "{}"), ["unreadable"]);
    assert_eq!(jwt("{ keys: keys.json, algorithms: [] }", oct), ["empty-list"]);
}

#[test]
fn endpoints() {
    let with = |endpoint: &str| {
        let text = HEAD.replace("http://10.0.0.2:80", endpoint);
        main(text).load().diagnostics.errors().map(|found| found.code).next()
    };
    for good in ["http://a", "http://a_b.c:1", "http://10.0.0.1:8080", "\"http://[::1]:8081\"", "http://127.0.0.1:8081"]
    {
        assert_eq!(with(good), None, "{good}");
    }
    for bad in [
        "a:80",
        "http://",
        "http://a:0",
        "http://a:99999",
        "http://a:+1",
        "http://a/b",
        "http://a/",
        "http://u@a",
        "http://10.0.0.256",
        "\"http://[::1\"",
        "ftp://a",
        "http://a?b",
        "\"http://a b\"",
    ] {
        assert_eq!(with(bad), Some("bad-endpoint"), "{bad}");
    }
    assert_eq!(with("https://a:0"), Some("bad-endpoint"));
    for admin in
        ["http://127.0.0.1:9900", "http://localhost:9900", "http://0.0.0.0:9900", "\"http://[::ffff:127.0.0.1]:9900\""]
    {
        assert_eq!(with(admin), Some("endpoint-is-admin"), "{admin}");
    }
    assert_eq!(with("http://localhost:8080"), Some("endpoint-is-listener"));
}

#[test]
fn addresses_are_taken_once() {
    let with = |listen: &str| {
        let text = HEAD.replace("[{ address: 127.0.0.1:8080 }]", listen);
        main(text).load().diagnostics.errors().map(|found| found.code).collect::<Vec<_>>()
    };
    assert_eq!(with("[{ address: 127.0.0.1:1 }, { address: 127.0.0.1:1 }]"), ["duplicate-address"]);
    assert_eq!(with("[{ address: 0.0.0.0:1 }, { address: 127.0.0.1:1 }]"), ["duplicate-address"]);
    assert_eq!(with("[{ address: 0.0.0.0:9900 }]"), ["duplicate-address"]);
    assert_eq!(with("[{ address: 127.0.0.1:0 }, { address: 127.0.0.1:0 }]"), [""; 0]);
    assert_eq!(with("[]"), ["empty-list"]);
    assert_eq!(with("[{ address: localhost:80 }, { address: \":80\" }]"), ["bad-value", "bad-value"]);
}

#[test]
fn groups_share_a_salt() {
    let text = "\
routes:
- { name: a, group: g, match: { path: /a } }
- { name: b, group: g, salt: other, match: { path: /b } }
- { name: c, group: g, salt: g, match: { path: /c } }
";
    assert_eq!(found(text), ["3:30 group-salt"]);
}

#[test]
fn matches() {
    let with = |keys: &str| found(&format!("routes: [{{ name: a, match: {{ {keys} }} }}]\n"));
    assert_eq!(with("methods: [get]"), ["1:40 bad-value"]);
    assert_eq!(with("methods: []"), ["1:39 empty-list"]);
    assert_eq!(with("host: \"a b\""), ["1:36 bad-host"]);
    assert_eq!(with("path: orders"), ["1:36 bad-path"]);
    assert_eq!(with("headers: { Host: a }"), ["1:41 proxy-header"]);
    assert_eq!(with("headers: { \"a b\": a }"), ["1:41 bad-value"]);
    assert_eq!(with("headers: { a: { regex: \"(\" } }"), ["1:53 bad-regex"]);
    assert_eq!(with("headers: { a: { prefix: x, regex: y } }"), ["1:44 bad-condition"]);
    assert_eq!(with("headers: { a: { present: false } }"), ["1:55 bad-value"]);
    assert_eq!(with("query: { a: 1 }"), ["1:42 wrong-type"]);
    assert_eq!(found("routes: [{ name: a, match: [] }]\n"), ["1:28 empty-list"]);
    let text = "routes: [{ name: a, match: { path: /a }, rewrite: { path: \"/{id}\" } }]\n";
    assert_eq!(found(text), ["1:59 bad-rewrite"]);
}

#[test]
fn an_unreachable_route_names_the_one_in_front() {
    let text = "routes:\n- { name: a, match: { path: /a } }\n- { name: b, match: { path: /a, methods: [GET] } }\n- { name: c, match: { path: /a } }\n";
    let loaded = main(format!("{HEAD}{text}")).load();
    let warning = loaded.diagnostics.warnings().find(|found| found.code == "unreachable").unwrap();
    assert_eq!(warning.line, 9);
    assert_eq!(warning.message, "nothing is left for `c`: `a` at routes.yaml:7:11 takes it all");
}

#[test]
fn names_are_plain_words() {
    assert_eq!(found("cohorts: { \"a;b\": { percent: 1, by: client } }\n"), ["1:12 bad-name"]);
    assert_eq!(found("routes: [{ name: \"group:x\", match: {} }]\n"), ["1:18 bad-name"]);
    let loaded = main(HEAD.replace("new:", "none:")).load();
    assert!(loaded.diagnostics.errors().any(|found| found.code == "bad-name"));
}

#[test]
fn a_default_that_leads_nowhere_is_one_mistake() {
    let routes: String = (0..50).map(|i| format!("- {{ name: r{i}, match: {{ path: /{i} }} }}\n")).collect();
    let text = HEAD.replace("legacy: old", "legacy: odl") + "routes:\n" + &routes;
    let loaded = main(text).load();
    assert_eq!(loaded.diagnostics.errors().count(), 1);
}

#[test]
fn tests_that_do_not_hold_are_named() {
    let text = "\
routes: [{ name: orders, match: { path: /orders }, new: new, stage: live }]
tests:
- { request: GET /orders, expect: { side: legacy } }
- { request: GET /orders, expect: { side: new, route: order } }
- { request: GET /x, expect: { route: null } }
- { request: GET /orders, expect: { route: null } }
- { request: orders, expect: {} }
- { request: GET /x, client: nobody, expect: {} }
";
    assert_eq!(
        found(text),
        ["3:43 test-failed", "4:55 test-failed", "6:44 test-failed", "7:14 test-failed", "8:30 test-failed"]
    );
    let loaded = main(format!("{HEAD}{text}")).load();
    assert!(loaded.snapshot.is_some() && !loaded.is_clean() && loaded.diagnostics.only_tests_failed());
    assert_eq!(
        loaded.tests.iter().map(|test| test.passed).collect::<Vec<_>>(),
        [false, false, true, false, false, false]
    );
    assert_eq!(loaded.tests[0].outcome, "new by route `orders` (stage:live)");
}
