//! Relabelling and populating, compared with Prometheus's, field by field.
//!
//! `cases.yml` is a configuration with one rule set a job. What headcount makes of its targets is
//! kept as a snapshot that reviewers can read, and has to be what `promtool check
//! service-discovery` makes of them. promtool always waits as long as it may, so all jobs are
//! asked for at once.
//!
//! `tests/setup` installs promtool. Without it the comparison says so and is skipped; with
//! `HEADCOUNT_REQUIRE_SERVERS=1` it fails.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]

#[macro_use]
mod support;
mod ours;
mod promtool;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// A target's labels.
type Labels = BTreeMap<String, String>;

/// The labels that Prometheus has since 3.x.
const LATER_LABELS: [&str; 3] = [
    "__convert_classic_histograms_to_nhcb__",
    "__always_scrape_classic_histograms__",
    "__scrape_native_histograms__",
];

/// What became of a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Kept(Labels),
    Dropped,
    Invalid,
}

/// The targets of a job: their labels before relabelling and what became of them.
type Targets = BTreeSet<(Labels, Outcome)>;

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(labels) => write!(f, "{}", text(labels)),
            Self::Dropped => f.write_str("dropped"),
            Self::Invalid => f.write_str("invalid"),
        }
    }
}

fn text(labels: &Labels) -> String {
    let labels = labels.iter().map(|(name, value)| format!("{name}={value:?}"));
    labels.collect::<Vec<_>>().join(" ")
}

fn cases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/relabel/cases.yml")
}

#[test]
fn what_becomes_of_the_targets() {
    let mut out = String::new();
    for (job, targets) in ours::targets(&cases()) {
        out.push_str(&format!("{job}\n"));
        for (discovered, outcome) in targets {
            let address = discovered.get("__address__").map_or("", String::as_str);
            out.push_str(&format!("  {address}: {outcome}\n"));
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn promtool_makes_the_same_of_every_target() {
    require!("promtool");
    let ours = ours::targets(&cases());
    assert!(ours.len() > 15, "{} jobs", ours.len());
    let theirs = promtool::targets(&cases(), ours.keys());
    let mut differences = Vec::new();
    for (job, targets) in &ours {
        let shown = |what: &str, target: &Comparable| {
            let (labels, outcome) = target;
            format!("{what} says of {job}: {}\n  -> {outcome}", text(labels))
        };
        let has_rules = !job.starts_with("populate");
        let (ours, theirs) = (comparable(targets, has_rules), comparable(&theirs[job], has_rules));
        differences.extend(ours.difference(&theirs).map(|target| shown("headcount", target)));
        differences.extend(theirs.difference(&ours).map(|target| shown("promtool ", target)));
    }
    assert!(differences.is_empty(), "they differ:\n{}", differences.join("\n"));
}

type Comparable = (Labels, Outcome);

/// The targets without what promtool 2 does not tell: the labels of invalid targets as they were
/// discovered, and, where rules remove labels, those of all others. It writes the labels that
/// rules leave over those that it shows as discovered.
fn comparable(targets: &Targets, has_rules: bool) -> BTreeSet<Comparable> {
    let targets = targets.iter().map(|(discovered, outcome)| {
        let told = match outcome {
            Outcome::Invalid => Labels::new(),
            Outcome::Kept(_) if has_rules => Labels::new(),
            Outcome::Dropped if has_rules => {
                let address = discovered.get_key_value("__address__");
                address
                    .into_iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            }
            _ => discovered.clone(),
        };
        (told, outcome.clone())
    });
    targets.collect()
}
