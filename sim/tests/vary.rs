//! Comparing settings: a table, the same for the same seed, and errors that say what would be right.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use headcount_sim::{
    Backend, BackendKind, Churn, Condition, Discoverers, Expectation, Hosts, Ratio, Rule, Scenario, Shipped,
    Simulation, Span, Variation, comparison, comparison_page, vary, verdict,
};

/// What each peer's throttle and interval cost. A change of behaviour is a change of this table.
#[test]
fn the_peers_policies_compared() {
    let scenario = Shipped::named("rolling-deploy")
        .expect("shipped")
        .scenario()
        .expect("good");
    let variations = ["throttle=prometheus-2,prometheus-3,immediate", "receiver=0s,10s"];
    let variations: Vec<Variation> = variations.map(|text| text.parse().expect(text)).into();
    let table = comparison(&vary(&scenario, 1, &variations).expect("it makes sense"));
    assert_eq!(
        table,
        comparison(&vary(&scenario, 1, &variations).expect("it makes sense"))
    );
    insta::assert_snapshot!(table);
}

/// Which settings meet an expectation is part of the comparison, and so are the figures of those that don't.
#[test]
fn runs_are_not_cut_short_by_what_the_scenario_expects() {
    let mut scenario = Shipped::named("rolling-deploy")
        .expect("shipped")
        .scenario()
        .expect("good");
    let whole = Simulation::new(&scenario, 1).expect("good").run();
    scenario.expect = vec![Expectation::Always(Condition::StaleAtMost(Span::secs(5)))];
    assert!(
        Simulation::new(&scenario, 1).expect("good").run().events < whole.events,
        "alone it ends there"
    );
    let runs = vary(&scenario, 1, &["receiver=0s".parse().expect("good")]).expect("it makes sense");
    let [run] = runs.as_slice() else { panic!("one run") };
    let [missed] = run.outcome.violations.as_slice() else {
        panic!("one expectation: {:?}", run.outcome.violations);
    };
    assert_eq!(missed.rule, Rule::Expectation);
    assert!(missed.at < run.outcome.time);
    assert_eq!(run.outcome.events, whole.events);
    assert_eq!(run.outcome.metrics, whole.metrics);
}

#[test]
fn wrong_variations_say_what_would_be_right() {
    let wrong = [
        "throttle",
        "throttle=",
        "throtle=ticker:5s",
        "colour=red",
        "throttle=prometheus-4",
        "refresh=5",
        "hosts=many",
    ];
    let said = wrong.map(|text| format!("{text}: {}", text.parse::<Variation>().expect_err(text)));
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn the_cheapest_that_meets_what_is_expected_is_named() {
    let backend = "cmdb";
    let scenario = Scenario::new("compared")
        .until(Span::mins(40))
        .hosts(Hosts::new(50).services(5))
        .backend(Backend::new(backend, BackendKind::Http))
        .discoverers(Discoverers::of(backend))
        .churn(Churn::steady(Ratio::percent(10), Span::mins(1)))
        .expect(Expectation::Always(Condition::StaleAtMost(Span::secs(100))));
    let compared = |scenario: &Scenario, values: &str| {
        let variation = format!("discoverers.{backend}.refresh={values}").parse().expect(values);
        vary(scenario, 1, &[variation]).expect("it makes sense")
    };
    let runs = compared(&scenario, "10s,45s,3m");
    let calls: Vec<u64> = runs.iter().map(|run| run.outcome.metrics.backend_calls).collect();
    assert!(calls.is_sorted_by(|one, other| one > other), "{calls:?}");
    let clean: Vec<bool> = runs.iter().map(|run| run.outcome.is_clean()).collect();
    assert_eq!(clean, [true, true, false], "{}", comparison(&runs));
    let cheapest: Vec<bool> = runs.iter().map(|run| run.is_cheapest).collect();
    assert_eq!(cheapest, [false, true, false]);
    let said = verdict(&runs);
    let wanted = format!("the cheapest that meets what is expected: discoverers.{backend}.refresh=45s (");
    assert!(said.starts_with(&wanted), "{said}");
    assert!(said.ends_with("2 of 3 meet it)"), "{said}");
    assert_eq!(
        verdict(&compared(&scenario, "3m,4m")),
        "none of the 2 meets what is expected"
    );

    let page = comparison_page(&scenario, 1, &runs, "headcount sim run --vary");
    assert_eq!(page, comparison_page(&scenario, 1, &runs, "headcount sim run --vary"));
    assert!(page.contains(&said) && page.contains("\"cheapest\":true"), "{page}");
    for asks in ["http://", "https://", "src=", "@import", "fetch("] {
        assert!(!page.contains(asks), "{asks}");
    }
}
