use std::sync::{Arc, Mutex};

use headcount_core::reference::{Operation, PlainConfig};
use headcount_core::{
    Encoder, Failure, Instant, Manager, ManagerOptions, Output, ProviderId, RECORDING_FORMAT, RecordedOptions,
    RecordingManager, Sink,
};
use proptest::prelude::*;

use super::*;
use crate::ThrottleSetting;

/// What a manager is given while a driver carries these operations out, written down.
fn recorded(options: ManagerOptions, operations: &[Operation]) -> String {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink: Sink = {
        let lines = lines.clone();
        Box::new(move |recorded| {
            let line = serde_json::to_string(&recorded).expect("it can be written");
            lines.lock().expect("nobody panicked").push(line);
        })
    };
    let mut now = Instant::from_nanos(7);
    let head = serde_json::to_string(&RecordedOptions::of(now, &options)).expect("it can be written");
    let mut manager: RecordingManager<PlainConfig> = RecordingManager::new(Manager::new(now, options), Some(sink));
    let mut encoder = Encoder::new();
    let mut started = vec![ProviderId::from_number(0)];
    let pick = |started: &Vec<ProviderId>, pick: &headcount_core::reference::Pick| {
        let number = match pick {
            headcount_core::reference::Pick::Running(number) | headcount_core::reference::Pick::Stopped(number) => {
                *number
            }
        };
        started[usize::from(number) % started.len()]
    };
    for operation in operations {
        match operation {
            Operation::Apply { sets, .. } => started.extend(manager.apply(now, sets.clone()).started),
            Operation::Options { defaults, by_set, .. } => manager.set_options(now, *defaults, by_set.clone()),
            Operation::Throttle { throttle, per_set, .. } => manager.set_throttle(now, *throttle, *per_set),
            Operation::Update { provider, update, .. } => {
                let mut batch = encoder.batch();
                for group in &update.groups {
                    group.encode(&mut batch).expect("it fits");
                }
                let update = update.encoded(batch.finish());
                manager.handle_update(now, pick(&started, provider), update).ok();
            }
            Operation::Failure { provider, .. } => {
                manager
                    .handle_failure(now, pick(&started, provider), Failure::new("away"))
                    .ok();
            }
            Operation::BuildFailure { provider, .. } => {
                manager
                    .handle_build_failure(now, pick(&started, provider), "no".to_owned())
                    .ok();
            }
            Operation::Confirm { provider, .. } => {
                manager.confirm_drop(now, pick(&started, provider)).ok();
            }
            Operation::ReceiverTakes { .. } => manager.handle_receiver_ready(now),
            Operation::Wake { .. } => manager.handle_timeout(now),
            Operation::Advance(duration) => {
                let end = now + *duration;
                while let Some((at, _)) = manager.poll_timeout().filter(|(at, _)| *at <= end) {
                    now = now.max(at);
                    manager.handle_timeout(now);
                    while manager.poll_output().is_some() {}
                }
                now = end;
            }
            Operation::Oversleep(duration) => now = now + *duration,
            Operation::Repeat { .. } | Operation::Restart { .. } => {}
        }
        while let Some(output) = manager.poll_output() {
            drop::<Output<_>>(output);
        }
    }
    let lines = lines.lock().expect("nobody panicked");
    core::iter::once(&head)
        .chain(lines.iter())
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn options(guarded: bool, ticker: bool, seed: u64) -> ManagerOptions {
    let ticker = ticker.then(|| ThrottleSetting::Ticker(Span::secs(5)));
    ManagerOptions {
        throttle: ticker.unwrap_or_default().into(),
        guard: guarded.then(|| {
            let max_drop = "30%".parse().expect("it is one");
            headcount_core::DropGuard::new(max_drop, core::time::Duration::from_secs(60))
        }),
        seed,
        ..ManagerOptions::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// B08: whatever a manager was given, the replay gives the same; the model agrees; and other settings can be
    /// tried.
    #[test]
    fn a_replay_says_what_was_said(
        guarded: bool, ticker: bool, seed: u64,
        operations in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..24), 1..60),
    ) {
        let operations: Vec<_> = operations.iter().filter_map(|bytes| Operation::from_bytes(&mut bytes.as_slice())).collect();
        let text = recorded(options(guarded, ticker, seed), &operations);
        let incident = Incident::read(&text).expect(&text);
        let replayed = incident.replay().expect(&text);
        prop_assert_eq!(&replayed.differs, &None, "{}", text);
        let checked = incident.check().map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&checked, &replayed);
        let at_once = incident.under(ThrottleSetting::Ticker(Span::ZERO)).expect(&text);
        prop_assert_eq!(at_once.changes, replayed.changes);
    }

    /// A recording with any byte replaced is refused, or replayed; nothing panics.
    #[test]
    fn any_damage_is_survived(
        seed: u64, operations in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..24), 1..20),
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"0123456789-\"[]{},: az".as_slice())), 1..4),
    ) {
        let operations: Vec<_> = operations.iter().filter_map(|bytes| Operation::from_bytes(&mut bytes.as_slice())).collect();
        let mut bytes = recorded(options(seed % 2 == 0, seed % 3 == 0, seed), &operations).into_bytes();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(incident) = Incident::read(&text) {
            incident.replay().ok();
            incident.check().ok();
            incident.under(ThrottleSetting::default()).ok();
        }
    }

    /// A recording that was cut anywhere is read up to there, or refused; nothing panics.
    #[test]
    fn any_cut_is_said(cut: prop::sample::Index) {
        let apply = Operation::Apply { manager: 0, sets: vec![("node".to_owned(), vec![PlainConfig::new("file", 1)])] };
        let text = recorded(ManagerOptions::default(), &[apply, Operation::Advance(core::time::Duration::from_secs(9))]);
        let cut = cut.index(text.len());
        let head = text.find('\n').expect("there is a line");
        match Incident::read(&text[..cut]) {
            Ok(incident) => prop_assert_eq!(incident.is_cut, !text[..cut].ends_with('\n') && serde_json::from_str::<serde_json::Value>(text[..cut].lines().last().expect("there is a line")).is_err()),
            Err(error) => {
                prop_assert_eq!(error, IncidentError::NoRecording);
                prop_assert!(cut < head);
            }
        }
    }
}

