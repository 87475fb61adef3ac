//! Consul is asked because somebody asks for it.

use headcount_discoverer::testing::Received;

use super::*;

fn answered(received: &[Received]) -> Vec<u64> {
    received.iter().filter_map(Received::answered).collect()
}

#[test]
fn who_asks_has_every_question_asked_without_waiting_for_a_change() {
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "10.0.0.1", 80)]);
    story.consul.set("db", &[on("n1", "10.0.0.1", 5432)]);
    story.start("{}");
    story.run(MINUTE * 10);
    story.consul.take_requests();
    let request = story.world.ask(story.world.provider());
    let received = story.run(SOON);
    assert_eq!(answered(&received), [request]);
    let asked = story.consul.take_requests();
    let at_once: Vec<_> = asked.iter().filter(|(_, url)| !url.contains("index=")).collect();
    assert_eq!(at_once.len(), 3, "{asked:?}");
    // That all is as it was is reported, too, before it is said to be answered.
    assert!(
        received.iter().any(|received| received.update().is_some()),
        "{received:?}"
    );
    assert!(received.last().is_some_and(|received| received.answered().is_some()));
    // Then it goes on as before.
    story.consul.set("web", &[on("n1", "10.0.0.9", 80)]);
    story.run(INTERVAL);
    assert_eq!(story.addresses(), ["10.0.0.1:5432", "10.0.0.9:80"]);
}

#[test]
fn who_asks_of_many_services_has_each_asked_for() {
    let mut story = Story::new();
    let names: Vec<String> = (0..200).map(|number| format!("s{number}")).collect();
    for name in &names {
        story.consul.set(name, &[on("n1", "10.0.0.1", 80)]);
    }
    story.start("{}");
    story.run(MINUTE * 10);
    story.consul.take_requests();
    let request = story.world.ask(story.world.provider());
    let received = story.run(SOON * 5);
    assert_eq!(answered(&received), [request]);
    let asked = story.consul.take_requests();
    let services = asked.iter().filter(|(_, url)| url.contains("/v1/health/service/"));
    assert_eq!(services.count(), names.len());
}

#[test]
fn who_asks_while_it_is_down_hears_that_and_has_it_asked_once() {
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "10.0.0.1", 80)]);
    story.start("{}");
    story.run(MINUTE * 10);
    story.consul.fail("", Fault::Refuse);
    story.run(MINUTE * 10);
    story.consul.take_requests();
    let request = story.world.ask(story.world.provider());
    let received = story.run(SOON);
    assert_eq!(answered(&received), [request]);
    assert!(!failures(&received).is_empty(), "{received:?}");
    assert!((1..=2).contains(&story.consul.take_requests().len()));
    // When it is well again, the next who asks has it all.
    story.consul.mend();
    story.consul.set("web", &[on("n1", "10.0.0.9", 80)]);
    story.run(Duration::from_secs(2));
    let request = story.world.ask(story.world.provider());
    let received = story.run(Duration::from_secs(2));
    assert_eq!(answered(&received), [request]);
    assert_eq!(story.addresses(), ["10.0.0.9:80"]);
}

#[test]
fn a_storm_of_requests_does_not_keep_a_first_read_from_ending() {
    let mut story = Story::new();
    for number in 0..100 {
        story.consul.set(&format!("s{number}"), &[on("n1", "10.0.0.1", 80)]);
    }
    story.start("{}");
    let mut last = 0;
    for _ in 0..50 {
        last = story.world.ask(story.world.provider());
        story.run(Duration::from_millis(5));
    }
    assert_eq!(story.addresses().len(), 100);
    let received = story.run(Duration::from_secs(3));
    assert_eq!(answered(&received).last(), Some(&last));
}
