//! Any bytes as what a backend answers to a mechanism's discoverer: the first byte picks the mechanism, the rest are
//! its answers, one after the other and then the last again and again, each divided from the next by a line `%%`.
//!
//! An answer is a status line, headers, an empty line and a body; mechanisms that read files find the bodies in
//! them. In the DNS each line of the first body is a record: a number for its type, and labels. On a connection a body is
//! said whenever something is heard. The discoverer goes on whatever it hears, and while it only fails, what it found before stays.
#![no_main]

#[path = "mechanism/stories.rs"]
mod stories;

use std::time::Duration;

use headcount_discoverer::env::{DomainName, Endpoint, Record};
use headcount_discoverer::testing::{Collected, Saying};
use libfuzzer_sys::fuzz_target;

const INTERVAL: Duration = Duration::from_secs(60);

fuzz_target!(|bytes: &[u8]| {
    let Some((fuzzed, rest)) = stories::mechanism(bytes) else {
        return;
    };
    let mut world = stories::world();
    world.start(fuzzed.discoverer());
    let mut collected = Collected::default();
    let mut said = Vec::new();
    for (number, answer) in stories::answers(rest).into_iter().enumerate() {
        let (status, headers, body) = (answer.status, answer.headers(), answer.body);
        for file in fuzzed.files {
            world.files.write(file, body);
        }
        if number == 0 {
            let name = DomainName::from_labels(["web"]).expect("a name");
            world
                .dns
                .set_records(name, body.split(|byte| *byte == b'\n').filter_map(record).collect());
        }
        said.push(body.to_vec());
        match number {
            0 => world.http.answer(status, &headers, body),
            _ => world.http.then_answer(status, &headers, body),
        }
    }
    world.connections.accept(Endpoint::tcp("zk", 2181), move || {
        let mut said = said.clone().into_iter();
        move |_: &[u8]| said.next().map(Saying::Bytes).into_iter().collect::<Vec<_>>()
    });
    for _ in 0..3 {
        let before = collected.clone();
        let received = world.run_for(INTERVAL);
        collected.receive(&received);
        if received.iter().all(|received| received.failure().is_some()) {
            assert_eq!(collected, before);
        }
        assert_eq!(world.running(), 1);
    }
});

/// A record of the DNS, if its labels make a name.
fn record(line: &[u8]) -> Option<Record> {
    let (kind, labels) = line.split_first()?;
    let labels = labels.split(|byte| *byte == b'.').filter(|label| !label.is_empty());
    let name = DomainName::from_labels(labels).ok()?;
    let number = u16::from(*kind);
    Some(match kind % 4 {
        0 => Record::Srv {
            priority: number,
            weight: 0,
            port: number,
            target: name,
        },
        1 => Record::Mx {
            preference: number,
            exchange: name,
        },
        2 => Record::Ns(name),
        _ => Record::A([10, 0, 0, *kind].into()),
    })
}
