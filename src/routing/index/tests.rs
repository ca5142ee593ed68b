//! The index against the plainest model there is: sort all alternatives by specificity, take the first whose everything
//! holds.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::fields::Fields;
use crate::names::Stage;
use crate::routing::pattern::Segment;
use crate::routing::{
    BackendId, HeaderCondition, HostPattern, Match, NoTrace, Outcome, PathPattern, QueryCondition, RouteId, Rules,
    RulesParts, TraceStep, ValueMatch,
};

/// How specific an alternative is; the smallest comes first.
type Rank<'m> = ((u8, Reverse<usize>), Vec<u8>, bool, Reverse<usize>, Reverse<usize>);

fn rank(entry: &Match) -> Rank<'_> {
    let host = match &entry.host {
        Some(HostPattern::Exact(_)) => (0, Reverse(0)),
        Some(HostPattern::Wildcard(domain)) => (1, Reverse(domain.len())),
        None => (2, Reverse(0)),
    };
    let kind = |segment: &Segment| match segment {
        Segment::Literal(_) => 1,
        Segment::Capture => 2,
        Segment::Rest => 3,
    };
    // The end of a template comes before anything that may take nothing.
    let mut path: Vec<u8> = entry.path.as_ref().map_or(vec![3], |path| path.segments.iter().map(kind).collect());
    if path.last() != Some(&3) {
        path.push(0);
    }
    (host, path, entry.methods.is_empty(), Reverse(entry.headers.len()), Reverse(entry.query.len()))
}

fn holds(entry: &Match, view: &RequestView<'_>) -> bool {
    entry.host.as_ref().is_none_or(|host| host.matches(view.host))
        && entry.path.as_ref().is_none_or(|path| path.matches(view.path).is_some())
        && (entry.methods.is_empty() || entry.methods.contains(view.method))
        && entry.headers.iter().all(|condition| condition.holds(view.headers))
        && entry.query.iter().all(|condition| condition.holds(view.query))
}

fn model(routes: &[Route], view: &RequestView<'_>) -> Option<(RouteId, u16)> {
    let mut all: Vec<(Rank<'_>, u32, u16)> = Vec::new();
    for (number, route) in routes.iter().enumerate() {
        for (alternative, entry) in route.matches.iter().enumerate() {
            all.push((rank(entry), number as u32, alternative as u16));
        }
    }
    all.sort();
    let taken = |&(_, route, alternative): &(_, u32, u16)| {
        holds(&routes[route as usize].matches[usize::from(alternative)], view)
    };
    all.into_iter().find(taken).map(|(_, route, alternative)| (RouteId(route), alternative))
}

fn find(routes: &[Route], view: &RequestView<'_>) -> Option<(RouteId, u16)> {
    let index = Index::build(routes);
    let found = index.find(routes, view, &mut NoTrace)?;
    Some((found.leaf.route(), found.leaf.alternative()))
}

fn route(name: &str, matches: Vec<Match>) -> Route {
    Route {
        name: Arc::from(name),
        owner: None,
        group: None,
        salt: Arc::from(name),
        stage: Stage::Legacy,
        matches,
        legacy: Some(BackendId(0)),
        new: None,
        canary: None,
        rewrite: None,
        timeout: Duration::from_secs(1),
    }
}

/// A match from texts; an empty one stands for none.
fn entry(host: &str, path: &str, methods: &[Method], headers: &[(&str, &str)], query: &[(&str, &str)]) -> Match {
    let value = |text: &str| if text == "*" { ValueMatch::Present } else { ValueMatch::Exact(text.into()) };
    Match {
        host: (!host.is_empty()).then(|| HostPattern::parse(host).unwrap()),
        path: (!path.is_empty()).then(|| PathPattern::parse(path).unwrap()),
        methods: methods.to_vec(),
        headers: headers
            .iter()
            .map(|(name, text)| HeaderCondition { name: HeaderName::try_from(*name).unwrap(), value: value(text) })
            .collect(),
        query: query.iter().map(|(name, text)| QueryCondition { name: (*name).into(), value: value(text) }).collect(),
    }
}

#[derive(Debug)]
struct Request {
    method: Method,
    host: String,
    path: String,
    query: Option<String>,
    headers: Fields,
}

impl Request {
    fn get(host: &str, path: &str) -> Request {
        Request { method: Method::GET, host: host.into(), path: path.into(), query: None, headers: Fields::default() }
    }

    fn view(&self) -> RequestView<'_> {
        RequestView {
            method: &self.method,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            trusted: false,
            claims: None,
        }
    }
}

