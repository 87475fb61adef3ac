//! `relabel_configs` by themselves, for who tries rules before they are in any file.
//!
//! The one rule: **what is taken here is taken in a configuration, and the other way around**; the reader is the same.

use std::path::Path;

use headcount_core::relabel::{NameValidation, Relabeling};
use headcount_reader::{Cursor, LoadErrors, Problem, ProblemKind, Sink};

use crate::load::with_tree;
use crate::section::relabel::RelabelRules;
use crate::{Dialect, Loader};

const FIELD: &str = "relabel_configs";

impl Loader {
    /// Reads rules for targets, with what is remarkable about them: a list, or a mapping with the one field
    /// `relabel_configs`, as they stand in a job. `names` says which names labels may have.
    ///
    /// ```
    /// use headcount_config::Loader;
    ///
    /// let loader = Loader::new(headcount_backends::registry());
    /// let errors = loader.relabeling(b"- {action: keeep}", "rules".as_ref(), Default::default()).unwrap_err();
    /// assert!(errors.problems[0].to_string().starts_with("rules:1:12: [0].action: \"keeep\" is not known"));
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong with them, each with its place.
    pub fn relabeling(
        &self,
        bytes: &[u8],
        origin: &Path,
        names: NameValidation,
    ) -> Result<(Relabeling, Vec<Problem>), LoadErrors> {
        let sink = Sink::new(origin.into());
        let mut relabeling = Relabeling::compile([], names).unwrap_or_default();
        with_tree(bytes, &sink, |root| {
            if root.is_null() {
                return;
            }
            if root.is_list() {
                relabeling = read(root, self.own_dialect(), names);
                return;
            }
            let Some(mut fields) = root.fields() else { return };
            match fields.take(FIELD) {
                Some(at) => relabeling = read(&at, self.own_dialect(), names),
                None => fields.at().report(ProblemKind::Missing { field: FIELD }),
            }
            fields.finish();
        });
        let found = sink.finish();
        match found.problems.is_empty() {
            true => Ok((relabeling, found.warnings)),
            false => Err(LoadErrors {
                problems: found.problems,
                omitted: found.omitted,
            }),
        }
    }
}

fn read(list: &Cursor<'_>, dialect: Dialect, names: NameValidation) -> Relabeling {
    RelabelRules::read(list, dialect).compile_for_job(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_discoverer::mechanism::Registry;

    fn read(text: &str, dialect: Dialect) -> Result<(usize, usize), String> {
        let loader = Loader::new(Registry::default()).dialect(dialect);
        let found = loader.relabeling(text.as_bytes(), "r".as_ref(), NameValidation::Utf8);
        let found = found.map(|(rules, warnings)| (rules.len(), warnings.len()));
        found.map_err(|errors| {
            let problems = errors.problems.iter().map(ToString::to_string);
            problems.collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn rules_are_a_list_or_stand_in_their_field() {
        let prometheus = |text| read(text, Dialect::Prometheus);
        for (text, rules) in [
            ("", 0),
            ("# none\n", 0),
            ("[]", 0),
            ("relabel_configs:\n", 0),
            ("- {action: labeldrop, regex: a}\n- {target_label: b}", 2),
            ("relabel_configs:\n- {action: labeldrop, regex: a}\n", 1),
        ] {
            assert_eq!(prometheus(text), Ok((rules, 0)), "{text}");
        }
        assert_eq!(
            prometheus("- {source_labels: [__meta_url], target_label: a}"),
            Ok((1, 1)),
            "a reader of the list sets that"
        );
        let wrong = prometheus("relabel_configs: []\njob_name: x").expect_err("a job");
        assert!(wrong.starts_with("r:2:1: "), "{wrong}");
        let wrong = prometheus("job_name: x").expect_err("a job");
        assert!(wrong.contains("relabel_configs is missing"), "{wrong}");
        assert!(prometheus("rules").is_err());
    }

    #[test]
    fn the_dialect_is_the_configuration_s() {
        let text = "- {action: drop, if: '{a=\"b\"}'}\n";
        assert_eq!(read(text, Dialect::Vmagent), Ok((1, 0)));
        let wrong = read(text, Dialect::Prometheus).expect_err("vmagent's");
        assert!(wrong.starts_with("r:1:"), "{wrong}");
    }
}
