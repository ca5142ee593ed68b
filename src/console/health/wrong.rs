//! What is wrong, in words, with the way out: what costs traffic first.

use super::seen::{BackendSeen, Seen};
use crate::console::number::{bytes, count, counted, span};
use crate::control::overview::{BackendStatus, EndpointStatus};
use crate::report::html::Fate;

/// How long before its end a certificate is told of, in days.
const SOON: u64 = 30;
const DAY_MS: u64 = 86_400_000;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::console) struct Wrong {
    /// Whether it costs traffic, or would with the next restart; else somebody should look.
    pub(in crate::console) is_bad: bool,
    pub(in crate::console) words: String,
    /// What to do about it.
    pub(in crate::console) way_out: String,
    /// Where more is told.
    pub(in crate::console) href: &'static str,
}

/// Everything that is wrong, the worst first.
pub(in crate::console) fn of(seen: &Seen) -> Vec<Wrong> {
    let mut found = Vec::new();
    seen.status
        .backends
        .iter()
        .zip(&seen.backends)
        .for_each(|(status, backend)| of_backend(status, backend, &mut found));
    of_files(seen, &mut found);
    of_disk(seen, &mut found);
    of_certificates(seen, &mut found);
    of_doors(seen, &mut found);
    of_copies(seen, &mut found);
    of_peers(seen, &mut found);
    found.sort_by_key(|wrong| !wrong.is_bad);
    found
}

fn bad(words: String, way_out: impl Into<String>, href: &'static str) -> Wrong {
    Wrong { is_bad: true, words, way_out: way_out.into(), href }
}

fn warn(words: String, way_out: impl Into<String>, href: &'static str) -> Wrong {
    Wrong { is_bad: false, ..bad(words, way_out, href) }
}

fn of_backend(status: &BackendStatus, backend: &BackendSeen, found: &mut Vec<Wrong>) {
    let name = &status.name;
    let is_down = |endpoint: &&EndpointStatus| !endpoint.healthy || endpoint.ejected || !endpoint.resolved;
    let down: Vec<&EndpointStatus> = status.endpoints.iter().filter(is_down).collect();
    let which = down
        .iter()
        .map(|endpoint| format!("{} {}", endpoint.address, trouble(endpoint)))
        .collect::<Vec<_>>()
        .join(", ");
    if !down.is_empty() && down.len() == status.endpoints.len() {
        let way_out =
            "Roll back the routes that need it, or see to the system behind it; all endpoints are tried meanwhile.";
        found.push(bad(format!("The backend {name} has no endpoint that is up: {which}."), way_out, "#backends"));
    } else if !down.is_empty() {
        let words = format!("{} of {} endpoints of {name} are left out: {which}.", down.len(), status.endpoints.len());
        found.push(warn(words, "The others answer. It comes back by itself when it is well.", "#backends"));
    }
    let Some(limits) = backend.limits else { return };
    let bounds = [
        ("requests", status.requests, limits.requests),
        ("connections", status.connections, limits.connections),
        ("pending", status.waiting, limits.pending),
    ];
    for (what, now, most) in bounds {
        if most > 0 && now.saturating_mul(10) >= (most as u64).saturating_mul(9) {
            let words = format!(
                "{name} has {} of {} {what} in use; beyond that, requests are answered 503.",
                count(now),
                count(most as u64)
            );
            let way_out = format!("See why it is slow, or raise `limits: {{ {what}: … }}` of the backend.");
            found.push(bad(words, way_out, "#backends"));
        }
    }
}

/// What is the matter with an endpoint.
pub(super) fn trouble(endpoint: &EndpointStatus) -> &'static str {
    match (endpoint.resolved, endpoint.healthy, endpoint.ejected) {
        (false, ..) => "has no address",
        (_, false, _) => "fails its health check",
        (.., true) => "is left out for what it answered",
        _ => "is up",
    }
}

fn of_files(seen: &Seen, found: &mut Vec<Wrong>) {
    let reload = &seen.status.reload;
    if reload.serving_kept {
        let words = "The configuration of before is served: the files could not be taken at the start.".to_owned();
        found.push(bad(words, "Correct the files; they are read as soon as they are saved.", "#files"));
    } else if reload.at.is_some() && !reload.accepted {
        let (words, way_out) = match seen.findings.len() {
            0 => (
                "The last change of the files was refused; what was live before still is.".to_owned(),
                "See below. Where it takes something away on purpose: `banyan reload --confirm`.",
            ),
            errors => (
                format!(
                    "The last change of the files was refused for {}; what was live before still is.",
                    counted(errors as u64, "error")
                ),
                "Correct them; the files are read as soon as they are saved.",
            ),
        };
        found.push(warn(words, way_out, "#files"));
    }
    if let Some(held) = seen.status.held {
        let words = format!("Generation {held} is held: changes of the files wait.");
        found.push(warn(words, "`banyan resume --file` makes the files count again.", "/changes"));
    }
    if seen.status.killed {
        let words = "The kill switch is on: everything is on legacy.".to_owned();
        found.push(warn(words, "Resume traffic when what it was pulled for is over.", "/kill"));
    }
    if seen.is_leaving {
        let words = "The facade is going down: it takes no new connections.".to_owned();
        found.push(warn(words, "This page goes with it; another instance should answer by now.", ""));
    }
}

