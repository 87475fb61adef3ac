//! Any bytes are a run of managers beside their models: options, then operations. They agree
//! after each operation, or it is a finding; its message names the operation and the rule.
#![no_main]

use headcount_core::reference::World;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(disagreement) = World::run_bytes(bytes) {
        panic!("{disagreement}");
    }
});
