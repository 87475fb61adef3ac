//! An API server in virtual time: lists in pages of one version, watches from a version on, and what goes wrong.
//!
//! It keeps to what a real kube-apiserver does: pages of one list are of one version, what has been compacted is 410
//! in a list as a status, in a watch as an event. A list as the beginning of a watch it refuses as version 1.20 does, gives
//! as 1.34 does, or takes without a word for a watch of everything, as what stands before some of them does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::testing::{Answer, BodyPipe, World};
use serde_json::{Value, json};

/// Where it is.
pub(super) const SERVER: &str = "http://k8s.example";

/// What becomes of the wish for a list as the beginning of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Streams {
    #[default]
    Refused,
    Given,
    /// It tells what there is, and never that this was all.
    Unknown,
}

/// A server; cloning shares it.
#[derive(Clone, Default)]
pub(super) struct VirtualServer(Arc<Mutex<State>>);

/// A path's objects with the versions at which they were, by key; `None` for those that were gone.
type History = BTreeMap<(String, String), Vec<(u64, Option<Value>)>>;

/// Who answers in place of the server.
type Fault = Arc<dyn Fn(&HttpRequest) -> Option<Answer> + Send + Sync>;

#[derive(Default)]
struct State {
    version: u64,
    /// Versions before this are forgotten.
    oldest: u64,
    objects: History,
    watches: Vec<Watch>,
    requests: Vec<String>,
    fault: Option<Fault>,
    streams: Streams,
}

struct Watch {
    path: String,
    namespace: Option<String>,
    /// It is told what happens after this version.
    after: u64,
    pipe: BodyPipe,
}

impl VirtualServer {
    pub(super) fn new(world: &World) -> Self {
        let server = Self::default();
        server.with(|state| (state.version, state.oldest) = (100, 100));
        let answering = server.clone();
        world
            .http
            .serve(&format!("{SERVER}/"), move |request| answering.answer(request));
        server
    }

    /// The version of all that there is.
    pub(super) fn version(&self) -> u64 {
        self.with(|state| state.version)
    }

    /// From now on it does this with the wish for a list as the beginning of a watch.
    pub(super) fn stream(&self, streams: Streams) {
        self.with(|state| state.streams = streams);
    }

    /// An object is like this now. `path` is its kind's, as `/api/v1/pods`.
    pub(super) fn put(&self, path: &str, mut object: Value) {
        self.with(|state| {
            state.version += 1;
            object["metadata"]["resourceVersion"] = json!(state.version.to_string());
            let key = (path.to_owned(), key(&object));
            let is_new = state.current(&key, state.version).is_none();
            state.tell(path, &object, if is_new { "ADDED" } else { "MODIFIED" });
            let version = state.version;
            state.objects.entry(key).or_default().push((version, Some(object)));
        });
    }

    /// An object is gone.
    pub(super) fn delete(&self, path: &str, key: &str) {
        self.with(|state| {
            state.version += 1;
            let key = (path.to_owned(), key.to_owned());
            let mut object = state.current(&key, state.version).expect("it is there");
            object["metadata"]["resourceVersion"] = json!(state.version.to_string());
            state.tell(path, &object, "DELETED");
            let version = state.version;
            state.objects.entry(key).or_default().push((version, None));
        });
    }

    /// Forgets the history.
    pub(super) fn compact(&self) {
        self.with(|state| state.oldest = state.version);
    }

    /// Breaks all watches, and tells nobody what happens from now on until they are opened again.
    pub(super) fn break_watches(&self) {
        for watch in self.with(|state| std::mem::take(&mut state.watches)) {
            watch.pipe.breaks(std::io::ErrorKind::ConnectionReset);
        }
    }

    /// Ends all watches as they end when their time is over.
    pub(super) fn end_watches(&self) {
        for watch in self.with(|state| std::mem::take(&mut state.watches)) {
            watch.pipe.end();
        }
    }

    /// It is what it was in the beginning, and is there again before anybody finds it away.
    pub(super) fn go_back(&self) {
        self.with(|state| {
            (state.version, state.oldest) = (10, 10);
            state.objects.clear();
        });
        self.break_watches();
    }

