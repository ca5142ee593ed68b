//! Backends and their endpoints.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::HeaderValue;

use super::{At, Build, Cx, Place, Text, backend_tls, positive, resilience, values};
use crate::config::diagnostic::{Finding, nearest};
use crate::config::file::{self, Endpoint};
use crate::config::read::{Count, Named};
use crate::snapshot::{
    BackendLimits, BackendSettings, BackendTimeouts, Balance, EndpointAddress, HostRule, ListenerSettings, Protocol,
};

/// All backends, in the order of their ids; `None` where one was bad.
pub(super) fn compile(build: &Build<'_>, without_tls: bool, cx: &mut Cx<'_>) -> Vec<Option<BackendSettings>> {
    build.backends.entries.iter().map(|entry| one(entry, without_tls, cx)).collect()
}

fn one(entry: &Named<file::Backend>, without_tls: bool, cx: &mut Cx<'_>) -> Option<BackendSettings> {
    let backend = entry.value.get()?;
    let mut endpoints: Vec<EndpointAddress> = Vec::new();
    for (endpoint, place) in values(Some(&backend.endpoints)) {
        if endpoints.contains(&endpoint.address) {
            cx.report.warning(place, "duplicate-endpoint", format!("`{}` is there twice", endpoint.text));
        } else {
            endpoints.push(endpoint.address.clone());
        }
    }
    let timeouts = backend.timeouts.as_ref().and_then(At::get);
    let default = BackendTimeouts::default();
    let timeouts = BackendTimeouts {
        connect: positive(timeouts.and_then(|given| given.connect.as_ref()), default.connect, cx),
        first_byte: positive(timeouts.and_then(|given| given.first_byte.as_ref()), default.first_byte, cx),
        idle: positive(timeouts.and_then(|given| given.idle.as_ref()), default.idle, cx),
    };
    let balance = match backend.balance.as_ref().and_then(At::get).map(|word| word.0) {
        None | Some(file::Balance::LeastRequests) => Balance::LeastRequests,
        Some(file::Balance::RoundRobin) => Balance::RoundRobin,
    };
    let host = host_rule(backend.host.as_ref(), cx);
    let (protocol, tls) = (protocol(backend), backend_tls::compile(backend, without_tls, cx));
    let limits = limits(backend.limits.as_ref().and_then(At::get), cx);
    let health = resilience::health(backend.health.as_ref(), cx);
    let outlier = resilience::outlier(backend.outlier.as_ref(), cx);
    let retries = resilience::retries(backend.retries.as_ref(), cx);
    let can_return = health.is_some() || outlier.is_some();
    let slow_start = resilience::slow_start(backend.slow_start.as_ref(), can_return);
    let named = BackendSettings::new(Arc::clone(&entry.name), endpoints);
    let spoken = BackendSettings { balance, host, timeouts, protocol, tls, limits, ..named };
    Some(BackendSettings { health, outlier, retries, slow_start, ..spoken })
}

fn protocol(backend: &file::Backend) -> Protocol {
    match backend.protocol.as_ref().and_then(At::get).map(|word| word.0) {
        None | Some(file::Protocol::Auto) => Protocol::Auto,
        Some(file::Protocol::Http1) => Protocol::Http1,
        Some(file::Protocol::Http2) => Protocol::Http2,
    }
}

fn limits(given: Option<&file::BackendLimits>, cx: &mut Cx<'_>) -> BackendLimits {
    let default = BackendLimits::default();
    let Some(given) = given else { return default };
    let read = |at: &Option<At<Count>>, default: usize, least: u32, cx: &mut Cx<'_>| {
        let Some((count, place)) = at.as_ref().and_then(|at| Some((at.get()?.0, at.place))) else { return default };
        if count < least {
            cx.report.error(place, "out-of-range", "zero would let nothing pass");
        }
        count as usize
    };
    BackendLimits {
        requests: read(&given.requests, default.requests, 1, cx),
        connections: read(&given.connections, default.connections, 1, cx),
        pending: read(&given.pending, default.pending, 0, cx),
    }
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
    let value = HeaderValue::from_str(literal).ok().filter(|_| Endpoint::parse(&format!("http://{literal}")).is_ok());
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
        for (endpoint, place) in values(Some(&backend.endpoints)) {
            let Endpoint { text, address } = endpoint;
            if leads_to(address, admin) {
                cx.report.error(place, "endpoint-is-admin", format!("`{}` is this facade's own admin address", text));
            } else if listeners.iter().any(|listener| leads_to(address, listener.address)) {
                cx.report.error(place, "endpoint-is-listener", format!("`{}` is this facade itself: a loop", text));
            }
        }
    }
}

/// Whether connecting to the endpoint reaches a listener at this address, as far as that can be told from here.
pub(super) fn leads_to(endpoint: &EndpointAddress, address: SocketAddr) -> bool {
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
