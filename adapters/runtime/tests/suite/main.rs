//! The same tests on every runtime.
//!
//! Each test is a function of a runtime; `on_each_runtime!` makes a `#[test]` of it for smol and
//! for tokio. Nothing waits for luck: tests wait for what they expect, with one deadline for all.

#![cfg(any(feature = "smol", feature = "tokio"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

/// Instantiates tests, async functions that take a `SharedRuntime`, once for each runtime.
macro_rules! on_each_runtime {
    ($($name:ident),* $(,)?) => {
        #[cfg(feature = "smol")]
        mod smol {
            $(#[test] fn $name() { crate::harness::on_smol(super::$name); })*
        }
        #[cfg(feature = "tokio")]
        mod tokio {
            $(#[test] fn $name() { crate::harness::on_tokio(super::$name); })*
        }
    };
}

mod harness;

// Connections: TCP, UNIX sockets, UDP.
mod connections;
// The DNS: datagrams, TCP, resolv.conf.
mod dns;
// The driver: discoverers in, snapshots out.
mod driver;
// Files: reading, listing, watching.
mod files;
// Programs and environment variables.
mod programs;
// The driver in virtual time.
mod simulated;
