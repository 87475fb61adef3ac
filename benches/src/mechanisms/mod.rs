//! What mechanisms make of their backends' answers: from bytes to the manager's groups, by the discoverers themselves.
//!
//! A discoverer is run in a virtual world whose servers have the answers at hand, so that nothing is measured but it, the
//! manager, and what it takes to hand over a body. **Each input says what has to be found**: the names and addresses of all
//! its machines.

mod clouds;
mod inputs;
mod peer;
mod pods;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headcount_backends::decoding::{Answer as Kind, Decoded};
use headcount_core::{Group, Instant, Manager, ManagerOptions, Output, ProviderId, Snapshot};
use headcount_discoverer::Discoverer;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::mechanism::Place;
use headcount_discoverer::testing::{Answer, BodyPipe, Received, World};
use headcount_reader::{Sink, read};

use crate::manager::Config;

pub use inputs::inputs;
pub use peer::{Go, GoError};

/// Longer than any discoverer needs for its first list, in its own time, and shorter than it waits for an answer.
const SOON: Duration = Duration::from_secs(20);

/// What stands in the URL with which Kubernetes is asked for a list as the beginning of a watch.
const AS_EVENTS: &str = "sendInitialEvents=";

/// A backend's answers, and what they say.
#[derive(Debug, Clone)]
pub struct Input {
    /// What the peer knows it by.
    pub name: &'static str,
    /// As a line of the table has it.
    pub what: &'static str,
    /// What is asked of it, as CPU time.
    pub goal: &'static str,
    mechanism: &'static str,
    entry: String,
    answers: Vec<Body>,
    /// The label that has a machine's name.
    label: &'static str,
    /// Addresses and names.
    expected: BTreeSet<(String, String)>,
}

/// One answer.
#[derive(Debug, Clone)]
struct Body {
    /// What stands in the URL or the body of the request that gets it.
    to: &'static str,
    /// What it is decoded as; nothing for what does not count.
    kind: Option<Kind>,
    text: String,
}

impl Body {
    fn new(to: &'static str, kind: impl Into<Option<Kind>>, text: String) -> Self {
        let kind = kind.into();
        Self { to, kind, text }
    }
}

/// A discoverer that is about to ask, and an empty manager.
pub struct Ready {
    world: World,
    stored: Stored,
}

/// A manager with what a discoverer found.
pub struct Stored {
    manager: Manager<Config>,
    provider: ProviderId,
    now: Instant,
    snapshot: Snapshot,
}

