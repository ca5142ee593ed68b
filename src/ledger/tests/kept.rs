//! On a disk that is in order.

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;

#[test]
fn an_empty_directory_remembers_nothing_and_has_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(remembered(folder.path()), Remembered::default());
    assert_eq!(remembered(folder.path()), Remembered::default());
}

#[test]
fn what_was_written_is_remembered_to_the_last_field() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    let hold = Hold { generation: 3, by: Author::nameless(Source::File), why: "ä".to_owned(), at_ms: u64::MAX };
    let ramp = RampState { unit: Unit::parse("group:orders"), percent: 12_500, paused: true };
    let unlimited = Pin { for_ms: None, ..pin("group:g tenant:a b") };
    assert!(write(&ledger, pinned("orders-read")));
    let changes = vec![
        Change::Pin(unlimited.clone()),
        Change::Ramp(ramp.clone()),
        Change::Hold(hold.clone(), "routes: []".into()),
        Change::Generation(made(41, "routes: [x]")),
    ];
    assert!(write(&ledger, Entry { changes, act: Some(act("hold", "")) }));
    assert!(ledger.stop(PATIENCE));

    let remembered = remembered(folder.path());
    assert_eq!(remembered.pins, [unlimited, pin("orders-read")]);
    assert_eq!(remembered.ramps, [ramp]);
    assert_eq!(remembered.hold, Some((hold, "routes: []".into())));
    assert_eq!((remembered.last_generation, remembered.trouble), (41, None));
}

#[test]
fn a_pin_of_the_same_scope_replaces_the_one_before_and_what_is_lifted_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    let again = Pin { why: "again".to_owned(), ..pin("a") };
    write(&ledger, pinned("a"));
    write(&ledger, pinned("b"));
    write(&ledger, Entry { changes: vec![Change::Pin(again.clone())], act: Some(act("rollback", "a")) });
    let ramp = RampState { unit: Unit::parse("a"), percent: 1, paused: false };
    write(&ledger, Entry { changes: vec![Change::Ramp(ramp)], act: Some(act("step", "a")) });
    let changes = vec![Change::Unpin(Scope::parse("b").unwrap()), Change::Unramp(Unit::parse("a")), Change::Unhold];
    write(&ledger, Entry { changes, act: Some(act("resume", "b")) });
    ledger.stop(PATIENCE);
    let remembered = remembered(folder.path());
    assert_eq!((remembered.pins, remembered.ramps, remembered.hold), (vec![again], vec![], None));
}

fn hour(hour: u64, run: u64) -> Hour {
    Hour { hour, run, answered: 10, by_new: 4, routes: 3, routes_thousandths: 1500, tenants: 2, tenants_on_new: 1 }
}

fn seen(hour: Hour) -> Entry {
    Entry { changes: vec![Change::Hour(hour)], act: None }
}

#[test]
fn an_hour_is_kept_through_restarts_and_what_is_said_later_of_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    write(&ledger, seen(Hour { by_new: 1, ..hour(7, 1) }));
    assert!(write(&ledger, seen(hour(7, 1))));
    assert!(ledger.stop(PATIENCE));
    let (ledger, _) = Ledger::open(folder.path());
    assert!(write(&ledger, seen(hour(7, 2))));
    assert!(write(&ledger, seen(hour(8, 2))));
    let both = Hour { answered: 20, by_new: 8, ..hour(7, 2) };
    assert_eq!(ledger.hours(0).unwrap(), [both, hour(8, 2)]);
    assert_eq!(ledger.hours(8).unwrap(), [hour(8, 2)]);
    assert!(ledger.audit(&everything()).unwrap().is_empty());
}

#[test]
fn hours_are_forgotten_after_two_years() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    write(&ledger, seen(hour(7, 1)));
    write(&ledger, seen(hour(7 + HOURS, 1)));
    assert_eq!(ledger.hours(0).unwrap().len(), 2);
    write(&ledger, seen(hour(8 + HOURS, 1)));
    assert_eq!(ledger.hours(0).unwrap(), [hour(7 + HOURS, 1), hour(8 + HOURS, 1)]);
}

