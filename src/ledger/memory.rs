//! The directives in force, and a seal over all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::Change;
use crate::directives::{Hold, Pin, RampState, Scope, Unit};

/// The directives in force.
///
/// The seal is the sum of the hashes of all of them: a change costs the hash of what changed, however many there are.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    pins: BTreeMap<Scope, Pin>,
    ramps: BTreeMap<Unit, RampState>,
    hold: Option<(Hold, Arc<str>)>,
    last_generation: u64,
    sum: u128,
}

impl Memory {
    /// Makes a change.
    pub(super) fn apply(&mut self, change: &Change) {
        let (gone, come) = match change {
            Change::Pin(pin) => {
                (self.pins.insert(pin.scope.clone(), pin.clone()).map(|old| hash_pin(&old)), Some(hash_pin(pin)))
            }
            Change::Unpin(scope) => (self.pins.remove(scope).map(|old| hash_pin(&old)), None),
            Change::Ramp(ramp) => {
                (self.ramps.insert(ramp.unit.clone(), ramp.clone()).map(|old| hash_ramp(&old)), Some(hash_ramp(ramp)))
            }
            Change::Unramp(unit) => (self.ramps.remove(unit).map(|old| hash_ramp(&old)), None),
            Change::Hold(hold, bundle) => {
                let old = self.hold.replace((hold.clone(), Arc::clone(bundle)));
                (old.map(|(hold, bundle)| hash_hold(&hold, &bundle)), Some(hash_hold(hold, bundle)))
            }
            Change::Unhold => (self.hold.take().map(|(hold, bundle)| hash_hold(&hold, &bundle)), None),
            Change::Generation(made) => return self.number(made.number),
            Change::Hour(_) => return,
        };
        self.sum = self.sum.wrapping_sub(gone.unwrap_or(0)).wrapping_add(come.unwrap_or(0));
    }

    /// Notes that a generation has this number.
    pub(super) fn number(&mut self, number: u64) {
        self.last_generation = self.last_generation.max(number);
    }

    /// Differs, but for chance, from that of any other directives.
    pub(super) fn seal(&self) -> u128 {
        self.sum.wrapping_add(hash(&("last", self.last_generation)))
    }

    /// The pins, by scope.
    pub(super) fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.pins.values()
    }

    /// The ramps, by unit.
    pub(super) fn ramps(&self) -> impl Iterator<Item = &RampState> {
        self.ramps.values()
    }

    /// The generation that is held, and its configuration.
    pub(super) fn hold(&self) -> Option<&(Hold, Arc<str>)> {
        self.hold.as_ref()
    }

    /// The highest number a generation ever had.
    pub(super) fn last_generation(&self) -> u64 {
        self.last_generation
    }
}

/// The name of a configuration's text: XXH3-128 as 32 hexadecimal digits.
pub(super) fn digest(bundle: &str) -> String {
    format!("{:032x}", xxh3_128(bundle.as_bytes()))
}

fn hash_pin(pin: &Pin) -> u128 {
    hash(&("pin", pin))
}

fn hash_ramp(ramp: &RampState) -> u128 {
    hash(&("ramp", ramp))
}

fn hash_hold(hold: &Hold, bundle: &str) -> u128 {
    hash(&("hold", hold, digest(bundle)))
}

fn hash(value: &impl Serialize) -> u128 {
    // Plain structures of text and numbers: JSON has a form for each of them.
    xxh3_128(&serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directives::{Author, Source};

    fn pin(scope: &str, why: &str) -> Change {
        let by = Author::nameless(Source::Api);
        Change::Pin(Pin { scope: Scope::parse(scope).unwrap(), by, why: why.to_owned(), at_ms: 1, for_ms: None })
    }

    #[test]
    fn the_seal_tells_what_is_in_force_and_not_how_it_came_to_be() {
        let after = |changes: &[Change]| {
            let mut memory = Memory::default();
            changes.iter().for_each(|change| memory.apply(change));
            memory.seal()
        };
        let nothing = Memory::default().seal();
        let (a, b) = (pin("a", "x"), pin("b", "x"));
        assert_ne!(after(std::slice::from_ref(&a)), nothing);
        assert_ne!(after(std::slice::from_ref(&a)), after(std::slice::from_ref(&b)));
        assert_ne!(after(std::slice::from_ref(&a)), after(&[pin("a", "y")]));
        assert_eq!(after(&[a.clone(), b.clone()]), after(&[b.clone(), pin("a", "y"), a.clone()]));
        let unpin = Change::Unpin(Scope::parse("a").unwrap());
        assert_eq!(after(&[a, b.clone(), unpin]), after(&[b]));
        assert_ne!(after(&[Change::Ramp(RampState { unit: Unit::parse("a"), percent: 5, paused: false })]), nothing);
    }
}
