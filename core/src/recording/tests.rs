use std::sync::mpsc::channel;

use super::*;
use crate::reference::PlainConfig;
use crate::{Encoder, Failure, Manager, Update};

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

#[test]
fn a_recording_says_what_changed_and_no_more() {
    let (sender, recorded) = channel();
    let sink: Sink = Box::new(move |event| sender.send(event).expect("somebody listens"));
    let options = ManagerOptions::default();
    let mut manager = RecordingManager::new(Manager::new(at(0), options.clone()), Some(sink));
    let config = |number| PlainConfig::new("file", number);
    let sets = vec![
        ("node".to_owned(), vec![config(1), config(2), config(1)]),
        ("api".to_owned(), vec![config(2)]),
    ];
    let started = manager.apply(at(1), sets).started;
    manager
        .handle_build_failure(at(1), started[1], "no such folder".to_owned())
        .expect("it runs");
    let mut encoder = Encoder::new();
    let mut found = |sources: &[(&str, &str)]| {
        let mut batch = encoder.batch();
        for (source, address) in sources {
            batch
                .group(source, [("rack", "r1")], [[("__address__", *address)]])
                .expect("it fits");
        }
        Update::full(batch.finish()).took(Duration::from_millis(3))
    };
    let (before, after) = (found(&[("a", "1"), ("b", "2")]), found(&[("b", "2"), ("c", "3")]));
    manager
        .handle_update(at(2), started[0], before.clone())
        .expect("it runs");
    manager.handle_update(at(3), started[0], before).expect("it runs");
    manager
        .handle_failure(
            at(4),
            started[0],
            Failure::new("it is away").retry_in(Duration::from_secs(1)),
        )
        .expect("it runs");
    let missing = Missing::of([crate::MissingPart::new("rack r2", "HTTP 503")]).expect("a part");
    manager
        .handle_update(at(4), started[0], Update::partial(Vec::new(), missing))
        .expect("it runs");
    manager.handle_update(at(5), started[0], after).expect("it runs");
    assert!(manager.handle_update(at(5), started[1], Update::unchanged()).is_err());
    manager.handle_timeout(at(6));
    while manager.poll_output().is_some() {}
    manager.handle_receiver_ready(at(7));
    let mut lines = vec![serde_json::to_string(&RecordedOptions::of(at(0), &options)).expect("it can be written")];
    for event in recorded.try_iter() {
        let line = serde_json::to_string(&event).expect("it can be written");
        assert_eq!(serde_json::from_str::<Recorded>(&line).expect(&line), event);
        lines.push(line);
    }
    insta::assert_snapshot!(lines.join("\n"));
    let read: RecordedOptions = serde_json::from_str(&lines[0]).expect("it can be read");
    assert_eq!(read.options(), options);
}
