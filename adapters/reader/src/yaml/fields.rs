//! A mapping read as a structure: fields are taken by name, what is left over is unknown.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::planted;

use super::build::FEW_KEYS;
use super::cursor::Cursor;
use super::node::{Content, Entries, Node};
use crate::problem::{Position, ProblemKind};
use crate::value::Url;

/// Fields that had another name once.
const RENAMED: [(&str, &str); 4] = [
    (
        "scrape_classic_histograms",
        "it is called `always_scrape_classic_histograms` since Prometheus 3",
    ),
    ("target_groups", "it is called `static_configs` since Prometheus 1"),
    ("basic_auth_users", "this belongs into a web configuration file"),
    ("alertmanager_url", "use `alerting.alertmanagers`"),
];

/// How many unknown fields of one mapping are compared with those that are known.
const HINTS: usize = 100;

/// The fields of a mapping. Call [`finish`](Self::finish) when all that may be there were taken.
pub struct Fields<'a> {
    at: Cursor<'a>,
    entries: Vec<Entry<'a>>,
    asked: Vec<&'static str>,
    also_known: Vec<FieldNames>,
}

/// Names of fields that are known only at run time, such as those of a registry's mechanisms. Cloning
/// shares them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldNames(Arc<[String]>);

impl FieldNames {
    /// These names, sorted, each once.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether `name` is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.0.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }
}

