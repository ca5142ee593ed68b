//! What a comparison of JSON bodies costs: a small order, a list of orders, two long arrays in opposite order.

use std::hint::black_box;

use banyan::diff::rules::{Rules, Unordered};
use banyan::diff::structure::compare;
use banyan::diff::tree::Tree;
use banyan::diff::{Budget, Differences, Limits, Matcher, Selector, json};
use banyan::names::Side;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn order(number: usize) -> String {
    format!(
        r#"{{"id":"ord-{number:06}","status":"shipped","created_at":"2024-03-01T12:00:{:02}Z","customer":{{"id":{number},"name":"Ada Lovelace","email":"ada{number}@shop.example","address":{{"street":"12 St James's Square","city":"London","postcode":"SW1Y 4JH","country":"GB"}}}},"items":[{{"sku":"A-100","name":"Difference engine, brass","quantity":1,"price":1249.00,"tags":["engine","brass"]}},{{"sku":"B-200","name":"Punched cards, pack of 500","quantity":4,"price":18.50,"tags":["cards"]}},{{"sku":"C-300","name":"Oil, 250 ml","quantity":2,"price":6.25,"tags":[]}}],"payment":{{"method":"card","captured":true,"currency":"GBP","total":1335.50,"tax":222.58,"refund":null}},"shipping":{{"carrier":"Royal Mail","tracking":"RM{number:09}GB","weight_g":18400,"events":[{{"at":"2024-03-02T08:10:00Z","what":"collected"}},{{"at":"2024-03-03T17:45:00Z","what":"delivered"}}]}},"notes":"Leave with the porter."}}"#,
        number % 60
    )
}

fn list(orders: usize) -> String {
    format!("[{}]", (0..orders).map(order).collect::<Vec<_>>().join(","))
}

fn reformatted(body: &str) -> String {
    serde_json::from_str::<serde_json::Value>(body)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_default()
}

fn parsed<T>(body: &str, then: impl FnOnce(Tree<'_>) -> T) -> Option<T> {
    let mut in_time = || false;
    let mut budget = Budget::new(Limits::default(), &mut in_time);
    json::read(body.as_bytes(), &mut budget).ok().map(then)
}

/// Reads both bodies and compares them; how many differences there are.
fn differences(one: &str, other: &str, matcher: &Matcher) -> Option<usize> {
    let mut in_time = || false;
    let mut budget = Budget::new(Limits::default(), &mut in_time);
    let one = json::read(one.as_bytes(), &mut budget).ok()?;
    let other = json::read(other.as_bytes(), &mut budget).ok()?;
    let mut found = Differences::new();
    compare(&one, Side::Legacy, &other, Side::New, matcher, &mut budget, &mut found).ok()?;
    Some(found.len())
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, body) in
        [("1 KB order", order(7)), ("64 KB list", list(60)), ("64 KB list, indented", reformatted(&list(60)))]
    {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| parsed(black_box(&body), |tree| tree.len())));
    }
    group.finish();
}

fn compare_bodies(criterion: &mut Criterion) {
    let matcher = Matcher::new(&Rules::default(), |_| false);
    let mut group = criterion.benchmark_group("parse and compare");
    for (name, body) in [("1 KB order", order(7)), ("64 KB list", list(60))] {
        let other_field = body.replacen("\"delivered\"", "\"returned\"", 1);
        for (what, other) in [("equal", body.clone()), ("one field", other_field), ("reformatted", reformatted(&body))]
        {
            group.throughput(Throughput::Bytes((body.len() + other.len()) as u64));
            group.bench_function(BenchmarkId::new(name, what), |bencher| {
                bencher.iter(|| differences(black_box(&body), black_box(&other), &matcher));
            });
        }
    }
    group.finish();
}

fn reversed_arrays(criterion: &mut Criterion) {
    let object = |id: usize| format!(r#"{{"id":{id},"name":"item {id}","price":{}.5}}"#, id % 90);
    let array = |ids: &mut dyn Iterator<Item = usize>| format!("[{}]", ids.map(object).collect::<Vec<_>>().join(","));
    let (one, other) = (array(&mut (0..50_000)), array(&mut (0..50_000).rev()));
    let unordered = |key: Option<&str>| {
        let path = Selector::Body(Vec::new());
        let key = key.map(|key| vec![key.to_owned()]);
        Matcher::new(&Rules { unordered: vec![Unordered { path, key }], ..Rules::default() }, |_| false)
    };
    let mut group = criterion.benchmark_group("50,000 objects reversed");
    group.sample_size(10);
    let matchers = [
        ("ordered", Matcher::new(&Rules::default(), |_| false)),
        ("unordered", unordered(None)),
        ("unordered by key", unordered(Some("id"))),
    ];
    for (name, matcher) in matchers {
        group
            .bench_function(name, |bencher| bencher.iter(|| differences(black_box(&one), black_box(&other), &matcher)));
    }
    group.finish();
}

criterion_group!(benches, parse, compare_bodies, reversed_arrays);
criterion_main!(benches);
