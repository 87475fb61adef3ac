//! What is found stays, whatever comes in the place of a list, and the failure is said: each mechanism that asks over HTTP,
//! in each trouble.
//!
//! What is good at first is a story of the fuzz target's corpus (`fuzz/corpus/mechanism`) in which something is found; a
//! mechanism of the registry without one fails here. **None is excepted from any trouble.**

#![allow(clippy::expect_used, clippy::panic, reason = "a panic is a test's report")]

mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::time::Duration;

use headcount_backends::registry;
use headcount_discoverer::env::HttpError;
use headcount_discoverer::mechanism::Entry;
use headcount_discoverer::testing::Answer;

use self::told::{Good, LONG, WITHOUT_HTTP, answer_all, failures, found};

/// How long the server wants to be left alone.
const RETRY_AFTER: Duration = Duration::from_secs(500);

/// Something that goes wrong with a request: its name, what is answered, and what has to be said of it.
type Trouble = (&'static str, fn(&Good) -> Answer, &'static [&'static str]);

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

#[test]
fn each_mechanism_that_asks_over_http_has_a_story_in_which_something_is_found() {
    let found = found();
    let told: BTreeSet<&str> = found.iter().map(|story| story.mechanism()).collect();
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
            if failures.is_empty() || !said.iter().all(is_said) {
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
