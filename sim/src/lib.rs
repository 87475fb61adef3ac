//! Runs the core under virtual time.
//!
//! A [`World`] owns a manager, a clock that jumps from event to event, scripted discoverers and a
//! receiver that may be slow. Nothing waits: a day of simulated time costs what happens in it.
//! **The same script gives the same run, byte for byte.**
//!
//! This is the engine's first part; the simulated fleet, faults, checkers and reports stand on it.

mod script;
mod world;

pub use script::{Script, Scripted};
pub use world::{Emission, World};
