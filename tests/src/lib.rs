//! Whole-system tests of headcount: suites of integration tests in `tests/`.
//!
//! * `servers`: the `headcount` binary between real servers.
//! * `configurations`: what a mechanism takes and refuses, also as promtools of several versions have it.
//! * `relabel`: what a configuration means for relabelling, also as promtool has it.
//!
//! What the manager guarantees is in `rules/`, a package of its own.