#[test]
fn a_file_of_the_version_before_gets_what_it_lacks_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    write(&ledger, pinned("a"));
    assert!(ledger.stop(PATIENCE));
    let file = Connection::open(folder.path().join(FILE)).unwrap();
    file.execute_batch("DROP TABLE hours; PRAGMA user_version = 1").unwrap();
    drop(file);
    let (ledger, remembered) = Ledger::open(folder.path());
    assert_eq!((scopes(&remembered), remembered.trouble), (vec!["a".to_owned()], None));
    assert!(write(&ledger, seen(hour(7, 1))));
    assert_eq!(ledger.hours(0).unwrap(), [hour(7, 1)]);
}

#[test]
fn everybody_in_a_group_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    let told: Vec<_> = (0..500).map(|n| ledger.write(pinned(&format!("r{n}")))).collect();
    assert!(told.into_iter().all(|told| told.blocking_recv().unwrap()));
    assert_eq!((ledger.waiting(), ledger.errors(), ledger.is_behind()), (0, 0, false));
    assert_eq!(ledger.audit(&everything()).unwrap().len(), 500);
}

#[test]
fn what_still_waits_is_written_before_the_end_and_nothing_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    let told: Vec<_> = (0..50).map(|n| ledger.write(pinned(&format!("r{n}")))).collect();
    assert!(ledger.stop(PATIENCE));
    assert!(told.into_iter().all(|told| told.blocking_recv().unwrap()));
    assert!(!write(&ledger, pinned("late")));
    assert_eq!(remembered(folder.path()).pins.len(), 50);
}

#[test]
fn a_ledger_that_nobody_holds_writes_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let told = Ledger::open(folder.path()).0.write(pinned("a"));
    assert!(told.blocking_recv().unwrap());
}

#[test]
fn the_audit_is_read_newest_first_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    for n in 0..10_u64 {
        let on = if n % 2 == 0 { "even" } else { "odd" };
        write(&ledger, Entry { changes: Vec::new(), act: Some(Act { at_ms: n, ..act("step", on) }) });
    }
    let at =
        |filter: &AuditFilter| -> Vec<u64> { ledger.audit(filter).unwrap().iter().map(|(_, act)| act.at_ms).collect() };
    let page = ledger.audit(&AuditFilter { limit: 4, ..everything() }).unwrap();
    assert_eq!(page[0].1, Act { at_ms: 9, ..act("step", "odd") });
    assert_eq!(at(&AuditFilter { limit: 4, before: Some(page[3].0), ..everything() }), [5, 4, 3, 2]);
    assert_eq!(at(&AuditFilter { on: Some("even".to_owned()), since_ms: 3, ..everything() }), [8, 6, 4]);
    assert!(at(&AuditFilter { since_ms: u64::MAX, ..everything() }).is_empty());
}

#[test]
fn the_audit_cannot_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    write(&ledger, pinned("a"));
    let other = Connection::open(database::path(folder.path())).unwrap();
    for sql in [
        "UPDATE audit SET why = 'x'",
        "DELETE FROM audit",
        "REPLACE INTO audit SELECT id, at_ms, source, name, what, subject, was, now, 'x', request_id, generation FROM audit",
    ] {
        assert!(other.execute(sql, []).unwrap_err().to_string().contains("append-only"), "{sql}");
    }
    assert_eq!(ledger.audit(&everything()).unwrap()[0].1, act("rollback", "a"));
}

