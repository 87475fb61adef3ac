//! What goes wrong, and what is lost by it: nothing.

use headcount_discoverer::Report as Told;

use super::*;

fn web_and_db() -> Story {
    let mut story = Story::new();
    story
        .consul
        .set("web", &[on("n1", "10.0.0.1", 80), on("n2", "10.0.0.2", 80)]);
    story.consul.set("db", &[on("n1", "10.0.0.1", 5432)]);
    story.start("{}");
    story
}

const ALL: [&str; 3] = ["10.0.0.1:5432", "10.0.0.1:80", "10.0.0.2:80"];

#[test]
fn an_index_that_goes_back_is_followed() {
    let mut story = web_and_db();
    for _ in 0..100 {
        story.consul.touch("web");
    }
    story.run(MINUTE);
    // A snapshot was restored. Who waits for the old index hears of it when its wait is over.
    story.consul.set("web", &[]);
    story.run(MINUTE);
    story.consul.set("web", &[on("n1", "10.0.0.7", 80)]);
    story.consul.go_back(20);
    story.run(MINUTE * 3);
    assert_eq!(story.addresses(), ["10.0.0.1:5432", "10.0.0.7:80"]);
    story.consul.set("web", &[on("n1", "10.0.0.8", 80)]);
    story.run(SOON);
    assert_eq!(
        story.addresses(),
        ["10.0.0.1:5432", "10.0.0.8:80"],
        "and changes are told at once again"
    );
}

#[test]
fn a_server_that_starts_anew_with_an_equal_index_and_other_data_is_read_anew() {
    let mut story = web_and_db();
    story.run(MINUTE * 5);
    let index = story.consul.take_requests().last().map(|(_, url)| url.clone());
    let index: u64 = index
        .and_then(|url| url.split("index=").nth(1)?.split('&').next()?.parse().ok())
        .expect("an index");
    story.consul.set("web", &[on("n1", "10.0.0.7", 80)]);
    story.consul.restart(index);
    story.run(Duration::from_secs(5));
    assert_eq!(story.addresses(), ["10.0.0.1:5432", "10.0.0.7:80"]);
}

#[test]
fn a_server_that_is_gone_loses_no_target_and_is_asked_ever_less() {
    let mut story = web_and_db();
    story.run(MINUTE);
    story.consul.fail("/v1", Fault::Refuse);
    story.consul.restart(10);
    story.consul.take_requests();
    let received = story.run(MINUTE * 10);
    assert_eq!(story.addresses(), ALL);
    let asked = story.consul.take_requests().len();
    assert!((20..40).contains(&asked), "{asked}");
    let failures = failures(&received);
    assert!(failures.len() >= 20, "{failures:?}");
    assert_eq!(
        failures.last(),
        Some(&"asking Consul for the list of services: connecting to consul:8500: connection refused; and for 2 more")
    );
    assert!(story.metric("prometheus_sd_consul_rpc_failures_total") >= 20.0);
    story.consul.mend();
    let received = story.run(INTERVAL + Duration::from_secs(5));
    assert!(
        received.last().is_some_and(|received| received.update().is_some()),
        "{received:?}"
    );
    story.consul.set("web", &[on("n1", "10.0.0.7", 80)]);
    story.run(INTERVAL);
    assert_eq!(story.addresses(), ["10.0.0.1:5432", "10.0.0.7:80"]);
}

#[test]
fn a_server_that_is_down_at_first_is_told_as_failing_and_then_as_a_whole() {
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "10.0.0.1", 80)]);
    story.consul.fail("/v1", Fault::Status(500, "No cluster leader"));
    story.start("{}");
    let received = story.run(MINUTE);
    assert_eq!(failures(&received).len(), received.len());
    assert_eq!(
        received[0].failure(),
        Some("asking Consul for the list of services: the server answered with status 500: No cluster leader")
    );
    story.consul.mend();
    let received = story.run(MINUTE);
    let kinds: Vec<_> = received.iter().filter_map(Received::update).map(Update::kind).collect();
    assert_eq!(kinds[0], UpdateKind::Full);
    assert_eq!(story.addresses(), ["10.0.0.1:80"]);
}

