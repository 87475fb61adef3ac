//! The stories of the fuzz target's corpus (`fuzz/corpus/mechanism`) in which something is found, for the tests that go on
//! from there.

#![allow(clippy::expect_used, clippy::panic, reason = "a panic is a test's report")]
#![allow(clippy::indexing_slicing, reason = "of what was just looked for")]
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod documents;
pub(crate) mod excepted;
pub(crate) mod marks;
pub(crate) mod server;
#[path = "../../../../fuzz/fuzz_targets/mechanism/stories.rs"]
mod stories;

use std::path::Path;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, Received, World};

/// These ask nobody, or not over HTTP.
pub(crate) const WITHOUT_HTTP: [&str; 7] = ["dns", "file", "local", "nerve", "process", "serverset", "static"];

/// Longer than any interval and pause of the entries, and than what a watch that is silent is waited for.
pub(crate) const LONG: Duration = Duration::from_secs(15 * 60);

/// What was answered last while all was well.
#[derive(Clone)]
pub(crate) struct Good {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Good {
    /// This body, as if it were a list.
    pub(crate) fn like(&self, body: impl Into<Vec<u8>>) -> Answer {
        let answer = Answer::new(200).body(body);
        let headers = self.headers.iter();
        headers.fold(answer, |answer, (name, value)| answer.header(name, value))
    }

    /// Half of the answer, or of the first of its lines: what comes in lines is as good as the lines that came.
    pub(crate) fn half(&self) -> &[u8] {
        let first = self.body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        &first[..first.len() / 2]
    }
}

/// A story in which something is found.
pub(crate) struct Story {
    pub(crate) name: String,
    fuzzed: &'static stories::Fuzzed,
    bytes: Vec<u8>,
}

impl Story {
    /// Whose story it is.
    pub(crate) fn mechanism(&self) -> &'static str {
        self.fuzzed.name
    }

    /// How much is said in it.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// What the mechanism's entry says.
    pub(crate) fn entry(&self) -> &'static str {
        self.fuzzed.entry
    }

    /// The world of its beginning, where what is asked for is answered in turn; and its last good answer.
    pub(crate) fn begin(&self) -> Option<(World, Option<Good>)> {
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
        Some((world, good))
    }

    /// Tells it until something is found; nothing, if nothing is.
    pub(crate) fn tell(&self) -> Option<(World, Collected, Good)> {
        let (world, good) = self.begin()?;
        self.go_on(world, good)
    }

    /// The same in a world of its beginning.
    pub(crate) fn go_on(&self, mut world: World, good: Option<Good>) -> Option<(World, Collected, Good)> {
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
pub(crate) fn found() -> Vec<Story> {
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
pub(crate) fn answer_all(world: &World, answer: impl Fn() -> Answer + Clone + Send + Sync + 'static) {
    for start in ["http:/", "https:/"] {
        let answer = answer.clone();
        world.http.serve(start, move |_| answer());
    }
}

pub(crate) fn failures(received: &[Received]) -> Vec<&str> {
    received.iter().filter_map(Received::failure).collect()
}
