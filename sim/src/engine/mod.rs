//! What makes a run go: the queue of events, the world's part in them, and the schedule of faults.

mod ask;
mod discoverer;
mod event;
pub(crate) mod faults;
mod groups;
mod heap;
pub(crate) mod less;
mod numbered;
pub(crate) mod outside;
pub(crate) mod queue;
mod serve;
mod stream;
mod turn;
pub(crate) mod world;

pub(crate) use discoverer::{Body, Report};
pub(crate) use event::Event;
pub(crate) use world::World;
