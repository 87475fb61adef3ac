//! Says in the log, once, when a set's list is served without everything, and when it is whole or withheld again after
//! that.
//!
//! Costs what changed: only sets that a view names as changed are looked at.

use headcount_core::Delivery;

use super::{View, ViewChange};

/// Logs what is news.
pub(super) fn log(manager: &str, before: &View, change: &ViewChange) {
    let after = &*change.view;
    for set in change.jobs.0.iter() {
        let delivery = |view: &View| view.jobs.get(set).map(|job| job.delivery).unwrap_or_default();
        let set = &**set;
        match (delivery(before), delivery(after)) {
            (Delivery::Withheld | Delivery::Whole, Delivery::Incomplete) => {
                let lacking = lacking(after, set);
                tracing::warn!(
                    manager,
                    set,
                    lacking,
                    "the list is served though it is not complete: who lacks was waited for long enough, or can't be run"
                );
            }
            (Delivery::Incomplete, Delivery::Whole) => tracing::info!(manager, set, "the list is complete now"),
            (Delivery::Incomplete, Delivery::Withheld) if after.jobs.contains_key(set) => {
                let lacking = lacking(after, set);
                tracing::info!(
                    manager,
                    set,
                    lacking,
                    "the list is not served until it is complete; readers keep the one that they have"
                );
            }
            _ => {}
        }
    }
}

/// Who was not read yet or can't be, for people: the first few.
fn lacking(view: &View, set: &str) -> String {
    const MOST: usize = 5;
    let mut lacking = view.lacking(set);
    let mut names: Vec<_> = lacking
        .by_ref()
        .take(MOST)
        .map(|lacking| lacking.name.to_owned())
        .collect();
    let more = lacking.count();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}