    /// The same, and nobody hears of it: the watches are silent.
    pub(super) fn go_back_in_silence(&self) {
        self.hush();
        self.go_back();
    }

    /// All watches go silent: what happens is told to nobody.
    pub(super) fn hush(&self) {
        // The pipes are held by who reads them; nobody writes any more.
        self.with(|state| state.watches.clear());
    }

    /// Every watch says this.
    pub(super) fn say(&self, text: &str) {
        self.with(|state| state.watches.iter().for_each(|watch| watch.pipe.send(text)));
    }

    /// How many watches are open.
    pub(super) fn open_watches(&self) -> usize {
        self.with(|state| {
            state.watches.retain(|watch| !watch.pipe.is_dropped());
            state.watches.len()
        })
    }

    /// From now on this answers what it has an answer for.
    pub(super) fn fail(&self, fault: impl Fn(&HttpRequest) -> Option<Answer> + Send + Sync + 'static) {
        self.with(|state| state.fault = Some(Arc::new(fault)));
    }

    /// From now on everything is well.
    pub(super) fn mend(&self) {
        self.with(|state| state.fault = None);
    }

    /// The requests since this was last called: paths with their queries.
    pub(super) fn take_requests(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.requests))
    }

    /// Answers a request of another world.
    pub(super) fn answer_again(&self, request: &HttpRequest) -> Answer {
        self.answer(request)
    }

    fn answer(&self, request: &HttpRequest) -> Answer {
        let whole = request.url.strip_prefix(SERVER).unwrap_or_default().to_owned();
        let fault = self.with(|state| {
            state.requests.push(whole.clone());
            state.fault.clone()
        });
        if let Some(answer) = fault.and_then(|fault| fault(request)) {
            return answer;
        }
        let (path, query) = whole.split_once('?').unwrap_or((&whole, ""));
        let query: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let mut parts: Vec<&str> = path.split('/').collect();
        let namespace = parts
            .iter()
            .position(|part| *part == "namespaces")
            .filter(|at| at + 2 < parts.len());
        let namespace = namespace.map(|at| {
            let name = parts[at + 1].to_owned();
            parts.drain(at..at + 2);
            name
        });
        let path = parts.join("/");
        match query.contains_key("watch") {
            true if query.contains_key("sendInitialEvents") => self.list_and_watch(path, namespace, &query),
            true => self.watch(path, namespace, &query),
            false => self.list(&path, namespace.as_deref(), &query),
        }
    }

    fn list(&self, path: &str, namespace: Option<&str>, query: &BTreeMap<&str, &str>) -> Answer {
        self.with(|state| {
            // Of the version and the last key.
            let (version, after) = match query.get("continue").and_then(|more| more.split_once('.')) {
                Some((version, after)) => (version.parse().expect("a version"), after.replace("%2F", "/")),
                None => (state.version, String::new()),
            };
            if version < state.oldest {
                return status(410, "Expired", "The provided continue parameter is too old");
            }
            let limit = query
                .get("limit")
                .map_or(usize::MAX, |limit| limit.parse().expect("a number"));
            let keys: Vec<_> = state
                .objects
                .keys()
                .filter(|(of, key)| of == path && *key > after)
                .cloned()
                .collect();
            let mut all: Vec<Value> = keys.iter().filter_map(|key| state.current(key, version)).collect();
            all.retain(|object| namespace.is_none_or(|name| object["metadata"]["namespace"] == name));
            let mut metadata = json!({"resourceVersion": version.to_string()});
            if all.len() > limit {
                all.truncate(limit);
                metadata["continue"] = json!(format!("{version}.{}", key(all.last().expect("a page"))));
            }
            Answer::json(json!({"kind": "AnyList", "apiVersion": "v1", "metadata": metadata, "items": all}).to_string())
        })
    }

    fn list_and_watch(&self, path: String, namespace: Option<String>, query: &BTreeMap<&str, &str>) -> Answer {
        assert_eq!(query.get("resourceVersionMatch"), Some(&"NotOlderThan"));
        assert_eq!(query.get("allowWatchBookmarks"), Some(&"true"));
        assert_eq!(
            query.get("resourceVersion"),
            None,
            "the newest, not whichever is at hand"
        );
        self.with(|state| {
            if state.streams == Streams::Refused {
                return status(
                    422,
                    "Invalid",
                    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch",
                );
            }
            let (answer, pipe) = Answer::piped(200);
            let keys = state.objects.keys().filter(|(of, _)| *of == path);
            let mut all: Vec<Value> = keys.filter_map(|key| state.current(key, state.version)).collect();
            all.retain(|object| {
                namespace
                    .as_ref()
                    .is_none_or(|name| object["metadata"]["namespace"] == **name)
            });
            for object in all {
                pipe.send(format!("{}\n", json!({"type": "ADDED", "object": object})));
            }
            if state.streams == Streams::Given {
                let annotations = json!({"k8s.io/initial-events-end": "true"});
                let metadata = json!({"resourceVersion": state.version.to_string(), "annotations": annotations});
                let bookmark = json!({"kind": "Any", "metadata": metadata});
                pipe.send(format!("{}\n", json!({"type": "BOOKMARK", "object": bookmark})));
            }
            let after = state.version;
            state.watches.push(Watch {
                path,
                namespace,
                after,
                pipe,
            });
            answer
        })
    }

    fn watch(&self, path: String, namespace: Option<String>, query: &BTreeMap<&str, &str>) -> Answer {
        self.with(|state| {
            let from: u64 = query["resourceVersion"].parse().expect("a version");
            let (answer, pipe) = Answer::piped(200);
            if from < state.oldest {
                let gone = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
                pipe.send(format!("{}\n", json!({"type": "ERROR", "object": gone})));
                pipe.end();
                return answer;
            }
            let mut since: Vec<(u64, Value)> = Vec::new();
            for (key, versions) in state.objects.iter().filter(|((of, _), _)| *of == path) {
                for (version, object) in versions.iter().filter(|(version, _)| *version > from) {
                    let before = state.current(key, version - 1);
                    let (what, mut object) = match (before, object) {
                        (None, Some(object)) => ("ADDED", object.clone()),
                        (Some(_), Some(object)) => ("MODIFIED", object.clone()),
                        (Some(before), None) => ("DELETED", before),
                        (None, None) => continue,
                    };
                    object["metadata"]["resourceVersion"] = json!(version.to_string());
                    since.push((*version, json!({"type": what, "object": object})));
                }
            }
            since.sort_by_key(|(version, _)| *version);
            for (_, event) in since {
                let is_of = |name: &String| event["object"]["metadata"]["namespace"] == **name;
                if namespace.as_ref().is_none_or(is_of) {
                    pipe.send(format!("{event}\n"));
                }
            }
            state.watches.push(Watch {
                path,
                namespace,
                after: from,
                pipe,
            });
            answer
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// An object as it was at a version.
    fn current(&self, key: &(String, String), version: u64) -> Option<Value> {
        let versions = self.objects.get(key)?.iter().rev();
        let mut until = versions.filter(|(at, _)| *at <= version);
        until.next().and_then(|(_, object)| object.clone())
    }

    fn tell(&mut self, path: &str, object: &Value, what: &str) {
        self.watches.retain(|watch| !watch.pipe.is_dropped());
        let version = self.version;
        let is_told = |watch: &&Watch| watch.path == path && version > watch.after;
        for watch in self.watches.iter().filter(is_told) {
            if watch
                .namespace
                .as_ref()
                .is_none_or(|name| object["metadata"]["namespace"] == **name)
            {
                watch
                    .pipe
                    .send(format!("{}\n", json!({"type": what, "object": object})));
            }
        }
    }
}

/// The status that a server sends in place of an answer.
pub(super) fn status(code: u16, reason: &str, message: &str) -> Answer {
    let body = json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message});
    Answer::new(code)
        .header("content-type", "application/json")
        .body(body.to_string())
}

fn key(object: &Value) -> String {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    match part("namespace").as_str() {
        "" => part("name"),
        namespace => format!("{namespace}/{}", part("name")),
    }
}
