//! The corpus of pairs in `fixtures/comparisons`: each is compared both ways round and with itself.

mod cases;

use std::path::Path;

use cases::{File, Made};

use super::{Answer, Budget, Compiled, Kind, Limits, Outcome, Rules, compare};
use crate::names::Side;

fn run(one: &Made, one_side: Side, other: &Made, other_side: Side, rules: &Rules) -> Outcome {
    let mut in_time = || false;
    let mut budget = Budget::new(Limits::default(), &mut in_time);
    compare(&answer(one, one_side), &answer(other, other_side), &Compiled::new(rules.clone()), &mut budget)
}

fn answer(made: &Made, side: Side) -> Answer<'_> {
    Answer { side, status: made.status, headers: &made.headers, body: &made.body }
}

/// What came out, as the corpus spells it.
fn told(outcome: &Outcome) -> Vec<String> {
    let mut told: Vec<String> = outcome
        .differences
        .iter()
        .map(|difference| format!("{} {}", difference.kind.as_str(), difference.path))
        .chain(outcome.unknown.map(|unknown| format!("unknown {}", unknown.as_str())))
        .collect();
    told.sort();
    told
}

/// The same with the sides changed over.
fn mirrored(told: &[String]) -> Vec<String> {
    let (missing, extra) = (Kind::Missing.as_str(), Kind::Extra.as_str());
    let mut mirrored: Vec<String> = told
        .iter()
        .map(|one| match one.split_once(' ') {
            Some((kind, path)) if kind == missing => format!("{extra} {path}"),
            Some((kind, path)) if kind == extra => format!("{missing} {path}"),
            Some((kind, path)) if kind == Kind::Status.as_str() => {
                let (one, other) = path.strip_prefix("status:").and_then(|path| path.split_once('/')).unwrap();
                format!("{kind} status:{other}/{one}")
            }
            _ => one.clone(),
        })
        .collect();
    mirrored.sort();
    mirrored
}

#[test]
fn every_pair_of_the_corpus_comes_to_its_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/comparisons");
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file: File = serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in &file.cases {
            count += 1;
            let rules = case.rules.as_ref().or(file.rules.as_ref()).cloned().unwrap_or_default().read();
            let (one, other) = (case.one.make(&file.content_type), case.other.make(&file.content_type));
            let expected = case.expect.list();
            let there = told(&run(&one, Side::Legacy, &other, Side::New, &rules));
            if there != expected {
                wrong.push(format!("{path:?}: {}: expected {expected:?}, found {there:?}", case.name));
            }
            let back = told(&run(&other, Side::New, &one, Side::Legacy, &rules));
            if back != mirrored(&there) {
                wrong.push(format!("{path:?}: {}: found {there:?}, the other way round {back:?}", case.name));
            }
            for (answer, side) in [(&one, Side::Legacy), (&other, Side::New)] {
                let itself = told(&run(answer, side, answer, side, &rules));
                if !itself.is_empty() {
                    wrong.push(format!("{path:?}: {}: differs from itself: {itself:?}", case.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 170, "{count} pairs");
}
