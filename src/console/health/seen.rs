//! What is known of the facade, gathered once for the page. It reads the disk.

use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;

use super::files::{self, Finding};
use crate::admin::Admin;
use crate::clock::now_ms;
use crate::console::certificate::{names, valid_until_ms};
use crate::control::overview::{PeerStatus, Status};
use crate::errors::Failure;
use crate::report::html::{Fate, copy_in_words};
use crate::snapshot::{BackendLimits, Retention};
use crate::state::Generation;
use crate::store;
use crate::telemetry::{Mirrored, TurnedAway};

/// What is known of the facade.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct Seen {
    pub(in crate::console) now_ms: u64,
    pub(in crate::console) uptime_s: u64,
    pub(in crate::console) is_leaving: bool,
    /// Everything but the routes.
    pub(in crate::console) status: Status,
    pub(in crate::console) findings: Vec<Finding>,
    pub(in crate::console) backends: Vec<BackendSeen>,
    pub(in crate::console) copies: Copies,
    pub(in crate::console) store: StoreSeen,
    pub(in crate::console) ledger: LedgerSeen,
    /// Whether the accepted configuration could not be kept for the next start.
    pub(in crate::console) is_unkept: bool,
    pub(in crate::console) access_lost: u64,
    pub(in crate::console) certificates: Vec<Certificate>,
    pub(in crate::console) workers: Vec<Worker>,
    pub(in crate::console) doors: Doors,
}

/// What is known of a backend besides its status, in the order of those.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct BackendSeen {
    pub(in crate::console) limits: Option<BackendLimits>,
    /// Failures since the start, with why; none that is zero.
    pub(in crate::console) errors: Vec<(&'static str, u64)>,
    pub(in crate::console) answered: u64,
    pub(in crate::console) p50_s: Option<f64>,
    pub(in crate::console) p99_s: Option<f64>,
}

/// The copies that wait, and what became of the others.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct Copies {
    pub(in crate::console) waiting: usize,
    pub(in crate::console) held: usize,
    pub(in crate::console) most: usize,
    pub(in crate::console) sent: u64,
    /// Those that were not compared, with why; none that is zero.
    pub(in crate::console) others: Vec<(Fate, &'static str, u64)>,
}

/// The store of comparisons.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct StoreSeen {
    pub(in crate::console) is_recording: bool,
    pub(in crate::console) errors: u64,
    pub(in crate::console) lost: u64,
    /// Of its file and what is beside it, in bytes; `None` if there is none.
    pub(in crate::console) size: Option<u64>,
    pub(in crate::console) retention: Option<Retention>,
}

/// The ledger of directives.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct LedgerSeen {
    pub(in crate::console) is_behind: bool,
    pub(in crate::console) waiting: usize,
    pub(in crate::console) errors: u64,
}

/// A certificate of the facade's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::console) struct Certificate {
    /// Where it is shown.
    pub(in crate::console) place: String,
    pub(in crate::console) names: Vec<String>,
    pub(in crate::console) until_ms: Option<u64>,
}

/// A data worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::console) struct Worker {
    /// Open client connections.
    pub(in crate::console) connections: u64,
    /// Answered requests since the start.
    pub(in crate::console) answered: u64,
}

/// What came to the listeners and was not served, since the start.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct Doors {
    pub(in crate::console) panics: u64,
    pub(in crate::console) accept_errors: u64,
    /// Connections over a listener's bound, and over that of one client.
    pub(in crate::console) turned_away: [u64; 2],
    /// Requests that were refused, with why; none that is zero.
    pub(in crate::console) rejected: Vec<(&'static str, u64)>,
}

