//! The store of comparisons when its process is killed.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use banyan::diff::{Difference, Evidence, Kind, Verdict};
use banyan::names::Side;
use banyan::store::read::{ReadError, SignatureFilter};
use banyan::store::{Batch, Compared, Reader, Retention, Sample, Store, Told};

use crate::harness::until;

/// Tells the test binary, started anew, that it is the one to be killed, and where it writes.
const DOOMED: &str = "BANYAN_TEST_DOOMED";
const RETENTION: Retention = Retention { size: 1 << 30, age: Duration::from_secs(86_400), samples: u32::MAX };

/// One mismatch, found and kept.
fn batch(number: usize) -> Batch {
    let route: Arc<str> = "orders".into();
    let at_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    let mut batch = Batch::default();
    let verdict = Verdict::Mismatch;
    batch.compared(&Compared { at_ms, route: Arc::clone(&route), tenant: None, verdict, why: "", took: None });
    let path = format!("$.field{}", number % 20);
    let difference = Difference { kind: Kind::Value, place: path.clone(), path, count: 1, one: None, other: None };
    batch.found(at_ms, &route, &difference, Evidence { raw: 1, ..Evidence::default() });
    batch.samples.push(Sample {
        at_ms,
        route: Arc::clone(&route),
        tenant: None,
        request_id: number.to_string(),
        verdict,
        answered: Side::Legacy,
        method: "GET".to_owned(),
        target: "/".to_owned(),
        headers: Vec::new(),
        body: Some(vec![b'x'; number % 5000]),
        answers: [Told::default(), Told::default()],
        differences: vec![(difference.signature(&route), difference)],
    });
    batch
}

/// Mismatches by the counters, by the evidence of signatures, and kept comparisons.
fn told(folder: &Path) -> Option<[u64; 3]> {
    let reader = match Reader::open(folder) {
        Err(ReadError::Missing(_)) => return None,
        reader => reader.unwrap(),
    };
    let verdicts = reader.routes(0).unwrap().iter().map(|route| route.tally.of(Verdict::Mismatch)).sum();
    let rows = reader.signatures(&SignatureFilter::default()).unwrap();
    let mut kept = 0;
    reader
        .each_comparison::<ReadError>(0, None, |_| {
            kept += 1;
            Ok(())
        })
        .unwrap();
    Some([verdicts, rows.iter().map(|row| row.evidence.raw).sum(), kept])
}

#[test]
fn a_store_that_is_killed_has_whole_batches_only() {
    if let Some(folder) = std::env::var_os(DOOMED) {
        let store = Store::open(Path::new(&folder), RETENTION);
        for number in 0.. {
            while !store.offer(batch(number)) {
                std::thread::yield_now();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..20 {
        let mut doomed = Command::new(std::env::current_exe().unwrap());
        doomed.args(["--exact", "killed::a_store_that_is_killed_has_whole_batches_only", "--nocapture"]);
        let mut doomed = doomed.env(DOOMED, folder.path()).spawn().unwrap();
        until("it writes", || told(folder.path()).filter(|[verdicts, ..]| *verdicts > before));
        // At any moment: in a batch, between two, or while the log is written back.
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..40)));
        doomed.kill().unwrap();
        doomed.wait().unwrap();
        let [verdicts, raw, kept] = told(folder.path()).unwrap();
        assert_eq!((verdicts, raw), (kept, kept), "round {round}");
        assert!(verdicts > before);
        before = verdicts;
    }
    let store = Store::open(folder.path(), RETENTION);
    assert!(store.is_recording() && store.errors() == 0 && store.known().len() == 20);
}