#[test]
fn a_service_that_fails_keeps_its_targets_and_is_named_and_the_others_go_on() {
    for fault in [
        Fault::Status(403, "Permission denied"),
        Fault::Half,
        Fault::Status(404, ""),
    ] {
        let mut story = web_and_db();
        story.run(MINUTE);
        story.consul.fail("/service/web", fault.clone());
        story.consul.touch("web");
        story.run(MINUTE * 3);
        story.consul.set("db", &[on("n1", "10.0.0.3", 5432)]);
        story.consul.set("web", &[on("n1", "10.0.0.7", 80)]);
        let received = story.run(MINUTE);
        assert_eq!(
            story.addresses(),
            ["10.0.0.3:5432", "10.0.0.1:80", "10.0.0.2:80"],
            "{fault:?}"
        );
        let told = missing(&received);
        assert!(told.contains("service web (the "), "{told}");
        story.consul.take_requests();
        story.run(MINUTE * 10);
        let asked = story.consul.take_requests();
        let asked = asked.iter().filter(|(_, url)| url.contains("/web")).count();
        assert!((19..=24).contains(&asked), "once an interval: {asked}");
        story.consul.mend();
        story.run(MINUTE);
        assert_eq!(story.addresses(), ["10.0.0.3:5432", "10.0.0.7:80"]);
    }
}

#[test]
fn a_service_that_fails_from_the_start_keeps_the_others_from_being_taken_for_all() {
    let mut story = Story::new();
    story.consul.set("web", &[on("n1", "10.0.0.1", 80)]);
    story.consul.set("db", &[on("n1", "10.0.0.1", 5432)]);
    story
        .consul
        .fail("/service/web", Fault::Status(403, "Permission denied"));
    story.start("{}");
    let received = story.run(MINUTE);
    assert!(
        received
            .iter()
            .all(|received| received.update().is_none_or(|update| update.kind() != UpdateKind::Full))
    );
    let told = missing(&received);
    assert!(
        told.contains("service web (the server answered with status 403: Permission denied)"),
        "{told}"
    );
    story.consul.mend();
    let received = story.run(MINUTE);
    assert_eq!(received[0].update().map(Update::kind), Some(UpdateKind::Full));
    assert_eq!(story.addresses(), ["10.0.0.1:5432", "10.0.0.1:80"]);
}

#[test]
fn a_list_that_fails_keeps_what_is_known_and_the_services_are_watched_on() {
    let mut story = web_and_db();
    story.run(MINUTE);
    story
        .consul
        .fail("/catalog/services", Fault::Status(403, "ACL not found"));
    story.consul.touch("db");
    story.run(MINUTE * 3);
    story.consul.set("db", &[on("n1", "10.0.0.3", 5432)]);
    let received = story.run(MINUTE);
    assert_eq!(story.addresses(), ["10.0.0.3:5432", "10.0.0.1:80", "10.0.0.2:80"]);
    let told = missing(&received);
    assert!(told.contains("the list of services"), "{told}");
}

#[test]
fn a_server_that_hangs_is_given_up_and_loses_nothing() {
    let mut story = web_and_db();
    story.run(MINUTE * 5);
    story.consul.fail("/v1", Fault::Hang);
    story.consul.restart(10);
    let received = story.run(MINUTE * 10);
    assert_eq!(story.addresses(), ALL);
    let failures = failures(&received);
    assert!(
        failures
            .iter()
            .any(|failure| failure.contains("no whole answer within 60s")),
        "{failures:?}"
    );
    story.consul.mend();
    story.consul.set("web", &[on("n1", "10.0.0.7", 80)]);
    story.run(MINUTE * 2);
    assert_eq!(story.addresses(), ["10.0.0.1:5432", "10.0.0.7:80"]);
}

#[test]
fn a_wait_that_is_a_sixteenth_longer_is_no_failure() {
    let mut story = web_and_db();
    let received = story.run(MINUTE * 60);
    assert_eq!(failures(&received), [""; 0]);
    assert!(
        received.len() > 20,
        "now and then it is told that all is well: {}",
        received.len()
    );
}

#[test]
fn too_many_connections_are_survived() {
    for limit in [2, 5, 12] {
        let mut story = Story::new();
        for number in 0..30 {
            story.consul.set(&format!("s{number:04}"), &[on("n1", "10.0.0.1", 80)]);
        }
        story.consul.limit_connections(Some(limit));
        story.start("{}");
        let received = story.run(MINUTE * 5);
        assert_eq!(
            story.collected.sources().len(),
            30,
            "with {limit}: {:?}",
            received.last()
        );
        story.consul.set_status("s0003", "warning");
        story.run(MINUTE * 3);
        let group = story.collected.group("s0003").expect("it is there");
        let mut health = group
            .targets()
            .map(|target| target.get("__meta_consul_health").map(str::to_owned));
        assert_eq!(health.next().flatten().as_deref(), Some("warning"), "with {limit}");
        story.consul.limit_connections(None);
        story.run(MINUTE * 60);
        assert_eq!(failures(&story.run(MINUTE * 10)), [""; 0]);
    }
}

