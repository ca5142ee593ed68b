//! Facts about the store as a whole.

mod bounds;
mod broken;
mod kept;
mod showing;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;

use super::batch::{Sample, Told};
use super::read::SignatureFilter;
use super::*;
use crate::diff::{Difference, Evidence, Kind, SignatureId, Verdict};
use crate::names::Side;

/// 2026-01-01T00:00:00Z, but for the tests of what is too old.
pub(super) const NOW: u64 = 1_767_225_600_000;
const PATIENCE: Duration = Duration::from_secs(20);

fn open(folder: &TempDir) -> Store {
    Store::open(folder.path(), Retention { age: Duration::from_secs(3650 * 86_400), ..Retention::default() })
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn difference(path: &str) -> Difference {
    Difference {
        kind: Kind::Value,
        path: path.to_owned(),
        place: path.replace("[*]", "[0]"),
        count: 2,
        one: Some("1".to_owned()),
        other: None,
    }
}

fn sample(at_ms: u64, tenant: Option<&str>, request_id: &str, paths: &[&str]) -> Sample {
    let told = |status| Told { status, body: Some(b"{}".to_vec()), backend: "b".into(), ..Told::default() };
    let differences = paths.iter().map(|path| (difference(path).signature("orders"), difference(path)));
    Sample {
        at_ms,
        route: "orders".into(),
        tenant: tenant.map(Into::into),
        request_id: request_id.to_owned(),
        verdict: if paths.is_empty() { Verdict::Unknown } else { Verdict::Mismatch },
        answered: Side::Legacy,
        method: "GET".to_owned(),
        target: "/orders/7?x=1".to_owned(),
        headers: vec![("accept".to_owned(), "*/*".to_owned())],
        body: None,
        answers: [told(200), told(404)],
        differences: differences.collect(),
    }
}

/// A batch with one mismatch of each path, one match and one unknown, at this moment.
fn batch(at_ms: u64, paths: &[&str]) -> Batch {
    let route: Arc<str> = "orders".into();
    let mut batch = Batch::default();
    let verdicts = [(Verdict::Match, ""), (Verdict::Unknown, "too_large")];
    let mismatches = paths.iter().map(|_| (Verdict::Mismatch, ""));
    for (verdict, why) in verdicts.into_iter().chain(mismatches) {
        let took = Some([Duration::from_millis(10), Duration::from_millis(20)]);
        batch.compared(&Compared { at_ms, route: Arc::clone(&route), tenant: Some("acme".into()), verdict, why, took });
    }
    for path in paths {
        batch.found(at_ms, &route, &difference(path), Evidence { raw: 1, again: 1, ..Evidence::default() });
        batch.samples.push(sample(at_ms, Some("acme"), "r-1", &[path]));
    }
    *batch.checks.entry((at_ms / 60_000, Arc::clone(&route))).or_default() += 1;
    *batch.outcomes.entry((at_ms / 60_000, route, "sent")).or_default() += 1;
    batch
}

fn id(path: &str) -> SignatureId {
    SignatureId::new("orders", path, Kind::Value)
}

/// How many comparisons a file tells of.
fn compared(folder: &Path) -> u64 {
    let Ok(reader) = Reader::open(folder) else { return 0 };
    let routes = reader.routes(0).unwrap();
    routes.iter().map(|route| route.tally.unknown().of).sum()
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    assert!(store.offer(batch(NOW, &["$.a", "$.b[*].c"])));
    assert!(store.offer(batch(NOW + 60_000, &["$.a"])));
    assert!(store.stop(PATIENCE));
    let reader = Reader::open(folder.path()).unwrap();
    let route = &reader.routes(0).unwrap()[0];
    assert_eq!(Verdict::ALL.map(|verdict| route.tally.of(verdict)), [2, 3, 0, 2]);
    assert_eq!((route.tally.matching().hits, route.tally.matching().of, route.tally.unknown().of), (2, 5, 7));
    assert_eq!(route.why, [(Verdict::Unknown, "too_large".to_owned(), 2)]);
    let row = reader.signature(id("$.a")).unwrap().unwrap();
    let evidence = Evidence { compared: 5, raw: 2, checked: 2, again: 2, ..Evidence::default() };
    assert_eq!((row.evidence, row.seen_ms, row.samples), (evidence, (NOW, NOW + 60_000), 2));
    let kept = reader.samples(id("$.a")).unwrap();
    assert_eq!((kept.len(), kept[0].at_ms, &*kept[0].tenant), (2, NOW + 60_000, "acme"));
    let (legacy, new) = (kept[0].detail.answer(Side::Legacy), kept[0].detail.answer(Side::New));
    assert_eq!((legacy.status, new.status, legacy.body.as_ref()), (200, 404, Some(&Body::Text("{}".to_owned()))));
    assert_eq!(kept[0].detail.differences[0].legacy.as_deref(), Some("1"));
    let times = &reader.times(0).unwrap()[0];
    assert_eq!(times.ratio.count(), 7);
    assert!((10_000..12_000).contains(&times.side(Side::Legacy).quantile(0.5).unwrap()));
    assert!((2000..2400).contains(&times.ratio.quantile(0.99).unwrap()));
    assert_eq!(reader.outcomes(0).unwrap()[0].count, 2);
    let tenants = reader.tenants(0).unwrap();
    assert_eq!((tenants.len(), &*tenants[0].tenant), (1, "acme"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_is_offered_is_counted_once(
        batches in proptest::collection::vec(proptest::collection::vec((0_u64..200, 0..4_usize, 0..3_u8), 0..40), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let mut expected = [0; 4];
        for events in &batches {
            let mut batch = Batch::default();
            for (minutes, verdict, tenant) in events {
                let at_ms = NOW + minutes * 60_000;
                let tenant: Option<Arc<str>> = (*tenant > 0).then(|| tenant.to_string().into());
                let verdict = Verdict::ALL[*verdict];
                batch.compared(&Compared { at_ms, route: "orders".into(), tenant, verdict, why: "", took: None });
                if verdict == Verdict::Mismatch {
                    batch.found(at_ms, &"orders".into(), &difference("$.a"), Evidence { raw: 1, ..Evidence::default() });
                }
                expected[Verdict::ALL.iter().position(|other| *other == verdict).unwrap()] += 1;
            }
            prop_assert!(store.offer(batch));
        }
        prop_assert!(store.stop(PATIENCE));
        let reader = Reader::open(folder.path()).unwrap();
        let tally = reader.routes(0).unwrap().pop().map(|route| route.tally).unwrap_or_default();
        prop_assert_eq!(Verdict::ALL.map(|verdict| tally.of(verdict)), expected);
        let tenants = reader.tenants(0).unwrap();
        prop_assert_eq!(tenants.iter().map(|tenant| tenant.tally.unknown().of).sum::<u64>(), expected.iter().sum::<u64>());
        let mut minutes = 0;
        let each = |row: read::VerdictRow| {
            minutes += row.count;
            Ok::<(), read::ReadError>(())
        };
        reader.each_verdict(0, each).unwrap();
        prop_assert_eq!(minutes, expected.iter().sum::<u64>());
        prop_assert_eq!(reader.signature(id("$.a")).unwrap().map_or(0, |row| row.evidence.raw), expected[1]);
    }
}

#[test]
fn a_window_leaves_out_what_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.offer(batch(NOW, &["$.old", "$.both"]));
    store.offer(batch(NOW + 3_600_000, &["$.both"]));
    assert!(store.stop(PATIENCE));
    let reader = Reader::open(folder.path()).unwrap();
    let filter = SignatureFilter { since_ms: NOW + 3_600_000, ..SignatureFilter::default() };
    let rows = reader.signatures(&filter).unwrap();
    assert_eq!(
        rows.iter().map(|row| (&*row.path, row.evidence.raw, row.evidence.compared)).collect::<Vec<_>>(),
        [("$.both", 1, 2)]
    );
    assert_eq!(reader.routes(NOW + 3_600_000).unwrap()[0].tally.judged(), 2);
}

#[test]
fn a_store_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    assert!(store.known().is_empty());
    store.offer(batch(NOW, &["$.a"]));
    assert!(store.stop(PATIENCE));
    assert!(!store.offer(batch(NOW, &[])), "what is stopped takes nothing");
    assert_eq!(store.lost(), (1, 2));
    let store = open(&folder);
    let known = store.known();
    assert_eq!((known.len(), known[0].id, known[0].evidence.raw, known[0].first_seen_ms), (1, id("$.a"), 1, NOW));
    store.offer(batch(NOW, &["$.a"]));
    assert!(store.stop(PATIENCE));
    assert_eq!(compared(folder.path()), 6);
}

#[test]
fn readers_see_one_moment_while_batches_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.offer(batch(NOW, &["$.a"]));
    until("a batch is written", || compared(folder.path()) == 3);
    let reader = Reader::open(folder.path()).unwrap();
    store.offer(batch(NOW, &["$.a"]));
    until("another is written", || compared(folder.path()) == 6);
    assert_eq!(reader.routes(0).unwrap()[0].tally.unknown().of, 3);
    assert_eq!(reader.signature(id("$.a")).unwrap().unwrap().evidence.raw, 1);
}

#[test]
fn views_and_tables_agree() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.offer(batch(NOW, &["$.a", "$.b"]));
    store.offer(batch(NOW, &["$.a"]));
    until("both are written", || compared(folder.path()) == 7);
    store.accept(id("$.b"), "me", "", None).unwrap();
    assert!(store.stop(PATIENCE));
    let connection = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    let sql =
        "SELECT format('%s %d/%d %d %.1f %d %d %s', path, raw, compared, checked, share, accepted, samples, first_seen)
        FROM signature_totals ORDER BY path";
    let mut statement = connection.prepare(sql).unwrap();
    let rows: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows, ["$.a 2/5 2 0.4 0 2 2026-01-01 00:00:00", "$.b 1/5 2 0.2 1 1 2026-01-01 00:00:00"]);
    let sql = "SELECT matches, mismatches, unknown, n, match_share FROM route_totals";
    let row =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    assert_eq!(row.unwrap(), (2_i64, 3_i64, 2_i64, 5_i64, 0.4_f64));
}

#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.offer(batch(NOW, &[]));
    until("a batch is written", || compared(folder.path()) == 2);
    for name in [FILE.to_owned(), format!("{FILE}-wal"), format!("{FILE}-shm")] {
        let mode = std::fs::metadata(folder.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