impl Seen {
    pub(super) fn gather(admin: &Admin, peers: Vec<PeerStatus>) -> Seen {
        let live = Arc::clone(&admin.live.current());
        let status = Status { peers, ..admin.overview.status(false) };
        let state_dir = admin.store.state_dir();
        let is_refused = !status.reload.accepted && (status.reload.at.is_some() || status.reload.serving_kept);
        let findings = if is_refused { files::findings(&admin.helm.adopted().text, state_dir) } else { Vec::new() };
        let ledger = admin.helm.ledger();
        let size: Option<u64> = ["", "-wal"]
            .into_iter()
            .filter_map(|ending| std::fs::metadata(state_dir.join(format!("{}{ending}", store::FILE))).ok())
            .map(|file| file.len())
            .reduce(|one, other| one + other);
        Seen {
            now_ms: now_ms(),
            uptime_s: SystemTime::now().duration_since(admin.live.started).map_or(0, |up| up.as_secs()),
            is_leaving: admin.live.is_leaving(),
            status,
            findings,
            backends: live.backends.iter().map(|backend| BackendSeen::of(backend)).collect(),
            copies: Copies::of(admin, &live),
            store: StoreSeen {
                is_recording: admin.store.is_recording(),
                errors: admin.store.errors(),
                lost: admin.store.lost().1,
                size,
                retention: Some(live.snapshot.retention),
            },
            ledger: LedgerSeen { is_behind: ledger.is_behind(), waiting: ledger.waiting(), errors: ledger.errors() },
            is_unkept: admin.live.meter.state_unwritable.load(std::sync::atomic::Ordering::Relaxed),
            access_lost: admin.access.lost(),
            certificates: certificates(admin, &live),
            workers: workers(admin, &live),
            doors: Doors::of(admin),
        }
    }
}

impl BackendSeen {
    fn of(backend: &crate::upstream::Backend) -> BackendSeen {
        let seconds = backend.meter.seconds();
        let errors = Failure::UPSTREAM.into_iter().zip(backend.meter.errors()).filter(|(_, count)| *count > 0);
        BackendSeen {
            limits: Some(backend.settings.limits),
            errors: errors.collect(),
            answered: seconds.count(),
            p50_s: seconds.quantile(0.5),
            p99_s: seconds.quantile(0.99),
        }
    }
}

impl Copies {
    fn of(admin: &Admin, live: &Generation) -> Copies {
        let mut sums = [0_u64; Mirrored::ALL.len()];
        for meter in live.shadow_meters.iter().flatten() {
            sums.iter_mut().zip(meter.outcomes()).for_each(|(sum, count)| *sum += count);
        }
        let mut copies = Copies {
            waiting: admin.copies.waiting(),
            held: admin.copies.held(),
            most: admin.copies.most(),
            ..Copies::default()
        };
        for (outcome, count) in Mirrored::ALL.into_iter().zip(sums).filter(|(_, count)| *count > 0) {
            match copy_in_words(outcome.as_str()) {
                None => copies.sent = count,
                Some((fate, why)) => copies.others.push((fate, why, count)),
            }
        }
        copies
    }

    /// How many came to this.
    pub(in crate::console) fn of_fate(&self, wanted: Fate) -> u64 {
        self.others.iter().filter(|(fate, ..)| *fate == wanted).map(|(_, _, count)| count).sum()
    }
}

impl Doors {
    fn of(admin: &Admin) -> Doors {
        let meter = &admin.live.meter;
        let rejected = Failure::REJECTIONS.into_iter().zip(meter.rejections()).filter(|(_, count)| *count > 0);
        Doors {
            panics: meter.panics(),
            accept_errors: meter.accept_errors(),
            turned_away: TurnedAway::ALL.map(|why| meter.all_turned_away(why)),
            rejected: rejected.collect(),
        }
    }
}

/// Those that listeners show clients, the admin listener operators, and the facade its backends.
fn certificates(admin: &Admin, live: &Generation) -> Vec<Certificate> {
    let told = |place: String, certificate: &CertificateDer<'_>| Certificate {
        place,
        names: names(certificate),
        until_ms: valid_until_ms(certificate),
    };
    let mut found = Vec::new();
    for (place, address) in admin.live.addresses().iter().enumerate() {
        let tls = admin.live.tls(place);
        let shown = tls.iter().flat_map(|tls| &tls.certificates);
        found.extend(shown.map(|certificate| told(format!("listener {address}"), certificate)));
    }
    let settings = admin.live.admin();
    let shown = settings.tls.iter().flat_map(|tls| &tls.certificates);
    found.extend(shown.map(|certificate| told("admin listener".to_owned(), certificate)));
    for backend in &live.snapshot.backends {
        let own = backend.tls.as_ref().and_then(|tls| tls.own.as_ref());
        found.extend(own.map(|certificate| told(format!("to the backend {}", backend.name), certificate)));
    }
    found
}

fn workers(admin: &Admin, live: &Generation) -> Vec<Worker> {
    let connections = admin.live.meter.connections_by_worker();
    let mut workers: Vec<Worker> = connections.map(|connections| Worker { connections, ..Worker::default() }).collect();
    for meter in live.meters.iter().chain([&live.unrouted]) {
        workers.iter_mut().zip(meter.answered_by_worker()).for_each(|(worker, count)| worker.answered += count);
    }
    workers
}
