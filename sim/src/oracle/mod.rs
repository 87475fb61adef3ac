//! Who watches a run, and says when a rule is broken.

pub(crate) mod receiver;
