//! Listeners and what concerns the whole process.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{At, Build, Cx, Place, positive, tls, values};
use crate::config::file::{self, File, Listen, Slashes};
use crate::config::gather::beside;
use crate::config::read::{Count, Size};
use crate::snapshot::{AccessLog, ClientLimits, ClientTimeouts, DrainSettings, ListenerSettings};

const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9900);
const HEADER: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(75);
const BODY: Duration = Duration::from_secs(60);
const HANDSHAKE: Duration = Duration::from_secs(10);
const TUNNEL: Duration = Duration::from_secs(3600);
const GRACE: Duration = Duration::from_secs(30);
const STREAM_GRACE: Duration = Duration::from_secs(30);
/// The most that may be allowed: each connection may take this much memory.
const MOST_HEADERS: u64 = 1000;
const MOST_HEAD: u64 = 1024 * 1024;
const MOST_TARGET: u64 = 64 * 1024;
/// Less holds no ordinary request.
const LEAST_HEAD: u64 = 1024;

/// The listeners and the admin address.
pub(super) fn compile(file: &File, without_tls: bool, cx: &mut Cx<'_>) -> (Vec<ListenerSettings>, SocketAddr) {
    let mut taken: Vec<(SocketAddr, Place)> = Vec::new();
    let mut listeners = Vec::new();
    for (listen, _) in values(Some(&file.listen)) {
        let Some(address) = listen.address.get().map(|address| address.0) else { continue };
        claim(address, listen.address.place, &mut taken, cx);
        listeners.push(listener(listen, address, without_tls, cx));
    }
    let admin = file.admin.as_ref().and_then(At::get).and_then(|admin| admin.address.as_ref());
    let (address, place) = match admin {
        Some(at) => (at.get().map_or(ADMIN, |address| address.0), at.place),
        None => {
            (ADMIN, taken.iter().find(|(other, _)| clash(*other, ADMIN)).map_or(file.listen.place, |(_, place)| *place))
        }
    };
    claim(address, place, &mut taken, cx);
    (listeners, address)
}

fn claim(address: SocketAddr, place: Place, taken: &mut Vec<(SocketAddr, Place)>, cx: &mut Cx<'_>) {
    if let Some((other, first)) = taken.iter().find(|(other, _)| clash(*other, address)) {
        let first = cx.report.files.name(*first);
        cx.report.error(place, "duplicate-address", format!("{address} is taken by {other} at {first}"));
    }
    taken.push((address, place));
}

/// Whether both cannot be listened to at once. Port 0 is a free one each time.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let covers =
        |wide: SocketAddr, narrow: SocketAddr| wide.ip().is_unspecified() && wide.is_ipv4() == narrow.is_ipv4();
    one.port() != 0
        && one.port() == other.port()
        && (one.ip() == other.ip() || covers(one, other) || covers(other, one))
}

fn listener(listen: &Listen, address: SocketAddr, without_tls: bool, cx: &mut Cx<'_>) -> ListenerSettings {
    let timeouts = listen.timeouts.as_ref().and_then(At::get);
    ListenerSettings {
        address,
        opaque_slashes: listen.encoded_slashes.as_ref().and_then(At::get).is_some_and(|word| word.0 == Slashes::Opaque),
        timeouts: ClientTimeouts {
            header: positive(timeouts.and_then(|given| given.header.as_ref()), HEADER, cx),
            idle: positive(timeouts.and_then(|given| given.idle.as_ref()), IDLE, cx),
            body: positive(timeouts.and_then(|given| given.body.as_ref()), BODY, cx),
            handshake: positive(timeouts.and_then(|given| given.handshake.as_ref()), HANDSHAKE, cx),
            tunnel: positive(timeouts.and_then(|given| given.tunnel.as_ref()), TUNNEL, cx),
        },
        limits: limits(listen.limits.as_ref().and_then(At::get), cx),
        tls: tls::compile(listen.tls.as_ref(), tls::Speaks::Both, without_tls, cx),
    }
}

