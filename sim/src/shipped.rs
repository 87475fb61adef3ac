//! The scenarios that come with the simulator, as files in `sim/scenarios/`.

use crate::{Mistakes, Scenario};

/// A scenario that comes with the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name: that in the file, and the file's.
    pub name: &'static str,
    /// The file, as it stands in the repository.
    pub text: &'static str,
}

/// The name of the scenario that runs when no other is named.
pub const DEFAULT: &str = "fleet";

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Shipped {
            name: $name,
            text: include_str!(concat!("../scenarios/", $name, ".yml")),
        }),*]
    };
}

const SHIPPED: &[Shipped] = shipped![
    "fleet",
    "collectors",
    "zone-loss",
    "rolling-deploy",
    "rolling-deploy-guarded",
    "blue-green",
    "flapping-hosts",
    "ip-reuse",
    "label-blow-up",
    "empty-answers",
    "empty-answers-guarded",
    "time-travel",
    "dns-flaps",
    "torn-files",
    "growing-list",
    "half-written",
    "consul-index-reset",
    "watch-too-old",
    "session-expiry",
    "reconnect-stampede",
    "bad-network",
    "swizzle",
    "slow-receiver",
    "noisy-neighbour",
    "reload-storm",
    "config-change",
    "removed-in-flight",
    "restart",
    "restart-half-read",
    "dead-source",
    "rolling-upgrade",
    "standstill",
    "wandering-clocks",
    "split-replicas",
];

/// The scenarios that come with the simulator: the default one first, then by what they are about.
pub const fn shipped() -> &'static [Shipped] {
    SHIPPED
}

impl Shipped {
    /// The scenario of this name.
    pub fn named(name: &str) -> Option<Self> {
        SHIPPED.iter().copied().find(|shipped| shipped.name == name)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// None: a test reads them all.
    pub fn scenario(&self) -> Result<Scenario, Mistakes> {
        Scenario::from_yaml(self.text)
    }
}
