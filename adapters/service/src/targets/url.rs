//! URLs as Go's `net/url` writes them, because that is how Prometheus shows them.

use std::collections::BTreeMap;

use headcount_core::JobOptions;

/// Where a target is scraped, by its labels in the end and its job's parameters.
#[must_use]
pub fn scrape_url(job: &JobOptions, labels: &[(String, String)]) -> String {
    let label = |name: &str| {
        let label = labels.iter().find(|(other, _)| other == name);
        label.map_or("", |(_, value)| value.as_str())
    };
    let mut parameters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, values) in &job.params {
        parameters.insert(name, values.iter().map(String::as_str).collect());
    }
    for (name, value) in labels {
        let Some(name) = name.strip_prefix("__param_") else {
            continue;
        };
        let values = parameters.entry(name).or_default();
        match values.first_mut() {
            Some(first) => *first = value,
            None => values.push(value),
        }
    }
    let mut url = url_of(label("__scheme__"), label("__address__"), label("__metrics_path__"));
    let pairs = parameters
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    for (index, (name, value)) in pairs.enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        push_escaped(&mut url, name, "", true);
        url.push('=');
        push_escaped(&mut url, value, "", true);
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
}
