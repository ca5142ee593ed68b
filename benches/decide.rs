//! What one decision costs with 10, 1,000 and 100,000 routes, under random requests over all of them, and what building
//! the rules costs. Prints the ratio between the largest and the smallest.

#![allow(clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use banyan::fields::Fields;
use banyan::names::{Key, Stage};
use banyan::routing::{
    BackendId, Canary, Cohort, CohortId, CohortKind, Flag, FlagId, HostPattern, Match, NoTrace, Overrides, PathPattern,
    Percent, RequestView, Route, Rules, RulesParts, Share, Subject, SubjectRules, SubjectSource,
};
use criterion::{Criterion, Throughput};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// How many requests are made ready: what they touch of 100,000 routes goes beyond the inner caches.
const REQUESTS: usize = 8192;
/// How many clients send them. In a running facade a request's head has just been read and is in the cache; so few heads
/// stay there too, and what is measured is the rules.
const CLIENTS: usize = 256;
const SIZES: [usize; 3] = [10, 1_000, 100_000];
/// Rounds of the comparison between the smallest and the largest set.
const ROUNDS: usize = 41;

fn main() {
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    let clients = clients();
    let sets: Vec<_> = SIZES.iter().map(|&size| (rules(size), requests(size, &clients))).collect();
    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Elements(1));
    for (size, (rules, requests)) in SIZES.iter().zip(&sets) {
        let mut next = (0..requests.len()).cycle();
        group.bench_function(format!("{size} routes"), |bencher| {
            bencher.iter(|| next.next().map(|place| decide(rules, &requests[place])));
        });
    }
    group.finish();
    print_ratio(&sets);
    print_build();
    criterion.final_summary();
}

