//! `http`, and what rehearsals are whatever they rehearse.

use std::time::Duration;

use headcount_backends::http::HttpSd;
use headcount_core::{Encoder, Update};
use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::mechanism::SdConfig;
use headcount_discoverer::refresh::{self, Refresh, RefreshError, Refreshed};
use headcount_discoverer::{Discoverer, Env, Updates};
use headcount_reader::HttpClientSettings;
use headcount_sim::{
    BackendKind, Fault, FaultKind, Outcome, Ratio, Rehearsal, Rule, Scenario, Span, SpanRange, target_groups,
};

use super::{built, scenario};

const URL: &str = "http://cmdb.example/targets";

fn http() -> Box<dyn Discoverer> {
    let settings = HttpSd::new(URL, Duration::from_secs(15), HttpClientSettings::default());
    built(SdConfig::new(settings.expect("a good URL")))
}

fn over_http(scenario: &Scenario, seed: u64, make: impl Fn() -> Box<dyn Discoverer> + 'static) -> Outcome {
    Rehearsal::new(scenario, seed)
        .expect("it makes sense")
        .serve(URL, target_groups)
        .discoverer("cmdb", move |_| make())
        .expect("they are in the scenario")
        .within(Span::mins(1))
        .run()
}

#[test]
fn http_sd_keeps_the_rules_under_every_fault_it_can_meet() {
    let often = Ratio::percent(20);
    for kind in [
        FaultKind::Drop,
        FaultKind::Reset,
        FaultKind::Partition,
        FaultKind::Truncated,
        FaultKind::TooManyRequests {
            retry_after: Span::secs(20),
        },
        FaultKind::Delay {
            by: SpanRange::between(Span::secs(1), Span::secs(20)),
        },
        FaultKind::Empty,
        FaultKind::BackInTime { by: Span::mins(2) },
    ] {
        let scenario = scenario(BackendKind::Http).fault(Fault::new(kind).rate(often));
        for seed in 0..3 {
            let outcome = over_http(&scenario, seed, http);
            assert!(outcome.is_clean(), "{kind:?}, seed {seed}: {:?}", outcome.violations);
            assert!(outcome.metrics.changes_learned > 20, "{:?}", outcome.metrics);
        }
    }
}

#[test]
fn the_same_seed_is_the_same_rehearsal() {
    let scenario = scenario(BackendKind::Http).fault(Fault::new(FaultKind::Reset).rate(Ratio::percent(30)));
    assert_eq!(over_http(&scenario, 7, http), over_http(&scenario, 7, http));
    assert_ne!(over_http(&scenario, 7, http).hash, over_http(&scenario, 8, http).hash);
}

/// Takes a failed request for an empty list: the mistake that everybody makes once.
struct Careless(Encoder);

impl Refresh for Careless {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        let client = env.http.client(&HttpClientSettings::default()).expect("plain settings");
        let body = match client.send(HttpRequest::get(URL)).await {
            Ok(answer) => answer.body,
            Err(_) => b"[]".to_vec(),
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        let addresses = text.split('"').filter(|word| word.ends_with(":9100"));
        let mut batch = self.0.batch();
        let none: [(&str, &str); 0] = [];
        batch.group("all", none, addresses.map(|it| [("__address__", it)])).ok();
        Ok(Refreshed::Update(Update::full(batch.finish())))
    }
}

#[test]
fn a_discoverer_that_takes_a_failure_for_an_answer_is_caught() {
    let scenario = scenario(BackendKind::Http).fault(Fault::new(FaultKind::Reset).rate(Ratio::percent(10)));
    let outcome = over_http(&scenario, 7, || {
        Box::new(|env: Env, updates: Updates| async move {
            let careless = Careless(Encoder::new());
            refresh::run(Duration::from_secs(15), careless, env, updates).await;
        })
    });
    let rules: Vec<Rule> = outcome.violations.iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, [Rule::FailureKeeps]);
}

#[test]
fn a_receiver_of_ones_own_is_handed_every_snapshot() {
    let versions = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = versions.clone();
    let outcome = Rehearsal::new(&scenario(BackendKind::Http), 7)
        .expect("it makes sense")
        .serve(URL, target_groups)
        .discoverer("cmdb", |_| http())
        .expect("they are in the scenario")
        .receiver(move |_, snapshot| {
            seen.borrow_mut().push(snapshot.version());
            Span::secs(20)
        })
        .run();
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    let versions = versions.borrow();
    assert_eq!(versions.len() as u64, outcome.metrics.emissions);
    assert!(versions.is_sorted());
    assert!(outcome.metrics.delayed_updates > 0, "twenty seconds are long");
}

/// What a webhook is for: who is asked twice a day learns of what changes within seconds.
#[test]
fn a_backend_whose_webhook_asks_for_it_is_read_as_often_as_that() {
    let daily = || {
        let settings = HttpSd::new(URL, Duration::from_secs(43_200), HttpClientSettings::default());
        built(SdConfig::new(settings.expect("a good URL")))
    };
    let scenario = scenario(BackendKind::Http).fault(Fault::new(FaultKind::Reset).rate(Ratio::percent(10)));
    let rehearsed = |asked: Option<Span>| {
        let rehearsal = Rehearsal::new(&scenario, 7)
            .expect("it makes sense")
            .serve(URL, target_groups)
            .discoverer("cmdb", move |_| daily())
            .expect("they are in the scenario")
            .within(Span::mins(1));
        match asked {
            Some(every) => rehearsal.asked_each("cmdb", every).expect("they are real").run(),
            None => rehearsal.run(),
        }
    };
    let outcome = rehearsed(Some(Span::secs(5)));
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    assert!(outcome.metrics.changes_learned > 20, "{:?}", outcome.metrics);
    assert_eq!(
        outcome,
        rehearsed(Some(Span::secs(5))),
        "the same seed is the same rehearsal"
    );
    assert!(!rehearsed(None).is_clean(), "nothing else asks in time");
}
