//! The mechanisms that a service runs unless it is given others.

use headcount_config::Loader;

/// Reads configurations over all mechanisms that are built in.
#[must_use]
pub fn loader() -> Loader {
    Loader::new(headcount_backends::registry()).allow_unsupported(true)
}