#[test]
fn what_is_wrong_with_a_recording_is_said() {
    let head = |format: u32| {
        let options = RecordedOptions {
            format,
            ..RecordedOptions::of(Instant::ZERO, &ManagerOptions::default())
        };
        serde_json::to_string(&options).expect("it can be written")
    };
    let with = |lines: &str| format!("{}\n{lines}\n", head(RECORDING_FORMAT));
    let texts = [
        String::new(),
        "{\"headcount_inputs\":1}".to_owned(),
        head(RECORDING_FORMAT + 1),
        head(RECORDING_FORMAT).replace("\"keep\"", "\"maybe\""),
        with("{\"at\":1,\"what\":\"lunch\"}"),
        with("{\"at\":5,\"what\":\"timeout\"}\n{\"at\":3,\"what\":\"timeout\"}"),
        with("{\"at\":5,\"what\":{\"update\":{\"provider\":3}}}"),
        with("{\"at\":5,\n\"what\":\"timeout\"}"),
    ];
    let messages: Vec<String> = texts
        .iter()
        .map(|text| Incident::read(text).expect_err(text).to_string())
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn another_core_would_be_noticed() {
    let apply = Operation::Apply {
        manager: 0,
        sets: vec![("node".to_owned(), vec![PlainConfig::new("file", 1)])],
    };
    let text = recorded(
        ManagerOptions::default(),
        &[apply, Operation::Advance(core::time::Duration::from_secs(9))],
    );
    let other = text.replace("\"targets\":0", "\"targets\":1");
    assert_ne!(text, other);
    let outcome = Incident::read(&other).expect(&other).replay().expect(&other);
    insta::assert_snapshot!(outcome.differs.expect("it differs"));
}

/// A recording of a ticker of five seconds, with these lines after its first.
fn ticking(guard: &str, lines: &[&str]) -> Incident {
    let head = format!(
        "{{\"headcount_recording\":{RECORDING_FORMAT},\"at\":0,\"name\":\"scrape\",\"throttle\":{{\"ticker\":{{\"interval\":\
         {{\"secs\":5,\"nanos\":0}}}}}},\"reload\":\"keep\",\"guard\":{guard},\"seed\":0}}"
    );
    let apply = "{\"at\":0,\"what\":{\"apply\":{\"sets\":[[\"node\",[0]]],\"started\":[{\"provider\":0,\"kind\":\"file\",\"description\":\"f\"}]}}}";
    let text: Vec<&str> = [head.as_str(), apply]
        .into_iter()
        .chain(lines.iter().copied())
        .collect();
    Incident::read(&(text.join("\n") + "\n")).expect("it is one")
}

#[test]
fn a_host_is_told_of_hop_by_hop() {
    let lines = [
        r#"{"at":1000000000,"what":{"failure":{"provider":0,"message":"away"}}}"#,
        r#"{"at":2000000000,"what":{"failure":{"provider":0,"message":"still away"}}}"#,
        r#"{"at":3000000000,"what":{"update":{"provider":0,"groups":[{"source":"a","labels":{},"targets":[{"__address__":"H:1"},{"__address__":"other:1"}]}],"read":"whole"}}}"#,
        r#"{"at":5000000000,"what":"timeout"}"#,
        r#"{"at":5000000000,"what":"receiver_ready"}"#,
        r#"{"at":6000000000,"what":{"update":{"provider":0,"groups":[{"source":"b","labels":{},"targets":[{"__address__":"new:1"}]}]}}}"#,
        r#"{"at":7000000000,"what":{"update":{"provider":0,"groups":[{"source":"a","labels":{"x":"1"},"targets":[{"__address__":"h:1"}]}]}}}"#,
        r#"{"at":10000000000,"what":"timeout"}"#,
        r#"{"at":10000000000,"what":"receiver_ready"}"#,
        r#"{"at":11000000000,"what":{"update":{"provider":0,"gone":["a"]}}}"#,
        r#"{"at":15000000000,"what":"timeout"}"#,
    ];
    let incident = ticking("null", &lines);
    let story = |host: &str, until| incident.story(host, until).expect("it can be replayed").to_string();
    insta::assert_snapshot!("story_of_a_host", story("h", None));
    // Before the snapshot, nobody knew.
    insta::assert_snapshot!("story_until_then", story("h:1", Some(Span::secs(4))));
    insta::assert_snapshot!("story_of_nobody", story("h:2", Some(Span::secs(2))));
}

#[test]
fn what_the_guard_holds_is_said() {
    let guard = r#"{"max_drop":30,"hold":{"secs":60,"nanos":0}}"#;
    let lines = [
        r#"{"at":3000000000,"what":{"update":{"provider":0,"groups":[{"source":"a","labels":{},"targets":[{"__address__":"h:1"}]},{"source":"b","labels":{},"targets":[{"__address__":"i:1"}]}],"read":"whole"}}}"#,
        r#"{"at":5000000000,"what":"timeout"}"#,
        r#"{"at":5000000000,"what":"receiver_ready"}"#,
        r#"{"at":6000000000,"what":{"update":{"provider":0,"gone":["a"]}}}"#,
        r#"{"at":7000000000,"what":{"update":{"provider":0,"groups":[{"source":"b","labels":{"x":"1"},"targets":[{"__address__":"i:1"}]}]}}}"#,
        r#"{"at":10000000000,"what":"timeout"}"#,
        r#"{"at":10000000000,"what":"receiver_ready"}"#,
        r#"{"at":12000000000,"what":{"confirm":{"provider":0}}}"#,
        r#"{"at":15000000000,"what":"timeout"}"#,
    ];
    let incident = ticking(guard, &lines);
    insta::assert_snapshot!(
        "story_of_a_hold",
        incident.story("h", None).expect("it can be replayed")
    );
}

#[test]
fn who_takes_the_place_of_another_is_no_news_of_a_host_that_both_find() {
    let update = |at: u64, provider: u64| {
        format!(
            r#"{{"at":{at}000000000,"what":{{"update":{{"provider":{provider},"groups":[{{"source":"a","labels":{{}},"targets":[{{"__address__":"h:1"}}]}}],"read":"whole"}}}}}}"#
        )
    };
    let apply = r#"{"at":6000000000,"what":{"apply":{"sets":[["node",[1]]],"started":[{"provider":1,"kind":"http","description":"u"}]}}}"#;
    let (timeout, ready) = (
        r#"{"at":5000000000,"what":"timeout"}"#,
        r#"{"at":5000000000,"what":"receiver_ready"}"#,
    );
    let later = timeout.replace("5000000000", "10000000000");
    let (first, second) = (update(3, 0), update(8, 1));
    let incident = ticking("null", &[&first, timeout, ready, apply, &second, &later]);
    insta::assert_snapshot!(
        "story_of_a_reload",
        incident.story("h", None).expect("it can be replayed")
    );
}
