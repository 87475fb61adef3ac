//! What Prometheus checks of each sample before it stores it.
//!
//! A sample that is not fit fails its whole scrape. Without limits and relabelling rules nothing is
//! copied.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use headcount_core::planted;
use headcount_core::relabel::{Relabeler, Verdict};

use crate::exposition::Sample;
use crate::failure::SampleProblem;
use crate::settings::{SampleLimits, ScrapeSettings};

/// As much of a name or a value is shown in an error, in characters.
const SHOWN: usize = 50;
const NAME: &str = "__name__";

/// The checks of one scrape.
pub(crate) struct Checks<'a> {
    settings: &'a ScrapeSettings,
    /// The target's labels that reach its samples.
    target: Vec<(&'a str, &'a str)>,
    relabeler: Option<Relabeler>,
    /// Samples so far, without those that relabelling dropped.
    kept: u64,
}

type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

impl<'a> Checks<'a> {
    pub(crate) fn new(settings: &'a ScrapeSettings, target: &'a [(String, String)]) -> Self {
        let public = target
            .iter()
            .filter(|(name, _)| planted!(!name.starts_with("__"), HiddenLabelsCount, true));
        let rules = &settings.metric_relabeling;
        Self {
            settings,
            target: public.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            relabeler: (!rules.is_empty()).then(|| Relabeler::new(rules.clone())),
            kept: 0,
        }
    }

    /// Checks the next sample.
    pub(crate) fn check(&mut self, sample: &Sample<'_>) -> Result<(), SampleProblem> {
        let mut labels = labels_of(sample)?;
        // To Prometheus, a label with an empty value is no label, and hides others of its name.
        let empty = labels.iter().filter(|(_, value)| value.is_empty());
        let empty: BTreeSet<String> = empty.map(|(name, _)| name.to_string()).collect();
        if !empty.is_empty() {
            labels.retain(|(name, _)| !empty.contains(&**name));
        }
        if let Some(name) = repeated(&labels)
            && (self.settings.honor_labels || !self.target.iter().any(|(target, _)| *target == name))
        {
            return Err(SampleProblem::Repeated(name.to_owned()));
        }
        let limits = &self.settings.limits;
        if self.relabeler.is_none() && !limits.are_about_labels() {
            check_names(
                labels.iter().map(|(name, value)| (&**name, &**value)),
                self.settings.legacy_names,
            )?;
            self.kept += 1;
            return Ok(());
        }
        let merged = self.merge(labels);
        let merged = match &mut self.relabeler {
            None => merged,
            Some(relabeler) => {
                let pairs = merged.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                match relabeler.relabel(pairs) {
                    (Verdict::Kept, labels) if !labels.is_empty() => labels.into_iter().collect(),
                    _ => {
                        planted!({}, DroppedSamplesCount, self.kept += 1);
                        return Ok(());
                    }
                }
            }
        };
        let pairs = merged.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        check_names(pairs, self.settings.legacy_names)?;
        check_limits(&merged, limits)?;
        self.kept += 1;
        Ok(())
    }

    /// All samples were read.
    pub(crate) fn finish(&self) -> Result<(), SampleProblem> {
        match self.settings.limits.samples {
            Some(limit)
                if planted!(
                    self.kept > limit.get(),
                    SampleLimitIsExclusive,
                    self.kept >= limit.get()
                ) =>
            {
                Err(SampleProblem::TooMany)
            }
            _ => Ok(()),
        }
    }

    /// The labels of a sample together with those of its target.
    fn merge(&self, labels: Vec<Label<'_>>) -> BTreeMap<String, String> {
        let mut merged: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in labels {
            merged.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        let mut moved = Vec::new();
        for (name, value) in &self.target {
            let is_there = merged.contains_key(*name);
            if is_there && planted!(self.settings.honor_labels, HonorLabelsIsIgnored, false) {
                continue;
            }
            if let Some(exposed) = merged.insert((*name).to_owned(), (*value).to_owned()) {
                moved.push((*name, exposed));
            }
        }
        moved.sort_by_key(|(name, _)| name.len());
        for (name, exposed) in moved {
            let mut name = format!("exported_{name}");
            while planted!(merged.contains_key(&name), ExportedTwiceReplaces, false) {
                name.insert_str(0, "exported_");
            }
            merged.insert(name, exposed);
        }
        merged
    }
}

fn labels_of<'s>(sample: &Sample<'s>) -> Result<Vec<Label<'s>>, SampleProblem> {
    let mut labels = Vec::with_capacity(sample.labels().len() + 1);
    labels.push((Cow::Borrowed(NAME), text(sample.name())?));
    for (name, value) in sample.labels() {
        labels.push((text(name)?, text(value)?));
    }
    Ok(labels)
}