struct Entry<'a> {
    name: &'a str,
    key: Position,
    value: Node<'a>,
    is_taken: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(at: &Cursor<'a>, entries: Entries<'a>) -> Self {
        let mut flat: Vec<Entry<'a>> = Vec::with_capacity(entries.len());
        let mut places: HashMap<&'a str, usize> = HashMap::new();
        flatten(at, entries, &mut |name, key, value| {
            // Merged mappings may have many more than are written here.
            let place = if flat.len() <= FEW_KEYS {
                flat.iter().position(|entry| entry.name == name)
            } else {
                if places.is_empty() {
                    places.extend(flat.iter().enumerate().map(|(place, entry)| (entry.name, place)));
                }
                Some(*places.entry(name).or_insert(flat.len()))
            };
            match place.and_then(|place| flat.get_mut(place)) {
                // What is written last wins, merged or not, as in Prometheus.
                Some(entry) => (entry.key, entry.value) = (key, value),
                None => flat.push(Entry {
                    name,
                    key,
                    value,
                    is_taken: false,
                }),
            }
        });
        Self {
            at: at.clone(),
            entries: flat,
            asked: Vec::new(),
            also_known: Vec::new(),
        }
    }

    /// The mapping itself.
    pub fn at(&self) -> &Cursor<'a> {
        &self.at
    }

    /// The names of all fields that are written and that nobody took yet, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        let left = self.entries.iter().filter(|entry| !entry.is_taken);
        left.map(|entry| entry.name)
    }

    /// The value of a field, if it is written, even when it is null.
    pub fn take(&mut self, name: &'static str) -> Option<Cursor<'a>> {
        self.asked.push(name);
        let entry = self.entries.iter_mut().find(|entry| entry.name == name)?;
        entry.is_taken = true;
        Some(self.at.child(entry.value, name))
    }

    /// The same of a field that is proposed to nobody who writes another one wrongly, because it belongs elsewhere.
    pub fn take_foreign(&mut self, name: &'static str) -> Option<Cursor<'a>> {
        let is_written = self.entries.iter().any(|entry| entry.name == name);
        is_written.then(|| self.take(name)).flatten()
    }

    /// The values of all fields that have one of these names and are written, in the order of the names.
    /// Costs what is written, not what is known.
    pub fn take_known(&mut self, names: &FieldNames) -> Vec<(&'a str, Cursor<'a>)> {
        self.also_known.push(names.clone());
        let mut found = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| !entry.is_taken) {
            if let Some(place) = names.place(entry.name) {
                entry.is_taken = true;
                found.push((place, entry.name, self.at.child(entry.value, entry.name)));
            }
        }
        found.sort_by_key(|(place, ..)| *place);
        found.into_iter().map(|(_, name, value)| (name, value)).collect()
    }

    /// The value of a field, if it is written and not null.
    pub fn take_some(&mut self, name: &'static str) -> Option<Cursor<'a>> {
        self.take(name).filter(|value| !value.is_null())
    }

    /// The text of a field; see [`Cursor::text`].
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.take(name)?.text()
    }

    /// The text of a field, if it says anything.
    pub fn some_text(&mut self, name: &'static str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// The switch of a field; see [`Cursor::flag`].
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.take(name)?.flag()
    }

    /// The switch of a field that inherits when it is null.
    pub fn some_flag(&mut self, name: &'static str) -> Option<bool> {
        self.take_some(name)?.flag()
    }

    /// The count of a field; see [`Cursor::count`].
    pub fn count(&mut self, name: &'static str) -> Option<u64> {
        self.take(name)?.count()
    }

    /// The port of a field; see [`Cursor::port`].
    pub fn port(&mut self, name: &'static str) -> Option<u16> {
        self.take(name)?.port()
    }

    /// The duration of a field; see [`Cursor::duration`].
    pub fn duration(&mut self, name: &'static str) -> Option<Duration> {
        self.take(name)?.duration()
    }

    /// How often to ask, as `refresh_interval` says it: a duration that is not zero. Prometheus takes 0
    /// in most mechanisms and then stops with a panic, so it is an error here.
    pub fn interval(&mut self, name: &'static str, default: Duration) -> Duration {
        let Some(at) = self.take(name) else { return default };
        let Some(interval) = at.duration() else { return default };
        if planted!(interval.is_zero(), ZeroIntervalIsTaken, false) {
            at.report(ProblemKind::ZeroInterval);
        }
        interval
    }

    /// A URL that HTTP can be spoken with, in a field that has to be there.
    pub fn http_url(&mut self, name: &'static str) -> Option<String> {
        let url_at = self.take(name);
        let url = url_at.as_ref().and_then(|at| at.text()).filter(|url| !url.is_empty());
        let (Some(at), Some(url)) = (url_at, url) else {
            self.at.report(ProblemKind::Missing { field: name });
            return None;
        };
        match Url::parse(&url).and_then(|url| url.for_http()) {
            Ok(()) => Some(url),
            Err(error) => {
                at.report(error);
                None
            }
        }
    }

    /// The texts of a list; see [`Cursor::texts`].
    pub fn texts(&mut self, name: &'static str) -> Option<Vec<(String, Position)>> {
        self.take(name)?.texts()
    }

    /// Reports what was not taken.
    pub fn finish(self) {
        for (number, entry) in self.entries.iter().filter(|entry| !entry.is_taken).enumerate() {
            let hint = if number < HINTS {
                let known = self.also_known.iter().flat_map(FieldNames::iter);
                hint(entry.name, self.asked.iter().copied().chain(known))
            } else {
                None
            };
            let kind = ProblemKind::UnknownField {
                name: shown_key(entry.name),
                hint,
            };
            planted!(self.at.report_at(entry.key, "", kind), UnknownFieldIsTaken, drop(kind));
        }
    }
}

