//! What shows a signature, and that questions about a few rows look at a few rows.

use rusqlite::{Connection, OpenFlags};

use super::*;
use crate::store::database;

#[test]
fn comparisons_that_show_a_signature_are_found_with_those_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut batch = batch(NOW, &["$.a"]);
    batch.samples = vec![
        sample(NOW, Some("acme"), "1", &["$.a"]),
        sample(NOW + 1, Some("globex"), "2", &["$.a", "$.b"]),
        sample(NOW + 2, None, "3", &["$.a"]),
        sample(NOW + 3, None, "4", &[]),
    ];
    store.offer(batch);
    store.offer(super::batch(NOW + 3_600_000, &["$.a"]));
    assert!(store.stop(PATIENCE));
    let reader = Reader::open(folder.path()).unwrap();
    let key = id("$.a").to_string();
    let found = reader.showing(&key, 3).unwrap();
    let ids: Vec<u64> = found.iter().map(|row| row.comparison).collect();
    assert_eq!(
        (found.len(), found[0].statuses, found[0].legacy.as_deref(), found[0].new.as_deref()),
        (3, [200, 404], Some("1"), None)
    );
    assert_eq!(reader.beside(&key, ids[1]).unwrap(), [Some(ids[2]), Some(ids[0])]);
    assert_eq!(reader.beside(&key, ids[0]).unwrap()[1], None);
    assert_eq!(reader.tenants_showing(&key).unwrap(), ["acme", "globex"]);
    assert_eq!(reader.signatures_of_tenant("globex").unwrap(), [id("$.a"), id("$.b")].into());
    let of_second = found.iter().find(|row| row.tenant == "globex").unwrap().comparison;
    let mut both = [id("$.a").to_string(), id("$.b").to_string()];
    both.sort();
    assert_eq!(reader.shown_by(of_second).unwrap(), both);
    let unknown = reader.showing("orders (unknown)", 9).unwrap();
    assert_eq!((unknown.len(), unknown[0].verdict, unknown[0].places), (1, Verdict::Unknown, 0));
    let hours = reader.hours(&[id("$.a"), id("$.never")], NOW).unwrap();
    assert_eq!(hours.get(&id("$.a")), Some(&vec![(NOW / 3_600_000, 1), (NOW / 3_600_000 + 1, 1)]));
    assert_eq!(hours.len(), 1);
}

#[test]
fn a_signature_alone_or_of_a_route_is_the_same_as_among_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.offer(batch(NOW, &["$.a", "$.b"]));
    assert!(store.stop(PATIENCE));
    let reader = Reader::open(folder.path()).unwrap();
    let all = reader.signatures(&SignatureFilter::default()).unwrap();
    let of = |filter: SignatureFilter| reader.signatures(&filter).unwrap();
    assert_eq!(of(SignatureFilter { route: Some("orders".to_owned()), ..SignatureFilter::default() }), all);
    for row in &all {
        assert_eq!(reader.signature(row.id).unwrap().as_ref(), Some(row));
        let elsewhere = SignatureFilter { route: Some("other".to_owned()), id: Some(row.id), since_ms: 0 };
        assert!(of(elsewhere).is_empty());
    }
    assert_eq!(reader.route("orders", 0).unwrap(), reader.routes(0).unwrap().pop());
    assert_eq!(reader.route("other", 0).unwrap(), None);
}

#[test]
fn questions_about_a_few_rows_are_answered_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store.offer(batch(NOW, &["$.a"]));
    assert!(store.stop(PATIENCE));
    let path = database::path(folder.path());
    // A file of before has no index by tenant: it is made when the file is opened.
    Connection::open(&path).unwrap().execute_batch("DROP INDEX samples_by_tenant").unwrap();
    assert!(open(&folder).stop(PATIENCE));
    let file = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    for sql in [
        "SELECT hour, raw FROM sightings WHERE signature = 'x' AND hour >= 5 AND raw > 0 ORDER BY hour",
        "SELECT DISTINCT tenant FROM samples WHERE signature = 'x' AND tenant <> '' ORDER BY 1",
        "SELECT DISTINCT signature FROM samples WHERE tenant = 'x'",
        "SELECT max(comparison) FROM samples WHERE signature = 'x' AND comparison < 5",
        "SELECT signature FROM samples WHERE comparison = 5 ORDER BY signature",
        "SELECT signature, sum(raw) FROM sightings WHERE hour >= 5 GROUP BY +signature",
    ] {
        let plan: String = file
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap()
            .query_map([], |row| row.get::<_, String>(3))
            .unwrap()
            .map(Result::unwrap)
            .collect::<Vec<_>>()
            .join("; ");
        assert!(plan.starts_with("SEARCH") && !plan.contains("SCAN"), "{sql}: {plan}");
    }
}