#[test]
fn history_keeps_the_last_generations_and_each_configuration_once() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    let hold = Hold { generation: 1, by: api(), why: String::new(), at_ms: 1 };
    write(&ledger, lived(made(1, "held")));
    write(&ledger, Entry { changes: vec![Change::Hold(hold, "held".into())], act: Some(act("hold", "")) });
    for number in 2..=150 {
        write(&ledger, lived(made(number, if number < 10 { "old" } else { "same" })));
    }
    let past = ledger.generations(1_000).unwrap();
    assert_eq!((past.len(), past[0].number, past[99].number), (100, 150, 51));
    assert_eq!(
        (past[0].changes.clone(), past[0].digest.clone()),
        (vec!["change 150".to_owned()], memory::digest("same"))
    );
    assert_eq!(ledger.bundle(150).unwrap().as_deref(), Some("same"));
    assert_eq!(ledger.bundle(2).unwrap(), None);
    let count = |sql: &str| -> i64 {
        Connection::open(database::path(folder.path())).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    // The one that is held, and the one of all that are left.
    assert_eq!(count("SELECT count(*) FROM bundles"), 2);
    write(&ledger, Entry { changes: vec![Change::Unhold], act: Some(act("resume", "")) });
    assert_eq!(count("SELECT count(*) FROM bundles"), 1);
    ledger.stop(PATIENCE);
    assert_eq!(remembered(folder.path()).last_generation, 150);
}

#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path());
    write(&ledger, pinned("a"));
    let entries: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(entries.len(), 4, "{entries:?}");
    for entry in entries {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Pin(u8, String),
    Unpin(u8),
    Ramp(u8, u32),
    Unramp(u8),
    Hold(u64, String),
    Unhold,
    Generation(u64),
    Restart,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6_u8, any::<String>()).prop_map(|(scope, why)| Step::Pin(scope, why)),
        (0..6_u8).prop_map(Step::Unpin),
        (0..4_u8, 0..=100_000_u32).prop_map(|(unit, percent)| Step::Ramp(unit, percent)),
        (0..4_u8).prop_map(Step::Unramp),
        (any::<u64>(), any::<String>()).prop_map(|(generation, text)| Step::Hold(generation, text)),
        Just(Step::Unhold),
        any::<u64>().prop_map(Step::Generation),
        Just(Step::Restart),
    ]
}

fn change(step: &Step) -> Option<Change> {
    let scope = |n: u8| ["all", "a", "group:b", "tenant:c", "a tenant:c", "group:b tenant:c"][usize::from(n)];
    let unit = |n: u8| Unit::parse(["a", "b", "group:a", "group:b"][usize::from(n)]);
    Some(match step.clone() {
        Step::Pin(n, why) => Change::Pin(Pin { why, ..pin(scope(n)) }),
        Step::Unpin(n) => Change::Unpin(Scope::parse(scope(n)).unwrap()),
        Step::Ramp(n, percent) => Change::Ramp(RampState { unit: unit(n), percent, paused: percent % 2 == 0 }),
        Step::Unramp(n) => Change::Unramp(unit(n)),
        Step::Hold(generation, text) => {
            Change::Hold(Hold { generation, by: api(), why: text.clone(), at_ms: generation }, text.into())
        }
        Step::Unhold => Change::Unhold,
        Step::Generation(number) => Change::Generation(made(number, "x")),
        Step::Restart => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_restart_remembers_what_is_in_force(steps in prop::collection::vec(steps(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut model = memory::Memory::default();
        let (mut ledger, _) = Ledger::open(folder.path());
        for step in steps.iter().chain([&Step::Restart]) {
            match change(step) {
                Some(change) => {
                    model.apply(&change);
                    drop(ledger.write(Entry { changes: vec![change], act: Some(act("x", "")) }));
                }
                None => {
                    prop_assert!(ledger.stop(PATIENCE));
                    let remembered;
                    (ledger, remembered) = Ledger::open(folder.path());
                    prop_assert_eq!(&remembered.trouble, &None);
                    prop_assert_eq!(&remembered.pins, &model.pins().cloned().collect::<Vec<_>>());
                    prop_assert_eq!(&remembered.ramps, &model.ramps().cloned().collect::<Vec<_>>());
                    prop_assert_eq!(&remembered.hold, &model.hold().cloned());
                    prop_assert_eq!(remembered.last_generation, model.last_generation());
                }
            }
        }
    }
}
