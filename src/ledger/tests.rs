//! What is said is kept, whatever becomes of the disk.

mod broken;
mod kept;
mod trouble;

use std::time::{Duration, Instant};

use super::*;
use crate::directives::Source;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn api() -> Author {
    Author { source: Source::Api, name: "alice".to_owned() }
}

fn act(what: &str, on: &str) -> Act {
    Act {
        at_ms: 1_000,
        by: api(),
        what: what.to_owned(),
        on: on.to_owned(),
        from: "canary 5 %".to_owned(),
        to: "legacy".to_owned(),
        why: "it's \"slow\"\n\u{0}".to_owned(),
        request_id: "r-1".to_owned(),
        generation: 7,
    }
}

fn pin(scope: &str) -> Pin {
    let scope = Scope::parse(scope).unwrap();
    Pin { scope, by: api(), why: "slow".to_owned(), at_ms: 1_000, for_ms: Some(u64::MAX) }
}

fn pinned(scope: &str) -> Entry {
    Entry { changes: vec![Change::Pin(pin(scope))], act: Some(act("rollback", scope)) }
}

fn made(number: u64, bundle: &str) -> Made {
    Made { number, at_ms: number, by: api(), changes: vec![format!("change {number}")], bundle: bundle.into() }
}

fn lived(made: Made) -> Entry {
    Entry { act: Some(act("reload", "")), changes: vec![Change::Generation(made)] }
}

fn everything() -> AuditFilter {
    AuditFilter { since_ms: 0, before: None, on: None, limit: usize::MAX }
}

/// Writes it and says what was told.
fn write(ledger: &Ledger, entry: Entry) -> bool {
    ledger.write(entry).blocking_recv().unwrap()
}

/// Waits until the ledger is no more behind.
fn heals(ledger: &Ledger) {
    until(|| !ledger.is_behind() && ledger.waiting() == 0);
}

fn until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "it does not come to pass");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What is remembered of a directory, and nothing is left running there.
fn remembered(dir: &std::path::Path) -> Remembered {
    let (ledger, remembered) = Ledger::open(dir);
    ledger.stop(PATIENCE);
    remembered
}

fn scopes(remembered: &Remembered) -> Vec<String> {
    let mut scopes: Vec<_> = remembered.pins.iter().map(|pin| pin.scope.to_string()).collect();
    scopes.sort();
    scopes
}