/// Passes over all requests, the sets by turns. The pass before each timed one brings back what the other sets pushed out
/// of the caches. The best round counts: the one that other work on the machine disturbed least.
fn print_ratio(sets: &[(Rules, Vec<Request<'_>>)]) {
    let mut best = vec![f64::INFINITY; sets.len()];
    for _ in 0..ROUNDS {
        for ((rules, requests), best) in sets.iter().zip(&mut best) {
            let pass = || requests.iter().for_each(|request| assert!(decide(rules, request)));
            pass();
            let start = Instant::now();
            pass();
            *best = best.min(start.elapsed().as_secs_f64() * 1e9 / requests.len() as f64);
        }
    }
    for (size, time) in SIZES.iter().zip(&best) {
        println!("{size:>7} routes: {time:.0} ns per decision, {:.2} times the smallest set", time / best[0]);
    }
}

fn print_build() {
    let size = SIZES[SIZES.len() - 1];
    let parts = parts(size);
    let start = Instant::now();
    let rules = black_box(Rules::build(parts));
    println!("{size:>7} routes: built in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    let unreachable = black_box(rules.unreachable()).len();
    println!("{size:>7} routes: {unreachable} unreachable, seen in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
}

fn decide(rules: &Rules, request: &Request<'_>) -> bool {
    let view = RequestView {
        method: &request.method,
        host: request.host,
        path: &request.path,
        query: None,
        headers: request.headers,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        trusted: true,
        claims: None,
    };
    let mut subject = Subject::default();
    let decision = rules.decide(&view, &Overrides::default(), None, &mut subject, &mut NoTrace);
    assert!(decision.route.is_some());
    black_box(decision).backend.is_some()
}

struct Request<'c> {
    method: Method,
    host: &'static str,
    path: String,
    headers: &'c Fields,
}

/// Random requests, each for a random route out of all, by a random client.
fn requests(size: usize, clients: &[Fields]) -> Vec<Request<'_>> {
    let mut random = Random(7);
    (0..REQUESTS)
        .map(|_| {
            let number = random.below(size);
            let (service, id) = (number / 5, random.below(1_000_000));
            let (method, path) = match number % 5 {
                0 => (Method::GET, format!("/svc-{service}/orders")),
                1 => (Method::POST, format!("/svc-{service}/orders")),
                2 => (Method::GET, format!("/svc-{service}/orders/{id}")),
                3 => (Method::PUT, format!("/svc-{service}/orders/{id}")),
                _ => (Method::GET, format!("/svc-{service}/orders/{id}/items")),
            };
            let host = host(service).unwrap_or("shop.example");
            Request { method, host, path, headers: &clients[random.below(clients.len())] }
        })
        .collect()
}

fn clients() -> Vec<Fields> {
    let mut random = Random(11);
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    (0..CLIENTS)
        .map(|_| {
            let lines = [
                ("user-agent", agent.to_owned()),
                ("accept", "application/json".to_owned()),
                ("accept-encoding", "gzip, deflate, br".to_owned()),
                ("x-tenant-id", format!("tenant-{}", random.below(5000))),
                ("cookie", format!("theme=dark; sid=u-{}; lang=en", random.below(1_000_000))),
            ];
            let pair = |(name, value): (&'static str, String)| {
                (HeaderName::from_static(name), HeaderValue::from_str(&value).expect("plain ASCII"))
            };
            lines.into_iter().map(pair).collect::<HeaderMap>().into()
        })
        .collect()
}

/// Every second service has a host of its team.
fn host(service: usize) -> Option<&'static str> {
    const HOSTS: [&str; 4] = ["eu.shop.example", "us.shop.example", "asia.shop.example", "api.shop.example"];
    (service % 2 == 1).then(|| HOSTS[service / 2 % HOSTS.len()])
}

fn rules(size: usize) -> Rules {
    Rules::build(parts(size))
}

fn parts(size: usize) -> RulesParts {
    let header = |name: &'static str| SubjectSource::Header { name: HeaderName::from_static(name), trusted: true };
    RulesParts {
        routes: (0..size).map(route).collect(),
        cohorts: vec![
            cohort("beta", CohortKind::Tenants(["acme", "globex"].map(Box::from).into_iter().collect())),
            cohort("large", CohortKind::Tenants((0..500).map(|n| format!("tenant-{}", n * 9).into()).collect())),
            cohort(
                "early",
                CohortKind::Percent {
                    percent: Percent::parse("10").expect("a percentage"),
                    by: Key::Tenant,
                    salt: Arc::from("early"),
                },
            ),
        ],
        flags: vec![Flag {
            name: Arc::from("new-checkout"),
            over: None,
            tenants: [(Box::from("initech"), true)].into_iter().collect(),
            users: Default::default(),
            percent: Some((Percent::parse("5").expect("a percentage"), Key::User)),
            salt: Arc::from("new-checkout"),
            default: false,
        }],
        subjects: SubjectRules {
            tenant: vec![header("x-tenant-id")],
            user: vec![SubjectSource::Cookie { name: Arc::from("sid") }],
        },
        fallthrough: Some(BackendId(0)),
    }
}

fn cohort(name: &str, kind: CohortKind) -> Cohort {
    Cohort { name: Arc::from(name), kind, except: Vec::new() }
}

fn route(number: usize) -> Route {
    let service = number / 5;
    let (stage, methods, path) = match number % 5 {
        0 => (Stage::Canary, vec![Method::GET, Method::HEAD], format!("/svc-{service}/orders")),
        1 => (Stage::Canary, vec![Method::POST], format!("/svc-{service}/orders")),
        2 => (Stage::Canary, vec![Method::GET, Method::HEAD], format!("/svc-{service}/orders/{{id}}")),
        3 => (Stage::Live, vec![Method::PUT, Method::DELETE], format!("/svc-{service}/orders/{{id}}")),
        _ => (Stage::Shadow, Vec::new(), format!("/svc-{service}/orders/{{id}}/items")),
    };
    let share =
        Share { percent: Percent::parse("12.5").expect("a percentage"), by: Key::User, of: None, ramped: false };
    let canary = Canary {
        cohorts: vec![CohortId(number as u32 % 3)],
        flags: if number.is_multiple_of(2) { vec![FlagId(0)] } else { Vec::new() },
        share: Some(share),
        ..Canary::default()
    };
    Route {
        name: Arc::from(format!("svc-{service}-orders-{}", number % 5)),
        owner: None,
        group: Some(Arc::from(format!("svc-{service}-orders"))),
        salt: Arc::from(format!("svc-{service}-orders")),
        stage,
        matches: vec![Match {
            host: host(service).map(|name| HostPattern::parse(name).expect("a host")),
            path: Some(PathPattern::parse(&path).expect("a path")),
            methods,
            headers: Vec::new(),
            query: Vec::new(),
        }],
        legacy: Some(BackendId(0)),
        new: Some(BackendId(1 + service as u32 % 50)),
        canary: (stage == Stage::Canary).then_some(canary),
        rewrite: None,
        timeout: Duration::from_secs(30),
    }
}

/// A small generator (splitmix64), so that each run sees the same requests.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
