//! What headcount's manager guarantees (`tests/rules`), one test named after each rule, against the reference model in
//! `headcount_core::reference`; and the program `hashes`, by which `.ci/platforms` compares platforms.
//!
//! With `HEADCOUNT_LONG=N` in the environment the random tests run N times as long; N is 1 to 1000.

/// How long the random tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Cases of each property.
    pub cases: u32,
    /// Steps of each long run.
    pub steps: usize,
}

impl Effort {
    /// What is asked for with `HEADCOUNT_LONG`; without it, or if it is no number, the usual.
    pub fn asked_for() -> Self {
        let asked = std::env::var("HEADCOUNT_LONG")
            .ok()
            .and_then(|value| value.parse().ok());
        let times: u32 = asked.unwrap_or(1).clamp(1, 1_000);
        Self {
            cases: times.saturating_mul(256),
            steps: (times as usize).saturating_mul(4_000),
        }
    }
}
