//! Numbers that name things: 32 bits, one type each, so that no two are mixed up.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $word:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            pub(crate) const fn place(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($word, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// A host: a row of the ground truth.
    HostId, "h"
);
id!(
    /// A service: hosts that do the same. A discoverer looks at one.
    ServiceId, "s"
);
id!(
    /// One service as one replica of a backend shows it.
    ViewId, "v"
);
id!(
    /// A discoverer, counted over all entries of the scenario.
    DiscovererId, "d"
);
id!(
    /// A job: a set of the manager.
    JobId, "j"
);
