//! The page below what is wrong.

use super::files::Finding;
use super::seen::{Certificate, Seen};
use super::wrong::trouble;
use crate::clock::moment;
use crate::console::chart::{Svg, Unit, bar};
use crate::console::number::{bytes, count, span};
use crate::control::overview::PeerStatus;
use crate::report::html::Fate;
use crate::report::percent;

/// The page below what is wrong.
pub(in crate::console) struct View {
    pub(in crate::console) uptime: String,
    pub(in crate::console) generation: u64,
    pub(in crate::console) configuration: String,
    pub(in crate::console) reload: String,
    pub(in crate::console) findings: Vec<Finding>,
    /// What the last reload said, where the files themselves do not say it.
    pub(in crate::console) messages: Vec<String>,
    pub(in crate::console) backends: Vec<Backend>,
    pub(in crate::console) copies: Vec<CopyRow>,
    pub(in crate::console) sent: String,
    pub(in crate::console) queue: Svg,
    pub(in crate::console) queue_words: String,
    pub(in crate::console) disk: Vec<(&'static str, String, &'static str)>,
    pub(in crate::console) certificates: Vec<CertificateRow>,
    pub(in crate::console) workers: Vec<WorkerRow>,
    pub(in crate::console) doors: Vec<(String, String)>,
    pub(in crate::console) peers: Vec<PeerStatus>,
}

/// A backend.
pub(in crate::console) struct Backend {
    pub(in crate::console) name: String,
    pub(in crate::console) endpoints: Vec<Endpoint>,
    pub(in crate::console) requests: String,
    pub(in crate::console) connections: String,
    pub(in crate::console) waiting: String,
    pub(in crate::console) answered: String,
    pub(in crate::console) times: String,
    pub(in crate::console) errors: String,
    pub(in crate::console) retries: String,
}

/// An endpoint.
pub(in crate::console) struct Endpoint {
    pub(in crate::console) address: String,
    pub(in crate::console) state: &'static str,
    pub(in crate::console) class: &'static str,
    pub(in crate::console) note: String,
}

/// Copies that were not compared, for one reason.
pub(in crate::console) struct CopyRow {
    pub(in crate::console) fate: &'static str,
    pub(in crate::console) class: &'static str,
    pub(in crate::console) why: &'static str,
    pub(in crate::console) count: String,
}

/// A certificate.
pub(in crate::console) struct CertificateRow {
    pub(in crate::console) place: String,
    pub(in crate::console) names: String,
    pub(in crate::console) until: String,
    pub(in crate::console) left: String,
    pub(in crate::console) class: &'static str,
}

/// A worker.
pub(in crate::console) struct WorkerRow {
    pub(in crate::console) number: usize,
    pub(in crate::console) connections: String,
    pub(in crate::console) answered: String,
    pub(in crate::console) share: Svg,
}

impl View {
    /// What the page shows of what is known.
    pub(in crate::console) fn of(seen: &Seen) -> View {
        let reload = &seen.status.reload;
        let held = seen.copies.held as f64 / seen.copies.most.max(1) as f64;
        View {
            uptime: span(seen.uptime_s),
            generation: seen.status.generation,
            configuration: seen.status.configuration.clone(),
            reload: match (&reload.at, reload.accepted) {
                (None, true) => "not changed since the start".to_owned(),
                (None, false) => "not taken at the start".to_owned(),
                (Some(at), true) => format!("taken {at}"),
                (Some(at), false) => format!("refused {at}"),
            },
            messages: if seen.findings.is_empty() { reload.messages.clone() } else { Vec::new() },
            findings: seen.findings.clone(),
            backends: backends(seen),
            copies: copies(seen),
            sent: count(seen.copies.sent),
            queue: bar(&[("new", held)], &format!("{} of the room for copies is taken", percent(held.clamp(0.0, 1.0)))),
            queue_words: format!(
                "{} waiting, {} of {} held",
                count(seen.copies.waiting as u64),
                bytes(seen.copies.held as u64),
                bytes(seen.copies.most as u64)
            ),
            disk: disk(seen),
            certificates: seen
                .certificates
                .iter()
                .map(|certificate| CertificateRow::of(certificate, seen.now_ms))
                .collect(),
            workers: workers(seen),
            doors: doors(seen),
            peers: seen.status.peers.clone(),
        }
    }
}

