//! Whole configurations, each a file in `whole/accepted` or `whole/refused`: **who knows of one more writes it down as a
//! file, and needs nothing else.**
//!
//! Its first line says where it is from, its second, if need be, which promtools decide otherwise, and why:
//!
//! ```yaml
//! # source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
//! # promtool 2.42 differs: the field is newer
//! ```

use std::path::Path;

use super::cases::{Case, Note};

/// All there are. `field` is one that each promtool knows.
pub(crate) fn configurations() -> Vec<Case> {
    let mut cases = Vec::new();
    for is_accepted in [true, false] {
        let part = if is_accepted { "accepted" } else { "refused" };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/configurations/whole")
            .join(part);
        let entries = std::fs::read_dir(&folder).expect("the cases' folder");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        assert!(paths.len() > 20, "{} has cases", folder.display());
        for path in paths {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            let (source, rest) = text.split_once('\n').expect("lines");
            assert!(
                source.strip_prefix("# source: ").is_some_and(|from| !from.is_empty()),
                "{}: its first line says where it is from",
                path.display()
            );
            let (note, config) = match rest.split_once('\n') {
                Some((line, config)) if line.starts_with("# promtool") => {
                    let note = Note::read(line).unwrap_or_else(|| panic!("{}: what differs?", path.display()));
                    (Some(note), config)
                }
                _ => (None, rest),
            };
            cases.push(Case {
                mechanism: path
                    .file_stem()
                    .and_then(|name| name.to_str())
                    .expect("a name")
                    .to_owned(),
                field: "scrape_configs".to_owned(),
                is_accepted,
                note,
                config: config.to_owned(),
            });
        }
    }
    cases
}
