//! The cases that stand beside each mechanism, each as a whole configuration.
//!
//! **They are cut out of their files as text**, so that every parser reads what is written there.

use std::fmt;
use std::path::{Path, PathBuf};

use headcount_backends::registry;

/// One entry, or a few.
pub(crate) struct Case {
    pub(crate) mechanism: String,
    /// `…_sd_configs`
    pub(crate) field: String,
    pub(crate) is_accepted: bool,
    pub(crate) note: Option<Note>,
    pub(crate) config: String,
}

/// Why promtool decides otherwise.
pub(crate) struct Note {
    /// In which versions; in all if there are none.
    pub(crate) versions: Vec<String>,
    pub(crate) reason: String,
}

impl Note {
    pub(crate) fn is_of(&self, version: &str) -> bool {
        self.versions.is_empty() || self.versions.iter().any(|known| known == version)
    }

    /// Of a line such as `# promtool 2.42, 2.53 differs: the role is newer`.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let (versions, reason) = line.strip_prefix("# promtool")?.split_once(" differs: ")?;
        let versions = versions.split(',').map(str::trim).filter(|version| !version.is_empty());
        Some(Self {
            versions: versions.map(str::to_owned).collect(),
            reason: reason.to_owned(),
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = if self.is_accepted { "accepted" } else { "refused" };
        write!(f, "{}, {part}: {}", self.mechanism, self.config)
    }
}

/// All there are.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for mechanism in registry().iter() {
        for is_accepted in [true, false] {
            let path = path(mechanism.name(), is_accepted);
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let before = cases.len();
            for (note, item) in items(&text) {
                let entries = entries(&item, mechanism.field(), is_accepted);
                // A process has no address; each job has a rule that says one.
                let rule = "relabel_configs: [{target_label: __address__, replacement: 'a:1'}]";
                cases.push(Case {
                    mechanism: mechanism.name().to_owned(),
                    field: mechanism.field().to_owned(),
                    is_accepted,
                    note,
                    config: format!("scrape_configs:\n- job_name: a\n  {rule}\n{entries}"),
                });
            }
            assert!(cases.len() > before, "{} has cases", path.display());
        }
    }
    cases
}

fn path(mechanism: &str, is_accepted: bool) -> PathBuf {
    let name = if is_accepted { "accepted.yml" } else { "refused.yml" };
    let backends = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/backends/src");
    backends.join(mechanism).join("testdata").join(name)
}

/// The items of a list, each as its lines, with what is noted above it.
fn items(text: &str) -> Vec<(Option<Note>, Vec<&str>)> {
    let mut items: Vec<(Option<Note>, Vec<&str>)> = Vec::new();
    let mut note = None;
    for line in text.lines() {
        if line.starts_with("# promtool") {
            note = Some(Note::read(line).unwrap_or_else(|| panic!("{line}: what differs, and why?")));
        } else if line.starts_with("- ") {
            items.push((note.take(), vec![line]));
        } else if let Some((_, item)) = items.last_mut().filter(|_| !line.starts_with('#')) {
            item.push(line);
        }
    }
    items
}

/// The field of a job with the entries of an item.
fn entries(item: &[&str], field: &str, is_accepted: bool) -> String {
    if is_accepted {
        let lines = item.iter().map(|line| format!("  {line}\n"));
        return format!("  {field}:\n{}", lines.collect::<String>());
    }
    let mut out = String::new();
    let mut is_of_entries = false;
    for line in item {
        let line = line.replacen("- ", "  ", usize::from(line.starts_with("- ")));
        let is_key = line.starts_with("  ") && line.as_bytes().get(2).is_some_and(u8::is_ascii_lowercase);
        if is_key {
            is_of_entries = line.starts_with("  entries:");
        }
        if is_of_entries {
            out.push_str(&line.replacen("entries:", &format!("{field}:"), usize::from(is_key)));
            out.push('\n');
        }
    }
    out
}
