//! Seeds of swarms that once were red without a bug of the core: the simulator accused it falsely, or one of its models
//! did what no discoverer does. Each has to stay green.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use headcount_sim::{Shipped, Swarm};

/// A shipped scenario, and seeds of its swarm.
const ONCE_RED: &[(&str, &[u64])] = &[
    // An answer that came twice took the models of streams back to before the news that had come meanwhile.
    ("bad-network", &[426, 502, 756, 828]),
    // Who had only just started was said to have waited since then for a change that was much younger.
    ("split-replicas", &[642]),
];

#[test]
fn seeds_that_were_red_stay_green() {
    for (name, seeds) in ONCE_RED {
        let scenario = Shipped::named(name).unwrap().scenario().unwrap();
        for &seed in *seeds {
            let report = Swarm::new(scenario.clone()).seeds(seed..seed + 1).run().unwrap();
            assert!(report.is_clean(), "{report}");
        }
    }
}
