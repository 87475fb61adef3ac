//! The mechanisms that this binary runs.

use headcount_config::Loader;

/// Reads configurations over them.
pub(crate) fn loader() -> Loader {
    Loader::new(headcount_backends::registry()).allow_unsupported(true)
}