impl Input {
    /// Everything but the discoverer's work.
    pub fn ready(&self) -> Ready {
        let mut world = World::new();
        let mut answers: Vec<(&'static str, VecDeque<Answer>)> = Vec::new();
        for body in &self.answers {
            let answer = Answer::json(body.text.as_bytes()).header("x-consul-index", "7");
            match answers.iter_mut().find(|(to, _)| *to == body.to) {
                Some((_, queue)) => queue.push_back(answer),
                None => answers.push((body.to, VecDeque::from([answer]))),
            }
        }
        let answers = Arc::new(Mutex::new(answers));
        for scheme in ["http://", "https://"] {
            let answers = answers.clone();
            world.http.serve(scheme, move |request| answer(&answers, request));
        }
        world.start(discoverer(self.mechanism, &self.entry));
        Ready {
            world,
            stored: Stored::empty(),
        }
    }

    /// # Panics
    /// What is stored is not what the answers say.
    pub fn check(&self, stored: &Stored) {
        let found: BTreeSet<(String, String)> = stored.groups().iter().flat_map(|group| self.names(group)).collect();
        let (found, expected) = (found.iter(), self.expected.iter());
        assert!(found.eq(expected), "{}: all is found, and nothing else", self.name);
    }

    fn names(&self, group: &Group) -> Vec<(String, String)> {
        let shared = group.labels();
        let targets = group.targets().map(|target| {
            let value = |name: &str| {
                target
                    .get(name)
                    .or_else(|| shared.get(name))
                    .unwrap_or_default()
                    .to_owned()
            };
            (value("__address__"), value(self.label))
        });
        targets.collect()
    }

    /// How many machines there are.
    pub fn count(&self) -> usize {
        self.expected.len()
    }

    /// What the answers decode to, as the discoverer decodes them, which then goes on with it.
    ///
    /// # Panics
    /// They can't be decoded, or not all machines are there.
    pub fn decoded(&self) -> Vec<Decoded> {
        let mut decoded = Vec::new();
        let mut machines = 0;
        for (kind, text) in self.bodies() {
            let found = kind.decode(text.as_bytes());
            assert!(found.is_ok(), "{}: {:?}", self.name, found.err());
            machines += found.as_ref().map_or(0, |found| match kind {
                // They are of machines that are listed elsewhere.
                Kind::AzureInterfaces => 0,
                _ => found.count(),
            });
            decoded.extend(found);
        }
        assert_eq!(machines, self.count(), "{}: all machines are there", self.name);
        decoded
    }

    /// What is decoded, as what.
    fn bodies(&self) -> impl Iterator<Item = (Kind, &str)> {
        let answers = self.answers.iter();
        answers.filter_map(|body| Some((body.kind?, body.text.as_str())))
    }

    /// How many bytes are decoded.
    pub fn bytes(&self) -> usize {
        self.answers.iter().map(|body| body.text.len()).sum()
    }
}

/// The next answer to a request; none ends until somebody gives up.
fn answer(answers: &Mutex<Vec<(&'static str, VecDeque<Answer>)>>, request: &HttpRequest) -> Answer {
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    let body = std::str::from_utf8(&request.body).unwrap_or_default();
    let mut asked = answers
        .iter_mut()
        .filter(|(to, _)| request.url.contains(to) || body.contains(to));
    asked
        .find_map(|(_, queue)| queue.pop_front())
        .unwrap_or_else(|| if_unknown(&request.url))
}

/// A Kubernetes that lists in pages only, as what is measured is a list; anything else is waited for.
fn if_unknown(url: &str) -> Answer {
    if url.contains(AS_EVENTS) {
        Answer::new(422)
    } else {
        Answer::hangs()
    }
}

fn discoverer(mechanism: &str, entry: &str) -> Box<dyn Discoverer> {
    let sink = Sink::new(Path::new("prometheus.yml").into());
    let document = read(&format!("- {entry}\n"), &sink);
    let at = document.as_ref().and_then(|document| document.root(&sink));
    let registry = headcount_backends::registry();
    let configs = at
        .zip(registry.get(mechanism))
        .map(|(at, mechanism)| mechanism.read(&at, &Place::new(Path::new("/"))));
    let made = configs.and_then(|configs| configs.into_iter().next()?.discoverer().ok());
    let problems = sink.finish().problems;
    assert!(made.is_some() && problems.is_empty(), "{entry}: {problems:?}");
    made.unwrap_or_else(|| Box::new(|_, _| async {}))
}

impl Ready {
    /// Lets the discoverer ask, and stores what it finds.
    pub fn run(mut self) -> (Stored, World) {
        let received = self.world.run_for(SOON);
        self.stored.take(received);
        (self.stored, self.world)
    }
}

impl Stored {
    fn empty() -> Self {
        let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
        let applied = manager.apply(Instant::ZERO, [("job".to_owned(), vec![Config::new(0)])]);
        Self {
            provider: applied.started.first().copied().unwrap_or(ProviderId::from_number(0)),
            manager,
            now: Instant::ZERO,
            snapshot: Snapshot::default(),
        }
    }

    /// Takes in what was received, and the snapshot with it.
    fn take(&mut self, received: Vec<Received>) {
        for received in received {
            assert_eq!(received.failure(), None, "nothing fails");
            if let headcount_discoverer::Report::Update(update) = received.report {
                let taken = self.manager.handle_update(self.now, self.provider, update);
                assert!(taken.is_ok(), "the provider runs");
            }
        }
        if let Some((deadline, _)) = self.manager.poll_timeout() {
            self.now = self.now.max(deadline);
            self.manager.handle_timeout(self.now);
        }
        while let Some(output) = self.manager.poll_output() {
            if let Output::Emit(snapshot) = output {
                self.snapshot = snapshot;
            }
        }
        self.manager.handle_receiver_ready(self.now);
    }

    fn groups(&self) -> Vec<Group> {
        let set = self.snapshot.set("job");
        set.into_iter()
            .flat_map(|set| set.groups())
            .map(|(_, stored)| stored.group().clone())
            .collect()
    }

    /// What the values of all labels have in bytes, each distinct one once, and how many labels there are.
    pub fn unique_bytes_and_labels(&self) -> (usize, usize) {
        let groups = self.groups();
        let mut values: BTreeSet<&str> = BTreeSet::new();
        let mut labels = 0;
        for group in &groups {
            let targets = group.targets().flat_map(|target| target.iter());
            for (_, value) in group.labels().iter().chain(targets) {
                values.insert(value);
                labels += 1;
            }
        }
        (values.iter().map(|value| value.len()).sum(), labels)
    }
}

/// A cluster that is watched.
pub struct Watched {
    world: World,
    stored: Stored,
    pipe: BodyPipe,
    pods: usize,
    changes: usize,
    events: BTreeMap<usize, String>,
}

impl Watched {
    /// One of so many pods.
    pub fn new(pods: usize) -> Self {
        let mut world = World::new();
        let (watch, pipe) = Answer::piped(200);
        let list = pods::lists(pods, pods, false).pop().unwrap_or_default();
        world
            .http
            .at("http://k8s.example/api/v1/pods?limit=")
            .then(Answer::json(list));
        let as_events = format!("http://k8s.example/api/v1/pods?watch=1&{AS_EVENTS}");
        world.http.at(&as_events).then(if_unknown(&as_events));
        world
            .http
            .at("http://k8s.example/api/v1/pods?watch=")
            .then(watch)
            .then(Answer::hangs());
        world.start(discoverer("kubernetes", pods::ENTRY));
        let mut stored = Stored::empty();
        stored.take(world.run_for(SOON));
        Self {
            world,
            stored,
            pipe,
            pods,
            changes: 0,
            events: BTreeMap::new(),
        }
    }

    /// Writes the events of so many changes, each of another pod.
    pub fn prepare(&mut self, changes: usize) {
        for change in 0..changes {
            let number = change * 997 % self.pods;
            let line = format!(r#"{{"type":"MODIFIED","object":{}}}"#, pods::pod(number, 1, false)) + "\n";
            self.events.insert(change, line);
        }
    }

    /// The next pod changes; gives when its event is there.
    ///
    /// # Panics
    /// It is not in the snapshot afterwards.
    pub fn change(&mut self) {
        let line = self.events.remove(&self.changes).unwrap_or_default();
        self.changes += 1;
        self.pipe.send(line);
        let received = self.world.run_until_received(SOON);
        assert_eq!(received.len(), 1, "an event is an update");
        self.stored.take(received);
    }

    /// # Panics
    /// Not all that changed is in the snapshot, or there are not as many pods.
    pub fn check(&self) {
        let groups = self.stored.groups();
        let shows_it = |group: &&Group| group.labels().get("__meta_kubernetes_pod_label_generation") == Some("1");
        assert_eq!(
            groups.iter().filter(shows_it).count(),
            self.changes,
            "each change is there"
        );
        assert_eq!(groups.len(), self.pods, "all pods are there");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_what_the_answers_say() {
        for input in inputs(20) {
            let (stored, _) = input.ready().run();
            input.check(&stored);
            assert!(!input.decoded().is_empty());
            let (bytes, labels) = stored.unique_bytes_and_labels();
            assert!(
                bytes > 500 && labels > 100,
                "{}: {bytes} B, {labels} labels",
                input.name
            );
        }
    }

    #[test]
    fn a_pod_that_changes_is_in_the_next_snapshot() {
        let mut watched = Watched::new(50);
        watched.prepare(7);
        (0..7).for_each(|_| watched.change());
        watched.check();
    }

    #[test]
    #[should_panic(expected = "all is found, and nothing else")]
    fn a_machine_that_is_missing_is_noticed() {
        let mut input = inputs(20).remove(0);
        let (stored, _) = input.ready().run();
        input.expected.insert(("10.9.9.9:80".to_owned(), "other".to_owned()));
        input.check(&stored);
    }
}
