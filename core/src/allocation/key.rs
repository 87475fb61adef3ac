//! What a target is allocated by.

use core::fmt;

use crate::hash;

/// What decides a target's scrape, as a number: its job, address, scheme, path and parameters, and its labels in the end.
/// The same on every platform and in every version.
///
/// Labels that begin with `__meta_` are not in it, and neither are the interval and the timeout: a target whose pod gets
/// another annotation, or whose job is scraped more often, stays where it is. Two targets that have the same key have the same
/// owner, and that is all that is lost when two others happen to have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey(pub(super) u64);

impl TargetKey {
    /// The key with this number, for what is allocated and is no target.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// As a number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Of a target of `job`, by hashes of where it is scraped and of its labels.
    pub(crate) fn new(job: &str, endpoint: u64, labels: u64) -> Self {
        let job = hash::stable(job.as_bytes());
        Self(hash::fold(
            endpoint ^ 0x9e37_79b9_7f4a_7c15,
            hash::fold(labels ^ 0xf39c_c060_5ced_c835, job ^ 0xa54f_f53a_5f1d_36f1) ^ job,
        ))
    }
}

impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