fn limits(given: Option<&file::ClientLimits>, cx: &mut Cx<'_>) -> ClientLimits {
    let default = ClientLimits::default();
    let Some(given) = given else { return default };
    let count = |at: &Option<At<Count>>, range: RangeInclusive<u64>, cx: &mut Cx<'_>| {
        let at = at.as_ref()?;
        within(u64::from(at.get()?.0), at.place, range, cx)
    };
    let size = |at: &Option<At<Size>>, range: RangeInclusive<u64>, cx: &mut Cx<'_>| {
        let at = at.as_ref()?;
        within(at.get()?.0, at.place, range, cx)
    };
    let narrow = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let limits = ClientLimits {
        connections: count(&given.connections, 1..=u64::MAX, cx).map_or(default.connections, narrow),
        per_client: count(&given.per_client, 1..=u64::MAX, cx).map(narrow),
        requests: count(&given.requests, 1..=u64::MAX, cx),
        headers: count(&given.headers, 1..=MOST_HEADERS, cx).map_or(default.headers, narrow),
        head: size(&given.head, LEAST_HEAD..=MOST_HEAD, cx).map_or(default.head, narrow),
        target: size(&given.target, 1..=MOST_TARGET, cx).map_or(default.target, narrow),
        body: size(&given.body, 1..=u64::MAX, cx),
        min_rate: size(&given.min_rate, 0..=u64::MAX, cx).unwrap_or(default.min_rate),
    };
    if let Some(at) = given.target.as_ref().or(given.head.as_ref())
        && limits.target > limits.head
    {
        cx.report.error(at.place, "out-of-range", "a target of this length does not fit into the head");
    }
    limits
}

fn within(value: u64, place: Place, range: RangeInclusive<u64>, cx: &mut Cx<'_>) -> Option<u64> {
    if range.contains(&value) {
        return Some(value);
    }
    let (least, most) = (range.start(), range.end());
    let bounds = if *most == u64::MAX { format!("at least {least}") } else { format!("{least} to {most}") };
    cx.report.error(place, "out-of-range", format!("{value} is out of range: {bounds}"));
    None
}

/// The state directory (absolute), the access log and draining.
pub(super) fn process(
    file: &File,
    main: &Path,
    state_dir: Option<&Path>,
    cx: &mut Cx<'_>,
) -> (PathBuf, AccessLog, DrainSettings) {
    let text =
        |at: &Option<At<crate::config::read::Text>>| at.as_ref().and_then(At::get).map(|text| text.0.to_string());
    let state_dir = match state_dir {
        Some(given) => given.to_path_buf(),
        None => beside(main, &text(&file.state_dir).unwrap_or_else(|| ".banyan".to_owned())),
    };
    let access_log = match text(&file.access_log).as_deref() {
        None | Some("stdout") => AccessLog::Stdout,
        Some("off") => AccessLog::Off,
        Some(path) => AccessLog::File(cx.source.absolute(&beside(main, path))),
    };
    let drain = file.drain.as_ref().and_then(At::get);
    let time =
        |at: Option<&At<crate::config::read::Time>>, default| at.and_then(At::get).map_or(default, |time| time.0);
    let drain = DrainSettings {
        delay: time(drain.and_then(|drain| drain.delay.as_ref()), Duration::ZERO),
        grace: time(drain.and_then(|drain| drain.grace.as_ref()), GRACE),
    };
    (cx.source.absolute(&state_dir), access_log, drain)
}

/// How long streams may go on that have lost their route.
pub(super) fn stream_grace(file: &File) -> Duration {
    file.stream_grace.as_ref().and_then(At::get).map_or(STREAM_GRACE, |time| time.0)
}

/// Whether a reload that looks like a cut file needs to be confirmed.
pub(super) fn confirm_removals(file: &File) -> bool {
    let reload = file.reload.as_ref().and_then(At::get);
    reload.and_then(|reload| reload.confirm_removals.as_ref()).and_then(At::get).is_none_or(|toggle| toggle.0)
}

/// Warns of backends, cohorts, flags and comparisons that nothing uses.
pub(super) fn check_none_unused(build: &Build<'_>, cx: &mut Cx<'_>) {
    build.backends.check_none_unused(cx);
    build.cohorts.check_none_unused(cx);
    build.flags.check_none_unused(cx);
    build.comparisons.check_none_unused(cx);
}
