//! `filters`: which objects the Engine is asked for.

use std::collections::{BTreeMap, BTreeSet};

use headcount_reader::Fields;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the characters that mean themselves everywhere in a URL (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Values by the names of filters. An object has to pass one value of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Filters(BTreeMap<String, BTreeSet<String>>);

impl Filters {
    /// Reads `filters`: a list of a name and its values each. A filter without values filters nothing.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let mut filters = Self::default();
        let Some(at) = fields.take("filters") else {
            return filters;
        };
        for entry in at.list().unwrap_or_default() {
            let Some(mut fields) = entry.fields() else { continue };
            let name = fields.text("name").unwrap_or_default();
            let values = fields.texts("values").unwrap_or_default();
            fields.finish();
            if !values.is_empty() {
                let known = filters.0.entry(name).or_default();
                known.extend(values.into_iter().map(|(value, _)| value));
            }
        }
        filters
    }

    /// In a few words, for people; nothing if everything passes.
    pub(crate) fn describe(&self) -> String {
        let name = |(name, values): (&String, &BTreeSet<String>)| {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            format!("{name} {}", values.join(" or "))
        };
        match self.0.is_empty() {
            true => String::new(),
            false => format!(" with {}", self.0.iter().map(name).collect::<Vec<_>>().join(", ")),
        }
    }

    /// The query of a URL with its question mark; nothing if everything passes.
    pub(super) fn query(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let values = |values: &BTreeSet<String>| values.iter().map(|value| (value.clone(), true.into())).collect();
        let filters = self.0.iter();
        let filters: serde_json::Map<String, serde_json::Value> = filters
            .map(|(name, set)| (name.clone(), serde_json::Value::Object(values(set))))
            .collect();
        let text = serde_json::Value::Object(filters).to_string();
        format!("?filters={}", utf8_percent_encode(&text, ESCAPED))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use headcount_reader::{Sink, read};

    use super::*;

    fn filters(yaml: &str) -> Filters {
        let sink = Sink::new(Path::new("a.yml").into());
        let document = read(yaml, &sink).expect("YAML");
        let root = document.root(&sink).expect("a mapping");
        let mut fields = root.fields().expect("a mapping");
        let filters = Filters::read(&mut fields);
        fields.finish();
        assert_eq!(sink.finish().problems, []);
        filters
    }

    #[test]
    fn they_are_written_as_the_engine_reads_them() {
        let yaml = r#"filters: [{name: status, values: [running, paused]}, {name: label, values: ["a=b c"]},
            {name: status, values: [paused, exited]}, {name: id}, {name: id, values: []}]"#;
        let filters = filters(yaml);
        assert_eq!(
            percent_encoding::percent_decode_str(&filters.query()).decode_utf8_lossy(),
            r#"?filters={"label":{"a=b c":true},"status":{"exited":true,"paused":true,"running":true}}"#
        );
        assert!(!filters.query().contains(['"', '{', ' ']), "{}", filters.query());
        assert_eq!(
            filters.describe(),
            " with label a=b c, status exited or paused or running"
        );
        assert_eq!(super::Filters::default().query(), "");
        assert_eq!(super::Filters::default().describe(), "");
    }
}
