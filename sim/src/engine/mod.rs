//! What makes a run go: the queue of events.

pub(crate) mod queue;
