//! What headcount's own settings say, before and after.

use std::collections::{BTreeMap, BTreeSet};

use headcount_config::Settings;
use serde::Serialize;

/// A field that differs; `None` where it is absent.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnSetting {
    /// Its path in the file.
    pub(super) name: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    /// Whether a reload does not change it.
    pub(super) needs_restart: bool,
}

/// The fields that differ, by their paths. Further jobs are jobs like all others, and are not among them.
pub(super) fn own_settings(old: &Settings, new: &Settings) -> Vec<OwnSetting> {
    let (old, new) = (old.fields(), new.fields());
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let value = |side: &BTreeMap<String, String>, name: &String| side.get(name).cloned();
    let each = names.into_iter().map(|name| OwnSetting {
        name: name.clone(),
        before: value(&old, name),
        after: value(&new, name),
        needs_restart: name == "web.listen" || name.starts_with("state."),
    });
    each.filter(|setting| setting.before != setting.after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_config::{JobSettings, WebSettings};

    #[test]
    fn what_differs_is_named_with_both_values() {
        let job = |serve_incomplete| JobSettings {
            serve_incomplete,
            ..JobSettings::default()
        };
        let old = Settings {
            defaults: job(Some(false)),
            jobs: [("node".to_owned(), job(Some(true)))].into(),
            ..Settings::default()
        };
        let web = WebSettings {
            listen: Some(":1".to_owned()),
            allowed_hosts: vec!["a".to_owned()],
        };
        let new = Settings {
            defaults: job(Some(true)),
            web,
            ..Settings::default()
        };
        let text = |value: &str| Some(value.to_owned());
        let expected = [
            ("defaults.serve_incomplete", text("false"), text("true"), false),
            ("jobs.node.serve_incomplete", text("true"), None, false),
            ("web.allowed_hosts", None, text("a"), false),
            ("web.listen", None, text(":1"), true),
        ];
        let expected = expected.map(|(name, before, after, needs_restart)| OwnSetting {
            name: name.to_owned(),
            before,
            after,
            needs_restart,
        });
        assert_eq!(own_settings(&old, &new), expected);
        assert_eq!(own_settings(&new, &new), []);
    }
}
