//! The path of a request against the templates of routes: the index finds what the plainest search finds, and the bytes that
//! were matched are the bytes that go on.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use banyan::names::Stage;
use banyan::routing::{
    BackendId, HostPattern, Match, NoTrace, Original, Overrides, PathPattern, RequestView, Rewrite, Route, Rules,
    RulesParts, Subject, TraceStep,
};
use banyan::wire::{host, target};
use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;

/// The most routes and requests of one input.
const MOST: usize = 24;

// Lines: `HOST PATH METHOD` is a route, `> HOST PATH METHOD` is a request; `-` stands for none.
fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (requests, routes): (Vec<&str>, Vec<&str>) = text.lines().take(2 * MOST).partition(|line| line.starts_with('>'));
    let routes: Vec<Route> = routes.into_iter().filter_map(route).take(MOST).collect();
    let rules = Rules::build(RulesParts { routes, fallthrough: Some(BackendId(9)), ..RulesParts::default() });
    for line in requests.iter().take(MOST) {
        let [authority, path, method] = words(line[1..].trim_start());
        let Ok(method) = Method::from_bytes(method.as_bytes()) else { continue };
        let Ok(host) = host::canonical(authority) else { continue };
        check(&rules, &host, path, &method);
    }
});

fn words(line: &str) -> [&str; 3] {
    let mut words = line.split(' ');
    [(); 3].map(|()| words.next().unwrap_or_default())
}

fn route(line: &str) -> Option<Route> {
    let [host, path, method] = words(line);
    let host = if host == "-" { None } else { Some(HostPattern::parse(host).ok()?) };
    let path = if path == "-" { None } else { Some(PathPattern::parse(path).ok()?) };
    let methods = if method == "-" { Vec::new() } else { vec![Method::from_bytes(method.as_bytes()).ok()?] };
    let name: Arc<str> = line.into();
    let matches = vec![Match { host, path, methods, headers: Vec::new(), query: Vec::new() }];
    // The template of the path itself: whatever is taken apart must come together again.
    let own = matches[0].path.as_ref().map(PathPattern::to_string);
    let rewrite = own.map(|own| Rewrite::new(&own, &matches, false, false).expect("a template has its own captures"));
    Some(Route {
        salt: name.clone(),
        name,
        owner: None,
        group: None,
        stage: Stage::Legacy,
        matches,
        legacy: Some(BackendId(0)),
        new: None,
        canary: None,
        rewrite,
        timeout: Duration::from_secs(1),
    })
}

fn check(rules: &Rules, host: &str, path: &str, method: &Method) {
    // Anything else has been refused before it is matched.
    if path != "*" && !path.starts_with('/') {
        return;
    }
    let passes = target::check_path(path, false).is_ok();
    if passes {
        assert!(target::check_path(path, true).is_ok(), "less passes where more does");
        assert!(!reads_as_another(path), "{path:?} passes");
        if let Ok(uri) = path.parse::<http::Uri>() {
            let query = path.find('?').unwrap_or(path.len());
            assert_eq!(uri.path(), path[..query].split('#').next().unwrap_or_default(), "not the bytes that came");
        }
    }
    let headers = HeaderMap::new();
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let view = RequestView { method, host, path, query: None, headers: &banyan::fields::Fields::from(&headers), client, trusted: false, claims: None };
    let overrides = Overrides::default();
    let decision = rules.decide(&view, &overrides, None, &mut Subject::default(), &mut NoTrace);
    let mut trace: Vec<TraceStep> = Vec::new();
    assert_eq!(rules.decide(&view, &overrides, None, &mut Subject::default(), &mut trace), decision, "told otherwise");
    let best = rules.routes.iter().filter(|route| holds(route, host, path, method)).min_by_key(|route| rank(route));
    let found = decision.route.map(|id| &*rules.route(id).name);
    assert_eq!(found, best.map(|route| &*route.name), "{method} {host} {path}");
    let Some(route) = decision.route.map(|id| rules.route(id)) else { return };
    if let (Some(rewrite), true) = (&route.rewrite, path.starts_with('/')) {
        let original = Original { alternative: decision.alternative, captures: &decision.captures, path };
        let rewritten = rewrite.path(original);
        let root_of_rest = path.strip_suffix('/').unwrap_or(path);
        assert!(rewritten == path || rewritten == root_of_rest, "{path:?} became {rewritten:?}");
    }
}

/// Whether a backend that decodes and normalises might come to another path: by the letter, without a thought of speed.
fn reads_as_another(path: &str) -> bool {
    let mut text = path.to_ascii_lowercase();
    for _ in 0..path.len() {
        let next = text.replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\").replace("%25", "%").replace("%3b", ";");
        if next == text {
            break;
        }
        text = next;
    }
    text.split(['/', '\\']).any(|segment| matches!(segment.split(';').next(), Some("." | "..")))
}

fn holds(route: &Route, host: &str, path: &str, method: &Method) -> bool {
    let entry = &route.matches[0];
    entry.host.as_ref().is_none_or(|pattern| match pattern {
        HostPattern::Exact(name) => **name == *host,
        HostPattern::Wildcard(domain) => host.len() <= 253 && host.len() > domain.len() + 1 && host.ends_with(&format!(".{domain}")),
    }) && entry.path.as_ref().is_none_or(|template| takes(template.as_str(), path))
        && (entry.methods.is_empty() || entry.methods.contains(method))
}

/// Whether a template takes a path, segment by segment.
fn takes(template: &str, path: &str) -> bool {
    if !path.starts_with('/') {
        return false;
    }
    let mut parts = path[1..].split('/');
    for segment in template[1..].split('/') {
        if segment.starts_with("{*") {
            return true;
        }
        match parts.next() {
            None => return false,
            Some("") if segment.starts_with('{') => return false,
            Some(part) if !segment.starts_with('{') && part != segment => return false,
            Some(_) => {}
        }
    }
    parts.next().is_none()
}

/// How specific a route is; the smallest comes first, file order decides between equals.
fn rank(route: &Route) -> (u8, usize, Vec<u8>, bool) {
    let entry = &route.matches[0];
    let (kind, length) = match &entry.host {
        Some(HostPattern::Exact(_)) => (0, 0),
        Some(HostPattern::Wildcard(domain)) => (1, usize::MAX - domain.len()),
        None => (2, 0),
    };
    let template = entry.path.as_ref().map_or("/{*rest}", PathPattern::as_str);
    let mut path: Vec<u8> = template[1..]
        .split('/')
        .map(|segment| match segment {
            _ if segment.starts_with("{*") => 3,
            _ if segment.starts_with('{') => 2,
            _ => 1,
        })
        .collect();
    if path.last() != Some(&3) {
        path.push(0);
    }
    (kind, length, path, entry.methods.is_empty())
}