/// The name of the route that takes `GET host path`.
fn taker<'r>(routes: &'r [Route], host: &str, path: &str) -> &'r str {
    let request = Request::get(host, path);
    find(routes, &request.view()).map_or("-", |(id, _)| &routes[id.0 as usize].name)
}

fn by_paths(paths: &[&str]) -> Vec<Route> {
    paths.iter().map(|path| route(path, vec![entry("", path, &[], &[], &[])])).collect()
}

#[test]
fn path_is_compared_segment_by_segment() {
    let routes = by_paths(&[
        "/{*all}",
        "/orders/{*rest}",
        "/orders/{id}",
        "/orders/new",
        "/orders",
        "/orders/",
        "/{a}/new",
        "/{a}/{b}/{c}",
        "/orders/{id}/items",
        "/{a}/x/items",
    ]);
    for (path, name) in [
        ("/orders/new", "/orders/new"),
        ("/orders/7", "/orders/{id}"),
        ("/orders", "/orders"),
        ("/orders/", "/orders/"),
        ("/orders/7/items", "/orders/{id}/items"),
        ("/orders/x/items", "/orders/{id}/items"),
        ("/orders/7/other", "/orders/{*rest}"),
        ("/orders//items", "/orders/{*rest}"),
        ("/carts/new", "/{a}/new"),
        ("/carts/x/items", "/{a}/x/items"),
        ("/carts/y/items", "/{a}/{b}/{c}"),
        ("/carts", "/{*all}"),
        ("//", "/{*all}"),
        ("/", "/{*all}"),
        ("*", "-"),
    ] {
        assert_eq!(taker(&routes, "", path), name, "{path}");
    }
}

#[test]
fn rest_also_takes_its_own_root() {
    let routes = by_paths(&["/orders/{*rest}", "/a/{x}/{*rest}"]);
    assert_eq!(taker(&routes, "", "/orders"), "/orders/{*rest}");
    assert_eq!(taker(&routes, "", "/orders/"), "/orders/{*rest}");
    assert_eq!(taker(&routes, "", "/ordersx"), "-");
    assert_eq!(taker(&routes, "", "/a/1"), "/a/{x}/{*rest}");
    assert_eq!(taker(&routes, "", "/a//"), "-");
}

#[test]
fn host_comes_before_path() {
    let routes: Vec<_> = [
        ("exact", "a.shop.example", "/{*rest}"),
        ("long", "*.shop.example", "/{*rest}"),
        ("short", "*.example", "/orders"),
        ("none", "", "/orders"),
        ("any", "", ""),
    ]
    .map(|(name, host, path)| route(name, vec![entry(host, path, &[], &[], &[])]))
    .into();
    for (host, path, name) in [
        ("a.shop.example", "/orders", "exact"),
        ("b.shop.example", "/orders", "long"),
        ("x.a.shop.example", "/orders", "long"),
        ("shop.example", "/orders", "short"),
        ("shop.example", "/carts", "any"),
        ("example", "/orders", "none"),
        ("", "/orders", "none"),
        ("other", "*", "any"),
        ("a.shop.example", "*", "any"),
    ] {
        assert_eq!(taker(&routes, host, path), name, "{host}{path}");
    }
}

