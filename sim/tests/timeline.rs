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

/// What the page's script is given.
fn data(page: &str) -> serde_json::Value {
    let start = page.find("const run = ").expect("it is there") + "const run = ".len();
    let (text, _) = page[start..].split_once(";\n").expect("it ends");
    serde_json::from_str(text).expect("it is JSON")
}

#[test]
fn it_has_lanes_for_what_the_guard_holds_and_for_jobs() {
    let guarded = Shipped::named("empty-answers-guarded")
        .expect("shipped")
        .scenario()
        .expect("good");
    let data = data(&page(&guarded));
    let holds = data["holds"].as_array().expect("lanes");
    assert!(!holds.is_empty());
    for lane in holds {
        for window in lane["windows"].as_array().expect("windows") {
            let [from, to, held] = [0, 1, 2].map(|place| window[place].as_f64().expect("a number"));
            assert!(from < to && held > 0.0, "{lane}");
        }
    }
    let jobs = data["jobs"].as_array().expect("lanes");
    let count: u32 = guarded.jobs.iter().map(|jobs| jobs.count).sum();
    assert_eq!(jobs.len(), count.max(1) as usize);
    assert!(
        jobs[0]["cells"].as_array().expect("cells").len() > 300,
        "all through the run"
    );

    // A list that is not whole is seen in its job's lane.
    let half_read = Shipped::named("restart-half-read")
        .expect("shipped")
        .scenario()
        .expect("good");
    let data = self::data(&page(&half_read));
    let cells = data["jobs"]
        .as_array()
        .expect("lanes")
        .iter()
        .flat_map(|lane| lane["cells"].as_array().expect("cells"));
    let withheld = cells.filter(|cell| cell[1] != 0).count();
    assert!(withheld > 0, "{}", data["jobs"]);
}

#[test]
fn a_host_tells_how_its_news_came() {
    let scenario = Shipped::named("zone-loss").expect("shipped").scenario().expect("good");
    let start = || Simulation::new(&scenario, 1).expect("it makes sense");
    let mut simulation = start();
    simulation.listen(true);
    let mut timeline = Timeline::of(&simulation);
    while simulation.step() {
        let events = simulation.take_events();
        timeline.add(&simulation, events);
    }
    let outcome = simulation.outcome();
    timeline.explain(start(), outcome.time).expect("it makes sense");
    let data = data(&timeline.page(&outcome, "again"));
    let hosts = data["hosts"].as_array().expect("lanes");
    assert_eq!(hosts.len(), 40);
    let oldest = &hosts[0];
    let longest = outcome.metrics.staleness_max.as_nanos() / 1_000_000;
    assert_eq!(oldest["news"][0][1], longest, "the oldest of all stands first");
    for host in hosts {
        let name = host["name"].as_str().expect("a name");
        let told = host["told"].as_array().expect("a list");
        assert!(told.len() >= 2, "{host}");
        for told in told {
            let text = told[1].as_str().expect("a text");
            assert!(text.starts_with(&format!("{name} at ")), "{text}");
        }
    }
    // As `sim explain` tells it at that time.
    let end = outcome.time;
    let number = oldest["name"]
        .as_str()
        .and_then(|name| name.strip_prefix('h'))
        .expect("h and a number");
    let host = headcount_sim::HostId(number.parse().expect("a number"));
    let explained = headcount_sim::explain(start(), host, end)
        .expect("it makes sense")
        .expect("it is there");
    let last = oldest["told"].as_array().and_then(|told| told.last()).expect("the end");
    assert_eq!(last[1], explained.to_string());
}