#[test]
fn an_empty_answer_that_says_why_it_may_be_empty_is_not_believed() {
    let headers = [
        ("x-consul-knownleader", "false", "knows no leader"),
        ("x-consul-results-filtered-by-acls", "true", "may not see"),
    ];
    for (name, value, told) in headers {
        for part in ["/catalog/services", "/health/service"] {
            let mut story = web_and_db();
            story.run(MINUTE);
            story.consul.fail(part, Fault::Empty(name, value));
            story.consul.touch("web");
            let received = story.run(MINUTE * 3);
            assert_eq!(story.addresses(), ALL);
            let heard = missing(&received);
            assert!(heard.contains(told), "{heard}");
            story.consul.mend();
            story.consul.set("web", &[]);
            story.run(MINUTE * 2);
            assert_eq!(
                story.addresses(),
                ["10.0.0.1:5432"],
                "an answer that is just empty is believed"
            );
        }
    }
}

/// What a Consul before 1.11 answers to who may not see what there is.
const NOTHING: Fault = Fault::Empty("x-consul-knownleader", "true");

#[test]
fn a_list_without_consul_itself_is_not_believed_unless_something_narrowed_it() {
    for (entry, is_believed) in [
        ("{}", false),
        ("{services: [db, web]}", true),
        (
            "{services: [db, web], tags: [], allow_stale: false, datacenter: dc2, filter: ''}",
            true,
        ),
        ("{node_meta: {a: b}}", true),
        ("{filter: x}", true),
        ("{namespace: team}", true),
        ("{partition: p}", true),
    ] {
        let mut story = Story::new();
        story.consul.set("db", &[on("n1", "10.0.0.1", 5432)]);
        story.start(entry);
        story.run(MINUTE);
        story.consul.fail("/catalog/services", NOTHING);
        story.consul.touch("db");
        let received = story.run(MINUTE * 3);
        let told = missing(&received);
        let is_asked = !entry.contains("services");
        assert_eq!(story.addresses().is_empty(), is_believed && is_asked, "{entry}");
        assert_eq!(
            told.contains("the token may not see it"),
            !is_believed,
            "{entry}: {told}"
        );
    }
}

#[test]
fn a_service_that_is_listed_without_instances_is_waited_on_until_the_list_decides() {
    let mut story = web_and_db();
    story.run(MINUTE);
    story.consul.fail("/health/service/web", NOTHING);
    story.consul.touch("web");
    let received = story.run(MINUTE * 3);
    assert_eq!(story.addresses(), ALL);
    let told = missing(&received);
    assert!(
        told.contains("service web (it is listed") && told.contains("node:read"),
        "{told}"
    );
    assert_eq!(
        story.metric("prometheus_sd_consul_rpc_failures_total"),
        0.0,
        "no call failed"
    );
    // It comes back as it was, or is gone.
    story.consul.mend();
    let received = story.run(MINUTE * 3);
    assert_eq!(story.addresses(), ALL);
    let last = received.last().and_then(Received::update).expect("an update");
    assert_eq!(last.missing(), None);
    story.consul.fail("/health/service/web", NOTHING);
    story.consul.set("web", &[]);
    story.run(INTERVAL);
    assert_eq!(story.addresses(), ["10.0.0.1:5432"]);
    assert_eq!(failures(&story.run(MINUTE * 10)), [""; 0]);
}

#[test]
fn no_instances_are_believed_where_the_list_says_less_than_the_question_asks() {
    for entry in ["{tags: [a, b]}", "{health_filter: x}", "{services: [web]}"] {
        let mut story = Story::new();
        let tags: &[&str] = &["a", "b"];
        story.consul.set(
            "web",
            &[Instance {
                tags,
                ..on("n1", "10.0.0.1", 80)
            }],
        );
        story.start(entry);
        story.run(MINUTE);
        assert_eq!(story.addresses(), ["10.0.0.1:80"]);
        story.consul.fail("/health/service", NOTHING);
        story.consul.touch("web");
        story.run(MINUTE * 3);
        assert_eq!(story.addresses(), [""; 0], "{entry}");
    }
}

