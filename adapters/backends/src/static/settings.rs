//! What `static_configs` says.

use std::sync::Arc;

use headcount_core::{MAX_NAME_BYTES, MAX_VALUE_BYTES};
use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::{Cursor, Fields, ProblemKind, is_label_name, redacted_url};

use super::StaticDiscoverer;

/// All `static_configs` of a job, which are one provider. Their sources are `0`, `1`, … in order, as in
/// Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StaticSd {
    pub(super) groups: Vec<StaticGroup>,
}

/// One entry of `static_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StaticGroup {
    /// `targets`: addresses.
    pub targets: Vec<String>,
    /// `labels`, sorted by name.
    pub labels: Vec<(String, String)>,
}

impl StaticSd {
    /// These groups. Labels without a name, and what is longer than a group can hold, are left out when
    /// it is run, and reported; what comes from a file was checked.
    pub fn new(groups: Vec<StaticGroup>) -> Self {
        Self { groups }
    }

    /// The entries, in order.
    pub fn groups(&self) -> &[StaticGroup] {
        &self.groups
    }
}

impl Mechanism for StaticSd {
    const NAME: &'static str = "static";
    const SUMMARY: &'static str = "targets that are written in the configuration";
    const METRICS: &'static [Definition] = &[];

    fn field() -> String {
        "static_configs".to_owned()
    }

    fn read_field(at: &Cursor<'_>, place: &Place<'_>) -> Vec<Self> {
        let mut groups = Vec::new();
        for entry in at.list().unwrap_or_default() {
            if entry.is_null() {
                entry.report(ProblemKind::EmptyEntry);
            } else if let Some(mut fields) = entry.fields() {
                groups.push(read_group(&mut fields, place));
                fields.finish();
            }
        }
        if groups.is_empty() {
            Vec::new()
        } else {
            vec![Self { groups }]
        }
    }

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        Some(Self {
            groups: vec![read_group(fields, place)],
        })
    }

    /// The first addresses, and how many more there are.
    fn describe(&self) -> String {
        let all: Vec<&str> = self
            .groups
            .iter()
            .flat_map(|group| &group.targets)
            .map(String::as_str)
            .collect();
        match all.split_at_checked(3) {
            Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
            _ if all.is_empty() => "no targets".to_owned(),
            _ => all.join(", "),
        }
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(StaticDiscoverer { settings: self })
    }
}

fn read_group(fields: &mut Fields<'_>, place: &Place<'_>) -> StaticGroup {
    let targets_at = fields.take("targets");
    let targets = targets_at.as_ref().and_then(|at| at.texts()).unwrap_or_default();
    if let Some(at) = &targets_at {
        for (index, (target, position)) in targets.iter().enumerate() {
            // Nothing relabels it into a host.
            let kind = if !place.is_relabelled && target.contains('/') {
                ProblemKind::TargetAddress {
                    target: redacted_url(target).into_owned(),
                }
            } else if target.len() > MAX_VALUE_BYTES {
                too_long(target, MAX_VALUE_BYTES)
            } else {
                continue;
            };
            at.report_at(*position, &format!("[{index}]"), kind);
        }
    }
    let labels_at = fields.take("labels");
    let entries = labels_at.as_ref().and_then(Cursor::entries).unwrap_or_default();
    let has_null_key = labels_at.as_ref().is_some_and(Cursor::has_null_key);
    let label = |(name, value): (String, Cursor<'_>)| {
        if name.is_empty() && has_null_key {
            // Prometheus takes it for a label without a name, which no rule and no query finds.
            value.warn(ProblemKind::Rule(
                "a label without a name is left out; give it one, or remove it",
            ));
            return None;
        }
        if !is_label_name(&name, false) {
            value.report(ProblemKind::LabelName {
                name: name.clone(),
                legacy: false,
            });
        }
        let text = value.text()?;
        if name.len() > MAX_NAME_BYTES {
            value.report(too_long(&name, MAX_NAME_BYTES));
        } else if text.len() > MAX_VALUE_BYTES {
            value.report(too_long(&text, MAX_VALUE_BYTES));
        }
        Some((name, text))
    };
    StaticGroup {
        labels: entries.into_iter().filter_map(label).collect(),
        targets: targets.into_iter().map(|(target, _)| target).collect(),
    }
}

fn too_long(text: &str, limit: usize) -> ProblemKind {
    ProblemKind::TooLong {
        length: text.len(),
        limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_described_by_its_first_targets() {
        let described = |targets: &[&str]| {
            let targets = targets.iter().map(|target| (*target).to_owned()).collect();
            let labels = Vec::new();
            StaticSd::new(vec![StaticGroup { targets, labels }]).describe()
        };
        assert_eq!(described(&[]), "no targets");
        assert_eq!(described(&["a:1", "b:1", "c:1"]), "a:1, b:1, c:1");
        assert_eq!(
            described(&["a:1", "b:1", "c:1", "d:1", "e:1"]),
            "a:1, b:1, c:1 and 2 more"
        );
    }
}
