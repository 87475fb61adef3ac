//! A job's targets after relabelling, in the format that http_sd and file_sd share.
//!
//! **A Prometheus that reads the list without relabelling rules of its own, and otherwise with
//! the job's settings, ends with the job's targets.** So labels are written as they are in the
//! end: `job` and `instance` among them, and those that say how to scrape (`__scheme__`,
//! `__metrics_path__`, `__param_*`, `__scrape_interval__`, `__scrape_timeout__`), since all of
//! them come before what the reader would fill in. Duplicates are left out, and so are the flags
//! for histograms where they are off: a Prometheus 2 would keep them as labels for nothing.

use headcount_core::{Fate, TargetView};

use super::State;
use crate::discovery::{ADDRESS, sorted_groups, write_labels, write_string};

/// The labels that are off unless said otherwise.
const FLAGS: [&str; 3] = [
    "__convert_classic_histograms_to_nhcb__",
    "__always_scrape_classic_histograms__",
    "__scrape_native_histograms__",
];

/// A job's list, as JSON.
pub(super) fn relabelled_list(state: &State, job: &str) -> Vec<u8> {
    let mut out = Vec::new();
    out.push(b'[');
    let (Some(pool), Some(set)) = (state.pools.pool(job), state.view.snapshot.set(job)) else {
        return b"[]".to_vec();
    };
    let mut reader = pool.reader();
    let mut is_first = true;
    for (provider, stored) in sorted_groups(set) {
        let views = pool.group_targets(provider.id(), stored.group().source());
        for view in views.filter(is_scraped) {
            let Some(labels) = reader.labels(&view) else { continue };
            out.extend_from_slice(if is_first { b"\n" } else { b",\n" });
            is_first = false;
            let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let address = labels.clone().find(|(name, _)| *name == ADDRESS);
            out.extend_from_slice(b"{\"targets\":[");
            write_string(&mut out, address.map_or("", |(_, address)| address));
            out.extend_from_slice(b"],\"labels\":");
            write_labels(
                &mut out,
                labels.filter(|(name, value)| *name != ADDRESS && !(FLAGS.contains(name) && *value == "false")),
            );
            out.push(b'}');
        }
    }
    out.extend_from_slice(if is_first { b"]" } else { b"\n]" });
    out
}

fn is_scraped(view: &TargetView<'_>) -> bool {
    matches!(view.fate, Fate::Active { .. } | Fate::OverLimit { .. })
}
