//! A Kubernetes API server as a [`Site`]: objects of each kind for each host, lists of them, and watches.
//!
//! A watch is told what happened since its version, at once and as it happens, for as long as it asked for, with a bookmark
//! where nothing did. **What happened is what it was told to store**; what it shows in a list may be something else. It knows
//! of no fault: those happen on the way and to the hosts that it is shown.

use std::collections::BTreeMap;

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{Answer, Page, Shown, ShownHost, Site, Span, Told};
use serde_json::{Value, json};

use super::kubernetes_objects::{Kind, objects};

/// What happened that is kept for watches of a kind.
const KEPT: usize = 100;

/// How often a watch to which nothing happens is told its version.
const BOOKMARK_EVERY: Span = Span::mins(1);

/// One server.
pub(crate) struct Kubernetes {
    version: u64,
    kinds: BTreeMap<Kind, Known>,
    /// What has the stamps.
    stamped: Kind,
    /// Whether a list can be the beginning of a watch.
    streams: bool,
}

/// What is known of a kind.
#[derive(Default)]
struct Known {
    objects: BTreeMap<String, Value>,
    /// Versions with what happened at them.
    history: Vec<(u64, Told)>,
    /// What was before this version is forgotten.
    oldest: u64,
}

impl Kubernetes {
    /// A server of these kinds, of which the first has the stamps, that lists in pages, or can list as the beginning of a watch.
    pub(crate) fn new(kinds: &[Kind], streams: bool) -> Self {
        Self {
            version: 0,
            kinds: kinds.iter().map(|kind| (*kind, Known::default())).collect(),
            stamped: kinds.first().copied().expect("a kind"),
            streams,
        }
    }

    /// One of pods that lists in pages.
    pub(crate) fn paging() -> Self {
        Self::new(&[Kind::Pods], false)
    }

    /// One of pods that can list as the beginning of a watch.
    pub(crate) fn streaming() -> Self {
        Self::new(&[Kind::Pods], true)
    }

    fn list(&self, kind: Kind, shown: &Shown) -> Page {
        let metadata = json!({"resourceVersion": shown.version.to_string()});
        let items: Vec<Value> = self.objects(kind, shown).into_values().collect();
        Page::json(json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}).to_string())
    }

    fn objects(&self, kind: Kind, shown: &Shown) -> BTreeMap<String, Value> {
        objects(kind, &shown.hosts, kind == self.stamped)
    }

    /// The list as the beginning of a watch.
    fn initial_events(&self, kind: Kind, most: Span, shown: &Shown) -> Answer {
        if !self.streams {
            let status = json!({"kind": "Status", "status": "Failure", "code": 422, "reason": "Invalid"});
            return Answer::Now(Page {
                status: 422,
                ..Page::json(status.to_string())
            });
        }
        let version = shown.version.to_string();
        let events = self.objects(kind, shown).into_values().map(|mut object| {
            object["metadata"]["resourceVersion"] = json!(version);
            json!({"type": "ADDED", "object": object})
        });
        let annotations = json!({"k8s.io/initial-events-end": "true"});
        let metadata = json!({"resourceVersion": version, "annotations": annotations});
        let end = json!({"type": "BOOKMARK", "object": {"metadata": metadata}});
        let lines: String = events.chain([end]).map(|event| format!("{event}\n")).collect();
        part(lines, Vec::new(), shown.version, most)
    }

    fn watch(&self, known: &Known, from: u64, most: Span, shown: &Shown) -> Answer {
        if from < known.oldest {
            let status = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
            return Answer::Now(Page::json(format!("{}\n", json!({"type": "ERROR", "object": status}))));
        }
        let since = known.history.iter().filter(|(version, _)| *version > from);
        let events: Vec<Told> = since.map(|(_, event)| event.clone()).collect();
        if events.is_empty() && shown.waited >= most {
            return Answer::Now(Page::json(""));
        }
        // It has just begun, and knows its version.
        let is_quiet = events.is_empty() && shown.told.is_some();
        let metadata = json!({"resourceVersion": self.version.to_string()});
        let bookmark = is_quiet.then(|| format!("{}\n", json!({"type": "BOOKMARK", "object": {"metadata": metadata}})));
        part(bookmark.unwrap_or_default(), events, self.version, most)
    }
}

impl Known {
    /// Takes in what there is now, as of this version.
    fn take_in(&mut self, version: u64, now: BTreeMap<String, Value>) {
        let before = std::mem::take(&mut self.objects);
        for (key, object) in &before {
            if !now.contains_key(key) {
                self.happened(version, "DELETED", object);
            }
        }
        for (key, object) in &now {
            match before.get(key) {
                None => self.happened(version, "ADDED", object),
                Some(known) if known != object => self.happened(version, "MODIFIED", object),
                Some(_) => {}
            }
        }
        self.objects = now;
    }

    fn happened(&mut self, version: u64, what: &str, object: &Value) {
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let event = Told {
            text: format!("{}\n", json!({"type": what, "object": object})),
            gone: what == "DELETED",
        };
        self.history.push((version, event));
        if self.history.len() > KEPT {
            let forgotten = self.history.len() - KEPT / 2;
            self.oldest = self
                .history
                .drain(..forgotten)
                .next_back()
                .map_or(0, |(version, _)| version);
        }
    }
}

/// A part of a watch that lasts so long.
fn part(lines: String, events: Vec<Told>, told: u64, most: Span) -> Answer {
    Answer::Part {
        page: Page::json(lines),
        events,
        told,
        most,
        again: Some(BOOKMARK_EVERY),
    }
}

impl Site for Kubernetes {
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer {
        let (path, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
        let mut kinds = self.kinds.iter();
        let Some((kind, known)) = kinds.find(|(kind, _)| path.ends_with(kind.path())) else {
            return Answer::Now(Page::text(404, "there is no such path\n"));
        };
        let most = Span::secs(number(query, "timeoutSeconds").unwrap_or(60));
        // A watch that was told something goes on from there, however it began.
        match (shown.told, query.contains("watch=1"), number(query, "resourceVersion")) {
            (Some(told), ..) => self.watch(known, told, most, shown),
            (None, true, Some(from)) => self.watch(known, from, most, shown),
            (None, true, None) => self.initial_events(*kind, most, shown),
            (None, false, _) => Answer::Now(self.list(*kind, shown)),
        }
    }

    fn resumes(&self, request: &HttpRequest) -> bool {
        number(&request.url, "resourceVersion").is_some()
    }

    fn remembers(&self) -> bool {
        true
    }

    fn stores(&mut self, version: u64, hosts: &[ShownHost]) {
        self.version = version;
        for (kind, known) in &mut self.kinds {
            known.take_in(version, objects(*kind, hosts, *kind == self.stamped));
        }
    }
}

/// A number in a query.
fn number(query: &str, name: &str) -> Option<u64> {
    let mut pairs = query.split(['?', '&']).filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
}
