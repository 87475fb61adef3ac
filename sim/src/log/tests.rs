use proptest::prelude::*;

use super::*;
use crate::{Backend, BackendKind, Churn, Discoverers, Hosts, Ratio};

fn scenario(minutes: u64, hosts: u32) -> Scenario {
    Scenario::new("logged")
        .until(Span::mins(minutes))
        .hosts(Hosts::new(hosts).zones(2))
        .backend(Backend::new("cmdb", BackendKind::Http))
        .discoverers(Discoverers::of("cmdb").refresh(Span::secs(10)))
        .churn(Churn::steady(Ratio::percent(20), Span::mins(1)))
}

fn log() -> InputLog {
    InputLog::record(&scenario(5, 10), 7).expect("it makes sense").0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_replay_from_the_text_is_the_run(seed: u64, minutes in 1..20_u64, hosts in 2..40_u32) {
        let (log, outcome) = InputLog::record(&scenario(minutes, hosts), seed).expect("it makes sense");
        let read = InputLog::read(&log.to_string()).expect("it was written just now");
        prop_assert_eq!(&read, &log);
        let replayed = read.run().expect("it makes sense");
        prop_assert_eq!(replayed.outcome, outcome);
        prop_assert_eq!(replayed.differs, None);
    }

    #[test]
    fn a_log_cut_anywhere_says_so_and_gives_what_there_is(share in 0..1_000_usize) {
        let log = log();
        let text = log.to_string();
        let cut = &text[..text.len() * share / 1_000];
        match InputLog::read(cut) {
            Err(LogError::NoLog) => prop_assert!(cut.len() < 20),
            Err(LogError::CutHeader) => prop_assert!(cut.lines().count() < 2),
            Err(error @ LogError::Cut { .. }) => {
                let read = error.readable().expect("a header at least");
                prop_assert!(log.inputs.starts_with(&read.inputs));
                prop_assert!(read.inputs.len() + read.links.len() + 2 >= cut.lines().count());
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn a_replay_that_is_another_run_says_from_where_on() {
    let mut log = log();
    log.links = vec![
        Link {
            events: 10,
            at: Span::secs(1),
            hash: 1,
        };
        2
    ];
    let differs = log.run().expect("it makes sense").differs.expect("another chain");
    assert_eq!(differs.agreed, None);
    insta::assert_snapshot!(differs, @"the replay is not the run that wrote the log: they agree at the start, and no longer at event 10 at 1s");
}

#[test]
fn what_is_wrong_with_a_log_is_said() {
    let whole = log().to_string();
    let lines: Vec<&str> = whole.lines().collect();
    let damaged = [
        String::new(),
        "backends: []\n".to_owned(),
        "{}\n".to_owned(),
        "{\"headcount_inputs\": 2, \"seed\": 9, \"world\": {}}\n".to_owned(),
        "{\"headcount_inputs\": 1, \"seed\": 9, \"scenario\": {\"hosts\": {\"count\": 0}}}\n".to_owned(),
        "{\"headcount_inputs\": 1, \"seed\": 9, \"scenario\": {\"hots\": {}}}\n".to_owned(),
        lines[..4].join("\n"),
        [
            &lines[..3],
            &["{\"input\": {\"at\": \"-3s\", \"what\": \"reload\"}}"],
            &lines[3..],
        ]
        .concat()
        .join("\n"),
        [
            &lines[..3],
            &["{\"input\": {\"at\": \"3s\", \"what\": {\"down\": {\"host\": 4000000000}}}}"],
            &lines[3..],
        ]
        .concat()
        .join("\n"),
        [&lines[..2], &lines[3..]].concat().join("\n"),
    ];
    let messages: Vec<_> = damaged
        .map(|text| InputLog::read(&text).expect_err("damaged").to_string())
        .into();
    insta::assert_snapshot!(messages.join("\n"));
}
