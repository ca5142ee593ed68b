//! What clients notice of shadow traffic: `cargo bench --bench interference`.
//!
//! One facade with one data worker on core 0; load and backends on core 1. Requests come at fixed times whatever becomes of those before (open
//! loop), and each is timed from when it was due. First the full load is looked for: the highest rate that leaves 20 % of
//! core 0 idle with a healthy shadow. Then, at half of that, rounds of all cases: no shadow, and shadows that are healthy, slow (5 s), hung,
//! down, sending 10 GB, sending garbage. Every answer is compared byte by byte (but for the time in its Date) with that of
//! the first. Options, behind `--`: `--rounds N`, `--seconds N`, `--rate N` (skips the search), and
//! `--hang SECONDS`: instead of the rounds, one hung shadow for so long, and the memory it takes. Needs Linux and taskset.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, missing_docs)]

mod backend;
mod facade;
mod load;

use std::process::Command;
use std::time::Duration;

use backend::{Backends, Behaviour};
use facade::Facade;
use load::{Load, Measured};

const CASES: [(&str, Option<Behaviour>); 7] = [
    ("off", None),
    ("healthy", Some(Behaviour::Healthy)),
    ("slow (5 s)", Some(Behaviour::Slow)),
    ("hung", Some(Behaviour::Hung)),
    ("down", Some(Behaviour::Down)),
    ("10 GB", Some(Behaviour::Flood)),
    ("garbage", Some(Behaviour::Garbage)),
];

struct Options {
    rounds: usize,
    seconds: u64,
    rate: Option<f64>,
    hang: Option<u64>,
}

/// What one run of one case showed.
struct Row {
    load: Measured,
    /// CPU of the data workers and of all threads, in µs per request.
    cpu: (f64, f64),
    rss: u64,
}

fn main() {
    let options = options();
    // `cargo test` runs benches once, with this; there is nothing to see in so short a time.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    pin(std::process::id(), 1);
    let runtime = tokio::runtime::LocalRuntime::new().unwrap();
    let wrong = runtime.block_on(run(&options));
    std::process::exit(i32::from(wrong > 0));
}

fn options() -> Options {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    Options {
        rounds: value("--rounds").map_or(5, |n| n as usize),
        seconds: value("--seconds").unwrap_or(5),
        rate: value("--rate").map(|rate| rate as f64),
        hang: value("--hang"),
    }
}

/// Binds a process to one core.
pub(crate) fn pin(pid: u32, core: u32) {
    let done = Command::new("taskset").args(["-acp", &core.to_string(), &pid.to_string()]).output();
    assert!(done.is_ok_and(|done| done.status.success()), "taskset is needed, and core {core}");
}

/// How many answers were wrong.
async fn run(options: &Options) -> usize {
    let backends = Backends::start().await;
    let facade = Facade::start(&backends).await;
    let load = Load::new(facade.address).await;
    let rate = match options.rate {
        Some(rate) => rate,
        None => {
            let full = full_load(&facade, &load).await;
            println!("full load: {full:.0} requests/s leave 20 % of the core idle with a healthy shadow\n");
            full / 2.0
        }
    };
    match options.hang {
        Some(seconds) => hang(&facade, &load, rate, seconds).await,
        None => rounds(&facade, &load, rate, options).await,
    }
}

/// The highest rate that leaves a fifth of the core idle with a healthy shadow.
async fn full_load(facade: &Facade, load: &Load) -> f64 {
    facade.shadow(Some(Behaviour::Healthy)).await;
    let mut rate = 4000.0;
    loop {
        let (before, seconds) = (facade.cpu(), 3.0);
        let measured = load.run(rate, Duration::from_secs_f64(seconds)).await;
        let busy = (facade.cpu().1 - before.1) / seconds;
        eprintln!("{rate:.0}/s: {:.0} % of the core, p99 {} µs", busy * 100.0, measured.quantile(0.99));
        if busy > 0.8 || measured.late() {
            return rate / 1.1;
        }
        rate *= 1.1;
    }
}

async fn rounds(facade: &Facade, load: &Load, rate: f64, options: &Options) -> usize {
    println!("{rate:.0} requests/s, {} rounds of {} s", options.rounds, options.seconds);
    let mut rows: Vec<Vec<Row>> = CASES.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds {
        for (place, (name, behaviour)) in CASES.iter().enumerate() {
            facade.shadow(*behaviour).await;
            load.run(rate, Duration::from_secs(1)).await;
            let before = facade.cpu();
            let measured = load.run(rate, Duration::from_secs(options.seconds)).await;
            let after = facade.cpu();
            let per = |used: f64| used * 1e6 / measured.count() as f64;
            let row =
                Row { cpu: (per(after.0 - before.0), per(after.1 - before.1)), rss: facade.rss(), load: measured };
            eprintln!("round {round}, {name}: p99 {} µs", row.load.quantile(0.99));
            rows[place].push(row);
        }
    }
    println!(
        "\n| shadow | p50 µs | p99 µs | p99 beside off | p99.9 µs | worker CPU µs/request | all CPU µs/request | RSS MiB | answers | wrong |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let off: Vec<f64> = rows[0].iter().map(|row| row.load.quantile(0.99) as f64).collect();
    for ((name, _), rows) in CASES.iter().zip(&rows) {
        let of = |pick: &dyn Fn(&Row) -> f64| median(rows.iter().map(pick).collect());
        let beside = median(rows.iter().zip(&off).map(|(row, off)| row.load.quantile(0.99) as f64 / off).collect());
        println!(
            "| {name} | {:.0} | {:.0} | {beside:.2} | {:.0} | {:.1} | {:.1} | {:.0} | {} | {} |",
            of(&|row| row.load.quantile(0.5) as f64),
            of(&|row| row.load.quantile(0.99) as f64),
            of(&|row| row.load.quantile(0.999) as f64),
            of(&|row| row.cpu.0),
            of(&|row| row.cpu.1),
            rows.iter().map(|row| row.rss).max().unwrap_or(0) as f64 / f64::from(1 << 20),
            rows.iter().map(|row| row.load.count()).sum::<usize>(),
            rows.iter().map(|row| row.load.wrong).sum::<usize>(),
        );
    }
    rows.iter().flatten().map(|row| row.load.wrong).sum()
}

/// One hung shadow for long: memory must stay where it is.
async fn hang(facade: &Facade, load: &Load, rate: f64, seconds: u64) -> usize {
    facade.shadow(Some(Behaviour::Hung)).await;
    let mut wrong = 0;
    let began = std::time::Instant::now();
    println!(
        "{rate:.0} requests/s with a hung shadow\n\n| after s | RSS MiB | queue MiB | p99 µs | wrong |\n|---:|---:|---:|---:|---:|"
    );
    while began.elapsed() < Duration::from_secs(seconds) {
        let measured = load.run(rate, Duration::from_secs(15)).await;
        wrong += measured.wrong;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let queue = facade.metric("banyan_shadow_queue_bytes").await;
        let (after, p99) = (began.elapsed().as_secs(), measured.quantile(0.99));
        println!("| {after} | {:.1} | {:.1} | {p99} | {wrong} |", mib(facade.rss()), mib(queue));
    }
    wrong
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
