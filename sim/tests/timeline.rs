//! The page with a run's timeline.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is the report")]

use headcount_sim::{Scenario, Shipped, Simulation, Timeline};

fn page(scenario: &Scenario) -> String {
    let mut simulation = Simulation::new(scenario, 1).expect("it makes sense");
    simulation.listen(true);
    let mut timeline = Timeline::of(&simulation);
    while simulation.step() {
        let events = simulation.take_events();
        timeline.add(&simulation, events);
    }
    timeline.page(&simulation.outcome(), "headcount sim run")
}

#[test]
fn a_page_is_small_needs_nothing_else_and_is_always_the_same() {
    let scenario = Shipped::named("bad-network")
        .expect("shipped")
        .scenario()
        .expect("good");
    let first = page(&scenario);
    assert_eq!(first, page(&scenario));
    assert!(first.len() < 300_000, "{}", first.len());
    for asks in ["http://", "https://", "src=", "@import", "fetch("] {
        assert!(!first.contains(asks), "{asks}");
    }
}

#[test]
fn a_page_is_not_broken_by_what_a_scenario_says() {
    let mut scenario = Shipped::named("zone-loss").expect("shipped").scenario().expect("good");
    scenario.name = "</script><b>".to_owned();
    let text = page(&scenario);
    assert_eq!(text.matches("</script>").count(), 1);
    assert!(!text.contains("<b>"));
}
