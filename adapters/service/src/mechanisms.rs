//! The mechanisms that a service runs unless it is given others.

use headcount_config::Loader;

/// Reads configurations over all mechanisms that are built in. Others are errors, unless it is told to
/// [allow](Loader::allow_unsupported) them.
#[must_use]
pub fn loader() -> Loader {
    Loader::new(headcount_backends::registry())
}