/// The entries of a mapping whose keys are the writer's own, sorted, each with the place of its key. Unlike a field, a
/// key that is merged in can't be written again.
pub(super) fn own_entries<'a>(at: &Cursor<'a>, entries: Entries<'a>) -> Vec<(String, Position, Cursor<'a>)> {
    let mut sorted: BTreeMap<&'a str, (Position, Node<'a>)> = BTreeMap::new();
    let mut written: HashMap<&'a str, usize> = HashMap::with_capacity(entries.len());
    for name in entries
        .iter()
        .filter(|(key, _)| !key.is_merge_key())
        .filter_map(|(key, _)| key.key_text())
    {
        *written.entry(name).or_default() += 1;
    }
    flatten(at, entries, &mut |name, key, value| match sorted.get(name) {
        // The same key twice in one mapping was reported when the file was read.
        Some(_) if written.get(name).is_some_and(|times| *times > 1) => {}
        Some((first, _)) => {
            at.report_at(
                key,
                "",
                ProblemKind::RepeatedKey {
                    key: name.to_owned(),
                    first: first.line,
                },
            );
        }
        None => {
            sorted.insert(name, (key, value));
        }
    });
    sorted
        .into_iter()
        .map(|(name, (key, value))| (at.meant(name, key), key, at.child(value, name)))
        .collect()
}

/// All keys, with those of merged mappings.
pub(super) fn keys<'a>(at: &Cursor<'a>, entries: Entries<'a>) -> Vec<(String, Position)> {
    let mut keys = Vec::with_capacity(entries.len());
    flatten(at, entries, &mut |name, key, _| keys.push((name.to_owned(), key)));
    keys
}

/// Visits the entries in the order in which they count, with merged mappings in their place.
fn flatten<'a>(at: &Cursor<'a>, entries: Entries<'a>, visit: &mut dyn FnMut(&'a str, Position, Node<'a>)) {
    for (key, value) in entries.iter() {
        if key.is_merge_key() {
            match value.content() {
                Content::Map(merged) => flatten(at, merged, visit),
                // Of several, those that stand first count last.
                Content::List(items) => {
                    for item in items.iter().rev() {
                        match item.content() {
                            Content::Map(merged) => flatten(at, merged, visit),
                            _ => at.report_at(item.position(), "", ProblemKind::Merge),
                        }
                    }
                }
                Content::Scalar(_) => at.report_at(value.position(), "", ProblemKind::Merge),
            }
            continue;
        }
        match key.key_text() {
            Some(name) => visit(name, key.position(), value),
            None => at.report_at(key.position(), "", ProblemKind::ComplexKey),
        }
    }
}

/// A key for messages. What follows a colon is left out: `{password:text}` without a space is one
/// key, and the rest of it a secret.
pub(super) fn shown_key(key: &str) -> String {
    match key.split_once(':') {
        Some((before, _)) => planted!(format!("{before}:…"), UnknownKeyShowsItsSecret, key.to_owned()),
        None => key.to_owned(),
    }
}

fn hint<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    if let Some((_, hint)) = RENAMED.iter().find(|(old, _)| *old == name) {
        return Some((*hint).to_owned());
    }
    if name.contains(':') {
        return Some("write a space after the colon".to_owned());
    }
    // A name much longer than any field is like none of them.
    let normal: String = name.to_lowercase().replace('-', "_").chars().take(64).collect();
    // What all mechanisms end in says nothing about which of them is meant.
    let stem = normal.strip_suffix("_sd_configs").unwrap_or(&normal);
    let most = 1 + stem.len() / 5;
    let near = known.map(|known| (strsim::levenshtein(&normal, known), known));
    let (_, best) = near
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)?;
    Some(format!("did you mean `{best}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints() {
        let hint = |name: &str, known: &[&str]| hint(name, known.iter().copied());
        let known = ["job_name", "static_configs"];
        assert_eq!(
            hint("static_config", &known).as_deref(),
            Some("did you mean `static_configs`?")
        );
        assert_eq!(hint("Job-Name", &known).as_deref(), Some("did you mean `job_name`?"));
        assert_eq!(hint("relabel", &known), None);
        assert_eq!(hint("foo_sd_configs", &["ionos_sd_configs", "dns_sd_configs"]), None);
        assert_eq!(
            hint("dms_sd_configs", &["dns_sd_configs"]).as_deref(),
            Some("did you mean `dns_sd_configs`?")
        );
        assert!(hint("target_groups", &known).is_some());
    }
}
