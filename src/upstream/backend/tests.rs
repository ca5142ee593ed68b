use std::collections::HashMap;
use std::time::Duration;

use super::super::InFlight;
use super::*;
use crate::snapshot::{Balance, EndpointAddress, OutlierSettings};

const BOTH: [Balance; 2] = [Balance::RoundRobin, Balance::LeastRequests];
const THREE: [&str; 3] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

fn settings(balance: Balance, hosts: &[&str]) -> BackendSettings {
    let endpoint =
        |host: &&str| EndpointAddress { host: (*host).into(), port: 80, tls: false, authority: (*host).into() };
    let endpoints = hosts.iter().map(endpoint).collect();
    let eject_for = Duration::from_secs(100);
    let outlier = Some(OutlierSettings { consecutive_failures: 3, eject_for, max_ejected: 50_000 });
    BackendSettings { balance, outlier, ..BackendSettings::new("b".into(), endpoints) }
}

fn backend(balance: Balance, hosts: &[&str]) -> Backend {
    Backend::new(settings(balance, hosts), Arc::new(BackendMeter::new("b".into(), 1)))
}

fn picks(backend: &Backend, rounds: usize, avoid: Option<u64>) -> HashMap<u64, usize> {
    let mut counts = HashMap::new();
    for _ in 0..rounds {
        *counts.entry(backend.pick(avoid).id).or_default() += 1;
    }
    counts
}

fn fail(backend: &Backend, place: usize, times: usize) {
    (0..times).for_each(|_| backend.answered(&backend.endpoints[place], false));
}

#[test]
fn round_robin_is_even() {
    let backend = backend(Balance::RoundRobin, &THREE);
    assert!(picks(&backend, 9, None).values().all(|&count| count == 3));
}

#[test]
fn round_robin_is_even_among_those_that_are_left() {
    let backend = backend(Balance::RoundRobin, &["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    backend.endpoints[1].set_healthy(false);
    let counts = picks(&backend, 1200, None);
    assert_eq!(counts.len(), 3);
    assert!(counts.values().all(|&count| (300..=500).contains(&count)), "{counts:?}");
}

#[test]
fn the_busier_of_two_is_not_picked() {
    let backend = backend(Balance::LeastRequests, &THREE[..2]);
    let busy = Arc::clone(&backend.endpoints[0]);
    let held = InFlight::begin(&busy);
    assert_eq!(busy.in_flight(), 1);
    assert!(!picks(&backend, 50, None).contains_key(&busy.id));
    drop(held);
    assert_eq!(busy.in_flight(), 0);
}

#[test]
fn a_name_without_an_address_is_passed_over() {
    let backend = backend(Balance::RoundRobin, &["nowhere.invalid", "127.0.0.1"]);
    assert_eq!(picks(&backend, 10, None), HashMap::from([(backend.endpoints[1].id, 10)]));
    assert!(backend.endpoints[0].resolved_to(vec!["127.0.0.9:80".parse().unwrap()]));
    assert_eq!(picks(&backend, 10, None).len(), 2);
}

#[test]
fn one_that_is_down_is_passed_over_and_all_that_are_down_are_tried() {
    for balance in BOTH {
        let backend = backend(balance, &THREE);
        assert!(backend.endpoints[0].set_healthy(false));
        assert!(!backend.endpoints[0].set_healthy(false), "that is no news");
        assert!(!picks(&backend, 200, None).contains_key(&backend.endpoints[0].id));
        backend.endpoints[1].set_healthy(false);
        assert_eq!(picks(&backend, 200, None).len(), 1);
        assert!(backend.is_up());
        backend.endpoints[2].set_healthy(false);
        assert!(!backend.is_up());
        assert_eq!(picks(&backend, 200, None).len(), 3);
    }
}

#[test]
fn what_was_tried_is_avoided_where_another_is_up() {
    for balance in BOTH {
        let backend = backend(balance, &THREE[..2]);
        let [tried, other] = [0, 1].map(|place| backend.endpoints[place].id);
        assert_eq!(picks(&backend, 50, Some(tried)), HashMap::from([(other, 50)]));
        backend.endpoints[1].set_healthy(false);
        assert_eq!(picks(&backend, 50, Some(tried)), HashMap::from([(tried, 50)]));
    }
}

#[test]
fn failures_in_a_row_eject_and_a_good_answer_between_them_does_not() {
    let backend = backend(Balance::RoundRobin, &THREE);
    for _ in 0..5 {
        fail(&backend, 0, 2);
        backend.answered(&backend.endpoints[0], true);
    }
    assert_eq!(backend.endpoints[0].ejections(), 0);
    fail(&backend, 0, 3);
    assert!(backend.endpoints[0].is_ejected() && !backend.endpoints[0].is_up());
    assert!(!picks(&backend, 20, None).contains_key(&backend.endpoints[0].id));
    // What it was sent before fails as well: it is out already.
    fail(&backend, 0, 10);
    assert_eq!(backend.endpoints[0].ejections(), 1);
}

#[test]
fn no_more_are_ejected_than_may_be() {
    let backend = backend(Balance::RoundRobin, &THREE);
    (0..3).for_each(|place| fail(&backend, place, 30));
    assert_eq!(backend.endpoints.iter().filter(|endpoint| endpoint.is_ejected()).count(), 1);
    let single = self::backend(Balance::RoundRobin, &THREE[..1]);
    fail(&single, 0, 100);
    assert!(single.endpoints[0].is_up());
}

#[test]
fn one_that_came_back_begins_with_little() {
    for balance in BOTH {
        let slow_start = Duration::from_secs(1000);
        let settings = BackendSettings { slow_start, ..settings(balance, &THREE[..2]) };
        let backend = Backend::new(settings, Arc::new(BackendMeter::new("b".into(), 1)));
        backend.endpoints[0].set_healthy(false);
        assert!(backend.endpoints[0].set_healthy(true));
        let of_returned = picks(&backend, 1000, None).get(&backend.endpoints[0].id).copied().unwrap_or(0);
        assert!(of_returned < 100, "{of_returned}");
        // Better a cold one than none.
        backend.endpoints[1].set_healthy(false);
        assert_eq!(picks(&backend, 10, None), HashMap::from([(backend.endpoints[0].id, 10)]));
    }
}

#[test]
fn a_reload_makes_nothing_healthy() {
    let before = backend(Balance::RoundRobin, &THREE);
    before.endpoints[0].set_healthy(false);
    fail(&before, 1, 3);
    let health = crate::snapshot::HealthSettings {
        path: "/".into(),
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        unhealthy_after: 1,
        healthy_after: 1,
    };
    let after =
        before.changed(BackendSettings { health: Some(health), ..settings(Balance::LeastRequests, &THREE[..2]) });
    assert!(!after.endpoints[0].is_healthy() && after.endpoints[1].is_ejected() && !after.is_up());
    let unchecked = before.changed(settings(Balance::LeastRequests, &THREE));
    assert!(unchecked.endpoints[0].is_healthy(), "nothing would ever find it good");
}
