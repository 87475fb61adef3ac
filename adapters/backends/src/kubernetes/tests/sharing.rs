//! One watch for all who need it.

use super::server::Streams;
use super::*;

#[test]
fn entries_of_one_server_share_each_watch_and_the_last_one_ends_it() {
    let mut story = Story::new();
    story.server.stream(Streams::Given);
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    story
        .server
        .put(ENDPOINTS, endpoints("a", "web", &[("p1", "10.0.0.1")]));
    let mut providers = Vec::new();
    for number in 0..130 {
        let attach = format!(
            "attach_metadata: {{job: {}, cronjob: {}}}",
            number % 2 == 0,
            number % 3 == 0
        );
        let role = ["endpoints", "service", "pod"][number % 3];
        providers.push(story.start(&format!("role: {role}, {attach}")));
    }
    let received = story.run(SOON);
    assert_eq!(
        received.iter().filter(|received| received.update().is_some()).count(),
        130
    );
    // Pods, endpoints, services and jobs, each in a list that is the beginning of its watch.
    let requests = story.server.take_requests();
    assert_eq!(requests.len(), 4, "{requests:?}");
    assert_eq!(story.server.open_watches(), 4);
    // Another selector is another watch.
    let other = story.start("role: pod, selectors: [{role: pod, label: a}]");
    story.run(SOON);
    assert_eq!(story.server.open_watches(), 5);
    story.world.stop(other);
    assert_eq!(story.server.open_watches(), 4);
    // Whoever goes, the others go on: the first ones did the work for all.
    let last = providers.pop().expect("the last one");
    for provider in providers {
        story.world.stop(provider);
        story.server.put(PODS, pod("a", "p1", "10.0.0.2"));
        story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
        story.run(SOON);
    }
    // It is an entry of the role `endpoints`, whose group has the pod's labels.
    let mut moved = pod("a", "p1", "10.0.0.1");
    moved["metadata"]["labels"]["moved"] = serde_json::json!("yes");
    story.server.put(PODS, moved);
    assert_eq!(kinds(&story.run(SOON)), [UpdateKind::Delta]);
    assert!(story.server.open_watches() >= 3);
    story.world.stop(last);
    assert_eq!(story.server.open_watches(), 0);
    story.server.take_requests();
    story.run(MINUTE * 10);
    assert_eq!(story.server.take_requests(), Vec::<String>::new());
}

#[test]
fn who_comes_later_is_told_what_is_known_already() {
    let mut story = Story::new();
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    story.start("role: pod");
    story.run(SOON);
    story.server.put(PODS, pod("a", "p2", "10.0.0.2"));
    story.run(SOON);
    story.server.take_requests();
    let later = story.start("role: pod, attach_metadata: {job: true}");
    let received = story.run(SOON);
    assert_eq!(kinds(&received), [UpdateKind::Full]);
    assert_eq!(
        (
            received[0].provider,
            received[0].update().map(|update| update.groups().len())
        ),
        (later, Some(2))
    );
    assert_eq!(story.server.take_requests(), Vec::<String>::new());
}
