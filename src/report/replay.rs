//! Where a kept request is sent again, and how the route writes it for new.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::curl::{Curl, curl};
use crate::names::Side;
use crate::routing::{NoTrace, Original, Overrides, RequestView, Subject};
use crate::snapshot::Snapshot;
use crate::store::read::Kept;

/// The first endpoint of this side of the comparison's route, as a URL; `None` where these rules have none.
#[must_use]
pub fn base(kept: &Kept, side: Side, snapshot: &Snapshot) -> Option<String> {
    let route = snapshot.rules.routes.iter().find(|route| *route.name == *kept.route)?;
    let id = if side == Side::Legacy { route.legacy } else { route.new };
    let endpoint = snapshot.backend(id?).endpoints.first()?;
    let scheme = if endpoint.tls { "https" } else { "http" };
    Some(format!("{scheme}://{}", endpoint.authority))
}

/// The target as the route rewrites it for new; `None` where it does not, or where the configuration no longer takes the
/// request for this route.
#[must_use]
pub fn rewritten(kept: &Kept, snapshot: &Snapshot) -> Option<String> {
    let uri: Uri = kept.target.parse().ok()?;
    let method = Method::from_bytes(kept.method.as_bytes()).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in &kept.detail.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = crate::wire::host::canonical(host).map(|host| host.into_owned()).unwrap_or_default();
    let view = RequestView {
        method: &method,
        host: &host,
        path: uri.path(),
        query: uri.query(),
        headers: &headers.into(),
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        trusted: true,
        claims: None,
    };
    let decision =
        snapshot.rules.decide(&view, &Overrides::default(), None, &mut Subject::given(None, None), &mut NoTrace);
    let route = snapshot.rules.route(decision.route?);
    let rewrite = route.rewrite.as_ref().filter(|_| *route.name == *kept.route)?;
    let original = Original { alternative: decision.alternative, captures: &decision.captures, path: uri.path() };
    let path = rewrite.path(original);
    Some(uri.query().map_or(path.to_string(), |query| format!("{path}?{query}")))
}

/// The command that asks this side again, with the path that it would be sent; `None` where these rules do not say where that is.
#[must_use]
pub fn replay(kept: &Kept, side: Side, snapshot: &Snapshot) -> Option<Curl> {
    let base = base(kept, side, snapshot)?;
    let target = if side == Side::New { rewritten(kept, snapshot) } else { None };
    Some(match target {
        Some(target) => curl(&Kept { target, ..kept.clone() }, &base),
        None => curl(kept, &base),
    })
}
