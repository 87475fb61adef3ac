//! A target's URL, made from its labels as Prometheus makes it.

use std::collections::BTreeMap;
use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What Go escapes in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// What Go escapes in a query; it writes a blank as a plus.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The URL that `__scheme__`, `__address__`, `__metrics_path__` and `__param_*` say, with the
/// job's `params`. A `__param_` label takes the place of the first value of its parameter.
///
/// ```
/// let labels = [("__address__", "10.0.0.1:9100"), ("__metrics_path__", "/probe"), ("__param_target", "a b")];
/// let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
/// let params = [("module".to_owned(), vec!["icmp".to_owned(), "dns".to_owned()])];
/// let url = headcount_scraper::scrape_url(&labels, &params);
/// assert_eq!(url, "://10.0.0.1:9100/probe?module=icmp&module=dns&target=a+b");
/// ```
pub fn scrape_url(labels: &[(String, String)], params: &[(String, Vec<String>)]) -> String {
    let label = |wanted: &str| {
        let found = labels.iter().find(|(name, _)| name == wanted);
        found.map_or("", |(_, value)| value.as_str())
    };
    let mut query: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, values) in params {
        query.insert(name, values.iter().map(String::as_str).collect());
    }
    for (name, value) in labels {
        let Some(name) = name.strip_prefix("__param_") else {
            continue;
        };
        let values = query.entry(name).or_default();
        match values.first_mut() {
            Some(first) => *first = value,
            None => values.push(value),
        }
    }
    let path = label("__metrics_path__");
    let slash = if path.is_empty() || path.starts_with('/') {
        ""
    } else {
        "/"
    };
    let mut url = format!("{}://{}{slash}", label("__scheme__"), label("__address__"));
    // Writing to a string does not fail.
    let _ = write!(url, "{}", utf8_percent_encode(path, PATH));
    let pairs = query
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (*name, *value)));
    for (index, (name, value)) in pairs.enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(&escaped(name));
        url.push('=');
        url.push_str(&escaped(value));
    }
    url
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string().replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_of(labels: &[(&str, &str)], params: &[(&str, &[&str])]) -> String {
        let owned = |text: &&str| (*text).to_owned();
        let labels: Vec<_> = labels.iter().map(|(name, value)| (owned(name), owned(value))).collect();
        let params: Vec<_> = params
            .iter()
            .map(|(name, values)| (owned(name), values.iter().map(owned).collect()))
            .collect();
        scrape_url(&labels, &params)
    }

    #[test]
    fn urls_are_those_of_prometheus() {
        let plain = [("__scheme__", "https"), ("__address__", "[::1]:9100")];
        let with = |more: &[(&'static str, &'static str)]| [&plain, more].concat();
        assert_eq!(
            url_of(&with(&[("__metrics_path__", "/metrics")]), &[]),
            "https://[::1]:9100/metrics"
        );
        assert_eq!(
            url_of(&with(&[("__metrics_path__", "a b?c#d%é")]), &[]),
            "https://[::1]:9100/a%20b%3Fc%23d%25%C3%A9"
        );
        assert_eq!(url_of(&plain, &[]), "https://[::1]:9100");
        assert_eq!(
            url_of(
                &with(&[("__param_b", "2"), ("__param_c", "&=~*")]),
                &[("b", &["1", "3"]), ("a", &["x y"]), ("e", &[])]
            ),
            "https://[::1]:9100?a=x+y&b=2&b=3&c=%26%3D~%2A"
        );
    }
}
