//! Comparisons of real answers: the verdicts, what is asked twice, and what is kept.

use banyan::diff::{Judgement, Kind, SignatureId};
use banyan::store::Reader;
use banyan::store::read::{Kept, SignatureFilter, SignatureRow};

use crate::harness::{Pair, Script, until};

/// One route in stage shadow, with this beside it and this comparison.
fn file(comparison: &str) -> String {
    format!(
        "comparisons: {{ default: {{ {comparison} }} }}\n\
         routes: [{{ name: r, match: {{ path: \"/{{*rest}}\" }}, new: new, stage: shadow, shadow: {{ methods: [GET, POST] }} }}]"
    )
}

fn json(body: &str) -> Script {
    Script::with("Content-Type: application/json\r\n", body)
}

fn verdicts(name: &str) -> String {
    format!(r#"banyan_comparisons_total{{route="r",verdict="{name}"}}"#)
}

impl Pair {
    fn both(&self, path: &str, legacy: Script, new: Script) {
        self.legacy.on(path, legacy);
        self.new.on(path, new);
    }

    /// The store, when it holds what `look` wants.
    #[track_caller]
    fn stored<T>(&self, what: &str, look: impl Fn(&Reader) -> Option<T>) -> T {
        until(what, || look(&Reader::open(&self.site.facade().state_dir).ok()?))
    }

    #[track_caller]
    fn signature(&self, path: &str, kind: Kind) -> SignatureRow {
        let id = SignatureId::new("r", path, kind);
        self.stored(&format!("the signature {path} {kind:?}"), |reader| reader.signature(id).ok()?)
    }

    /// The newest comparison that shows a signature.
    #[track_caller]
    fn kept(&self, path: &str, kind: Kind) -> Kept {
        let id = SignatureId::new("r", path, kind);
        self.stored(&format!("a sample of {path} {kind:?}"), |reader| reader.samples(id).ok()?.into_iter().next())
    }
}

#[test]
fn answers_that_say_the_same_match_however_they_are_spelled() {
    let pair = Pair::start(&file(""));
    pair.both("/a", json(r#"{"a": 1, "b": [1.0, "é"]}"#), json(r#"{"b":[1,"\u00e9"],"a":1e0}"#));
    pair.both("/same", Script::ok("same"), Script::ok("same"));
    pair.site.get("/a");
    pair.site.get("/same");
    pair.site.await_metric(&verdicts("match"), 2);
    let routes = pair.stored("two matches", |reader| {
        let routes = reader.routes(0).ok()?;
        (routes.first()?.tally.judged() == 2).then_some(routes)
    });
    assert_eq!(routes[0].route, "r");
}

#[test]
fn a_mismatch_counts_after_both_sides_were_asked_again() {
    let pair = Pair::start(&file(""));
    pair.both("/a", json(r#"{"items":[{"price":1}]}"#), json(r#"{"items":[{"price":2}]}"#));
    pair.site.get_with("/a?x=1", "X-Mine: 1\r\n");
    pair.site.await_metric(&verdicts("mismatch"), 1);
    let (legacy, new) = (pair.legacy.requests(), pair.new.requests());
    assert_eq!((legacy.len(), new.len()), (2, 2));
    assert_eq!(legacy.iter().map(|one| one.field("banyan-shadow")).collect::<Vec<_>>(), [None, Some("1")]);
    assert!(legacy.iter().chain(&new).all(|one| one.target == "/a?x=1" && one.field("x-mine") == Some("1")));
    let row = pair.signature("$.items[*].price", Kind::Value);
    assert_eq!((row.evidence.raw, row.evidence.again), (1, 1));
    assert_eq!(row.judgement(), Judgement::Real);
    let kept = pair.kept("$.items[*].price", Kind::Value);
    let differs = &kept.detail.differences[0];
    assert_eq!(
        (differs.place.as_str(), differs.legacy.as_deref(), differs.new.as_deref()),
        ("$.items[0].price", Some("1"), Some("2"))
    );
    assert_eq!((kept.target.as_str(), kept.detail.legacy.status), ("/a?x=1", 200));
}

#[test]
fn what_a_system_does_to_itself_is_noise() {
    let pair = Pair::start(&file(""));
    for n in 0..8 {
        pair.both("/a", json(&format!(r#"{{"at":{n}}}"#)), json(&format!(r#"{{"at":{}}}"#, 100 + n)));
    }
    pair.site.get("/a");
    pair.site.await_metric(&verdicts("noise"), 1);
    let row = pair.signature("$.at", Kind::Value);
    assert_eq!((row.evidence.itself, row.judgement()), (1, Judgement::Noise));
    // Noise never hides another kind of difference at the same place.
    pair.both("/b", json(r#"{"at":1}"#), json(r#"{"at":"1"}"#));
    pair.site.get("/b");
    let held = pair.signature("$.at", Kind::Type);
    assert_ne!(held.judgement(), Judgement::Noise);
}

#[test]
fn what_does_not_come_again_is_no_mismatch() {
    let pair = Pair::start(&file(""));
    pair.both("/a", json(r#"{"n":1}"#), json(r#"{"n":2}"#));
    pair.both("/a", json(r#"{"n":1}"#), json(r#"{"n":1}"#));
    pair.site.get("/a");
    pair.site.await_metric(&verdicts("noise"), 1);
    assert_eq!(pair.signature("$.n", Kind::Value).judgement(), Judgement::Transient);
}

#[test]
fn what_cannot_be_asked_again_counts_at_once_and_is_not_asked_again() {
    let pair = Pair::start(&file(""));
    pair.both("/a", json(r#"{"n":1}"#), json(r#"{"n":2}"#));
    pair.site.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    pair.site.await_metric(&verdicts("mismatch"), 1);
    assert_eq!((pair.legacy.lines().len(), pair.new.lines().len()), (1, 1));

    let pair = Pair::start(&file("confirm: false, noise: { sample: 0 }"));
    pair.both("/a", json(r#"{"n":1}"#), json(r#"{"n":2}"#));
    pair.site.get("/a");
    pair.site.await_metric(&verdicts("mismatch"), 1);
    assert_eq!((pair.legacy.lines().len(), pair.new.lines().len()), (1, 1));
}

#[test]
fn what_cannot_be_compared_is_unknown_and_says_why() {
    let pair = Pair::start(&file(""));
    let broken = Script::with("Content-Encoding: gzip\r\n", "no gzip");
    pair.both("/coding", Script::ok("text"), broken);
    pair.both("/down", Script::ok("text"), Script::default().reset());
    pair.site.get("/coding");
    pair.site.get("/down");
    pair.site.await_metric(&verdicts("unknown"), 2);
    let whys = pair.stored("both reasons", |reader| {
        let mut whys = Vec::new();
        reader
            .each_verdict::<banyan::store::read::ReadError>(0, |row| {
                whys.push(row.why);
                Ok(())
            })
            .ok()?;
        whys.sort();
        (whys.len() == 2).then_some(whys)
    });
    assert_eq!(whys, ["failed_reset", "undecodable"]);
    assert_eq!(pair.site.metric(&verdicts("match")), 0);
}

#[test]
fn a_validator_that_only_one_side_knows_makes_no_difference() {
    let pair = Pair::start(&file(""));
    let unmodified = Script::raw("HTTP/1.1 304 Not Modified\r\nETag: \"l-1\"\r\n\r\n");
    pair.both("/a", unmodified.clone(), Script::with("ETag: \"n-1\"\r\n", "whole"));
    pair.site.get_with("/a", "If-None-Match: \"l-1\"\r\n");
    pair.site.await_metric(&verdicts("unknown"), 1);
    pair.both("/b", unmodified.clone(), unmodified);
    pair.site.get_with("/b", "If-None-Match: \"l-1\"\r\n");
    pair.site.await_metric(&verdicts("match"), 1);
}

#[test]
fn rules_of_the_file_let_known_differences_pass() {
    let pair = Pair::start(&file(
        r#"ignore: ["$.at", "header:Server"], headers: [Server, X-Thing], unordered: [{ path: "$.tags" }],
           tolerance: [{ path: "$.total", absolute: 0.01 }], equivalent: [{ path: "$.id", as: uuid }],
           rename: [{ legacy: "$.cust_name", new: "$.customer.name" }], status: class"#,
    ));
    let legacy =
        r#"{"at":1,"tags":["a","b"],"total":1.001,"id":"6F9619FF-8B86-D011-B42D-00C04FC964FF","cust_name":"Ann"}"#;
    let new =
        r#"{"at":2,"tags":["b","a"],"total":1.002,"id":"6f9619ff8b86d011b42d00c04fc964ff","customer":{"name":"Ann"}}"#;
    let answer = |status: &str, server: &str, body: &str| {
        Script::raw(format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nServer: {server}\r\nX-Thing: 1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    };
    pair.both("/a", answer("200 OK", "old", legacy), answer("201 Created", "new", new));
    pair.site.get("/a");
    pair.site.await_metric(&verdicts("match"), 1);
    pair.both("/b", Script::with("X-Thing: 1\r\n", "x"), Script::with("X-Thing: 2\r\n", "x"));
    pair.site.get("/b");
    pair.signature("header:x-thing", Kind::Value);
}

#[test]
fn in_live_the_names_of_the_sides_stay_where_they_are() {
    let pair = Pair::start(r#"routes: [{ name: r, match: { path: "/{*rest}" }, new: new, stage: live, shadow: {} }]"#);
    pair.both("/a", json(r#"{"n":"old"}"#), json(r#"{"n":"young"}"#));
    assert_eq!(pair.site.get("/a").served_by(), "new");
    let kept = pair.kept("$.n", Kind::Value);
    let differs = &kept.detail.differences[0];
    assert_eq!((differs.legacy.as_deref(), differs.new.as_deref()), (Some(r#""old""#), Some(r#""young""#)));
    assert_eq!(kept.answered.as_str(), "new");
    assert_eq!(
        pair.new.requests()[1].field("banyan-shadow"),
        Some("1"),
        "the side that answers is asked again as a shadow"
    );
}

#[test]
fn paths_that_are_mapped_back_are_compared_as_clients_see_them() {
    let pair = Pair::start(
        r#"routes: [{ name: r, match: { path: "/orders/{id}" }, new: new, stage: shadow, rewrite: { path: "/v2/orders/{id}", response: [location] } }]"#,
    );
    pair.legacy.on("/orders/7", Script::with("Location: /orders/7\r\n", "x"));
    pair.new.on("/v2/orders/7", Script::with("Location: /v2/orders/7\r\n", "x"));
    pair.site.get("/orders/7");
    pair.site.await_metric(&verdicts("match"), 1);
}

#[test]
fn secrets_are_nowhere_in_what_is_kept() {
    const SECRET: &str = "hunter2-8d1f";
    let pair = Pair::start(&file(
        r#"redact: ["$.customer.email", "header:X-Customer", "query:voucher"], headers: [X-Customer, Set-Cookie, Location]"#,
    ));
    let answer = |n: u32| {
        Script::with(
            &format!(
                "Content-Type: application/json\r\nX-Customer: {SECRET}{n}\r\nSet-Cookie: sid={SECRET}{n}; Path=/\r\nLocation: /x?token={SECRET}\r\n"
            ),
            format!(
                r#"{{"n":{n},"customer":{{"email":"{SECRET}{n}"}},"password":"{SECRET}{n}","missing{n}":{{"access_token":"{SECRET}"}}}}"#
            ),
        )
    };
    pair.both("/a", answer(1), answer(2));
    let lines = format!(
        "Authorization: Bearer {SECRET}\r\nCookie: sid={SECRET}\r\nX-Api-Key: {SECRET}\r\nX-Customer: {SECRET}\r\n"
    );
    pair.site.get_with(&format!("/a?token={SECRET}&voucher={SECRET}&page=2"), &lines);
    let kept = pair.kept("$.n", Kind::Value);
    assert!(kept.target.contains("page=2") && kept.detail.legacy.body.is_some(), "{kept:?}");
    pair.kept("$.customer.email", Kind::Value);
    pair.kept("header:x-customer", Kind::Value);
    let metrics = pair.site.admin("GET /metrics").text();
    let text = format!("{kept:?}");
    assert!(!text.contains(SECRET), "{text}");
    let (_, folder) = pair.site.stop();
    let mut files = 0;
    for entry in
        ["state", "etc", "."].map(|sub| std::fs::read_dir(folder.path().join(sub)).unwrap()).into_iter().flatten()
    {
        let path = entry.unwrap().path();
        if path.is_file() {
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{}", path.display());
        }
    }
    assert!(files > 3 && !metrics.contains(SECRET));
}

#[test]
fn nothing_but_hashes_is_kept_where_that_is_said() {
    let pair = Pair::start(&file("store: hashes"));
    pair.both("/a", json(r#"{"n":"only-here"}"#), json(r#"{"n":"only-there"}"#));
    pair.site.get("/a");
    let kept = pair.kept("$.n", Kind::Value);
    assert_eq!((&kept.detail.legacy.body, &kept.detail.new.body), (&None, &None));
    assert!(kept.detail.legacy.hash.len() == 32 && kept.detail.legacy.hash != kept.detail.new.hash);
    assert!(!format!("{kept:?}").contains("only-"), "{kept:?}");
}

#[test]
fn what_was_learned_outlives_a_restart_and_so_does_an_acceptance() {
    // A self-check of a sampled request would be one more request at legacy.
    let pair = Pair::start(&file("noise: { sample: 0 }"));
    pair.both("/a", json(r#"{"n":1}"#), json(r#"{"n":2}"#));
    pair.site.get("/a");
    let row = pair.signature("$.n", Kind::Value);
    pair.site.facade().store.accept(row.id, "ann", "known", None).unwrap();
    let before = pair.legacy.requests().len();
    pair.site.get("/a");
    pair.site.await_metric(&verdicts("noise"), 1);
    assert_eq!(pair.legacy.requests().len(), before + 1, "what is accepted is not asked about");
    let (_, folder) = pair.site.stop();
    let site = crate::harness::Site::start_in(folder);
    site.get("/a");
    site.await_metric(&verdicts("noise"), 1);
    site.facade().store.reopen(row.id, "ann", "again").unwrap();
    site.get("/a");
    site.await_metric(&verdicts("mismatch"), 1);
    let filter = SignatureFilter { route: Some("r".to_owned()), ..SignatureFilter::default() };
    let rows = until("all four sightings", || {
        let rows = Reader::open(&site.facade().state_dir).ok()?.signatures(&filter).ok()?;
        (rows.first()?.evidence.raw == 4).then_some(rows)
    });
    assert_eq!(rows.len(), 1);
}

#[test]
fn a_broken_store_is_put_aside_and_a_fresh_one_begun() {
    let pair = Pair::start(&file(""));
    pair.site.get("/a");
    pair.stored("the first comparison", |reader| (!reader.routes(0).ok()?.is_empty()).then_some(()));
    let (_, folder) = pair.site.stop();
    let state = folder.path().join("state");
    std::fs::write(state.join("comparisons.db"), vec![b'x'; 200_000]).unwrap();
    let site = crate::harness::Site::start_in(folder);
    assert_eq!(site.get("/a").served_by(), "legacy");
    until("a fresh one", || (!Reader::open(&state).ok()?.routes(0).ok()?.is_empty()).then_some(()));
    let entries = std::fs::read_dir(&state).unwrap().filter_map(Result::ok);
    let aside = entries.filter(|entry| entry.file_name().to_string_lossy().contains(".corrupt-")).count();
    assert!(aside >= 1);
    assert!(site.metric("banyan_store_errors_total") > 0);
}

#[test]
fn a_store_whose_folder_is_gone_leaves_proxying_alone() {
    let pair = Pair::start(&file(""));
    pair.both("/a", json(r#"{"n":1}"#), json(r#"{"n":2}"#));
    let state = pair.site.facade().state_dir.clone();
    std::fs::rename(&state, state.with_extension("gone")).unwrap();
    for number in 1..=20 {
        assert_eq!(pair.site.get("/a").served_by(), "legacy");
        pair.site.await_metric(&verdicts("mismatch"), number);
    }
}
