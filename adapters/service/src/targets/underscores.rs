//! Labels as a Prometheus 2 takes them, whose names have letters, digits and underscores only.
//!
//! Names are written as Prometheus's escaping scheme `underscores` has it: each character that does not fit becomes an
//! underscore. That scheme is for metrics and leaves colons; of labels they don't fit, either, so they become one as well.
//!
//! **What can't be said so is not said**: a target of which two names become one, or a name one of Prometheus's own, or of
//! which a parameter would get another name, is left out, and the reason stands where the target is described.

use std::borrow::Cow;
use std::collections::BTreeMap;

use headcount_core::JobOptions;

use super::url::{PARAMETER, is_parameter_of_job};

/// Why a target is in no list for a Prometheus 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsayable {
    /// Two names become one.
    #[error("the names {first:?} and {second:?} both become {name:?}; rename one of them by a rule")]
    Same {
        first: String,
        second: String,
        name: String,
    },
    /// A name begins as names do that are not the target's own any more.
    #[error("the name {label:?} becomes {name:?}, which Prometheus keeps to itself; rename it by a rule")]
    Internal { label: String, name: String },
    /// A parameter would have another name.
    #[error("the parameter {name:?} can't be set by a label; set it in the job's params")]
    Parameter { name: String },
}

/// A label's name in letters, digits and underscores.
pub(super) fn underscored(name: &str) -> Cow<'_, str> {
    let fits = |(place, c): (usize, char)| c.is_ascii_alphabetic() || c == '_' || c.is_ascii_digit() && place > 0;
    if name.char_indices().all(fits) {
        return Cow::Borrowed(name);
    }
    let fitting = name
        .char_indices()
        .map(|(place, c)| if fits((place, c)) { c } else { '_' });
    Cow::Owned(fitting.collect())
}

/// A target's labels with other names. Parameters that whoever scrapes has from the job itself are left out where their
/// names don't fit.
///
/// # Errors
/// They can't be said so.
pub(super) fn in_underscores<'a>(
    job: &JobOptions,
    labels: &'a [(String, String)],
) -> Result<Vec<(Cow<'a, str>, &'a str)>, Unsayable> {
    let mut named = Vec::with_capacity(labels.len());
    for (label, value) in labels {
        let name = underscored(label);
        let is_other = matches!(name, Cow::Owned(_));
        if is_other && let Some(parameter) = label.strip_prefix(PARAMETER) {
            if is_parameter_of_job(job, label, value) {
                continue;
            }
            let name = parameter.to_owned();
            return Err(Unsayable::Parameter { name });
        }
        if is_other && name.starts_with("__") && !label.starts_with("__") {
            let (label, name) = (label.clone(), name.into_owned());
            return Err(Unsayable::Internal { label, name });
        }
        named.push((name, value.as_str()));
    }
    match named.iter().all(|(name, _)| matches!(name, Cow::Borrowed(_))) {
        true => Ok(named),
        false => distinct(labels).map(|()| named),
    }
}

/// Whether no two names become one.
fn distinct(labels: &[(String, String)]) -> Result<(), Unsayable> {
    let mut known: BTreeMap<Cow<'_, str>, &str> = BTreeMap::new();
    // Parameters with other names are not among them.
    let is_said = |label: &str| !label.starts_with(PARAMETER) || matches!(underscored(label), Cow::Borrowed(_));
    for (label, _) in labels.iter().filter(|(label, _)| is_said(label)) {
        if let Some(first) = known.insert(underscored(label), label) {
            return Err(Unsayable::Same {
                first: first.to_owned(),
                second: label.clone(),
                name: underscored(label).into_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_prometheus_s_scheme_but_for_colons() {
        for (name, expected) in [
            ("", ""),
            ("a", "a"),
            ("_1a_Z9", "_1a_Z9"),
            ("__address__", "__address__"),
            ("a.b-c d", "a_b_c_d"),
            // A character is one underscore, however many bytes it has.
            ("é", "_"),
            ("a\u{1f600}b日", "a_b_"),
            // A digit may not be the first, and is no underscore more.
            ("9", "_"),
            ("9a9", "_a9"),
            ("é9", "_9"),
            ("a\nb\"", "a_b_"),
            ("job:up", "job_up"),
        ] {
            assert_eq!(underscored(name), expected, "{name:?}");
        }
    }

    fn named(params: &[(&str, &str)], labels: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let owned = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        let job = JobOptions {
            params: params
                .iter()
                .map(owned)
                .map(|(name, value)| (name, vec![value, "z".to_owned()]))
                .collect(),
            ..JobOptions::new("a")
        };
        let labels: Vec<_> = labels.iter().map(owned).collect();
        let named = in_underscores(&job, &labels).map_err(|error| error.to_string())?;
        Ok(named
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect())
    }

    #[test]
    fn what_two_names_would_say_is_not_said() {
        assert_eq!(
            named(&[], &[("a.b", "1"), ("c", "2")]),
            Ok(vec!["a_b=1".to_owned(), "c=2".to_owned()])
        );
        let error = named(&[], &[("a.b", "1"), ("a_b", "1")]).expect_err("both are a_b");
        assert!(error.contains(r#""a.b" and "a_b" both become "a_b""#), "{error}");
        let error = named(&[], &[("a.b", "1"), ("a-b", "2")]).expect_err("both are a_b");
        assert!(error.contains(r#""a.b" and "a-b" both become "a_b""#), "{error}");
        // The label is none of the target's own any more: nobody would see it, or Prometheus would take it for its own.
        let error = named(&[], &[("é_region", "1")]).expect_err("it would be hidden");
        assert!(error.contains(r#"becomes "__region""#), "{error}");
        assert_eq!(named(&[], &[("__tmp.x", "1")]), Ok(vec!["__tmp_x=1".to_owned()]));
    }

    #[test]
    fn a_parameter_keeps_its_name_or_is_not_said() {
        let params = [("m.x", "1"), ("y", "2")];
        let own = [("__param_m.x", "1"), ("__param_y", "2")];
        assert_eq!(
            named(&params, &own),
            Ok(vec!["__param_y=2".to_owned()]),
            "the reader has it in the job"
        );
        let both = [("__param_m.x", "1"), ("__param_m_x", "3"), ("a.b", "4")];
        assert_eq!(
            named(&params, &both),
            Ok(vec!["__param_m_x=3".to_owned(), "a_b=4".to_owned()])
        );
        for labels in [[("__param_m.x", "3")], [("__param_z.x", "1")]] {
            let error = named(&params, &labels).expect_err("a label can't set it");
            assert!(error.contains("can't be set by a label"), "{error}");
        }
    }
}