fn backends(seen: &Seen) -> Vec<Backend> {
    let pairs = seen.status.backends.iter().zip(&seen.backends);
    pairs
        .map(|(status, backend)| {
            let most = |of: fn(&crate::snapshot::BackendLimits) -> usize| {
                backend.limits.as_ref().map_or_else(String::new, |limits| format!(" of {}", count(of(limits) as u64)))
            };
            let time = |seconds: Option<f64>| {
                seconds.map_or_else(|| "–".to_owned(), |seconds| Unit::Millis.text(seconds * 1e3))
            };
            let errors: Vec<String> = backend
                .errors
                .iter()
                .map(|(why, times)| format!("{} {}", count(*times), why.replace('_', " ")))
                .collect();
            let endpoints = status.endpoints.iter().map(|endpoint| {
                let is_up = endpoint.healthy && endpoint.resolved && !endpoint.ejected;
                let left_out = match endpoint.ejections {
                    0 => String::new(),
                    times => format!(
                        ", left out {} so far",
                        if times == 1 { "once".to_owned() } else { format!("{} times", count(times)) }
                    ),
                };
                Endpoint {
                    address: endpoint.address.clone(),
                    state: trouble(endpoint),
                    class: if is_up { "good" } else { "danger" },
                    note: format!("{} under way{left_out}", count(endpoint.in_flight)),
                }
            });
            Backend {
                name: status.name.clone(),
                endpoints: endpoints.collect(),
                requests: format!("{}{}", count(status.requests), most(|limits| limits.requests)),
                connections: format!("{}{}", count(status.connections), most(|limits| limits.connections)),
                waiting: format!("{}{}", count(status.waiting), most(|limits| limits.pending)),
                answered: count(backend.answered),
                times: format!("{} / {}", time(backend.p50_s), time(backend.p99_s)),
                errors: if errors.is_empty() { "none".to_owned() } else { errors.join(", ") },
                retries: count(status.retries),
            }
        })
        .collect()
}

fn copies(seen: &Seen) -> Vec<CopyRow> {
    let row = |(fate, why, times): &(Fate, &'static str, u64)| {
        let (fate, class) = match fate {
            Fate::LeftOut => ("left out", "quiet"),
            Fate::Failed => ("failed", "danger"),
            Fate::Dropped => ("dropped", "warn"),
        };
        CopyRow { fate, class, why, count: count(*times) }
    };
    seen.copies.others.iter().map(row).collect()
}

fn disk(seen: &Seen) -> Vec<(&'static str, String, &'static str)> {
    let most = seen.store.retention.as_ref().map_or_else(String::new, |retention| {
        format!(" of {}, kept for {}", bytes(retention.size), span(retention.age.as_secs()))
    });
    let size = seen.store.size.map_or_else(|| "no file yet".to_owned(), |size| format!("{}{most}", bytes(size)));
    let fine = |is_fine: bool| if is_fine { "good" } else { "danger" };
    let told = |what: &'static str, text: String, is_fine: bool| (what, text, fine(is_fine));
    vec![
        told(
            "comparisons",
            if seen.store.is_recording { "recorded" } else { "not recorded" }.to_owned(),
            seen.store.is_recording,
        ),
        told("store", size, true),
        told("errors of the store", count(seen.store.errors), seen.store.errors == 0),
        told("comparisons lost", count(seen.store.lost), seen.store.lost == 0),
        told(
            "pins and audit",
            if seen.ledger.is_behind { "behind" } else { "on the disk" }.to_owned(),
            !seen.ledger.is_behind,
        ),
        told("errors of the ledger", count(seen.ledger.errors), seen.ledger.errors == 0),
        told(
            "last configuration",
            if seen.is_unkept { "not kept" } else { "kept for the next start" }.to_owned(),
            !seen.is_unkept,
        ),
        told("access-log lines lost", count(seen.access_lost), seen.access_lost == 0),
    ]
}

impl CertificateRow {
    fn of(certificate: &Certificate, now_ms: u64) -> CertificateRow {
        let (until, left, class) = match certificate.until_ms {
            None => ("unknown".to_owned(), String::new(), "quiet"),
            Some(until) if until <= now_ms => (moment(until), "expired".to_owned(), "danger"),
            Some(until) => {
                let left = (until - now_ms) / 1000;
                (moment(until), span(left), if left < 30 * 86_400 { "warn" } else { "good" })
            }
        };
        CertificateRow { place: certificate.place.clone(), names: certificate.names.join(", "), until, left, class }
    }
}

fn workers(seen: &Seen) -> Vec<WorkerRow> {
    let all: u64 = seen.workers.iter().map(|worker| worker.answered).sum();
    let row = |(place, worker): (usize, &super::seen::Worker)| {
        let share = worker.answered as f64 / all.max(1) as f64;
        WorkerRow {
            number: place + 1,
            connections: count(worker.connections),
            answered: count(worker.answered),
            share: bar(&[("new", share)], &format!("{} of all answers", percent(share))),
        }
    };
    seen.workers.iter().enumerate().map(row).collect()
}

fn doors(seen: &Seen) -> Vec<(String, String)> {
    let doors = &seen.doors;
    let [crowded, per_client] = doors.turned_away;
    let always = [
        ("requests that broke in the facade", doors.panics),
        ("accepts that failed", doors.accept_errors),
        ("connections turned away: the listener was full", crowded),
        ("connections turned away: their client had too many", per_client),
    ];
    let always = always.map(|(what, times)| (what.to_owned(), count(times)));
    let refused = doors
        .rejected
        .iter()
        .map(|(why, times)| (format!("requests refused: {}", why.replace('_', " ")), count(*times)));
    always.into_iter().chain(refused).collect()
}
