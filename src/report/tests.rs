//! Facts about reports of a whole store.

use std::time::Duration;

use tempfile::TempDir;

use super::export::{Format, Scope, What, export};
use super::top::{TopFilter, top};
use super::*;
use crate::diff::{Difference, Evidence, Judgement, Kind, SignatureId, Verdict};
use crate::names::Side;
use crate::store::{Batch, Compared, Reader, Retention, Sample, Store, Told};

const NOW: u64 = 1_767_225_600_000;

/// Paths, how many of a thousand comparisons show them, and what confirmations said.
const FOUND: [(&str, u64, Evidence); 5] = [
    ("$.rare", 2, Evidence { again: 2, ..NOTHING }),
    ("$.often", 500, Evidence { again: 5, ..NOTHING }),
    ("$.seldom\u{1b}[2J", 20, Evidence { again: 5, ..NOTHING }),
    ("$.noise", 900, Evidence { itself: 5, ..NOTHING }),
    ("$.accepted", 100, Evidence { again: 5, ..NOTHING }),
];
const NOTHING: Evidence = Evidence { compared: 0, raw: 0, checked: 0, noise: 0, again: 0, itself: 0, gone: 0 };

fn sample(difference: &Difference) -> Sample {
    let told = |body: &str| Told { status: 200, body: Some(body.into()), backend: "b".into(), ..Told::default() };
    Sample {
        at_ms: NOW,
        route: "orders".into(),
        tenant: Some("=acme".into()),
        request_id: "r-7".to_owned(),
        verdict: Verdict::Mismatch,
        answered: Side::Legacy,
        method: "GET".to_owned(),
        target: "/orders/7?q=\u{9b}".to_owned(),
        headers: vec![("authorization".to_owned(), "[redacted]".to_owned())],
        body: None,
        answers: [told(r#"{"a":1,"b":[1,2]}"#), told(r#"{"a":2,"b":[1,2]}"#)],
        differences: vec![(difference.signature("orders"), difference.clone())],
    }
}

fn store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store =
        Store::open(folder.path(), Retention { age: Duration::from_secs(86_400 * 3650), ..Retention::default() });
    let mut batch = Batch::default();
    let compared =
        Compared { at_ms: NOW, route: "orders".into(), tenant: None, verdict: Verdict::Match, why: "", took: None };
    for _ in 0..1000 {
        batch.compared(&compared);
    }
    for (path, raw, evidence) in FOUND {
        let one = Some("\u{1b}]0;x\u{7}".to_owned());
        let difference =
            Difference { kind: Kind::Value, path: path.to_owned(), place: path.to_owned(), count: 3, one, other: None };
        batch.found(NOW, &"orders".into(), &difference, Evidence { raw, ..evidence });
        batch.samples.push(sample(&difference));
    }
    assert!(store.offer(batch));
    while Reader::open(folder.path()).is_ok_and(|reader| reader.routes(0).unwrap().is_empty()) {
        std::thread::yield_now();
    }
    store.accept(SignatureId::new("orders", "$.accepted", Kind::Value), "ada", "known", Some(NOW + 1000)).unwrap();
    assert!(store.stop(Duration::from_secs(10)));
    folder
}

#[test]
fn percentages_never_round_to_nothing_or_everything() {
    let texts = [0.0, 1.0, 0.123_45, 0.999, 0.999_98, 0.005, 0.000_05].map(percent);
    assert_eq!(texts, ["0 %", "100 %", "12.3 %", "99.90 %", "99.9980 %", "0.50 %", "0.0050 %"]);
}

#[test]
fn shares_show_their_n_and_interval() {
    assert_eq!(share(Share::new(15, 148)), "10.1 % of 148 (6.2 to 16.0)");
    assert_eq!(share(Share::new(0, 0)), "none of 0");
}

#[test]
fn real_differences_come_first_and_noise_is_hidden() {
    let folder = store();
    let reader = Reader::open(folder.path()).unwrap();
    let paths = |filter: &TopFilter, now| -> Vec<String> {
        top(&reader, filter, now).unwrap().rows.into_iter().map(|row| row.path).collect()
    };
    assert_eq!(paths(&TopFilter::default(), NOW), ["$.often", "$.seldom\u{1b}[2J", "$.rare"].map(str::to_owned));
    assert_eq!(paths(&TopFilter { all: true, ..TopFilter::default() }, NOW).len(), 5);
    assert_eq!(paths(&TopFilter::default(), NOW + 1000)[1], "$.accepted", "its acceptance is over");
    let noise = TopFilter { judgement: Some(Judgement::Noise), ..TopFilter::default() };
    assert_eq!(paths(&noise, NOW), ["$.noise"]);
    assert_eq!(paths(&TopFilter { route: Some("x".to_owned()), ..TopFilter::default() }, NOW), [""; 0]);
    let shown = top(&reader, &TopFilter { limit: 1, ..TopFilter::default() }, NOW).unwrap();
    assert_eq!(
        shown.notes(),
        ["2 more: --limit 0", "not shown: 1 hidden as noise or transient, 1 accepted; --all shows them"]
    );
    let later = TopFilter { since_ms: NOW + 3_600_000, ..TopFilter::default() };
    assert_eq!(top(&reader, &later, NOW).unwrap().notes(), ["no comparisons were recorded in this time"]);
    let mut out = Vec::new();
    shown.table().write_table(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("$.often") && text.contains("50.0 % of 1000 (46.9 to 53.1)"), "{text}");
}

#[test]
fn a_signature_is_told_in_words_and_its_sample_side_by_side() {
    let folder = store();
    let reader = Reader::open(folder.path()).unwrap();
    let shown = show::show(&reader, SignatureId::new("orders", "$.accepted", Kind::Value)).unwrap().unwrap();
    let mut out = Vec::new();
    shown.write(1, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    for part in [
        "real: the systems differ here",
        "kind       value: the values differ",
        "seen       in 10.0 % of 1000",
        "confirmed  5 times: 5 again",
        "by ada until 2026-01-01T00:00:01Z: known",
        "GET /orders/7?q=\\u{9b}",
        "* $.accepted (and 2 more)  \\u{1b}]0;x\\u{7}  (nothing)",
        "-   \"a\": 1\n+   \"a\": 2\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let mut out = Vec::new();
    shown.write(2, &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().ends_with("there is no sample 2; 1 are kept\n"));
}

#[test]
fn exports_hold_every_row() {
    let folder = store();
    let reader = Reader::open(folder.path()).unwrap();
    let scope = Scope { now_ms: NOW, ..Scope::default() };
    for (what, rows) in [(What::Signatures, 5), (What::Comparisons, 5), (What::Verdicts, 1)] {
        let mut csv_out = Vec::new();
        assert_eq!(export(&reader, what, Format::Csv, &scope, &mut csv_out).unwrap(), rows);
        let mut read = csv::Reader::from_reader(&*csv_out);
        assert_eq!(read.records().filter_map(Result::ok).count() as u64, rows);
        let mut lines = Vec::new();
        export(&reader, what, Format::Jsonl, &scope, &mut lines).unwrap();
        let values = std::str::from_utf8(&lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap());
        let values: Vec<serde_json::Value> = values.collect();
        assert_eq!(values.len() as u64, rows);
        assert_eq!(values[0]["route"], "orders");
    }
    let mut csv_out = Vec::new();
    export(&reader, What::Comparisons, Format::Csv, &scope, &mut csv_out).unwrap();
    assert!(String::from_utf8(csv_out).unwrap().contains(",'=acme,"));
    let elsewhere = Scope { route: Some("x".to_owned()), ..scope };
    assert_eq!(export(&reader, What::Verdicts, Format::Jsonl, &elsewhere, Vec::new()).unwrap(), 0);
}

#[test]
fn parquet_says_what_json_lines_say() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    let folder = store();
    let reader = Reader::open(folder.path()).unwrap();
    let scope = Scope { now_ms: NOW, ..Scope::default() };
    for what in [What::Signatures, What::Comparisons, What::Verdicts] {
        let (mut packed, mut lines) = (Vec::new(), Vec::new());
        export(&reader, what, Format::Parquet, &scope, &mut packed).unwrap();
        export(&reader, what, Format::Jsonl, &scope, &mut lines).unwrap();
        let file = SerializedFileReader::new(bytes::Bytes::from(packed)).unwrap();
        let expected = std::str::from_utf8(&lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap());
        let expected: Vec<serde_json::Value> = expected.collect();
        for (number, row) in file.get_row_iter(None).unwrap().enumerate() {
            for (name, field) in row.unwrap().get_column_iter() {
                let found = match field {
                    Field::Null => serde_json::Value::Null,
                    Field::Bool(truth) => (*truth).into(),
                    Field::Long(number) => (*number).into(),
                    Field::Double(number) => (*number).into(),
                    Field::Str(text) => text.as_str().into(),
                    Field::TimestampMillis(ms) => moment(u64::try_from(*ms).unwrap()).into(),
                    other => panic!("{name}: {other:?}"),
                };
                assert_eq!(found, expected[number][name], "{name}");
            }
        }
    }
}
