//! Backends and their endpoints.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::{At, Build, Cx, Place, Text, positive, values};
use crate::config::diagnostic::{Finding, nearest};
use crate::config::file;
use crate::config::read::{Named, Refusal};
use crate::snapshot::{BackendSettings, BackendTimeouts, Balance, EndpointAddress, HostRule, ListenerSettings};

const CONNECT: Duration = Duration::from_secs(2);
const FIRST_BYTE: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(60);

/// All backends, in the order of their ids; `None` where one was bad.
pub(super) fn compile(build: &Build<'_>, cx: &mut Cx<'_>) -> Vec<Option<BackendSettings>> {
    build.backends.entries.iter().map(|entry| one(entry, cx)).collect()
}

fn one(entry: &Named<file::Backend>, cx: &mut Cx<'_>) -> Option<BackendSettings> {
    let backend = entry.value.get()?;
    let mut endpoints: Vec<EndpointAddress> = Vec::new();
    for (text, place) in values(Some(&backend.endpoints)) {
        match endpoint(&text.0) {
            Ok(endpoint) if endpoints.contains(&endpoint) => {
                cx.report.warning(place, "duplicate-endpoint", format!("`{}` is there twice", text.0));
            }
            Ok(endpoint) => endpoints.push(endpoint),
            Err(refusal) => cx.refuse(place, refusal),
        }
    }
    let timeouts = backend.timeouts.as_ref().and_then(At::get);
    let timeouts = BackendTimeouts {
        connect: positive(timeouts.and_then(|given| given.connect.as_ref()), CONNECT, cx),
        first_byte: positive(timeouts.and_then(|given| given.first_byte.as_ref()), FIRST_BYTE, cx),
        idle: positive(timeouts.and_then(|given| given.idle.as_ref()), IDLE, cx),
    };
    let balance = match backend.balance.as_ref().and_then(At::get).map(|word| word.0) {
        None | Some(file::Balance::LeastRequests) => Balance::LeastRequests,
        Some(file::Balance::RoundRobin) => Balance::RoundRobin,
    };
    let host = host_rule(backend.host.as_ref(), cx);
    Some(BackendSettings { name: Arc::clone(&entry.name), endpoints, balance, host, timeouts })
}

/// Reads `http://host:port`.
fn endpoint(text: &str) -> Result<EndpointAddress, Refusal> {
    let bad = |why: &str| Refusal::new("bad-endpoint", format!("`{text}`: {why}"));
    let example = "write it as `http://10.0.0.5:8080`";
    let Some((scheme, rest)) = text.split_once("://") else { return Err(bad("this is no URL").help(example)) };
    if scheme == "https" {
        return Err(Refusal::new("https-backend", format!("`{text}`: only http:// is spoken to backends")));
    }
    if scheme != "http" {
        return Err(bad("only http:// is spoken to backends").help(example));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if end < rest.len() {
        let help = format!("did you mean `http://{}`?", &rest[..end]);
        return Err(bad("an endpoint has no path; paths are rewritten by the route").help(help));
    }
    if rest.contains('@') {
        return Err(bad("an endpoint has no user"));
    }
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(|| bad("this is no URL").help(example))?)),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port.map(|port| (port, port.parse::<u16>())) {
        None => 80,
        Some((digits, Ok(port))) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
        Some(_) => return Err(bad("the port is a number from 1 to 65535")),
    };
    let bracketed = rest.starts_with('[');
    let host = if bracketed {
        host.parse::<Ipv6Addr>().map_err(|_| bad("between the brackets stands no IPv6 address"))?.to_string()
    } else {
        host_name(host).ok_or_else(|| bad("this is no IP address and no DNS name").help(example))?
    };
    let shown = if bracketed { format!("[{host}]") } else { host.clone() };
    let authority = if port == 80 { shown } else { format!("{shown}:{port}") };
    Ok(EndpointAddress { host: Arc::from(host), port, authority: Arc::from(authority) })
}

/// An IPv4 address or a DNS name, in lower case. Container networks have names with underscores.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        label.len() <= 63
            && edge(label.bytes().next())
            && edge(label.bytes().next_back())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return None;
    }
    // What looks like an address must be one: `10.0.0.256` is no name.
    let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    (!numeric || name.parse::<Ipv4Addr>().is_ok()).then_some(name)
}

fn host_rule(host: Option<&At<Text>>, cx: &mut Cx<'_>) -> HostRule {
    let Some((text, place)) = host.and_then(|host| Some((&*host.get()?.0, host.place))) else {
        return HostRule::Preserve;
    };
    match text {
        "preserve" => HostRule::Preserve,
        "endpoint" => HostRule::Endpoint,
        literal => {
            if let Some(near) = nearest(literal, ["preserve", "endpoint"]) {
                let finding = Finding::warning(place, "literal-host", format!("the Host will be `{literal}`"));
                cx.report.add(finding.help(format!("did you mean `{near}`?")));
            }
            literal_host(literal, place, cx)
        }
    }
}

fn literal_host(literal: &str, place: Place, cx: &mut Cx<'_>) -> HostRule {
    let value = HeaderValue::from_str(literal).ok().filter(|_| endpoint(&format!("http://{literal}")).is_ok());
    value.map_or_else(
        || {
            let finding = Finding::error(place, "bad-host", format!("`{literal}` is no host"));
            cx.report.add(finding.help("preserve, endpoint, or a host such as `orders.internal:8080`"));
            HostRule::Preserve
        },
        HostRule::Literal,
    )
}

/// Reports endpoints that are this facade itself: its admin listener must not be reachable through it, and a request
/// sent to its own listener would go round for ever.
pub(super) fn check_loops(
    entries: &[Named<file::Backend>],
    compiled: &[Option<BackendSettings>],
    listeners: &[ListenerSettings],
    admin: SocketAddr,
    cx: &mut Cx<'_>,
) {
    for (entry, settings) in entries.iter().zip(compiled) {
        let (Some(backend), Some(_)) = (entry.value.get(), settings) else { continue };
        for (text, place) in values(Some(&backend.endpoints)) {
            let Ok(endpoint) = endpoint(&text.0) else { continue };
            if leads_to(&endpoint, admin) {
                cx.report.error(place, "endpoint-is-admin", format!("`{}` is this facade's own admin address", text.0));
            } else if listeners.iter().any(|listener| leads_to(&endpoint, listener.address)) {
                cx.report.error(place, "endpoint-is-listener", format!("`{}` is this facade itself: a loop", text.0));
            }
        }
    }
}

/// Whether connecting to the endpoint reaches a listener at this address, as far as that can be told from here.
fn leads_to(endpoint: &EndpointAddress, address: SocketAddr) -> bool {
    if address.port() == 0 || address.port() != endpoint.port {
        return false;
    }
    let ip = match endpoint.host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical(),
        Err(_) if &*endpoint.host == "localhost" || endpoint.host.ends_with(".localhost") => Ipv4Addr::LOCALHOST.into(),
        Err(_) => return false,
    };
    let own = address.ip().to_canonical();
    // Connecting to 0.0.0.0 reaches this machine, as loopback does.
    let here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    ip == own || (here(ip) && here(own))
}
