//! When a target is of a host of the inventory.
//!
//! The one rule: **both sides are brought into one form, and then compared as they are**, so that a join
//! costs a look into a table for each target, however many hosts there are.

use std::net::IpAddr;

use super::inventory::Wrong;
use headcount_core::Address;

use crate::lookup::Target;

/// How hosts are named.
#[derive(Debug, Default)]
pub struct Naming {
    /// The targets' label that names their host.
    pub label: Option<String>,
    /// Whether domains count for nothing.
    pub short_names: bool,
}

impl Naming {
    /// The form of a name in the inventory.
    pub(super) fn of_entry(&self, text: &str) -> Result<String, Wrong> {
        let wrong = |why| Wrong::NotAHost {
            text: shortened(text),
            why,
        };
        let form = self.form(text).ok_or_else(|| wrong("it is empty"))?;
        // A label may hold anything.
        if self.label.is_some() {
            return Ok(form);
        }
        if text.starts_with('[') && !form.contains(':') {
            return Err(wrong("this looks like a section's header, and sections are not read"));
        }
        if form.contains(char::is_whitespace) {
            return Err(wrong("there is a space in it"));
        }
        if form.contains(|letter: char| letter.is_control() || "/={}[]<>\"',;()*?|\\".contains(letter)) {
            return Err(wrong(
                "no name or address has such letters; --format says how the inventory is written",
            ));
        }
        Ok(form)
    }

    /// The forms of the names that a target has.
    pub(super) fn of_target(&self, target: &Target) -> Vec<String> {
        if let Some(label) = &self.label {
            let named = value(target, label).and_then(|text| self.form(text));
            // The rules that set the label may not have been reached, so for one that is not scraped
            // its address is better than nothing.
            if named.is_some() || target.is_scraped() {
                return named.into_iter().collect();
            }
        }
        // Not the address after relabelling: for blackbox and its like, that is one exporter's.
        let names = [Some(target.address()), value(target, "instance")];
        let mut forms: Vec<String> = names.into_iter().flatten().filter_map(|text| self.form(text)).collect();
        forms.dedup();
        forms
    }

    /// Whether it has no label that would name its host.
    pub(super) fn lacks_label(&self, target: &Target) -> bool {
        let named = |label: &String| value(target, label).is_some_and(|text| !text.is_empty());
        !self.label.as_ref().is_none_or(named)
    }

    fn form(&self, text: &str) -> Option<String> {
        let mut host = Address::of(host_of(text)).host;
        if self.short_names {
            host = short(&host).to_owned();
        }
        (!host.is_empty()).then_some(host)
    }
}

/// A label's value after relabelling or, where it has none, as discovered.
fn value<'t>(target: &'t Target, label: &str) -> Option<&'t str> {
    let value = target.labels.get(label).or(target.discovered_labels.get(label))?;
    Some(value)
}

/// A name without its domain; an address as it is.
pub(super) fn short(host: &str) -> &str {
    match host.split_once('.') {
        Some((first, _)) if !first.is_empty() && host.parse::<IpAddr>().is_err() => first,
        _ => host,
    }
}

/// Of a URL, its host and port; of an address with the length of its network, the address.
fn host_of(text: &str) -> &str {
    let text = text.trim();
    if let Some((_, rest)) = text.split_once("://") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    }
    match text.split_once('/') {
        Some((address, length)) if address.parse::<IpAddr>().is_ok() && length.parse::<u8>().is_ok() => address,
        _ => text,
    }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_form() {
        let long = Naming::default();
        for (text, form) in [
            ("DB7.Example.org.", "db7.example.org"),
            (" db7.example.org:9100", "db7.example.org"),
            ("https://u:p@db7.example.org:8443/x?y#z", "db7.example.org"),
            ("10.0.0.7/24", "10.0.0.7"),
            ("2001:DB8:0::7/64", "2001:db8::7"),
            ("[2001:db8::7]:9100", "2001:db8::7"),
        ] {
            assert_eq!(long.of_entry(text).as_deref(), Ok(form), "{text}");
        }
        let short = Naming {
            short_names: true,
            ..Naming::default()
        };
        assert_eq!(short.of_entry("db7.example.org").as_deref(), Ok("db7"));
        assert_eq!(short.of_entry("10.0.0.7").as_deref(), Ok("10.0.0.7"));
    }

    /// An exporter's address is not its host's, and an inventory has the host.
    #[test]
    fn a_target_has_the_name_of_its_instance_as_well() {
        let target = |address: &str, found: Option<&str>, instance: Option<&str>| {
            let labels = |address: Option<&str>, instance: Option<&str>| {
                let pairs = [("__address__", address), ("instance", instance)];
                let pairs = pairs
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
                pairs.collect()
            };
            Target {
                discovered_labels: labels(Some(address), found),
                labels: labels(None, instance),
                ..Target::default()
            }
        };
        let names = |target| Naming::default().of_target(&target);
        assert_eq!(
            names(target("exporter:9115", None, Some("https://Db7.example.org/x"))),
            ["exporter", "db7.example.org"]
        );
        assert_eq!(
            names(target("exporter:9115", Some("db7"), None)),
            ["exporter", "db7"],
            "it is dropped"
        );
        assert_eq!(
            names(target("exporter:9115", Some("db6"), Some("db7:1"))),
            ["exporter", "db7"]
        );
        assert_eq!(names(target("db7:9100", None, Some("DB7:9100"))), ["db7"]);
        assert_eq!(names(target("db7:9100", None, None)), ["db7"]);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            "[web]",
            "a b",
            "a=b",
            "{\"a\"",
            "10.0.0.0/99999",
            "a/b",
            "http://",
        ] {
            assert!(Naming::default().of_entry(text).is_err(), "{text}");
        }
        let labelled = Naming {
            label: Some("asset".to_owned()),
            ..Naming::default()
        };
        assert_eq!(labelled.of_entry("A/7 b").as_deref(), Ok("a/7 b"));
        assert!(labelled.of_entry(" ").is_err());
    }
}
