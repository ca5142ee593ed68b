//! Who asks for what: host, path, client address, claims and a forced side.

use std::borrow::Cow;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::SystemTime;

use http::{HeaderValue, Method, Version, header};

use super::view::View;
use crate::errors::Failure;
use crate::names::Side;
use crate::routing::{Claims, RequestView};
use crate::server::Peer;
use crate::snapshot::ForceSettings;
use crate::wire::headers::Asked;
use crate::wire::request::Parts;
use crate::wire::{client, host, target};

/// What a request is, before it is decided.
pub(super) struct Identified {
    /// The host as it was sent; `None` on HTTP/1.0 without one.
    pub(super) host_header: Option<HeaderValue>,
    /// The client's computed address.
    pub(super) client: IpAddr,
    /// The side it may force and does.
    pub(super) force: Option<Side>,
    /// Whether it may see the decision and wants to.
    pub(super) explain: bool,
    /// Whether it wants to speak another protocol.
    pub(super) upgrade: bool,
    /// Which, where that may be passed on.
    pub(super) switch: Option<HeaderValue>,
    /// The claims of its token.
    pub(super) claims: Option<Rc<Claims>>,
}

/// Looks at a request from which everything was removed that its sender may not say.
pub(super) fn identify(parts: &Parts, asked: Asked, view: &View, peer: &Peer) -> Result<Identified, Failure> {
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(Failure::Method);
    }
    check_target(parts, view.listeners.get(peer.listener).is_some_and(|listener| listener.opaque_slashes))?;
    let host_header = host_header(parts)?;
    let trust = &view.generation.snapshot.trust;
    let client = client::address(peer.address.ip(), &parts.fields, &trust.proxies);
    let may = trust.force.as_ref().is_some_and(|force| may_force(force, client, asked.secret.as_ref()));
    let force = asked.force.as_ref().filter(|_| may).and_then(|value| Side::parse(value.to_str().ok()?));
    let claims = view.verifier.as_ref().and_then(|verifier| verifier.claims(&parts.fields, SystemTime::now()));
    let explain = may && asked.explain;
    // RFC 9110 section 7.8: HTTP/1.0 knows no upgrades; and a body would have to pass before the protocol changes.
    let switch = asked.switch.filter(|_| parts.version == Version::HTTP_11 && parts.method == Method::GET);
    Ok(Identified { host_header, client, force, explain, upgrade: asked.upgrade, switch, claims })
}

/// The host as routes are matched against; empty where none was sent.
pub(super) fn host(sent: Option<&HeaderValue>) -> Result<Cow<'_, str>, Failure> {
    let Some(value) = sent else { return Ok(Cow::Borrowed("")) };
    let text = value.to_str().map_err(|_| Failure::Host("The host is not ASCII."))?;
    host::canonical(text).map_err(Failure::Host)
}

/// What the decision may look at.
pub(super) fn view_of<'a>(
    parts: &'a Parts,
    host: &'a str,
    client: IpAddr,
    trusted: bool,
    claims: Option<&'a Claims>,
) -> RequestView<'a> {
    RequestView {
        method: &parts.method,
        host,
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.fields,
        client,
        trusted,
        claims,
    }
}

fn check_target(parts: &Parts, opaque_slashes: bool) -> Result<(), Failure> {
    let uri = &parts.uri;
    match uri.scheme_str() {
        None if uri.authority().is_some() => {
            return Err(Failure::Target("The target is an authority, which only CONNECT has."));
        }
        None | Some("http" | "https") => {}
        Some(_) => return Err(Failure::Target("The target's scheme is not http or https.")),
    }
    if uri.path() == "*" {
        let options = parts.method == Method::OPTIONS;
        return if options { Ok(()) } else { Err(Failure::Target("Only OPTIONS has the target *.")) };
    }
    target::check_path(uri.path(), opaque_slashes).map_err(Failure::Target)
}

/// The one host of the request: the target's authority if it has one (RFC 9112 section 3.2.2), else the Host header.
fn host_header(parts: &Parts) -> Result<Option<HeaderValue>, Failure> {
    let mut values = parts.fields.get_all(&header::HOST);
    let sent = values.next();
    if values.next().is_some() {
        return Err(Failure::Host("Host is sent twice."));
    }
    if sent.is_none() && parts.version >= Version::HTTP_11 {
        return Err(Failure::Host("Host is missing."));
    }
    match parts.uri.authority() {
        Some(authority) if authority.as_str().contains('@') => Err(Failure::Host("The target holds user information.")),
        Some(authority) => {
            HeaderValue::from_str(authority.as_str()).map(Some).map_err(|_| Failure::Host("The host is not ASCII."))
        }
        None => Ok(parts.fields.shared(&header::HOST)),
    }
}

/// Each condition that is set must hold; with none set, nobody may.
fn may_force(force: &ForceSettings, client: IpAddr, secret: Option<&HeaderValue>) -> bool {
    let network = force.networks.is_empty() || force.networks.iter().any(|network| network.contains(&client));
    let known = force
        .secret
        .as_ref()
        .is_none_or(|wanted| secret.is_some_and(|given| equal_in_constant_time(given.as_bytes(), wanted.as_bytes())));
    network && known && !(force.networks.is_empty() && force.secret.is_none())
}

/// Compares without telling by its time how much of the secret was right; its length is not hidden.
fn equal_in_constant_time(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// What `Banyan-Decision` says.
pub(super) fn explanation(view: &View, decision: &crate::routing::Decision) -> Option<HeaderValue> {
    let rules = &view.generation.snapshot.rules;
    let route = decision.route.map_or(Cow::Borrowed("-"), |id| Cow::Owned(rules.route(id).name.to_string()));
    let bucket = decision.bucket.map_or_else(|| "-".to_owned(), |bucket| bucket.0.to_string());
    let text = format!(
        "route={route}; side={}; reason={}; bucket={bucket}; generation={}",
        decision.side,
        rules.reason_text(decision.reason),
        view.generation.number
    );
    HeaderValue::from_str(&text).ok()
}
