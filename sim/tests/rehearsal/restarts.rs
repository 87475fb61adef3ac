//! What real discoverers know after a restart: what was found before it.

use std::time::Duration;

use headcount_backends::file::FileSd;
use headcount_backends::http::HttpSd;
use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::SdConfig;
use headcount_reader::HttpClientSettings;
use headcount_sim::{
    BackendKind, Fault, FaultKind, Mark, ProcessEvent, Ratio, Rehearsal, Restarted, Scenario, ShownHost, Span,
};

use super::{built, scenario};

const URL: &str = "http://cmdb.example/targets";

fn http() -> Box<dyn Discoverer> {
    let settings = HttpSd::new(URL, Duration::from_secs(15), HttpClientSettings::default());
    built(SdConfig::new(settings.expect("a good URL")))
}

fn file() -> Box<dyn Discoverer> {
    let settings = FileSd::new(["/sd/*.json"], Duration::from_secs(30));
    built(SdConfig::new(settings.expect("a good pattern")))
}

/// A list in which each host is a group, the newest in front.
fn newest_first(hosts: &[ShownHost]) -> Vec<u8> {
    let mut hosts: Vec<&ShownHost> = hosts.iter().collect();
    hosts.sort_by_key(|host| std::cmp::Reverse(host.looks.address));
    let groups = hosts
        .iter()
        .map(|host| format!(r#"{{"targets": ["{}"]}}"#, host.address));
    format!("[{}]", groups.collect::<Vec<_>>().join(", ")).into_bytes()
}

fn restarted(kind: BackendKind, what: Restarted) -> Scenario {
    let restart = |at| ProcessEvent::Restart {
        at,
        what,
        share: Ratio::ALWAYS,
        saved: true,
        age: Span::ZERO,
        version: None,
    };
    scenario(kind)
        .fault(Fault::new(FaultKind::Drop).rate(Ratio::percent(10)))
        .event(restart(Span::mins(8)))
        .event(restart(Span::mins(16)))
}

/// B13: a discoverer that did not know what was found before would number the list by its places.
#[test]
fn b13_groups_of_a_list_keep_their_sources_over_a_restart() {
    for kind in [BackendKind::Http, BackendKind::File] {
        for what in [Restarted::Manager, Restarted::Discoverers] {
            for seed in 0..3 {
                let outcome = Rehearsal::new(&restarted(kind, what), seed)
                    .expect("it makes sense")
                    .serve(URL, newest_first)
                    .file("/sd/targets.json", newest_first)
                    .discoverer("cmdb", move |_| if kind == BackendKind::Http { http() } else { file() })
                    .expect("they are in the scenario")
                    .within(Span::mins(1))
                    .run();
                assert!(outcome.is_clean(), "{kind:?}, seed {seed}: {:?}", outcome.violations);
                assert!(outcome.metrics.changes_learned > 20, "{:?}", outcome.metrics);
                let is_restored = outcome.marks.contains_key(&Mark::Restored);
                assert_eq!(is_restored, what == Restarted::Manager);
            }
        }
    }
}
