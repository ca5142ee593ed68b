//! Scenarios: synthetic counts, a clock that is passed in, and a helm that does what is found at once.

mod group;
mod ramp;
mod trip;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::config::{self, Options, Source};
use crate::control::build;
use crate::diff::Verdict;
use crate::directives::{Author, Pin, Scope, Source as Way, Standing};
use crate::names::Side;
use crate::routing::Percent;
use crate::telemetry::{Answered, WorkerId};

const WORKERS: usize = 2;

/// A facade without traffic of its own.
struct Bench {
    guards: Guards,
    generation: Generation,
    began: Instant,
    now: Instant,
    /// Everything that was found, with the second it was found in.
    found: Vec<(u64, String)>,
}

/// So many answers of a side, so many of them errors, each after so many milliseconds.
#[derive(Clone, Copy)]
struct Answers(Side, u64, u64, u64);

struct Text(String);

impl Source for Text {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }

    fn glob(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        path.to_path_buf()
    }
}

fn snapshot(routes: &str) -> Arc<Snapshot> {
    let text = format!(
        "version: 1
listen: [{{ address: 127.0.0.1:8080 }}]
defaults: {{ legacy: old, new: new }}
backends: {{ old: {{ endpoints: [http://10.0.0.1:80] }}, new: {{ endpoints: [http://10.0.0.2:80] }}, newer: {{ endpoints: [http://10.0.0.3:80] }} }}
routes:
{routes}
"
    );
    let loaded = config::load(&Text(text), Path::new("routes.yaml"), &Options::default());
    Arc::new(loaded.snapshot.unwrap_or_else(|| panic!("{}", config::render(&loaded.diagnostics, config::Format::Text))))
}

impl Bench {
    fn new(routes: &str) -> Bench {
        let generation = build::generation(1, snapshot(routes), Arc::default(), None, WORKERS);
        let began = Instant::now();
        let mut bench = Bench { guards: Guards::default(), generation, began, now: began, found: Vec::new() };
        bench.tick();
        bench
    }

    fn reload(&mut self, routes: &str) {
        let (number, standing) = (self.generation.number + 1, Arc::clone(&self.generation.standing));
        self.generation = build::generation(number, snapshot(routes), standing, Some(&self.generation), WORKERS);
    }

    /// The process ends and another one begins: all that is left is what was said.
    fn restart(&mut self, routes: &str) {
        let standing = Arc::clone(&self.generation.standing);
        self.generation = build::generation(1, snapshot(routes), standing, None, WORKERS);
        self.guards = Guards::default();
        self.tick();
    }

    fn direct(&mut self, change: impl FnOnce(&mut Standing)) {
        let mut standing = Standing::clone(&self.generation.standing);
        change(&mut standing);
        self.generation = build::directed(self.generation.number + 1, Arc::new(standing), &self.generation);
    }

    fn pin(&mut self, unit: &Unit) {
        let (by, why) = (Author::nameless(Way::Guard), String::new());
        let pin = Pin { scope: Scope::of(unit.target()), by, why, at_ms: 0, for_ms: None };
        self.direct(|standing| standing.pins.push(pin));
    }

    fn resume(&mut self) {
        self.direct(|standing| standing.pins.clear());
    }

    fn set_ramp(&mut self, unit: &Unit, percent: Percent) {
        self.direct(|standing| {
            let paused = standing.ramp(unit).is_some_and(|ramp| ramp.paused);
            standing.ramps.retain(|ramp| ramp.unit != *unit);
            standing.ramps.push(RampState { unit: unit.clone(), percent: percent.thousandths(), paused });
        });
    }

    fn pause(&mut self, paused: bool) {
        self.direct(|standing| standing.ramps.iter_mut().for_each(|ramp| ramp.paused = paused));
    }

    fn answer(&self, route: &str, answers: Answers) {
        let Answers(side, count, errors, millis) = answers;
        let meter = self.generation.guard_meters.iter().flatten().find(|meter| &*meter.name == route).unwrap();
        for n in 0..count {
            let how = if n < errors { Answered::Error } else { Answered::Well };
            meter.count(WorkerId(n as usize % WORKERS), side, how, Duration::from_millis(millis));
        }
    }

    fn compare(&self, route: &str, verdict: Verdict, count: u64) {
        let meter = self.generation.shadow_meters.iter().flatten().find(|meter| &*meter.name == route).unwrap();
        (0..count).for_each(|_| meter.compared(WorkerId(0), verdict));
    }

    /// Looks, and does what is found.
    fn tick(&mut self) {
        let at = (self.now - self.began).as_secs();
        for finding in self.guards.tick(&self.generation, self.now) {
            self.found.push((at, finding.to_string()));
            match finding {
                Finding::Trip { unit, back_to, .. } => {
                    self.pin(&unit);
                    if let Some(percent) = back_to {
                        self.set_ramp(&unit, percent);
                    }
                }
                Finding::Begin { unit, percent } | Finding::Step { unit, to: percent, .. } => {
                    self.set_ramp(&unit, percent);
                }
                Finding::Drop { unit, .. } => self.direct(|standing| standing.ramps.retain(|ramp| ramp.unit != unit)),
                Finding::Warn { .. } => {}
            }
        }
    }

    /// So many seconds with this traffic in each on a route.
    fn seconds(&mut self, seconds: u64, route: &str, each: &[Answers]) {
        for _ in 0..seconds {
            each.iter().for_each(|&answers| self.answer(route, answers));
            self.now += Duration::from_secs(1);
            self.tick();
        }
    }

    /// What was found since the last time, without its evidence.
    fn found(&mut self) -> Vec<String> {
        let short = |(at, text): (u64, String)| format!("{at}: {}", text.split(" (").next().unwrap_or_default());
        self.found.drain(..).map(short).collect()
    }

    fn state(&self, route: &str) -> GuardState {
        self.guards.guard(route).unwrap().state
    }

    fn ramp(&self) -> RampView {
        self.guards.ramp(&self.generation.standing.ramps[0], self.now).unwrap()
    }
}
