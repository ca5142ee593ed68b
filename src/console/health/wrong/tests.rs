use super::super::seen::{Certificate, Copies, Doors, LedgerSeen, StoreSeen};
use super::*;
use crate::control::overview::{PeerStatus, Status};
use crate::snapshot::BackendLimits;
use crate::state::ReloadStatus;

fn endpoint(address: &str) -> EndpointStatus {
    EndpointStatus { address: address.to_owned(), healthy: true, resolved: true, ..EndpointStatus::default() }
}

/// What is changed of a facade that is well.
type Change = Box<dyn FnOnce(&mut Seen)>;

/// A facade that is well, with one backend of two endpoints.
fn well() -> Seen {
    let endpoints = vec![endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")];
    let backends = vec![BackendStatus { name: "new".to_owned(), endpoints, ..BackendStatus::default() }];
    let reload = ReloadStatus { accepted: true, ..ReloadStatus::default() };
    let limits = Some(BackendLimits { requests: 100, connections: 100, pending: 100 });
    Seen {
        now_ms: 400 * DAY_MS,
        status: Status { backends, reload, durable: true, ..Status::default() },
        backends: vec![BackendSeen { limits, ..BackendSeen::default() }],
        store: StoreSeen { is_recording: true, ..StoreSeen::default() },
        copies: Copies { sent: 1000, most: 1000, ..Copies::default() },
        ..Seen::default()
    }
}

fn told(change: impl FnOnce(&mut Seen)) -> Vec<Wrong> {
    let mut seen = well();
    change(&mut seen);
    of(&seen)
}

#[test]
fn of_what_is_well_nothing_is_said() {
    assert_eq!(of(&well()), []);
}

#[test]
fn everything_that_is_wrong_is_said_with_a_way_out() {
    let refused = |accepted| ReloadStatus { accepted, at: Some("now".to_owned()), ..ReloadStatus::default() };
    let certificate = |until_ms| Certificate {
        place: "listener 0.0.0.0:443".to_owned(),
        names: Vec::new(),
        until_ms: Some(until_ms),
    };
    let dropped = (Fate::Dropped, "too many copies were waiting", 100);
    let cases: [(&str, bool, Change); 15] = [
        ("1 of 2 endpoints of new", false, Box::new(|seen| seen.status.backends[0].endpoints[0].ejected = true)),
        (
            "has no endpoint that is up",
            true,
            Box::new(|seen| {
                seen.status.backends[0].endpoints.iter_mut().for_each(|endpoint| endpoint.healthy = false);
            }),
        ),
        ("90 of 100 connections", true, Box::new(|seen| seen.status.backends[0].connections = 90)),
        ("was refused", false, Box::new(move |seen| seen.status.reload = refused(false))),
        ("Generation 7 is held", false, Box::new(|seen| seen.status.held = Some(7))),
        (
            "1 record would be lost",
            true,
            Box::new(|seen| seen.ledger = LedgerSeen { is_behind: true, waiting: 1, errors: 1 }),
        ),
        ("could not be kept", true, Box::new(|seen| seen.is_unkept = true)),
        ("not being recorded", true, Box::new(|seen| seen.store.is_recording = false)),
        ("3 comparisons", false, Box::new(|seen| seen.store.lost = 3)),
        ("1,000 access-log lines", false, Box::new(|seen| seen.access_lost = 1000)),
        ("expired 2 d ago", true, Box::new(move |seen| seen.certificates = vec![certificate(398 * DAY_MS)])),
        ("expires in 12 d", false, Box::new(move |seen| seen.certificates = vec![certificate(412 * DAY_MS)])),
        ("1 request broke", true, Box::new(|seen| seen.doors = Doors { panics: 1, ..Doors::default() })),
        ("100 of 1,100 copies were dropped", false, Box::new(move |seen| seen.copies.others = vec![dropped])),
        (
            "does not agree: pins differ",
            false,
            Box::new(|seen| {
                let (address, differences) = ("http://10.0.0.9".to_owned(), vec!["pins differ".to_owned()]);
                seen.status.peers = vec![PeerStatus { address, agrees: false, differences }];
            }),
        ),
    ];
    for (words, is_bad, change) in cases {
        let found = told(change);
        assert_eq!(found.len(), 1, "{words}: {found:#?}");
        assert!(found[0].words.contains(words) && found[0].is_bad == is_bad, "{words}: {found:#?}");
        assert!(!found[0].way_out.is_empty(), "{words}");
    }
}

#[test]
fn the_worst_comes_first() {
    let found = told(|seen| {
        seen.access_lost = 1;
        seen.is_unkept = true;
    });
    assert_eq!(found.iter().map(|wrong| wrong.is_bad).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_certificate_that_lasts_is_not_spoken_of() {
    assert_eq!(
        told(|seen| seen.certificates = vec![Certificate { until_ms: Some(500 * DAY_MS), ..Certificate::default() }]),
        []
    );
}
