//! What is found stays, whatever comes in the place of a list, and the failure is said: each mechanism that asks over HTTP,
//! in each trouble.
//!
//! What is good at first is a story of the fuzz target's corpus (`fuzz/corpus/mechanism`) in which something is found; a
//! mechanism of the registry without one fails here. **None is excepted from any trouble.**

#![allow(clippy::expect_used, clippy::panic, reason = "a panic is a test's report")]
#![allow(clippy::indexing_slicing, reason = "of a constant list")]

#[path = "../../../fuzz/fuzz_targets/mechanism/stories.rs"]
mod stories;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use headcount_backends::registry;
use headcount_discoverer::env::HttpError;
use headcount_discoverer::mechanism::Entry;
use headcount_discoverer::testing::{Answer, Collected, Received, World};

/// These ask nobody, or not over HTTP.
const WITHOUT_HTTP: [&str; 7] = ["dns", "file", "local", "nerve", "process", "serverset", "static"];

/// Longer than any interval and pause of the entries, and than what a watch that is silent is waited for.
const LONG: Duration = Duration::from_secs(15 * 60);

/// How long the server wants to be left alone.
const RETRY_AFTER: Duration = Duration::from_secs(500);

/// Something that goes wrong with a request: its name, what is answered, and what has to be said of it.
type Trouble = (&'static str, fn(&Good) -> Answer, &'static [&'static str]);

/// What was answered last while all was well.
#[derive(Clone)]
struct Good {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Good {
    /// This body, as if it were a list.
    fn like(&self, body: impl Into<Vec<u8>>) -> Answer {
        let answer = Answer::new(200).body(body);
        let headers = self.headers.iter();
        headers.fold(answer, |answer, (name, value)| answer.header(name, value))
    }

    /// Half of the answer, or of the first of its lines: what comes in lines is as good as the lines that came.
    fn half(&self) -> &[u8] {
        let first = self.body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        &first[..first.len() / 2]
    }
}

fn host() -> String {
    "a.example:80".to_owned()
}

const TROUBLES: [Trouble; 19] = [
    ("absent", |_| Answer::hangs(), &[]),
    (
        "refused",
        |_| {
            let cause = ErrorKind::ConnectionRefused.into();
            Answer::error(HttpError::Connect { host: host(), cause })
        },
        &["connecting to a.example:80"],
    ),
    (
        "TLS is wrong",
        |_| {
            let cause = "the certificate is of somebody else".into();
            Answer::error(HttpError::Tls { host: host(), cause })
        },
        &["TLS with a.example:80", "somebody else"],
    ),
    ("400", |_| Answer::new(400).body("no"), &["400"]),
    ("401", |_| Answer::new(401).body("no"), &["401"]),
    ("403", |_| Answer::new(403).body("no"), &["403"]),
    ("404", |_| Answer::new(404).body("no"), &["404"]),
    ("429", |_| Answer::new(429).header("retry-after", "500"), &["429"]),
    ("500", |_| Answer::new(500).body("no"), &["500"]),
    ("503", |_| Answer::new(503).header("retry-after", "500"), &["503"]),
    ("nothing", |good| good.like(""), &[]),
    ("half of it", |good| good.like(good.half()), &[]),
    (
        "half of it, and the connection breaks",
        |good| good.like(good.half()).breaks(ErrorKind::ConnectionReset),
        &[],
    ),
    (
        "half of it, and nothing more",
        |good| good.like(good.half()).never_ends(),
        &[],
    ),
    (
        "a page for people",
        |good| good.like("<html><body>Sign in!</body></html>"),
        &[],
    ),
    ("text", |good| good.like("\"no\""), &[]),
    ("a number", |good| good.like("1e999"), &[]),
    ("a deep one", |good| good.like("[".repeat(100_000)), &[]),
    ("no text", |good| good.like(vec![0xff; 1_000]), &[]),
];

/// A story in which something is found.
struct Story {
    name: String,
    fuzzed: &'static stories::Fuzzed,
    bytes: Vec<u8>,
}

impl Story {
    /// Tells it until something is found; nothing, if nothing is.
    fn tell(&self) -> Option<(World, Collected, Good)> {
        let (_, rest) = stories::mechanism(&self.bytes)?;
        let mut world = stories::world();
        let mut good = None;
        for answer in stories::answers(rest) {
            for file in self.fuzzed.files {
                world.files.write(file, answer.body);
            }
            world.http.then_answer(answer.status, &answer.headers(), answer.body);
            if answer.status == 200 {
                good = Some(Good {
                    headers: answer.headers.clone(),
                    body: answer.body.to_vec(),
                });
            }
        }
        world.start(self.fuzzed.discoverer());
        let mut collected = Collected::default();
        for _ in 0..10 {
            collected.receive(&world.run_for(Duration::from_millis(500)));
            if !collected.addresses().is_empty() {
                return Some((world, collected, good?));
            }
        }
        None
    }
}

/// Whether a fuzzer gave a file its name, which is a hash. Such stories lie about where somebody has fuzzed, and go on with what
/// fails by itself.
fn was_fuzzed(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The stories of the corpus in which something is found.
fn found() -> Vec<Story> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/mechanism");
    let files = std::fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
    let mut found: Vec<Story> = files
        .filter_map(|file| {
            let path = file.expect("a file").path();
            let name = path.file_name()?.to_string_lossy().into_owned();
            if was_fuzzed(&name) {
                return None;
            }
            let bytes = std::fs::read(&path).expect("a file");
            let (fuzzed, _) = stories::mechanism(&bytes)?;
            let story = Story { name, fuzzed, bytes };
            let uses_http = !WITHOUT_HTTP.contains(&fuzzed.name);
            (uses_http && story.tell().is_some()).then_some(story)
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// From now on each request is answered so.
fn answer_all(world: &World, answer: impl Fn() -> Answer + Clone + Send + Sync + 'static) {
    for start in ["http:/", "https:/"] {
        let answer = answer.clone();
        world.http.serve(start, move |_| answer());
    }
}

fn failures(received: &[Received]) -> Vec<&str> {
    received.iter().filter_map(Received::failure).collect()
}

#[test]
fn each_mechanism_that_asks_over_http_has_a_story_in_which_something_is_found() {
    let found = found();
    let told: BTreeSet<&str> = found.iter().map(|story| story.fuzzed.name).collect();
    let registry = registry();
    let asks = registry
        .iter()
        .map(Entry::name)
        .filter(|name| !WITHOUT_HTTP.contains(name));
    let asks: BTreeSet<&str> = asks.collect();
    assert_eq!(told, asks);
}

#[test]
fn what_was_found_stays_in_each_trouble_which_is_said() {
    let mut wrong = Vec::new();
    for story in found() {
        for (trouble, answer, said) in TROUBLES {
            let (mut world, before, good) = story.tell().expect("something is found");
            answer_all(&world, move || answer(&good));
            let received = world.run_for(LONG);
            let (mut after, failures) = (before.clone(), failures(&received));
            after.receive(&received);
            if after != before {
                wrong.push(format!(
                    "{}, {trouble}: {:?} after {:?}",
                    story.name,
                    after.addresses(),
                    before.addresses()
                ));
            }
            let is_said = |part: &&str| failures.iter().any(|failure| failure.contains(*part));
            if failures.is_empty() || !said.iter().all(|part| is_said(part)) {
                wrong.push(format!("{}, {trouble}: said was {:?}", story.name, failures.first()));
            }
            if world.running() != 1 {
                wrong.push(format!("{}, {trouble}: it has ended", story.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each kind of object is listed by itself, and told to wait by itself.
#[test]
fn who_is_told_when_to_come_back_does_not_come_sooner() {
    let mut wrong = Vec::new();
    for story in found() {
        for status in [429, 503] {
            let (mut world, ..) = story.tell().expect("something is found");
            answer_all(&world, move || {
                let seconds = RETRY_AFTER.as_secs().to_string();
                Answer::new(status).header("retry-after", &seconds)
            });
            world.http.take_requests();
            world.run_for(LONG);
            let mut first = BTreeMap::new();
            let mut sooner = BTreeSet::new();
            for sent in world.http.take_requests() {
                let path = sent.request.url.split('?').next().unwrap_or_default().to_owned();
                let first = *first.entry(path.clone()).or_insert(sent.at);
                let waited = sent.at.saturating_duration_since(first);
                if waited > Duration::ZERO && waited < RETRY_AFTER {
                    sooner.insert(path);
                }
            }
            if first.is_empty() || !sooner.is_empty() {
                wrong.push(format!(
                    "{}, {status}: of {first:?} these came sooner: {sooner:?}",
                    story.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
