//! The client against real servers, on every runtime.
//!
//! Each test is a function of a runtime; `on_each_runtime!` makes a `#[test]` of it for smol and
//! for tokio. Nothing waits for luck: tests wait for what they expect, with one deadline for all.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

/// Instantiates tests, async functions that take a `SharedRuntime`, once for each runtime.
macro_rules! on_each_runtime {
    ($($name:ident),* $(,)?) => {
        mod smol {
            $(#[test] fn $name() { crate::harness::on_smol(super::$name); })*
        }
        mod tokio {
            $(#[test] fn $name() { crate::harness::on_tokio(super::$name); })*
        }
    };
}

mod harness;
mod server;

// Answers and limits.
mod answers;
// Who we are.
mod authentication;
// How much may come, and how long it may take.
mod limits;
// Proxies of all kinds.
mod proxies;
// Bodies as they come, and their connections.
mod streams;
// Certificates and HTTP/2.
mod tls;
