//! Forecasts, held against what then happens.

use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::fields::Fields;
use crate::routing::{Decision, NoTrace, RequestView, Subject};
use crate::telemetry::sample::{By, Sample, Sampler};

const HEAD: &str = "\
version: 1
listen: [{ address: 127.0.0.1:8080 }]
defaults: { legacy: old }
backends: { old: { endpoints: [http://10.0.0.1:80] }, new: { endpoints: [http://10.0.0.2:80] } }
subject: { tenant: [{ header: X-Tenant }], user: [{ cookie: uid }] }
";

/// The guard that keeps a warning away where it is not the matter.
const GUARD: &str = "guard: { error_rate: 1% }";

fn snapshot(routes: &str) -> Snapshot {
    let loaded = Candidate::Text(format!("{HEAD}{routes}")).load(&Options::default());
    assert!(loaded.is_clean(), "{}", config::render(&loaded.diagnostics, config::Format::Text));
    loaded.snapshot.unwrap()
}

fn canary(percent: f64) -> String {
    format!(
        "routes: [{{ name: orders, match: {{ path: \"/orders/{{id}}\" }}, new: new, stage: canary, canary: {{ percent: {percent}, by: user }}, {GUARD} }}]\n"
    )
}

/// A request, before anybody looked at it.
#[derive(Debug, Clone)]
struct Asked {
    path: String,
    headers: Fields,
}

fn asked(path: &str, tenant: Option<&str>, user: Option<&str>) -> Asked {
    let mut headers = HeaderMap::new();
    if let Some(tenant) = tenant {
        headers.insert("x-tenant", tenant.parse().unwrap());
    }
    if let Some(user) = user {
        headers.insert("cookie", format!("uid={user}").parse().unwrap());
    }
    Asked { path: path.to_owned(), headers: headers.into() }
}

impl Asked {
    fn view(&self) -> RequestView<'_> {
        RequestView {
            method: &Method::GET,
            host: "shop.example",
            path: self.path.split('?').next().unwrap(),
            query: self.path.split_once('?').map(|(_, query)| query),
            headers: &self.headers,
            client: "192.0.2.1".parse().unwrap(),
            trusted: false,
            claims: None,
        }
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        snapshot.rules.decide(&self.view(), &Overrides::default(), None, &mut Subject::default(), &mut NoTrace)
    }
}

/// Lets requests pass by a worker.
fn sampled(snapshot: &Snapshot, requests: impl Iterator<Item = Asked>) -> Vec<Arc<Input>> {
    let (sample, mut sampler) = (Sample::new(1), Sampler::default());
    for (number, request) in requests.enumerate() {
        let by = By { rules: &snapshot.rules, shadows: &snapshot.shadows, generation: 1 };
        sampler.offer(&sample, (&request.view(), &Subject::default()), by, &request.decide(snapshot));
        if number % 500 == 0 {
            sample.drain();
        }
    }
    sample.inputs()
}

fn compare(live: &Snapshot, candidate: &Snapshot, inputs: &[Arc<Input>]) -> Forecast {
    let (now, then) = (begun(Overrides::default(), live), begun(Overrides::default(), candidate));
    let ruling = |snapshot, overrides| Ruling { snapshot, overrides };
    forecast(inputs, 1, ruling(live, &now), ruling(candidate, &then))
}

fn codes(forecast: &Forecast) -> Vec<&str> {
    forecast.warnings.iter().map(|warning| &*warning.code).collect()
}

/// So many requests that few-requests is no matter.
fn many(path: &str, tenant: Option<&str>, user: Option<&str>) -> Vec<Asked> {
    vec![asked(path, tenant, user); 100]
}

#[test]
fn a_raised_percentage_moves_whom_it_says() {
    let (live, candidate) = (snapshot(&canary(10.0)), snapshot(&canary(25.0)));
    let requests = (0..2000).map(|n| {
        let user = format!("u-{}", n % 1000);
        let tenant = format!("t-{}", n % 7);
        asked(if n % 2 == 0 { "/orders/1" } else { "/other" }, Some(&tenant), Some(&user))
    });
    let requests: Vec<Asked> = requests.collect();
    let inputs: Vec<_> = requests.iter().map(|request| one(&live, request)).collect();
    let forecast = compare(&live, &candidate, &inputs);
    let moves = |request: &&Asked| request.decide(&live).side != request.decide(&candidate).side;
    let moving: Vec<&Asked> = requests.iter().filter(moves).collect();
    let row = &forecast.routes[0];
    assert_eq!((&*row.route, row.requests, forecast.requests), ("orders", 1000, 2000));
    assert!((row.moved.to_new.share - moving.len() as f64 / 1000.0).abs() < 1e-9);
    assert!((forecast.moved.either.share - moving.len() as f64 / 2000.0).abs() < 1e-9);
    assert_eq!(row.moved.to_legacy.share, 0.0);
    // Each user asks twice, each time on the same route.
    assert_eq!(row.moved.users_to_new, moving.len() as u64 / 2);
    assert_eq!((row.moved.tenants_to_new, row.tenants.len()), (7, 7));
    assert!(row.tenants[0].to_new >= row.tenants[6].to_new);
    assert!((row.new_after.share - row.new_before.share - row.moved.to_new.share).abs() < 1e-9);
    assert_eq!(forecast.changes, ["orders: canary 10 % by user → 25 % by user"]);
    assert_eq!(codes(&forecast), [""; 0]);
}

/// An input that was certainly taken.
fn one(snapshot: &Snapshot, request: &Asked) -> Arc<Input> {
    let by = By { rules: &snapshot.rules, shadows: &snapshot.shadows, generation: 1 };
    Arc::new(Input::of(&request.view(), Subject::default(), by, &request.decide(snapshot)).unwrap())
}

#[test]
fn what_then_happens_lies_within_the_interval() {
    let (live, candidate) = (snapshot(&canary(10.0)), snapshot(&canary(30.0)));
    let mut random = fastrand::Rng::with_seed(11);
    // A few users ask often, many seldom.
    let mut request = move || {
        let user = (random.f64().powi(3) * 5000.0) as u32;
        asked("/orders/1", None, Some(&format!("u-{user}")))
    };
    let happened: Vec<Asked> = (0..100_000).map(|_| request()).collect();
    let moves = |request: &&Asked| request.decide(&live).side != request.decide(&candidate).side;
    let truth = happened.iter().filter(moves).count() as f64 / happened.len() as f64;
    let rounds = 100;
    let held = (0..rounds).filter(|_| {
        let requests: Vec<Asked> = (0..3000).map(|_| request()).collect();
        let portion = compare(&live, &candidate, &sampled(&live, requests.into_iter())).routes[0].moved.to_new;
        assert!(portion.low <= portion.share && portion.share <= portion.high && portion.n > 100);
        (portion.low..=portion.high).contains(&truth)
    });
    // 95 of 100 are meant to; fewer than 87 would come by chance once in a thousand times.
    let held = held.count();
    assert!(held >= 87, "{held} of {rounds} intervals held {truth}");
}

#[test]
fn requests_that_change_their_route_are_told_of_both() {
    let live = snapshot(&format!("{}# \n", canary(100.0)));
    let candidate = snapshot(
        &canary(100.0).replace("]\n", ", { name: special, match: { path: /orders/7 }, new: new, stage: legacy }]\n"),
    );
    let inputs: Vec<_> =
        (0..100).map(|n| one(&live, &asked(&format!("/orders/{}", n % 10), None, Some("u")))).collect();
    let forecast = compare(&live, &candidate, &inputs);
    let row = |name: &str| forecast.routes.iter().find(|row| row.route == name).unwrap();
    assert_eq!((row("special").arriving.share, row("special").moved.to_legacy.share), (1.0, 1.0));
    assert_eq!((row("orders").leaving, row("orders").requests), (10, 90));
    let back = compare(&candidate, &snapshot(""), &inputs);
    let row = back.routes.iter().find(|row| row.route == "orders").unwrap();
    assert_eq!((row.moved.to_legacy.share, row.arriving.share), (1.0, 1.0));
}

#[test]
fn each_warning_has_its_cause() {
    let base = canary(25.0);
    let cases: [(&str, String, String, Vec<Asked>); 14] = [
        ("route-vanishes", base.clone(), String::new(), vec![]),
        ("percentage-falls", base.clone(), canary(5.0), vec![]),
        ("stage-back", base.replace("stage: canary", "stage: live"), base.clone(), vec![]),
        ("salt-changes", base.clone(), base.replace("new: new", "salt: other, new: new"), vec![]),
        ("key-changes", base.clone(), base.replace("by: user", "by: client"), vec![]),
        ("no-guard", base.clone(), base.replace(GUARD, "owner: o"), vec![]),
        ("never-exercised", base.clone(), base.replace("stage: canary", "stage: live"), many("/orders/1", None, None)),
        (
            "salt-changes",
            "flags: { f: { percent: 5, by: user } }\n".to_owned(),
            "flags: { f: { percent: 5, by: user, salt: x } }\n".to_owned(),
            vec![],
        ),
        (
            "salt-changes",
            "cohorts: { c: { percent: 5, by: user } }\n".to_owned(),
            "cohorts: { c: { percent: 5, by: user, salt: x } }\n".to_owned(),
            vec![],
        ),
        ("few-requests", base.clone(), base.clone(), vec![]),
        (
            "header-not-kept",
            base.clone(),
            base.replace("match: {", "match: { headers: { X-Api-Key: { prefix: a } },"),
            vec![],
        ),
        ("subject-changes", base.clone(), format!("force: {{ networks: [10.0.0.0/8] }}\n{base}"), vec![]),
        (
            "untold",
            base.replace("match: {", "match: { query: { token: abc },"),
            base.clone(),
            many("/orders/1?token=abc", None, Some("u")),
        ),
        ("none", base.clone(), base.clone(), many("/orders/1", None, Some("u"))),
    ];
    for (code, live, candidate, requests) in cases {
        let (live, mut candidate) = (snapshot(&live), snapshot(&candidate));
        if code == "subject-changes" {
            candidate.rules.subjects.user.clear();
        }
        let inputs: Vec<_> = requests.iter().map(|request| one(&live, request)).collect();
        let forecast = compare(&live, &candidate, &inputs);
        let mut found = codes(&forecast);
        if code != "few-requests" {
            found.retain(|code| *code != "few-requests");
        }
        found.dedup();
        assert_eq!(found, if code == "none" { vec![] } else { vec![code] }, "{:?}", forecast.warnings);
    }
}

#[test]
fn a_ramp_that_begins_is_at_its_first_step() {
    let ramped = canary(10.0).replace("percent: 10, by: user }", "by: user }, ramp: { steps: [20%, 50%], every: 10m }");
    let (live, candidate) = (snapshot(&canary(10.0)), snapshot(&ramped));
    let inputs: Vec<_> = (0..1000).map(|n| one(&live, &asked("/orders/1", None, Some(&format!("u-{n}"))))).collect();
    let forecast = compare(&live, &candidate, &inputs);
    assert!((0.07..0.13).contains(&forecast.moved.to_new.share), "{:?}", forecast.moved);
    assert_eq!((forecast.moved.to_legacy.share, codes(&forecast)), (0.0, vec![]));
}

#[test]
fn a_forecast_names_no_user_and_no_secret() {
    let (live, candidate) = (snapshot(&canary(0.0)), snapshot(&canary(100.0)));
    let mut request = asked("/orders/1?token=S3CRET1", Some("acme"), Some("S3CRET2"));
    let mut headers = request.headers.to_map();
    headers.insert(HeaderName::from_static("authorization"), HeaderValue::from_static("Bearer S3CRET3"));
    request.headers = headers.into();
    let forecast = compare(&live, &candidate, &[one(&live, &request)]);
    let text = serde_json::to_string(&forecast).unwrap();
    assert!(text.contains("acme") && !text.contains("S3CRET"), "{text}");
    assert_eq!(serde_json::from_str::<Forecast>(&text).unwrap(), forecast);
}

fn of_log(live: &Snapshot, candidate: &Snapshot, log: &str) -> Forecast {
    forecast_of_log(&mut log.as_bytes(), live, candidate).unwrap()
}

fn line(path: &str, route: &str, side: &str, reason: &str, rest: &str) -> String {
    format!(
        "{{\"ts\":\"x\",\"client\":\"192.0.2.1\",\"method\":\"GET\",\"host\":\"Shop.Example:80\",\"path\":\"{path}\",\"side\":\"{side}\",\"route\":{route},\"reason\":\"{reason}\"{rest}}}\n"
    )
}

#[test]
fn a_log_tells_what_moves() {
    let (live, candidate) = (snapshot(&canary(10.0)), snapshot(&canary(25.0)));
    let mut log: String = (0..100_u32)
        .map(|n| {
            let bucket = n * 1000;
            let (side, reason) = if bucket < 10_000 { ("new", "percent") } else { ("legacy", "outside-percent") };
            line("/orders/1", "\"orders\"", side, reason, &format!(",\"bucket\":{bucket},\"tenant\":null"))
        })
        .collect();
    log += &line("/orders/1", "\"orders\"", "legacy", "missing-key:user", ",\"bucket\":null,\"tenant\":null");
    log += &line("/other", "null", "legacy", "no-route", ",\"bucket\":null,\"tenant\":null");
    log += &line("/orders/1", "\"orders\"", "new", "force", "");
    log += &line("/orders/1", "\"orders\"", "legacy", "pin:route", "");
    log += "no json\n\n{}\n";
    let forecast = of_log(&live, &candidate, &log);
    assert_eq!((forecast.requests, forecast.left_out, forecast.broken, forecast.untold), (102, 2, 2, 0));
    assert_eq!((forecast.routes[0].requests, forecast.routes[0].moved.to_new.share), (101, 15.0 / 101.0));
    let reshuffled = of_log(&live, &snapshot(&canary(25.0).replace("new: new", "salt: s, new: new")), &log);
    assert_eq!((reshuffled.untold, reshuffled.requests), (100, 2));
    assert!(codes(&reshuffled).contains(&"untold"));
    let to_live = of_log(&live, &snapshot(&canary(10.0).replace("stage: canary", "stage: live")), &log);
    let warning = to_live.warnings.iter().find(|warning| warning.code == "never-exercised").unwrap();
    assert!(warning.message.starts_with("1 of 101 requests (1.0 %) have no user"), "{}", warning.message);
}

#[test]
fn a_log_tells_of_conditions_that_are_still_the_same() {
    let old_app =
        ", { name: old-app, match: { path: \"/orders/{id}\", headers: { X-App: \"1\" } }, new: new, stage: STAGE }]\n";
    let live = snapshot(&canary(0.0).replace("]\n", &old_app.replace("STAGE", "legacy")));
    let candidate = snapshot(&canary(0.0).replace("]\n", &old_app.replace("STAGE", "live")));
    let log = line("/orders/1", "\"old-app\"", "legacy", "stage:legacy", "")
        + &line("/orders/1", "\"orders\"", "legacy", "outside-percent", ",\"bucket\":5");
    let forecast = of_log(&live, &candidate, &log);
    assert_eq!((forecast.requests, forecast.untold), (2, 0));
    let row = forecast.routes.iter().find(|row| row.route == "old-app").unwrap();
    assert_eq!((row.requests, row.moved.to_new.share), (1, 1.0));
    let other = snapshot(&canary(0.0).replace("]\n", &old_app.replace("STAGE", "live").replace("\"1\"", "\"2\"")));
    assert_eq!(of_log(&live, &other, &log).untold, 2);
}

#[test]
fn a_log_names_the_tenants_that_move() {
    let route = |stage: &str| {
        format!(
            "routes: [{{ name: a, match: {{ path: /a }}, new: new, stage: {stage}, canary: {{ tenants: [acme] }}, {GUARD} }}]\n"
        )
    };
    let (live, candidate) = (snapshot(&route("legacy")), snapshot(&route("canary")));
    let log = line("/a", "\"a\"", "legacy", "stage:legacy", ",\"tenant\":null")
        + &line("/a", "\"a\"", "legacy", "stage:legacy", ",\"tenant\":\"acme\"");
    let forecast = of_log(&live, &candidate, &log);
    assert_eq!((forecast.untold, forecast.requests, forecast.moved.to_new.share), (0, 2, 0.5));
    assert_eq!(forecast.routes[0].tenants[0].tenant, "acme");
}

#[test]
fn a_candidate_is_one_text_or_a_bundle() {
    let text = format!("{HEAD}{}", canary(5.0));
    let loaded = Candidate::Text(text.clone()).load(&Options::default());
    assert!(Candidate::Bundle(Box::new(loaded.bundle)).load(&Options::default()).is_clean());
    let includes = Candidate::Text(format!("include: [more/*.yaml]\n{text}")).load(&Options::default());
    assert!(!includes.is_clean());
    let variable = text.replace("name: orders", "name: orders, owner: \"${PATH}\"");
    let loaded = Candidate::Text(variable).load(&Options::default());
    assert_eq!(loaded.diagnostics.errors().next().unwrap().code, "unset-variable");
}

#[test]
fn a_hundred_thousand_inputs_are_decided_in_seconds() {
    let route = |percent: u32| -> String {
        let routes: String = (0..1000)
            .map(|n| format!("- {{ name: r{n}, match: {{ path: \"/r{n}/{{id}}\" }}, new: new, stage: canary, canary: {{ percent: {percent}, by: user }} }}\n"))
            .collect();
        format!("routes:\n{routes}")
    };
    let (live, candidate) = (snapshot(&route(10)), snapshot(&route(20)));
    let inputs: Vec<_> = (0..100_000)
        .map(|n| {
            one(
                &live,
                &asked(&format!("/r{}/{n}", n % 1000), Some(&format!("t-{}", n % 5000)), Some(&format!("u-{n}"))),
            )
        })
        .collect();
    let began = Instant::now();
    let forecast = compare(&live, &candidate, &inputs);
    assert_eq!((forecast.requests, forecast.routes.len()), (100_000, 1000));
    // Without optimization; a release takes a tenth.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

proptest! {
    #[test]
    fn the_rows_add_up_to_the_whole(
        (from, to) in (0..101_u32, 0..101_u32),
        requests in prop::collection::vec((0..3_u8, prop::option::of(0..30_u8), prop::option::of(0..5_u8)), 0..60),
    ) {
        let (live, candidate) = (snapshot(&canary(f64::from(from))), snapshot(&canary(f64::from(to))));
        let inputs: Vec<_> = requests.iter().map(|(path, user, tenant)| {
            let (user, tenant) = (user.map(|n| format!("u{n}")), tenant.map(|n| format!("t{n}")));
            one(&live, &asked(["/orders/1", "/orders/2", "/x"][usize::from(*path)], tenant.as_deref(), user.as_deref()))
        }).collect();
        let forecast = compare(&live, &candidate, &inputs);
        let total: u64 = forecast.routes.iter().map(|row| row.requests).sum();
        prop_assert_eq!((total, forecast.untold), (requests.len() as u64, 0));
        let moving: f64 = forecast.routes.iter().map(|row| row.moved.either.share * row.requests as f64).sum();
        prop_assert!((moving - forecast.moved.either.share * total as f64).abs() < 1e-6);
        let back = if to >= from { &forecast.moved.to_legacy } else { &forecast.moved.to_new };
        prop_assert_eq!(back.share, 0.0);
    }

    #[test]
    fn no_line_breaks_a_forecast(log in "[ -~\\n]{0,200}|(\\{\"method\":\"[A-Z]{0,4}\",\"host\":\"[a-z.:]{0,9}\",\"path\":\"[/a-z*%]{0,9}\",\"client\":\"1.1.1.1\",\"side\":\"(new|legacy)\"\\}\n){0,3}") {
        let live = snapshot(&canary(10.0));
        let forecast = of_log(&live, &live, &log);
        prop_assert!(forecast.requests + forecast.untold + forecast.left_out + forecast.broken <= log.lines().count() as u64);
    }
}
