//! The first generation of a process: the configuration, and the directives that outlived the process before.

use std::sync::Arc;

use super::build;
use super::controller::StartOptions;
use super::helm::{Helm, Start};
use super::history::{MadeFrom, Past};
use crate::clock::now_ms;
use crate::config::{self, Bundle, Options};
use crate::directives::{Author, Hold, Pin, Scope, Source, Standing};
use crate::ledger::{Change, GENERATIONS, Ledger, Remembered};
use crate::state::Live;
use crate::telemetry::FacadeMeter;

/// Brings the first generation to life. What of the directives cannot be read is made up for by the kill switch: legacy is
/// where everything came from, and new may be what somebody pinned away.
pub(super) fn begin(file: MadeFrom, ledger: Ledger, remembered: Remembered, options: &StartOptions) -> Helm {
    let Remembered { pins, hold, ramps, last_generation, trouble, .. } = remembered;
    let mut start = Start::default();
    let mut standing = Standing { pins, hold: None, ramps };
    let mut trouble = trouble;
    let mut made_from = file;
    if let Some((hold, text)) = hold {
        match held(&text, options) {
            Some(held) => {
                tracing::warn!(
                    generation = hold.generation,
                    "this generation of before is held, whatever the files say"
                );
                start.words.push(format!("generation {} is held", hold.generation));
                made_from = held;
            }
            None => {
                let why = format!("generation {} is held and cannot be loaded any more", hold.generation);
                trouble = Some(trouble.map_or(why.clone(), |trouble| format!("{trouble}; {why}")));
            }
        }
        standing.hold = Some(Hold { ..hold });
    }
    if let Some(why) = trouble {
        tracing::error!(why, "THE PINS CANNOT BE TRUSTED: everything goes to legacy until `banyan resume`");
        start.why = why.clone();
        if standing.pin(&Scope::KILL).is_none() {
            let by = Author::nameless(Source::Start);
            let pin = Pin { scope: Scope::KILL, by, why, at_ms: now_ms(), for_ms: None };
            start.changes.push(Change::Pin(pin.clone()));
            start.words.push("the kill switch is on: everything goes to legacy".to_owned());
            standing.pins.push(pin);
        }
    }
    for scope in standing.orphans(&made_from.snapshot.rules) {
        tracing::warn!(%scope, "a pin is on what the configuration does not have; it is kept");
    }
    let number = last_generation + 1;
    let snapshot = Arc::clone(&made_from.snapshot);
    let generation = build::generation(number, snapshot, Arc::new(standing), None, options.workers);
    let live = Arc::new(Live::new(generation, FacadeMeter::new(options.workers), options.workers));
    // Read before anything is written, and oldest first. What cannot be read is not worth a start.
    let mut past = ledger.generations(GENERATIONS as usize).unwrap_or_default();
    past.reverse();
    let past = past.into_iter().map(|made| Past {
        number: made.number,
        at_ms: made.at_ms,
        by: made.by,
        changes: made.changes,
        made_from: None,
    });
    Helm::new(live, ledger, made_from, past.collect(), options.workers, start)
}

fn held(text: &str, options: &StartOptions) -> Option<MadeFrom> {
    let bundle = Bundle::from_text(text).ok()?;
    let load = Options { state_dir: options.state_dir.clone(), without_tls: true, with_tls_of_backends: true };
    let snapshot = config::load(&bundle, &bundle.main, &load).snapshot?;
    Some(MadeFrom::new(snapshot, &bundle))
}