fn of_disk(seen: &Seen, found: &mut Vec<Wrong>) {
    const SPACE: &str =
        "See whether the disk of the state directory is full or read-only; it is tried again each second.";
    if seen.ledger.is_behind {
        let waiting = counted(seen.ledger.waiting as u64, "record");
        let words =
            format!("What was done is in force but not on the disk: {waiting} would be lost with a restart now.");
        found.push(bad(words, SPACE, "#disk"));
    }
    if seen.is_unkept {
        let words = "The accepted configuration could not be kept: a start with broken files would find an older one."
            .to_owned();
        found.push(bad(words, SPACE, "#disk"));
    }
    if !seen.store.is_recording {
        let words = "Comparisons are not being recorded.".to_owned();
        found.push(bad(
            words,
            "See the log for why the store cannot be written; gates and differences stand still until it can.",
            "#disk",
        ));
    } else if seen.store.lost > 0 {
        let words = format!("The store lost {} since the start.", counted(seen.store.lost, "comparison"));
        found.push(warn(
            words,
            "The disk is too slow for them, or was full; a lower `shadow.sample` makes fewer.",
            "#disk",
        ));
    }
    if seen.access_lost > 0 {
        let words = format!("{} were lost since the start.", counted(seen.access_lost, "access-log line"));
        found.push(warn(
            words,
            "The log’s disk or pipe is too slow; what is lost is counted, never waited for.",
            "#disk",
        ));
    }
}

fn of_certificates(seen: &Seen, found: &mut Vec<Wrong>) {
    for certificate in &seen.certificates {
        let Some(until) = certificate.until_ms else { continue };
        let whose = match certificate.names.first() {
            Some(name) => format!("{} ({name})", certificate.place),
            None => certificate.place.clone(),
        };
        let way_out = "Put a new one in its place; it is read as soon as it is there.";
        if until <= seen.now_ms {
            let ago = span((seen.now_ms - until) / 1000);
            found.push(bad(format!("The certificate of {whose} expired {ago} ago."), way_out, "#certificates"));
        } else if until - seen.now_ms < SOON * DAY_MS {
            let left = span((until - seen.now_ms) / 1000);
            found.push(warn(format!("The certificate of {whose} expires in {left}."), way_out, "#certificates"));
        }
    }
}

fn of_doors(seen: &Seen, found: &mut Vec<Wrong>) {
    let doors = &seen.doors;
    if doors.panics > 0 {
        let words = format!("{} broke since the start, each for its own client.", counted(doors.panics, "request"));
        found.push(bad(words, "That is a mistake in the facade: its log has the place; please report it.", "#workers"));
    }
    if doors.accept_errors > 0 {
        let words = format!("{} since the start.", counted(doors.accept_errors, "failed accept"));
        found.push(warn(words, "Mostly the process has too few file descriptors: raise `ulimit -n`.", "#workers"));
    }
    let [crowded, per_client] = doors.turned_away;
    if crowded > 0 {
        let words = format!("{} were turned away since a listener was full.", counted(crowded, "connection"));
        found.push(warn(words, "Raise the listener’s bound on connections, or add an instance.", "#workers"));
    }
    if per_client > 0 {
        let words = format!("{} were turned away since their client had too many.", counted(per_client, "connection"));
        found.push(warn(words, "If that is a proxy, raise the bound on connections of one client.", "#workers"));
    }
}

fn of_copies(seen: &Seen, found: &mut Vec<Wrong>) {
    let copies = &seen.copies;
    if copies.most > 0 && copies.held.saturating_mul(5) >= copies.most.saturating_mul(4) {
        let words = format!(
            "Copies hold {} of {} bytes; what does not fit is dropped.",
            bytes(copies.held as u64),
            bytes(copies.most as u64)
        );
        found.push(warn(
            words,
            "Clients notice nothing. Lower `shadow.sample`, or raise `shadowing.bytes`.",
            "#copies",
        ));
    }
    let offered = copies.sent + copies.of_fate(Fate::Failed) + copies.of_fate(Fate::Dropped);
    let over = |count: u64, percent: u64| count.saturating_mul(100) > offered.saturating_mul(percent);
    let (dropped, failed) = (copies.of_fate(Fate::Dropped), copies.of_fate(Fate::Failed));
    if over(dropped, 1) {
        let words = format!(
            "{} of {} were dropped since the start.",
            count(dropped),
            counted(offered, "copy").replace("copys", "copies")
        );
        found.push(warn(
            words,
            "Clients notice nothing, but fewer answers are compared. Below it says why.",
            "#copies",
        ));
    }
    if over(failed, 5) {
        let words = format!(
            "{} of {} failed on the other side since the start.",
            count(failed),
            counted(offered, "copy").replace("copys", "copies")
        );
        found.push(warn(words, "It may not be up to the traffic: look at its backend.", "#copies"));
    }
}

fn of_peers(seen: &Seen, found: &mut Vec<Wrong>) {
    for peer in seen.status.peers.iter().filter(|peer| !peer.agrees) {
        let words = format!("{} does not agree: {}.", peer.address, peer.differences.join("; "));
        found.push(warn(
            words,
            "Instances that differ answer differently: reload, roll back or resume there too.",
            "#peers",
        ));
    }
}

#[cfg(test)]
mod tests;
