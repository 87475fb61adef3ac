//! An AWS of the tests' own, in the virtual world.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use headcount_discoverer::Discoverer;
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::mechanism::Place;
use headcount_discoverer::testing::{Answer, Collected, Received, World};
use headcount_reader::{Sink, read};
use percent_encoding::percent_decode_str;

use super::account::{Account, Kind};

/// Who asks in most tests: these keys, in this region.
pub(crate) const KEYS: &str = "region: eu-west-1, access_key: AKID, secret_key: hunter2";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// The labels of a target, with those of its group.
pub(crate) type Target = BTreeMap<String, String>;

/// A world with discoverers of one mechanism, and what they have found.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) found: Collected,
}

impl Site {
    /// One discoverer of this entry, that has asked nothing yet.
    pub(crate) fn of(mechanism: &str, entry: &str) -> Self {
        let mut site = Self::empty();
        site.world.start(discoverer(mechanism, entry));
        site
    }

    pub(crate) fn empty() -> Self {
        let world = World::new();
        world.http.keep_answers();
        Self {
            world,
            found: Collected::default(),
        }
    }

    /// Lets time pass, and takes in what is found.
    pub(crate) fn run_for(&mut self, duration: Duration) -> Vec<Received> {
        let received = self.world.run_for(duration);
        self.found.receive(&received);
        received
    }

    /// The same for less than any interval, in which everybody has asked once.
    pub(crate) fn ask(&mut self) -> Vec<Received> {
        self.run_for(Duration::from_secs(20))
    }

    /// All that was found.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let groups = self.found.sources().into_iter();
        let groups = groups.filter_map(|source| self.found.group(source));
        let mut targets = Vec::new();
        for group in groups {
            let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            let of_group: Target = group.labels().iter().map(owned).collect();
            for target in group.targets() {
                let mut labels = of_group.clone();
                labels.extend(target.iter().map(owned));
                targets.push(labels);
            }
        }
        targets
    }

    /// Checks what was asked and answered since this was last called against botocore's descriptions.
    #[track_caller]
    pub(crate) fn is_as_described(&self) {
        let answered = self.world.http.take_answered().into_iter();
        crate::described::check(answered.filter_map(|(request, answer)| Some((request, answer.whole_body()?))));
    }

    /// What a metric has counted, `None` if it has counted nothing yet.
    pub(crate) fn counted(&self, name: &str) -> Option<f64> {
        let families = self.world.metrics.read();
        let (_, samples) = families.into_iter().find(|(definition, _)| definition.name == name)?;
        Some(samples.iter().map(|sample| sample.value).sum())
    }

    /// With whose keys requests to a host were signed since this was last called, and for which region and service.
    pub(crate) fn signed(&self, host: &str) -> Vec<String> {
        let requests = self.world.http.take_requests().into_iter();
        let to_host = requests.filter(|sent| sent.request.url.contains(host));
        to_host
            .map(|sent| {
                let header = sent.header("authorization").unwrap_or("nobody").to_owned();
                let credential = header.split_once("Credential=").map_or(&*header, |(_, rest)| rest);
                let credential = credential.split(',').next().unwrap_or_default();
                let mut parts: Vec<&str> = credential.split('/').collect();
                // The date, and what is always the same.
                parts.retain(|part| *part != "20260101" && *part != "aws4_request");
                let token = sent
                    .header("x-amz-security-token")
                    .map(|token| format!(" with {token}"));
                parts.join(" ") + &token.unwrap_or_default()
            })
            .collect()
    }
}

/// The failures among what was received.
pub(crate) fn failures(received: &[Received]) -> Vec<&str> {
    received.iter().filter_map(Received::failure).collect()
}

/// What was missing in the last update.
pub(crate) fn missing(received: &[Received]) -> Vec<String> {
    let last = received.iter().filter_map(Received::update).next_back();
    let missing = last.and_then(|update| update.missing());
    missing.map_or_else(Vec::new, |missing| {
        let parts = missing.parts().iter();
        parts.map(|part| format!("{}: {}", part.part, part.reason)).collect()
    })
}

/// The discoverer of an entry.
pub(crate) fn discoverer(mechanism: &str, entry: &str) -> Box<dyn Discoverer> {
    let sink = Sink::new(Path::new("test.yml").into());
    let document = read(&format!("[{entry}]"), &sink).expect("YAML");
    let root = document.root(&sink).expect("a list");
    let registry = crate::registry();
    let mechanism = registry.get(mechanism).expect("it is built in");
    let configs = mechanism.read(&root, &Place::new(Path::new("/")));
    assert_eq!(sink.finish().problems, []);
    let config = configs.into_iter().next().expect("one entry");
    config.discoverer().expect("it is supported")
}

/// What an entry says of how AWS is asked.
pub(crate) fn account(entry: &str) -> Account {
    let sink = Sink::new(Path::new("test.yml").into());
    let document = read(entry, &sink).expect("YAML");
    let root = document.root(&sink).expect("it is there");
    let mut fields = root.fields().expect("a mapping");
    let account = Account::read(&mut fields, &Place::new(Path::new("/")), Kind::Own);
    fields.finish();
    assert_eq!(sink.finish().problems, []);
    account.expect("it makes sense")
}

/// The parameters of a form.
pub(crate) fn form(request: &HttpRequest) -> BTreeMap<String, String> {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// An answer of status 200.
pub(crate) fn good(body: impl Into<Vec<u8>>) -> Answer {
    Answer::new(200).body(body)
}

/// A refusal of the services that speak XML.
pub(crate) fn refused(status: u16, code: &str) -> Answer {
    let body = format!("<R><Errors><Error><Code>{code}</Code><Message>No.</Message></Error></Errors></R>");
    Answer::new(status).body(body)
}
