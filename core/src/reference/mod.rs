//! The manager again, slow and obviously right, and what checks that both agree.
//!
//! [`Model`] states the rules S01–S13, B01, B04, B05, B07, B09 and the result of B02 in plain maps of strings.
//! It shares nothing, is clever nowhere, and recomputes what it is asked for. **Where the model
//! and the manager disagree, one of them breaks the contract**, and the rule named at the
//! model's line says which.
//!
//! * [`PlainGroup`], [`PlainUpdate`], [`PlainSnapshot`]: what the core stores compactly, in full.
//! * [`Model`]: the rules. The one thing it can't predict is jitter; there it knows the
//!   [`Window`] that a deadline must lie in.
//! * [`guard`]: what of that is about drops (B05), for others who have to know what is held.
//! * [`PlainAllocation`]: who owns which target, made anew.
//! * [`Pair`]: a manager and its model, driven with the same inputs and compared after each.
//! * [`World`] and [`Operation`]: several pairs under one clock, driven by operations that can be
//!   made from any bytes, for property tests, fuzzers and simulators.
//!
//! ```
//! use headcount_core::reference::World;
//!
//! // Any bytes are a run: first the managers' options, then operations until they end.
//! let bytes: Vec<u8> = (0..=255).cycle().take(4_000).collect();
//! World::run_bytes(&bytes)?;
//! # Ok::<(), headcount_core::reference::Disagreement>(())
//! ```

mod allocation;
mod bytes;
mod due;
mod fair;
pub mod guard;
mod handover;
mod held;
mod io;
mod model;
mod operation;
mod options;
mod pair;
mod plain;
mod reported;
mod saved;
mod settings;
mod snapshot;
mod wanted;
mod window;
mod world;

pub use allocation::{PlainAllocation, PlainOwners};
pub use fair::Deadlines;
pub use handover::PlainMembers;
pub use io::{Answer, Input, PlainOutput, Reaction};
pub use model::Model;
pub use operation::{COLLIDING_SOURCES, Operation, Pick, PlainConfig};
pub use pair::{Pair, Step};
pub use plain::{PlainGroup, PlainKind, PlainLabels, PlainStored, PlainUpdate};
pub use snapshot::{PlainProviderSnapshot, PlainSnapshot};
pub use window::{Window, Windows};
pub use world::World;

/// The model and the manager do different things.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("disagreement on {about}\n  expected: {expected}\n  found:    {found}")]
pub struct Disagreement {
    /// What they disagree on.
    pub about: String,
    /// What the model, or the rule, says.
    pub expected: String,
    /// What the manager says.
    pub found: String,
}

impl Disagreement {
    /// A disagreement on `about`.
    pub fn new(about: impl Into<String>, expected: impl core::fmt::Debug, found: impl core::fmt::Debug) -> Self {
        Self {
            about: about.into(),
            expected: format!("{expected:?}"),
            found: format!("{found:?}"),
        }
    }

    /// The same, with where it was noticed in front.
    #[must_use]
    pub fn within(self, place: &str) -> Self {
        Self {
            about: format!("{place}: {}", self.about),
            ..self
        }
    }
}

/// Nothing, if both are equal.
fn agree<T: PartialEq + core::fmt::Debug>(about: &str, expected: &T, found: &T) -> Result<(), Disagreement> {
    if expected == found {
        Ok(())
    } else {
        Err(Disagreement::new(about, expected, found))
    }
}
