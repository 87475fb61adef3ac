//! URLs as Go's `net/url` writes them, because that is how Prometheus shows them.

use std::collections::BTreeMap;

use headcount_core::JobOptions;
use headcount_reader::{MASK, sounds_secret};

use crate::discovery::ADDRESS;

/// The label that says how a target is scraped.
pub(super) const SCHEME: &str = "__scheme__";

/// What a label that becomes a parameter begins with.
pub(super) const PARAMETER: &str = "__param_";

/// Where a target is scraped, by its labels in the end and its job's parameters, as it may be shown: with `<secret>` in
/// place of the parameters that sound like secrets.
#[must_use]
pub fn scrape_url(job: &JobOptions, labels: &[(String, String)]) -> String {
    shown_url(job, labels, label(labels, SCHEME), label(labels, ADDRESS))
}

/// The same by another scheme, or at another address.
pub(super) fn shown_url(job: &JobOptions, labels: &[(String, String)], scheme: &str, address: &str) -> String {
    url_with(job, labels, [scheme, address], |name, value| {
        match sounds_secret(name) {
            true => MASK,
            false => value,
        }
    })
}

/// The value of a label; nothing where it is not there.
pub(super) fn label<'a>(labels: &'a [(String, String)], name: &str) -> &'a str {
    let label = labels.iter().find(|(other, _)| other == name);
    label.map_or("", |(_, value)| value.as_str())
}

/// The same as it is asked for.
pub(crate) fn secret_url(job: &JobOptions, labels: &[(String, String)]) -> String {
    let at = [label(labels, SCHEME), label(labels, ADDRESS)];
    url_with(job, labels, at, |_, value| value)
}

/// A label's value as it may be shown.
pub(crate) fn shown_value<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret_label(name) { MASK } else { value }
}

/// Labels with their values as they may be shown.
#[must_use]
pub fn shown_labels(labels: Vec<(String, String)>) -> Vec<(String, String)> {
    let shown = |(name, value): (String, String)| match is_secret_label(&name) {
        true => (name, MASK.to_owned()),
        false => (name, value),
    };
    labels.into_iter().map(shown).collect()
}

/// Whether a label is a parameter that sounds like a secret.
pub(crate) fn is_secret_label(name: &str) -> bool {
    name.strip_prefix(PARAMETER).is_some_and(sounds_secret)
}

/// Whether a label is a secret parameter as the job itself has it: whoever scrapes by the job's settings knows it.
pub(super) fn is_secret_of_job(job: &JobOptions, name: &str, value: &str) -> bool {
    is_secret_label(name) && is_parameter_of_job(job, name, value)
}

/// Whether a label is a parameter as the job itself has it.
pub(super) fn is_parameter_of_job(job: &JobOptions, name: &str, value: &str) -> bool {
    let is_own = |(own, values): &(String, Vec<String>)| {
        name.strip_prefix(PARAMETER) == Some(own) && values.first().is_some_and(|own| own == value)
    };
    job.params.iter().any(is_own)
}

fn url_with(
    job: &JobOptions,
    labels: &[(String, String)],
    [scheme, address]: [&str; 2],
    shown: impl for<'a> Fn(&str, &'a str) -> &'a str,
) -> String {
    let mut parameters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, values) in &job.params {
        parameters.insert(name, values.iter().map(String::as_str).collect());
    }
    for (name, value) in labels {
        let Some(name) = name.strip_prefix(PARAMETER) else {
            continue;
        };
        let values = parameters.entry(name).or_default();
        match values.first_mut() {
            Some(first) => *first = value,
            None => values.push(value),
        }
    }
    let mut url = url_of(scheme, address, label(labels, "__metrics_path__"));
    let pairs = parameters
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    for (index, (name, value)) in pairs.enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        push_escaped(&mut url, name, "", true);
        url.push('=');
        match shown(name, value) {
            MASK => url.push_str(MASK),
            value => push_escaped(&mut url, value, "", true),
        }
    }
    url
}

/// A URL of its parts, each as it is before escaping.
pub(super) fn url_of(scheme: &str, host: &str, path: &str) -> String {
    let mut url = String::new();
    if !scheme.is_empty() {
        url.push_str(scheme);
        url.push(':');
    }
    url.push_str("//");
    push_escaped(&mut url, host, "!$&'()*+,;=:[]<>\"", false);
    if !path.is_empty() && !path.starts_with('/') {
        url.push('/');
    }
    push_escaped(&mut url, path, "$&+,/:;=@", false);
    url
}

/// Appends text with all but letters, digits, `-_.~` and what is `allowed` as `%XX`; a space may
/// be a `+`.
fn push_escaped(out: &mut String, text: &str, allowed: &str, space_is_plus: bool) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in text.bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || "-_.~".contains(letter) || (byte.is_ascii() && allowed.contains(letter)) {
            out.push(letter);
        } else if byte == b' ' && space_is_plus {
            out.push('+');
        } else {
            out.push('%');
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_written_as_go_writes_them() {
        let job = JobOptions {
            params: vec![
                ("module".to_owned(), vec!["a b".to_owned(), "c&d".to_owned()]),
                ("none".to_owned(), Vec::new()),
            ],
            ..JobOptions::new("x")
        };
        let url = |labels: &[(&str, &str)]| {
            let labels = labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            scrape_url(&job, &labels.collect::<Vec<_>>())
        };
        let base = [
            ("__address__", "[::1]:80"),
            ("__metrics_path__", "/a b?c(d)/ü;e"),
            ("__scheme__", "http"),
        ];
        assert_eq!(
            url(&base),
            "http://[::1]:80/a%20b%3Fc%28d%29/%C3%BC;e?module=a+b&module=c%26d"
        );
        let labels = [
            ("__address__", "bücher:1"),
            ("__metrics_path__", "m"),
            ("__param_module", "ä"),
            ("__param_z", "1"),
        ];
        assert_eq!(url(&labels), "//b%C3%BCcher:1/m?module=%C3%A4&module=c%26d&z=1");
    }

    #[test]
    fn parameters_that_sound_like_secrets_are_not_shown() {
        let job = JobOptions {
            params: vec![
                ("api-key".to_owned(), vec!["hunter2".to_owned()]),
                ("module".to_owned(), vec!["m".to_owned()]),
            ],
            ..JobOptions::new("x")
        };
        let labels = [
            ("__address__", "a:1"),
            ("__param_token", "hunter2"),
            ("__param_api-key", "hunter2"),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let shown = "//a:1?api-key=<secret>&module=m&token=<secret>";
        assert_eq!(scrape_url(&job, &labels), shown);
        assert_eq!(secret_url(&job, &labels), shown.replace(MASK, "hunter2"));
        assert_eq!(shown_value("__param_token", "hunter2"), MASK);
        assert_eq!(
            shown_value("token", "label"),
            "label",
            "a label of the writer's own is data"
        );
        assert!(is_secret_of_job(&job, "__param_api-key", "hunter2"));
        assert!(!is_secret_of_job(&job, "__param_api-key", "other") && !is_secret_of_job(&job, "__param_module", "m"));
    }
}
