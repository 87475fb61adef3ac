//! This process's environment variables.

use headcount_discoverer::env::Variables;

/// The environment variables that this process was started with.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemVariables;

impl Variables for SystemVariables {
    fn get(&self, name: &str) -> Option<String> {
        // `var_os` takes any name but an empty one or one with `=` or NUL in it: those are not set.
        std::env::var_os(name)?.into_string().ok()
    }
}
