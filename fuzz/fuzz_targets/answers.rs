//! Answers of backends: however the bytes arrive they mean the same, and a connection is kept only where it is clean.

#![no_main]

use libfuzzer_sys::fuzz_target;

mod upstream;
mod wire {
    pub(crate) use banyan::wire::{decode, headers, lines};
}

fuzz_target!(|data: &[u8]| upstream::check(data));