#[test]
fn a_failure_says_when_it_is_tried_again() {
    for fault in [
        Fault::Refuse,
        Fault::Status(403, "ACL not found"),
        Fault::Later(503, "45".to_owned()),
    ] {
        let mut story = web_and_db();
        story.run(MINUTE);
        story.consul.fail("/v1", fault.clone());
        story.consul.restart(10);
        let received = story.run(MINUTE * 5);
        let asked: Vec<Instant> = story.consul.take_requests().into_iter().map(|(at, _)| at).collect();
        let mut told = 0;
        for Received { at, report, .. } in &received {
            let Told::Failure(failure) = report else { continue };
            let Some(after) = failure.retry_after() else { continue };
            let next = asked.iter().find(|asked| **asked >= *at);
            assert!(
                next.is_none_or(|next| *next == *at + after),
                "{fault:?}: {next:?}, {after:?} after {at:?}"
            );
            told += 1;
        }
        assert!(told >= 4, "{fault:?}: {received:?}");
    }
}

/// When `web` is asked for after an answer with this `Retry-After`, counted from that answer.
fn asked_again_after(status: u16, after: &str) -> Duration {
    let mut story = web_and_db();
    story.run(MINUTE * 5);
    story.consul.fail("/v1", Fault::Later(status, after.to_owned()));
    story.consul.touch("web");
    story.run(Duration::from_secs(1));
    let failed_at = story.world.clock.time();
    story.consul.take_requests();
    story.run(MINUTE * 30);
    let asked = story.consul.take_requests();
    let first = asked.first().map(|(at, _)| *at).expect("it is asked again");
    first.saturating_duration_since(failed_at)
}

#[test]
fn who_says_when_to_come_again_in_seconds_or_with_a_date_is_obeyed() {
    let around = |seconds: u64| Duration::from_secs(seconds - 2)..=Duration::from_secs(seconds + seconds / 10 + 2);
    for status in [429, 503] {
        assert!(around(90).contains(&asked_again_after(status, "90")), "{status}");
        // Of the time that has passed since midnight, five minutes and a second are over.
        let date = "Thu, 01 Jan 2026 00:06:31 GMT";
        assert!(around(90).contains(&asked_again_after(status, date)), "{status}");
        let nonsense = asked_again_after(status, "soon");
        assert!(
            nonsense <= INTERVAL.mul_f64(1.1) + Duration::from_secs(1),
            "{status}: {nonsense:?}"
        );
        // Nobody is silent for a day because of one header.
        assert!(around(600).contains(&asked_again_after(status, "86400")), "{status}");
    }
}

#[test]
fn signals_that_are_refused_are_done_without() {
    let mut story = Story::new();
    for number in 0..50 {
        story.consul.set(&format!("s{number:04}"), &[on("n1", "10.0.0.1", 80)]);
    }
    story.consul.fail("/state/any", Fault::Status(404, "no such route"));
    story.consul.fail("/catalog/nodes", Fault::Status(404, "no such route"));
    story.start("{}");
    let received = story.run(MINUTE);
    assert_eq!(failures(&received), [""; 0]);
    story.consul.set_status("s0003", "warning");
    story.run(INTERVAL + Duration::from_secs(1));
    let group = story.collected.group("s0003").expect("it is there");
    let mut health = group
        .targets()
        .map(|target| target.get("__meta_consul_health").map(str::to_owned));
    assert_eq!(health.next().flatten().as_deref(), Some("warning"));
}

/// B11: a Consul that has lost what it knew says the same as one in which nobody is registered any more.
#[test]
fn b11_that_all_services_are_gone_counts_when_it_stays_so() {
    let mut story = Story::new();
    let web = [on("n1", "10.0.0.1", 80)];
    story.consul.set("consul", &[on("n0", "10.0.0.9", 8300)]);
    story.consul.set("web", &web);
    story.start("{}");
    story.run(MINUTE);
    story.consul.set("web", &[]);
    let received = story.run(INTERVAL / 2);
    assert_eq!(story.addresses(), ["10.0.0.9:8300", "10.0.0.1:80"]);
    let said = format!("{received:?}");
    assert!(said.contains("all services are gone at once"), "{said}");
    // Whoever registers it has done it again.
    story.consul.set("web", &web);
    story.run(INTERVAL * 2);
    assert_eq!(story.addresses(), ["10.0.0.9:8300", "10.0.0.1:80"]);
    story.consul.set("web", &[]);
    story.run(INTERVAL * 3);
    assert_eq!(story.addresses(), ["10.0.0.9:8300"]);
}
