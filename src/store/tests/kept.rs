//! What is kept of signatures: samples, acceptances.

use super::*;

fn comparisons(reader: &Reader) -> usize {
    let mut all = 0;
    let count = |_| {
        all += 1;
        Ok::<(), read::ReadError>(())
    };
    reader.each_comparison(0, None, count).unwrap();
    all
}

#[test]
fn samples_of_a_signature_are_bounded_and_of_many_tenants() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for number in 0..30 {
        let mut batch = batch(NOW, &[]);
        let tenant = if number == 12 { "rare".to_owned() } else { format!("t{}", number % 2) };
        batch.samples = vec![sample(NOW + number, Some(&tenant), &number.to_string(), &["$.a"])];
        assert!(store.offer(batch), "thirty batches fit");
    }
    assert!(store.stop(PATIENCE));
    let kept = Reader::open(folder.path()).unwrap().samples(id("$.a")).unwrap();
    let ids: Vec<&str> = kept.iter().map(|kept| &*kept.request_id).collect();
    assert_eq!(ids, ["29", "28", "27", "26", "25", "24", "12", "2", "1", "0"], "first ones, last ones, a rare tenant");
}

#[test]
fn a_comparison_stays_while_one_of_its_signatures_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut first = batch(NOW, &[]);
    first.samples = (0..5).map(|n| sample(NOW + n, None, &n.to_string(), &["$.a", "$.only"])).collect();
    store.offer(first);
    for number in 5..40 {
        let mut batch = batch(NOW, &[]);
        batch.samples = vec![sample(NOW + number, None, &number.to_string(), &["$.a"])];
        store.offer(batch);
    }
    assert!(store.stop(PATIENCE));
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.samples(id("$.only")).unwrap().len(), 5);
    assert_eq!(reader.samples(id("$.a")).unwrap().len(), 10);
    assert_eq!(comparisons(&reader), 12, "of the ten, three are among the five");
}

#[test]
fn one_batch_replaces_one_sample_of_a_signature() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for round in 0..2_u64 {
        let mut batch = batch(NOW, &[]);
        let ids = round * 100..round * 100 + 50;
        batch.samples = ids.map(|n| sample(NOW + n, None, &n.to_string(), &["$.a"])).collect();
        store.offer(batch);
    }
    assert!(store.stop(PATIENCE));
    let kept = Reader::open(folder.path()).unwrap().samples(id("$.a")).unwrap();
    assert_eq!(kept.len(), 10);
    assert_eq!(kept.iter().filter(|kept| kept.at_ms >= NOW + 100).count(), 1);
}

#[test]
fn comparisons_without_differences_are_bounded_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut batch = batch(NOW, &[]);
    batch.samples = (0..50).map(|n| sample(NOW + n, None, &n.to_string(), &[])).collect();
    store.offer(batch);
    assert!(store.stop(PATIENCE));
    assert_eq!(comparisons(&Reader::open(folder.path()).unwrap()), 10);
}

#[test]
fn an_acceptance_is_durable_and_has_a_history() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    assert_eq!(store.accept(id("$.a"), "ada", "known", None), Err(AcceptError::Unknown));
    store.offer(batch(NOW, &["$.a"]));
    until("a batch is written", || compared(folder.path()) == 3);
    store.accept(id("$.a"), "ada", "known", Some(NOW + 5)).unwrap();
    assert!(store.is_accepted(id("$.a"), NOW + 4) && !store.is_accepted(id("$.a"), NOW + 5));
    store.reopen(id("$.a"), "bob", "not any more").unwrap();
    assert!(!store.is_accepted(id("$.a"), NOW));
    store.accept(id("$.a"), "ada", "for good", None).unwrap();
    assert!(store.stop(PATIENCE));
    assert!(matches!(store.reopen(id("$.a"), "", ""), Err(AcceptError::Unavailable(_))));
    let store = open(&folder);
    assert!(store.is_accepted(id("$.a"), u64::MAX));
    assert_eq!(store.known()[0].acceptance.as_ref().unwrap().reason, "for good");
    let history = Reader::open(folder.path()).unwrap().history(id("$.a")).unwrap();
    let told: Vec<_> = history.iter().map(|act| (act.accepted, &*act.by, act.until_ms)).collect();
    assert_eq!(told, [(true, "ada", Some(NOW + 5)), (false, "bob", None), (true, "ada", None)]);
}

#[test]
fn a_batch_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let mut connection = database::open(&path).unwrap();
    let mut names = names::Names::default();
    connection.execute_batch("CREATE TRIGGER t BEFORE INSERT ON samples BEGIN SELECT raise(ABORT, 'no'); END").unwrap();
    assert!(record::record(&mut connection, &mut names, &batch(NOW, &["$.a"]), 10).is_err());
    for table in ["verdicts", "checks", "outcomes", "times", "signatures", "sightings", "comparisons"] {
        let count: i64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}
