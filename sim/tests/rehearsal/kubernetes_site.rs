//! A Kubernetes API server as a [`Site`]: a pod for each host, a list of them, and watches.
//!
//! A watch is told what happened since its version, at once and as it happens, for as long as it asked for. **It knows of
//! no fault**: those happen on the way and to the hosts that it is shown.

use std::collections::BTreeMap;

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{Answer, Page, Shown, ShownHost, Site, Span};
use serde_json::{Value, json};

/// What happened that is kept for watches.
const KEPT: usize = 100;

/// One server.
#[derive(Default)]
pub(crate) struct Kubernetes {
    version: u64,
    pods: BTreeMap<String, Value>,
    /// Versions with what happened at them.
    history: Vec<(u64, String)>,
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

    /// Takes in what there is to be shown now.
    fn take_in(&mut self, hosts: &[ShownHost]) {
        let now: BTreeMap<String, Value> = hosts.iter().map(|host| (key(host), pod(host))).collect();
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
        self.version += 1;
        let mut pod = pod.clone();
        pod["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let event = json!({"type": what, "object": pod});
        self.history.push((self.version, format!("{event}\n")));
        if self.history.len() > KEPT {
            let forgotten = self.history.len() - KEPT / 2;
            self.oldest = self
                .history
                .drain(..forgotten)
                .next_back()
                .map_or(0, |(version, _)| version);
        }
    }

    fn list(&self) -> Page {
        let metadata = json!({"resourceVersion": self.version.to_string()});
        let items: Vec<&Value> = self.pods.values().collect();
        Page::json(json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}).to_string())
    }

    /// The list as the beginning of a watch.
    fn initial_events(&self, most: Span) -> Answer {
        if !self.streams {
            let status = json!({"kind": "Status", "status": "Failure", "code": 422, "reason": "Invalid"});
            return Answer::Now(Page {
                status: 422,
                ..Page::json(status.to_string())
            });
        }
        let version = self.version.to_string();
        let events = self.pods.values().map(|pod| {
            let mut pod = pod.clone();
            pod["metadata"]["resourceVersion"] = json!(version);
            json!({"type": "ADDED", "object": pod})
        });
        let annotations = json!({"k8s.io/initial-events-end": "true"});
        let metadata = json!({"resourceVersion": version, "annotations": annotations});
        let end = json!({"type": "BOOKMARK", "object": {"metadata": metadata}});
        let lines: String = events.chain([end]).map(|event| format!("{event}\n")).collect();
        self.told(lines, most)
    }

    fn watch(&self, from: u64, most: Span, shown: &Shown) -> Answer {
        if from < self.oldest {
            let status = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
            return Answer::Now(Page::json(format!("{}\n", json!({"type": "ERROR", "object": status}))));
        }
        let since = self.history.iter().filter(|(version, _)| *version > from);
        let events: String = since.map(|(_, event)| event.as_str()).collect();
        match shown.waited < most {
            true => self.told(events, most),
            false => Answer::Now(Page::json(events)),
        }
    }

    /// A part of a watch that lasts so long.
    fn told(&self, lines: String, most: Span) -> Answer {
        Answer::Part {
            page: Page::json(lines),
            told: self.version,
            most,
        }
    }
}

impl Site for Kubernetes {
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer {
        self.take_in(&shown.hosts);
        let (path, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
        if !path.ends_with("/api/v1/pods") {
            return Answer::Now(Page::text(404, "there is no such path\n"));
        }
        let most = Span::secs(number(query, "timeoutSeconds").unwrap_or(60));
        // A watch that was told something goes on from there, however it began.
        match (shown.told, query.contains("watch=1"), number(query, "resourceVersion")) {
            (Some(told), ..) => self.watch(told, most, shown),
            (None, true, Some(from)) => self.watch(from, most, shown),
            (None, true, None) => self.initial_events(most),
            (None, false, _) => Answer::Now(self.list()),
        }
    }

    fn resumes(&self, request: &HttpRequest) -> bool {
        number(&request.url, "resourceVersion").is_some()
    }

    fn reset(&mut self) {
        *self = Self {
            streams: self.streams,
            ..Self::default()
        };
    }
}

/// A number in a query.
fn number(query: &str, name: &str) -> Option<u64> {
    let mut pairs = query.split(['?', '&']).filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
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