#[test]
fn route_whose_conditions_fail_gives_way_across_hosts() {
    let routes = vec![
        route("strict", vec![entry("a.example", "/orders/{id}", &[Method::GET], &[("x-api", "2")], &[])]),
        route("query", vec![entry("a.example", "/orders/{*rest}", &[], &[], &[("full", "1")])]),
        route("post", vec![entry("*.example", "/orders/7", &[Method::POST], &[], &[])]),
        route("last", vec![entry("", "/{*rest}", &[], &[], &[])]),
    ];
    let mut request = Request::get("a.example", "/orders/7");
    let mut trace = Vec::new();
    let index = Index::build(&routes);
    let found = index.find(&routes, &request.view(), &mut trace).unwrap();
    assert_eq!(found.leaf.route(), RouteId(3));
    let outcomes: Vec<_> = trace
        .into_iter()
        .map(|step| match step {
            TraceStep::Tried { route, outcome, .. } => (route.to_string(), outcome),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(
        outcomes,
        vec![
            ("strict".into(), Outcome::Header(HeaderName::from_static("x-api"))),
            ("query".into(), Outcome::Query("full".into())),
            ("post".into(), Outcome::Method),
            ("last".into(), Outcome::Matches),
        ]
    );
    request.query = Some("full=1".into());
    assert_eq!(find(&routes, &request.view()), Some((RouteId(1), 0)));
    request.headers = HeaderMap::from_iter([(HeaderName::from_static("x-api"), HeaderValue::from_static("2"))]).into();
    assert_eq!(find(&routes, &request.view()), Some((RouteId(0), 0)));
}

#[test]
fn methods_are_exact_bytes_and_others_than_the_usual_work() {
    let purge = Method::from_bytes(b"PURGE").unwrap();
    let routes = vec![
        route("purge", vec![entry("", "/a", std::slice::from_ref(&purge), &[], &[])]),
        route("get", vec![entry("", "/a", &[Method::GET], &[], &[])]),
    ];
    let with = |method: &[u8]| {
        let request = Request { method: Method::from_bytes(method).unwrap(), ..Request::get("", "/a") };
        find(&routes, &request.view()).map(|(id, _)| id.0)
    };
    assert_eq!(with(b"PURGE"), Some(0));
    assert_eq!(with(b"GET"), Some(1));
    for other in [&b"get"[..], b"purge", b"BAN", b"HEAD", b"POST"] {
        assert_eq!(with(other), None);
    }
}

#[test]
fn long_hosts_paths_and_salts_work_too() {
    let host = format!("{}.example", ["x".repeat(60), "y".repeat(60)].join("."));
    let path = format!("/{}/{{id}}", "segment/".repeat(60).trim_end_matches('/'));
    let mut one = route("long", vec![entry(&host, &path, &[], &[], &[])]);
    one.salt = "s".repeat(400).into();
    let routes = vec![one];
    assert_eq!(taker(&routes, &host, &path.replace("{id}", "7")), "long");
    assert_eq!(taker(&routes, &host, &path.replace("{id}", "")), "-");
    let endless = format!("{}.example", "a.".repeat(100_000));
    assert_eq!(taker(&[route("w", vec![entry("*.example", "", &[], &[], &[])])], &endless, "/"), "-");
}

#[test]
fn unreachable_alternatives_are_named_and_only_they() {
    let get = &[Method::GET][..];
    let rules = Rules::build(RulesParts {
        routes: vec![
            route("a", vec![entry("", "/orders/{id}", &[Method::GET, Method::POST], &[], &[])]),
            route("same", vec![entry("", "/orders/{other}", get, &[], &[])]),
            route("rest of the methods", vec![entry("", "/orders/{id}", &[], &[], &[])]),
            route("nothing left", vec![entry("", "/orders/{id}", &[], &[], &[])]),
            route("header", vec![entry("", "/orders/{id}", get, &[("x-api", "*")], &[])]),
            route("value", vec![entry("", "/orders/{id}", get, &[("x-api", "2")], &[])]),
            route("other value", vec![entry("", "/carts", &[], &[("x-api", "1")], &[])]),
            route("another value", vec![entry("", "/carts", &[], &[("x-api", "2")], &[])]),
            route("get", vec![entry("", "/x", get, &[], &[])]),
            route("post", vec![entry("", "/x", &[Method::POST], &[], &[])]),
            route(
                "both",
                vec![entry("a.example", "/x", &[], &[], &[]), entry("", "/x", &[Method::POST, Method::GET], &[], &[])],
            ),
            route("rest", vec![entry("", "/{*rest}", &[], &[], &[])]),
            route("all", vec![entry("", "", &[], &[], &[])]),
            route("rest again", vec![entry("", "/{*rest}", &[], &[], &[])]),
        ],
        ..RulesParts::default()
    });
    let named: Vec<_> = rules
        .unreachable()
        .into_iter()
        .map(|one| (&*rules.route(one.route).name, one.alternative, &*rules.route(one.by).name))
        .collect();
    assert_eq!(
        named,
        vec![
            ("same", 0, "a"),
            ("nothing left", 0, "rest of the methods"),
            ("value", 0, "header"),
            ("both", 1, "post"),
            ("rest again", 0, "rest"),
        ]
    );
}

const HOSTS: [&str; 6] = ["", "a.example", "b.a.example", "*.example", "*.a.example", "*.b.a.example"];
const REQUEST_HOSTS: [&str; 6] = ["", "example", "a.example", "b.a.example", "x.b.a.example", "y.example"];
const HEADERS: [(&str, &str); 4] = [("x-a", "1"), ("x-a", "*"), ("x-b", "1"), ("x-b", "2")];
const QUERY: [(&str, &str); 3] = [("q", "1"), ("q", "*"), ("r", "1")];

fn methods() -> [Method; 4] {
    [Method::GET, Method::POST, Method::from_bytes(b"PURGE").unwrap(), Method::from_bytes(b"BAN").unwrap()]
}

fn any_path() -> impl Strategy<Value = String> {
    let segments = proptest::collection::vec(select(vec!["a", "b", "{}", "{}"]), 0..4);
    (segments, select(vec!["", "", "/", "/{*z}", "/{*z}"]), 0..12).prop_map(|(segments, tail, none)| {
        let mut text = String::new();
        for (place, segment) in segments.iter().enumerate() {
            text.push('/');
            text.push_str(&if *segment == "{}" { format!("{{c{place}}}") } else { (*segment).to_owned() });
        }
        text.push_str(tail);
        match text.is_empty() {
            _ if none == 0 => String::new(),
            true => "/".to_owned(),
            false => text,
        }
    })
}

fn any_entry() -> impl Strategy<Value = Match> {
    (
        select(HOSTS.to_vec()),
        any_path(),
        proptest::sample::subsequence(methods().to_vec(), 0..3),
        proptest::sample::subsequence(HEADERS.to_vec(), 0..3),
        proptest::sample::subsequence(QUERY.to_vec(), 0..2),
    )
        .prop_map(|(host, path, methods, headers, query)| entry(host, &path, &methods, &headers, &query))
}

fn any_routes(most: usize) -> impl Strategy<Value = Vec<Route>> {
    proptest::collection::vec(proptest::collection::vec(any_entry(), 1..3), 0..most).prop_map(|all| {
        all.into_iter().enumerate().map(|(number, matches)| route(&format!("r{number}"), matches)).collect()
    })
}

fn any_request() -> impl Strategy<Value = Request> {
    (
        select(REQUEST_HOSTS.to_vec()),
        prop_oneof![9 => "(/(a|b|c|)){1,5}", 1 => Just("*".to_owned())],
        select(methods().to_vec()),
        select(vec![None, Some("q=1"), Some("q=2"), Some("r=1&q=1"), Some("q=1&q=1"), Some("")]),
        proptest::collection::vec((select(vec!["x-a", "x-b"]), select(vec!["1", "2"])), 0..3),
    )
        .prop_map(|(host, path, method, query, lines)| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            Request { method, host: host.into(), path, query: query.map(str::to_owned), headers: headers.into() }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn index_finds_what_the_model_finds(routes in any_routes(24), requests in proptest::collection::vec(any_request(), 1..12)) {
        for request in &requests {
            let view = request.view();
            let expected = model(&routes, &view);
            prop_assert_eq!(find(&routes, &view), expected, "{} {}{}", view.method, view.host, view.path);
            // With a trace the search takes another way to the same place.
            let index = Index::build(&routes);
            let mut trace = Vec::new();
            let found = index.find(&routes, &view, &mut trace);
            prop_assert_eq!(found.as_ref().map(|found| (found.leaf.route(), found.leaf.alternative())), expected);
            if let (Some(found), Some((id, alternative))) = (found, expected) {
                let path = &routes[id.0 as usize].matches[usize::from(alternative)].path;
                let captures = path.as_ref().and_then(|path| path.matches(view.path)).unwrap_or_default();
                prop_assert_eq!(found.captures, captures);
            }
        }
    }

    #[test]
    fn file_order_decides_only_between_equals(routes in any_routes(12), seed in any::<u64>(), request in any_request()) {
        let view = request.view();
        let mut shuffled = routes.clone();
        // Swaps by a plain generator: each order of the routes can come up.
        let mut state = seed | 1;
        for place in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(place, (state >> 33) as usize % (place + 1));
        }
        let winner = |routes: &[Route]| find(routes, &view).map(|(id, alternative)| routes[id.0 as usize].matches[usize::from(alternative)].clone());
        let (before, after) = (winner(&routes), winner(&shuffled));
        prop_assert_eq!(before.as_ref().map(rank), after.as_ref().map(rank));
    }

    #[test]
    fn unreachable_alternatives_never_win(routes in any_routes(16), requests in proptest::collection::vec(any_request(), 1..20)) {
        let unreachable = Index::build(&routes).unreachable(&routes);
        for request in &requests {
            let winner = find(&routes, &request.view());
            prop_assert!(!unreachable.iter().any(|one| Some((one.route, one.alternative)) == winner));
        }
    }

    #[test]
    fn any_host_and_path_are_searched_without_a_panic(routes in any_routes(8), host in ".*", path in ".*", dots in "[.a]{0,300}") {
        for (host, path) in [(&host, &path), (&dots, &path), (&path, &host)] {
            let request = Request::get(host, path);
            prop_assert_eq!(find(&routes, &request.view()), model(&routes, &request.view()));
        }
    }
}
