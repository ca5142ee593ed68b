//! What every request passes first: is it meant for this facade, and does no page of another site send it? And what every answer
//! gets last.
//!
//! A browser on an operator's machine reaches what strangers do not. A page of another site may make it send requests, and a name
//! that such a site has turned to this address makes them look like its own (DNS rebinding); a token in a header stops most of it,
//! this all.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::uri::Authority;
use axum::http::{Extensions, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::Admin;
use super::fault::Fault;
use super::refusal::Refusal;
use crate::routing::HostPattern;
use crate::wire::host;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client(pub(super) IpAddr);

impl Client {
    /// The address that a request with these extensions came from; the unspecified one where that is unknown.
    pub(super) fn of(extensions: &Extensions) -> IpAddr {
        extensions.get::<Client>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.0)
    }
}

/// Lets a request in, or says why not; counts what was refused, here or further in.
pub(super) async fn pass(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let client = Client::of(request.extensions());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut answer = match admitted(&admin, &request) {
        Err(fault) => fault.into_response(),
        Ok(()) => carried_out(next.run(request)).await,
    };
    if let Some(refusal) = answer.extensions().get::<Refusal>().copied()
        && let Some(times) = admin.keeper.refusals.count(refusal, Instant::now())
    {
        tracing::warn!(?refusal, times, %client, %method, path, "a request to the admin API was refused");
    }
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// The answer of a handler that runs on its own: a command once begun is carried out though the caller has gone, and a panic ends
/// nothing but itself.
async fn carried_out(handler: impl Future<Output = Response> + Send + 'static) -> Response {
    match tokio::spawn(handler).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "a handler of the admin API broke");
            Fault::broken().into_response()
        }
    }
}

fn admitted(admin: &Admin, request: &Request) -> Result<(), Fault> {
    let (uri, headers) = (request.uri(), request.headers());
    // Those who probe by a name of their own learn nothing.
    if !matches!(uri.path(), "/livez" | "/readyz") && !is_meant(uri, headers, &admin.live.admin().hosts) {
        let message = "this facade does not answer to that Host; `admin.hosts` may name it";
        return Err(Fault::new(StatusCode::MISDIRECTED_REQUEST, message).because(Refusal::Host));
    }
    if is_foreign(uri, headers) && !is_followed_link(request.method(), uri, headers) {
        let message = "requests of other sites' pages are not taken";
        return Err(Fault::new(StatusCode::FORBIDDEN, message).because(Refusal::Origin));
    }
    Ok(())
}

/// Whether the request names an IP address, `localhost` or one of these hosts, at any port. A name is what an attacker can turn
/// to this address; an address is not.
fn is_meant(uri: &Uri, headers: &HeaderMap, hosts: &[HostPattern]) -> bool {
    let Some(host) = target(uri, headers).and_then(|authority| host::canonical(authority).ok()) else {
        return false;
    };
    host.starts_with('[')
        || host.parse::<Ipv4Addr>().is_ok()
        || host == "localhost"
        || hosts.iter().any(|pattern| pattern.matches(&host))
}

/// Whether a browser says that another site sends it (Fetch, sections 3.2 and 3.3 of Fetch Metadata).
fn is_foreign(uri: &Uri, headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return false };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).filter(|(scheme, authority)| {
        // Before a proxy that speaks TLS it is https.
        matches!(*scheme, "http" | "https") && !authority.is_empty()
    });
    let same = authority.zip(target(uri, headers)).is_some_and(|((_, origin), own)| origin.eq_ignore_ascii_case(own));
    !same || origins.next().is_some()
}

/// Whether somebody follows a link of another site to a page: that shows them the page and the other site nothing, and the cookie
/// of a session is not sent with it.
fn is_followed_link(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let is = |name: HeaderName, value: &[u8]| headers.get(name).is_some_and(|sent| sent.as_bytes() == value);
    *method == Method::GET
        && !uri.path().starts_with("/api/")
        && !headers.contains_key(header::ORIGIN)
        && is(SEC_FETCH_MODE, b"navigate")
        && is(SEC_FETCH_DEST, b"document")
}

/// Whom the request is for: the authority of its target, else its only Host (RFC 9112 section 3.2).
fn target<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let sent = hosts.next().and_then(|host| host.to_str().ok());
    if hosts.next().is_some() {
        return None;
    }
    uri.authority().map(Authority::as_str).or(sent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn meant(uri: &str, host: &str) -> bool {
        let hosts = ["banyan.internal", "*.svc"].map(|host| HostPattern::parse(host).unwrap());
        is_meant(&uri.parse().unwrap(), &headers(&[("host", host)]), &hosts)
    }

    #[test]
    fn addresses_localhost_and_named_hosts_are_meant_at_any_port() {
        for host in
            ["127.0.0.1", "10.0.0.2:9900", "[::1]:9900", "localhost:1", "LOCALHOST", "banyan.internal.", "a.b.svc:80"]
        {
            assert!(meant("/", host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "svc",
            "xbanyan.internal",
            "127.0.0.1@evil.example",
            "127.1",
            "0x7f.0.0.1",
            "[::1].evil.example",
            "localhost/x",
        ] {
            assert!(!meant("/", host), "{host}");
        }
        assert!(!meant("http://evil.example/", "localhost"));
        assert!(meant("http://localhost/", "localhost"));
        let none = HeaderMap::new();
        assert!(!is_meant(&"/".parse().unwrap(), &none, &[]));
        let twice = headers(&[("host", "localhost"), ("host", "localhost")]);
        assert!(!is_meant(&"/".parse().unwrap(), &twice, &[]));
    }

    #[test]
    fn only_the_own_origin_may_send() {
        let foreign = |lines: &[(&'static str, &str)]| {
            let lines = [&[("host", "localhost:9900")][..], lines].concat();
            is_foreign(&"/".parse().unwrap(), &headers(&lines))
        };
        assert!(!foreign(&[]));
        for origin in ["http://localhost:9900", "https://LOCALHOST:9900"] {
            assert!(!foreign(&[("origin", origin)]), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://",
            "http://localhost",
            "http://evil.example",
            "file://localhost:9900",
            "localhost:9900",
        ] {
            assert!(foreign(&[("origin", origin)]), "{origin}");
        }
        assert!(foreign(&[("origin", "http://localhost:9900"), ("origin", "http://localhost:9900")]));
        for (site, expected) in
            [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true), ("x", true)]
        {
            assert_eq!(foreign(&[("sec-fetch-site", site)]), expected, "{site}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_like_any_other() {
        let answer = carried_out(async { panic!("for the test") }).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let fine = carried_out(async { "fine".into_response() }).await;
        assert_eq!(fine.status(), StatusCode::OK);
    }

    proptest! {
        #[test]
        fn no_name_gets_in_that_is_not_listed(label in "[a-z0-9.-]{0,20}", port in any::<u16>()) {
            let host = format!("{label}.evil.example:{port}");
            prop_assert!(!meant("/", &host));
        }
    }
}
