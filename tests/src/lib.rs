//! Whole-system tests of headcount: suites of integration tests in `tests/`.
//!
//! * `rules`: what the manager guarantees, one test named after each rule, against the reference
//!   model in `headcount_core::reference`.
//! * `servers`: the `headcount` binary between real servers.
//!
//! With `HEADCOUNT_LONG=1` in the environment the random tests run about a hundred times longer.

/// How long the random tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Cases of each property.
    pub cases: u32,
    /// Steps of each long run.
    pub steps: usize,
}

impl Effort {
    /// What is asked for: little, or, with `HEADCOUNT_LONG=1`, much.
    pub fn asked_for() -> Self {
        match std::env::var_os("HEADCOUNT_LONG") {
            Some(value) if value == "1" => Self {
                cases: 10_000,
                steps: 200_000,
            },
            _ => Self {
                cases: 256,
                steps: 4_000,
            },
        }
    }
}
