//! A Kubernetes API server as a [`Site`]: a pod for each host, a list of them, and watches.
//!
//! A watch is told what happened since its version, at once and as it happens, for as long as it asked for, with a bookmark
//! where nothing did. **What happened is what it was told to store**; what it shows in a list may be something else. It knows
//! of no fault: those happen on the way and to the hosts that it is shown.

use std::collections::BTreeMap;

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{Answer, Page, Shown, ShownHost, Site, Span, Told};
use serde_json::{Value, json};

/// What happened that is kept for watches.
const KEPT: usize = 100;

/// How often a watch to which nothing happens is told its version.
const BOOKMARK_EVERY: Span = Span::mins(1);

/// One server.
#[derive(Default)]
pub(crate) struct Kubernetes {
    version: u64,
    pods: BTreeMap<String, Value>,
    /// Versions with what happened at them.
    history: Vec<(u64, Told)>,
    /// What was before this version is forgotten.
    oldest: u64,
    /// Whether a list can be the beginning of a watch.
    streams: bool,
}

impl Kubernetes {
    /// A server that can list as the beginning of a watch.
    pub(crate) fn streaming() -> Self {
        Self {
            streams: true,
            ..Self::default()
        }
    }

    /// Takes in what there is now.
    fn take_in(&mut self, hosts: &[ShownHost]) {
        let now = pods(hosts);
        let before = std::mem::take(&mut self.pods);
        for (key, pod) in &before {
            if !now.contains_key(key) {
                self.happened("DELETED", pod);
            }
        }
        for (key, pod) in &now {
            match before.get(key) {
                None => self.happened("ADDED", pod),
                Some(known) if known != pod => self.happened("MODIFIED", pod),
                Some(_) => {}
            }
        }
        self.pods = now;
    }

    fn happened(&mut self, what: &str, pod: &Value) {
        let mut pod = pod.clone();
        pod["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let event = Told {
            text: format!("{}\n", json!({"type": what, "object": pod})),
            gone: what == "DELETED",
        };
        self.history.push((self.version, event));
        if self.history.len() > KEPT {
            let forgotten = self.history.len() - KEPT / 2;
            self.oldest = self
                .history
                .drain(..forgotten)
                .next_back()
                .map_or(0, |(version, _)| version);
        }
    }

    fn list(shown: &Shown) -> Page {
        let metadata = json!({"resourceVersion": shown.version.to_string()});
        let items: Vec<Value> = pods(&shown.hosts).into_values().collect();
        Page::json(json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}).to_string())
    }

    /// The list as the beginning of a watch.
    fn initial_events(&self, most: Span, shown: &Shown) -> Answer {
        if !self.streams {
            let status = json!({"kind": "Status", "status": "Failure", "code": 422, "reason": "Invalid"});
            return Answer::Now(Page {
                status: 422,
                ..Page::json(status.to_string())
            });
        }
        let version = shown.version.to_string();
        let events = pods(&shown.hosts).into_values().map(|mut pod| {
            pod["metadata"]["resourceVersion"] = json!(version);
            json!({"type": "ADDED", "object": pod})
        });
        let annotations = json!({"k8s.io/initial-events-end": "true"});
        let metadata = json!({"resourceVersion": version, "annotations": annotations});
        let end = json!({"type": "BOOKMARK", "object": {"metadata": metadata}});
        let lines: String = events.chain([end]).map(|event| format!("{event}\n")).collect();
        part(lines, Vec::new(), shown.version, most)
    }

    fn watch(&self, from: u64, most: Span, shown: &Shown) -> Answer {
        if from < self.oldest {
            let status = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
            return Answer::Now(Page::json(format!("{}\n", json!({"type": "ERROR", "object": status}))));
        }
        let since = self.history.iter().filter(|(version, _)| *version > from);
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
        if !path.ends_with("/api/v1/pods") {
            return Answer::Now(Page::text(404, "there is no such path\n"));
        }
        let most = Span::secs(number(query, "timeoutSeconds").unwrap_or(60));
        // A watch that was told something goes on from there, however it began.
        match (shown.told, query.contains("watch=1"), number(query, "resourceVersion")) {
            (Some(told), ..) => self.watch(told, most, shown),
            (None, true, Some(from)) => self.watch(from, most, shown),
            (None, true, None) => self.initial_events(most, shown),
            (None, false, _) => Answer::Now(Self::list(shown)),
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
        self.take_in(hosts);
    }
}

/// A number in a query.
fn number(query: &str, name: &str) -> Option<u64> {
    let mut pairs = query.split(['?', '&']).filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
}

fn pods(hosts: &[ShownHost]) -> BTreeMap<String, Value> {
    hosts.iter().map(|host| (key(host), pod(host))).collect()
}

/// A pod is another one in another namespace.
fn key(host: &ShownHost) -> String {
    format!("{}/{}", host.looks.zone, host.host)
}

fn pod(host: &ShownHost) -> Value {
    let (address, port) = host.address.split_once(':').unwrap_or((&host.address, "0"));
    let ports = json!([{"containerPort": port.parse::<u16>().unwrap_or_default(), "protocol": "TCP"}]);
    json!({
        "metadata": {
            "namespace": host.looks.zone.to_string(), "name": host.host.to_string(),
            "annotations": {"stamp": host.stamp},
        },
        "spec": {"containers": [{"name": "main", "ports": ports}]},
        "status": {"phase": "Running", "podIP": address},
    })
}
