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

/// What is too old to be shown is still what the next update is about. A replay that was not told what went with that update
/// had it all again.
#[test]
fn what_was_hidden_and_does_not_come_back_is_said_to_be_gone() {
    let (sender, recorded) = channel();
    let sink: Sink = Box::new(move |event: Recorded| sender.send(event.what).expect("somebody listens"));
    let options = ManagerOptions {
        max_stale: Some(Duration::from_secs(60)),
        ..ManagerOptions::default()
    };
    let mut manager = RecordingManager::new(Manager::new(at(0), options), Some(sink));
    let sets = vec![("node".to_owned(), vec![PlainConfig::new("file", 1)])];
    let provider = manager.apply(at(0), sets).started[0];
    let mut encoder = Encoder::new();
    let mut found = |source: &str| {
        let mut batch = encoder.batch();
        batch
            .group(source, [("rack", "r1")], [[("__address__", "a")]])
            .expect("it fits");
        Update::full(batch.finish())
    };
    let (before, after) = (found("a"), found("b"));
    manager.handle_update(at(1), provider, before).expect("it runs");
    manager
        .handle_failure(at(2), provider, Failure::new("it is away"))
        .expect("it runs");
    manager.handle_timeout(at(62));
    let reported = |manager: &RecordingManager<PlainConfig>| manager.reported_groups(provider).map(crate::Groups::len);
    assert_eq!(reported(&manager), Some(1), "it is hidden, and not forgotten");
    manager.handle_update(at(63), provider, after).expect("it runs");
    assert_eq!(reported(&manager), Some(1));
    let gone = recorded.try_iter().filter_map(|event| match event {
        RecordedEvent::Update { gone, .. } => Some(gone),
        _ => None,
    });
    assert_eq!(gone.last(), Some(vec!["a".to_owned()]));
}