/// A name that more than one label has.
fn repeated<'l>(labels: &'l [Label<'_>]) -> Option<&'l str> {
    let mut names: Vec<&str> = labels.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    let pairs = names.windows(2);
    pairs
        .filter_map(|pair| (pair.first() == pair.last()).then(|| pair.first().copied())?)
        .next()
}

fn text(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, SampleProblem> {
    let invalid = |bytes: &[u8]| SampleProblem::Names(String::from_utf8_lossy(bytes).into_owned());
    match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|_| invalid(bytes)),
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Owned(text)),
            Err(error) => Err(invalid(error.as_bytes())),
        },
    }
}

fn check_names<'l>(labels: impl Iterator<Item = (&'l str, &'l str)>, legacy: bool) -> Result<(), SampleProblem> {
    let mut has_name = false;
    for (label, value) in labels {
        let is_good = match label {
            NAME => {
                has_name = true;
                !legacy || is_legacy(value, true)
            }
            _ => !label.is_empty() && (!legacy || is_legacy(label, false)),
        };
        if !is_good {
            let wrong = if label == NAME { value } else { label };
            return Err(SampleProblem::Names(wrong.to_owned()));
        }
    }
    if has_name { Ok(()) } else { Err(SampleProblem::NoName) }
}

/// Letters, digits and underscores, and colons in the names of metrics.
fn is_legacy(name: &str, is_metric: bool) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (is_metric && byte == b':');
    name.bytes().all(is_good) && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn check_limits(labels: &BTreeMap<String, String>, limits: &SampleLimits) -> Result<(), SampleProblem> {
    let metric = || shown(labels.get(NAME).map_or("", String::as_str));
    let over =
        |limit: Option<NonZeroU64>, length: usize| limit.map(NonZeroU64::get).filter(|limit| length as u64 > *limit);
    if let Some(limit) = over(limits.labels, labels.len()) {
        let (metric, count) = (metric(), labels.len());
        return Err(SampleProblem::Labels { metric, count, limit });
    }
    for (name, value) in labels {
        if let Some(limit) = over(limits.label_name_length, name.len()) {
            let (metric, label, length) = (metric(), shown(name), name.len());
            return Err(SampleProblem::NameLength {
                metric,
                label,
                length,
                limit,
            });
        }
        if let Some(limit) = over(limits.label_value_length, value.len()) {
            return Err(SampleProblem::ValueLength {
                metric: metric(),
                label: shown(name),
                value: shown(value),
                length: value.len(),
                limit,
            });
        }
    }
    Ok(())
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use headcount_core::relabel::{NameValidation, RelabelRule, Relabeling, RuleRegex, SourceLabels};

    use super::*;
    use crate::exposition::{Exposition, Format};
    use crate::failure::ScrapeFailure;

    /// Checks the samples of a text; how many are kept.
    fn check(settings: &ScrapeSettings, text: &str) -> Result<u64, String> {
        let target = [("__address__", "h:1"), ("instance", "h:1"), ("job", "node")];
        let target = target.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut checks = Checks::new(settings, &target);
        let mut on_sample = |sample: &Sample<'_>| Ok(checks.check(sample)?);
        let mut exposition = Exposition::new(Format::Text);
        let read = exposition.push(text.as_bytes(), &mut on_sample);
        let read = read.and_then(|()| exposition.finish(&mut on_sample));
        let all = read.and_then(|()| checks.finish().map_err(ScrapeFailure::from));
        all.map(|()| checks.kept).map_err(|failure| failure.to_string())
    }

    fn limited(change: impl FnOnce(&mut SampleLimits)) -> ScrapeSettings {
        let mut settings = ScrapeSettings::default();
        change(&mut settings.limits);
        settings
    }

    #[test]
    fn labels_are_counted_with_those_of_the_target() {
        let settings = limited(|limits| limits.labels = NonZeroU64::new(4));
        assert_eq!(check(&settings, "a{x=\"1\"} 1\n"), Ok(1));
        assert_eq!(
            check(&settings, "a{x=\"1\",y=\"\"} 1\n"),
            Ok(1),
            "an empty label is none"
        );
        let error = "label_limit exceeded (metric: a, number of labels: 5, limit: 4)";
        assert_eq!(check(&settings, "a{x=\"1\",y=\"2\"} 1\n"), Err(error.to_owned()));
        assert_eq!(
            check(&settings, "a{job=\"1\",exported_job=\"2\"} 1\n"),
            Err(error.to_owned())
        );
        let honor = ScrapeSettings {
            honor_labels: true,
            ..settings
        };
        assert_eq!(check(&honor, "a{job=\"1\",exported_job=\"2\"} 1\n"), Ok(1));
    }

    #[test]
    fn names_and_values_have_limits() {
        let settings = limited(|limits| limits.label_name_length = NonZeroU64::new(8));
        assert_eq!(check(&settings, "a{abcdefgh=\"1\"} 1\n"), Ok(1));
        let error = "label_name_length_limit exceeded (metric: a, label name: abcdefghi, length: 9, limit: 8)";
        assert_eq!(check(&settings, "a{abcdefghi=\"1\"} 1\n"), Err(error.to_owned()));
        let settings = limited(|limits| limits.label_value_length = NonZeroU64::new(4));
        assert_eq!(check(&settings, "a{b=\"1234\"} 1\n"), Ok(1));
        let error =
            "label_value_length_limit exceeded (metric: a, label name: b, value: \"é123\", length: 5, limit: 4)";
        assert_eq!(check(&settings, "a{b=\"é123\"} 1\n"), Err(error.to_owned()));
    }

    #[test]
    fn what_relabelling_drops_is_not_counted() {
        let drop = RelabelRule::Drop {
            source: SourceLabels {
                names: vec![NAME.to_owned()],
                ..SourceLabels::default()
            },
            regex: RuleRegex::new("b.*"),
        };
        let text = "a 1\nb 1\nbb 1\n";
        let mut settings = limited(|limits| limits.samples = NonZeroU64::new(1));
        assert_eq!(check(&settings, text), Err("sample limit exceeded".to_owned()));
        settings.metric_relabeling = Relabeling::compile([drop], NameValidation::Utf8).unwrap();
        assert_eq!(check(&settings, text), Ok(1));
        assert_eq!(check(&settings, "a 1\nc 1\n"), Err("sample limit exceeded".to_owned()));
    }

    #[test]
    fn names_are_checked() {
        let (utf8, mut legacy) = (ScrapeSettings::default(), ScrapeSettings::default());
        legacy.legacy_names = true;
        let text = "{\"a.b\",\"c d\"=\"1\"} 1\n";
        assert_eq!(check(&utf8, text), Ok(1));
        assert_eq!(
            check(&legacy, text),
            Err("invalid metric name or label names: a.b".to_owned())
        );
        assert_eq!(check(&legacy, "a:b{c_1=\"x\"} 1\n"), Ok(1));
        assert_eq!(
            check(&utf8, "{\"\"} 1\n"),
            Err("missing metric name (__name__ label)".to_owned())
        );
        assert_eq!(
            check(&utf8, "a{\"\"=\"1\"} 1\n"),
            Err("invalid metric name or label names: ".to_owned())
        );
        let repeated = "label name \"x\" is not unique: invalid sample";
        assert_eq!(check(&utf8, "a{x=\"1\",y=\"\",x=\"2\"} 1\n"), Err(repeated.to_owned()));
        assert_eq!(check(&utf8, "a{x=\"1\",x=\"\"} 1\n"), Ok(1));
        assert_eq!(
            check(&utf8, "a{job=\"1\",job=\"2\"} 1\n"),
            Ok(1),
            "the target's takes their place"
        );
    }
}
