//! What goes wrong, and that nothing is lost by it.

use headcount_discoverer::testing::Answer;
use proptest::prelude::*;

use super::server::Streams;
use super::*;

/// A story with two pods that were told.
fn told() -> Story {
    told_by(Streams::Refused)
}

/// The same with a server that does this with lists as the beginning of a watch.
fn told_by(streams: Streams) -> Story {
    let mut story = Story::new();
    story.server.stream(streams);
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    story.server.put(PODS, pod("a", "p2", "10.0.0.2"));
    story.start("role: pod");
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.1:8080", "10.0.0.2:8080"]);
    story.server.take_requests();
    story
}

#[test]
fn a_watch_that_breaks_goes_on_where_it_was_and_nobody_hears_of_it() {
    let mut story = told();
    story.run(MINUTE);
    story.server.break_watches();
    story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
    story.server.delete(PODS, "a/p1");
    let received = story.run(SOON);
    assert_eq!(failures(&received), Vec::<&str>::new());
    assert_eq!(story.addresses(), ["10.0.0.2:8080", "10.0.0.3:8080"]);
    // One small list says that the server is still as far as that, and no other one is needed.
    let requests = story.server.take_requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert_eq!(requests[0], "/api/v1/pods?limit=1");
    assert!(requests[1].contains("resourceVersion=102"), "{requests:?}");
    // One that lasts as long as it was asked to is followed by the next one at once.
    follow_for_minutes(&mut story, 5);
    story.server.end_watches();
    story.run(SOON);
    let requests = story.server.take_requests();
    assert!(requests.len() == 1 && requests[0].contains("watch=1"), "{requests:?}");
}

#[test]
fn a_version_that_is_forgotten_leads_to_a_list_without_a_gap() {
    let mut story = told();
    story.run(MINUTE);
    story.server.break_watches();
    story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
    story.server.delete(PODS, "a/p1");
    story.server.put(PODS, pod("a", "p2", "10.0.0.9"));
    story.server.compact();
    let received = story.run(SOON);
    assert_eq!(failures(&received), Vec::<&str>::new());
    // What did not change is not told again, and nothing was gone for a moment.
    assert_eq!(kinds(&received), [UpdateKind::Delta]);
    assert_eq!(received[0].update().map(|update| update.groups().len()), Some(3));
    assert_eq!(story.addresses(), ["10.0.0.9:8080", "10.0.0.3:8080"]);
}

#[test]
fn a_watch_that_is_silent_is_opened_again() {
    let mut story = told();
    story.server.hush();
    story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
    assert!(story.run(MINUTE * 2).is_empty());
    let received = story.run(MINUTE);
    assert_eq!(failures(&received), Vec::<&str>::new());
    assert_eq!(story.addresses().len(), 3);
    // A server that takes connections and says nothing else is in trouble.
    story.server.fail(|_| Some(Answer::hangs()));
    story.server.break_watches();
    let received = story.run(MINUTE);
    assert!(failures(&received)[0].contains("no answer within 30s"), "{received:?}");
    assert_eq!(story.addresses().len(), 3);
}

#[test]
fn a_server_that_went_back_in_time_is_listed_when_its_watches_broke() {
    for streams in [Streams::Refused, Streams::Given] {
        let mut story = told_by(streams);
        story.run(MINUTE);
        story.server.go_back();
        story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
        story.server.put(PODS, pod("a", "p7", "10.0.0.7"));
        let received = story.run(SOON);
        // What is in both was never gone.
        assert_eq!(failures(&received), Vec::<&str>::new());
        assert_eq!(kinds(&received), [UpdateKind::Delta], "{streams:?}");
        assert_eq!(story.addresses(), ["10.0.0.1:8080", "10.0.0.7:8080"]);
        let requests = story.server.take_requests();
        assert_eq!(requests[0], "/api/v1/pods?limit=1", "{requests:?}");
        // It is followed from there on, up to versions that were there before and beyond.
        for number in 0..200 {
            story.server.put(PODS, pod("a", "p8", &format!("10.0.1.{number}")));
        }
        story.run(SOON);
        assert_eq!(story.addresses(), ["10.0.0.1:8080", "10.0.0.7:8080", "10.0.1.199:8080"]);
    }
}

#[test]
fn a_server_that_went_back_in_time_is_listed_when_its_watches_broke_late() {
    // In the last minute of their time, and when it was over.
    for minutes in [4, 5] {
        let mut story = told();
        follow_for_minutes(&mut story, minutes);
        story.server.go_back();
        story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
        assert_eq!(failures(&story.run(SOON)), Vec::<&str>::new());
        assert_eq!(story.addresses(), ["10.0.0.1:8080"], "{minutes}");
    }
}

#[test]
fn a_server_that_went_back_in_time_is_listed_when_its_watches_ended_before_their_time() {
    let mut story = told();
    // One that is asked to last well over four minutes, which is the least.
    let mut lasts = 0;
    while lasts < 255 {
        follow_for_minutes(&mut story, 5);
        story.server.end_watches();
        story.run(SOON);
        let requests = story.server.take_requests();
        let [watch] = requests.as_slice() else {
            panic!("one watch follows another: {requests:?}");
        };
        let (_, seconds) = watch.split_once("timeoutSeconds=").expect("it is asked to last");
        lasts = seconds.parse().expect("a number");
    }
    follow_for_minutes(&mut story, 4);
    story.run(Duration::from_secs(lasts - 4 * 60 - 10));
    story.server.end_watches();
    story.server.go_back();
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    assert_eq!(failures(&story.run(SOON)), Vec::<&str>::new());
    assert_eq!(story.addresses(), ["10.0.0.1:8080"]);
}

/// Lets minutes pass, in which the server says that nothing happened.
fn follow_for_minutes(story: &mut Story, minutes: u32) {
    let version = story.server.version();
    let bookmark =
        serde_json::json!({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version.to_string()}}});
    for _ in 0..minutes {
        story.run(MINUTE);
        story.server.say(&format!("{bookmark}\n"));
    }
}

/// One whose watches broke, and that answers so when it is asked how far it is.
fn doubted(answer: Answer) -> Story {
    let mut story = told();
    story.run(MINUTE);
    story
        .server
        .fail(move |request| request.url.ends_with("?limit=1").then(|| answer.clone()));
    story.server.break_watches();
    story
}

#[test]
fn who_cannot_say_how_far_it_is_is_watched_as_before() {
    for answer in [
        status(400, "BadRequest", "limit is not supported"),
        Answer::json(r#"{"kind":"PodList","metadata":{"resourceVersion":"a7"},"items":[]}"#),
    ] {
        let mut story = doubted(answer);
        story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
        let received = story.run(SOON);
        assert_eq!(failures(&received), Vec::<&str>::new());
        assert_eq!(story.addresses().len(), 3);
        let requests = story.server.take_requests();
        assert_eq!(requests.len(), 2, "{requests:?}");
    }
    // What is no answer is a failure like any other, and leads to a list.
    for answer in [
        status(500, "InternalError", "etcd"),
        Answer::json("{}"),
        Answer::json(r#"{"kind":"PodList","#).never_ends(),
    ] {
        let mut story = doubted(answer);
        story.server.delete(PODS, "a/p1");
        let received = story.run(MINUTE * 2);
        assert_eq!(failures(&received).len(), 1, "{received:?}");
        assert_eq!(story.addresses(), ["10.0.0.2:8080"]);
    }
}

#[test]
fn a_server_that_went_back_in_time_unnoticed_is_listed_when_it_was_silent() {
    for streams in [Streams::Refused, Streams::Given] {
        let mut story = told_by(streams);
        story.server.put(PODS, pod("a", "p1", "10.0.0.9"));
        story.run(MINUTE);
        story.server.go_back_in_silence();
        story.server.put(PODS, pod("a", "p7", "10.0.0.7"));
        let received = story.run(MINUTE * 3);
        assert_eq!(failures(&received), Vec::<&str>::new());
        assert_eq!(story.addresses(), ["10.0.0.7:8080"]);
        // It is followed from there on.
        story.server.put(PODS, pod("a", "p8", "10.0.0.8"));
        story.run(SOON);
        assert_eq!(story.addresses(), ["10.0.0.7:8080", "10.0.0.8:8080"]);
    }
}

#[test]
fn a_server_that_is_away_keeps_what_it_had_and_is_listed_when_it_is_back() {
    let mut story = told();
    story.run(MINUTE);
    story.server.break_watches();
    story
        .server
        .fail(|_| Some(status(503, "ServiceUnavailable", "etcd is away")));
    let received = story.run(MINUTE * 10);
    let told = failures(&received);
    assert!((15..60).contains(&told.len()), "{}", told.len());
    assert!(
        told[0].contains("watching pods: the server answered with status 503: etcd is away"),
        "{told:?}"
    );
    assert_eq!(story.addresses().len(), 2);
    // What it has now counts, whatever was missed.
    story.server.mend();
    story.server.delete(PODS, "a/p2");
    let received = story.run(MINUTE);
    assert_eq!(kinds(&received), [UpdateKind::Completing]);
    assert_eq!(story.addresses(), ["10.0.0.1:8080"]);
    assert!(story.run(MINUTE).is_empty());
}

#[test]
fn the_server_says_how_long_it_wants_to_be_left_alone() {
    let mut story = Story::new();
    story
        .server
        .fail(|_| Some(status(429, "TooManyRequests", "slow down").header("retry-after", "120")));
    story.start("role: pod");
    let received = story.run(SOON);
    assert_eq!(failures(&received).len(), 1);
    assert!(story.run(MINUTE + MINUTE / 2).is_empty());
    story.server.mend();
    let received = story.run(MINUTE);
    assert_eq!(kinds(&received), [UpdateKind::Full]);
}

#[test]
fn what_is_not_allowed_or_not_there_is_said_clearly() {
    for (code, message, says) in [
        (
            403,
            "pods is forbidden: User \"scout\" cannot list resource \"pods\"",
            "status 403: pods is forbidden: User \\\"scout\\\" cannot list resource \\\"pods\\\"; allow list and watch of pods to who asks",
        ),
        (
            401,
            "Unauthorized",
            "status 401: Unauthorized; it does not know who asks: check the token",
        ),
        (
            404,
            "the server could not find the requested resource",
            "; this server has no /api/v1/pods",
        ),
    ] {
        let mut story = Story::new();
        story.server.fail(move |_| Some(status(code, "x", message)));
        story.start("role: pod");
        let received = story.run(SOON);
        assert!(failures(&received)[0].contains(says), "{received:?}");
        // Nobody mends it within a second.
        assert!(failures(&story.run(MINUTE * 10)).len() < 45);
    }
}

#[test]
fn of_several_namespaces_those_are_told_that_can_be_read() {
    let mut story = Story::new();
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    story.server.put(PODS, pod("b", "p2", "10.0.0.2"));
    let refuse = |request: &headcount_discoverer::env::HttpRequest| {
        request
            .url
            .contains("/namespaces/b/")
            .then(|| status(403, "Forbidden", "no"))
    };
    story.server.fail(refuse);
    story.start("role: pod, namespaces: {names: [a, b]}");
    let received = story.run(SOON);
    assert_eq!(kinds(&received), [UpdateKind::Partial]);
    let missing = received[0].update().and_then(Update::missing).map(ToString::to_string);
    assert!(
        missing
            .expect("it is named")
            .starts_with("pods in b (the server answered with status 403")
    );
    assert_eq!(story.addresses(), ["10.0.0.1:8080"]);
    story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
    assert_eq!(kinds(&story.run(SOON)), [UpdateKind::Partial]);
    story.server.mend();
    let received = story.run(MINUTE);
    assert_eq!(kinds(&received), [UpdateKind::Full]);
    assert_eq!(story.addresses().len(), 3);
    // Later, too: what can be read is told, and what can't stays.
    story.server.fail(refuse);
    story.server.break_watches();
    story.server.delete(PODS, "b/p2");
    story.server.delete(PODS, "a/p1");
    story.run(MINUTE);
    assert_eq!(story.addresses(), ["10.0.0.3:8080", "10.0.0.2:8080"]);
    story.server.mend();
    assert_eq!(kinds(&story.run(MINUTE)), [UpdateKind::Completing]);
    assert_eq!(story.addresses(), ["10.0.0.3:8080"]);
}

#[test]
fn endpoints_wait_for_what_is_attached_to_them() {
    let mut story = Story::new();
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    story
        .server
        .put(ENDPOINTS, endpoints("a", "web", &[("p1", "10.0.0.1")]));
    story
        .server
        .fail(|request| request.url.contains("/pods").then(|| status(403, "Forbidden", "no")));
    story.start("role: endpoints");
    let received = story.run(MINUTE);
    // Without their pods they would be other targets than they are.
    assert!(story.addresses().is_empty());
    assert!(
        kinds(&received).iter().all(|kind| *kind == UpdateKind::Partial),
        "{received:?}"
    );
    story.server.mend();
    story.run(MINUTE);
    let group = story.collected.group("endpoints/a/web").expect("it is there");
    let name = group
        .targets()
        .next()
        .and_then(|target| target.get("__meta_kubernetes_pod_name"));
    assert_eq!(name, Some("p1"));
}

#[test]
fn a_list_that_grows_old_while_it_is_read_begins_again() {
    let mut story = Story::new();
    for number in 0..700 {
        story.server.put(PODS, pod("a", &format!("p{number:03}"), "10.0.0.1"));
    }
    // Twice, between two pages.
    let left = std::sync::atomic::AtomicUsize::new(2);
    story.server.fail(move |request| {
        let is_more = request.url.contains("continue=");
        let take = |left: usize| left.checked_sub(1);
        let is_first = is_more
            && left
                .fetch_update(
                    std::sync::atomic::Ordering::Relaxed,
                    std::sync::atomic::Ordering::Relaxed,
                    take,
                )
                .is_ok();
        is_first.then(|| status(410, "Expired", "The provided continue parameter is too old"))
    });
    story.start("role: pod");
    let received = story.run(SOON);
    assert_eq!(
        (kinds(&received), failures(&received)),
        (vec![UpdateKind::Full], Vec::new())
    );
    assert_eq!(story.collected.sources().len(), 700);
    let requests = story.server.take_requests();
    let lists: Vec<_> = requests.iter().filter(|request| !request.contains("watch=1")).collect();
    assert_eq!(lists.len(), 5, "two pages, two pages, and all at once: {requests:?}");
    assert_eq!(lists[4], "/api/v1/pods");
}

#[test]
fn what_is_not_a_whole_list_takes_nothing_away() {
    let whole = r#"{"kind":"PodList","metadata":{"resourceVersion":"500"},"items":[]}"#;
    let bodies: Vec<String> = (0..whole.len())
        .map(|end| whole[..end].to_owned())
        .chain(
            [
                "null",
                "[]",
                "{}",
                "<html>Log in</html>",
                r#"{"kind":"Status","status":"Success"}"#,
            ]
            .map(str::to_owned),
        )
        .chain([
            whole.replace("500", ""),
            whole.replace("PodList", "Pod"),
            format!("{whole}}}"),
        ])
        .collect();
    for body in bodies {
        let mut story = told();
        story.run(MINUTE);
        let text = body.clone();
        story.server.fail(move |request| {
            Some(match request.url.contains("watch=1") {
                true => status(410, "Expired", "too old"),
                false => Answer::json(text.clone()),
            })
        });
        story.server.break_watches();
        let received = story.run(MINUTE);
        assert!(!failures(&received).is_empty(), "{body}");
        assert_eq!(story.addresses().len(), 2, "{body}");
    }
    // One that breaks off, and one that comes to a stop.
    for answer in [
        Answer::json(&whole[..60]).breaks(std::io::ErrorKind::ConnectionReset),
        Answer::json(&whole[..60]).never_ends(),
    ] {
        let mut story = told();
        story.run(MINUTE);
        story.server.fail(move |request| {
            Some(if request.url.contains("watch=1") {
                status(410, "Gone", "")
            } else {
                answer.clone()
            })
        });
        story.server.break_watches();
        assert!(!failures(&story.run(MINUTE * 3)).is_empty());
        assert_eq!(story.addresses().len(), 2);
    }
}

#[test]
fn an_object_that_makes_no_sense_is_skipped_and_counted_and_the_others_are_not() {
    let mut story = Story::new();
    let mut wrong = pod("a", "wrong", "10.0.0.7");
    wrong["spec"]["containers"] = serde_json::json!("none");
    story.server.put(PODS, wrong.clone());
    story.server.put(PODS, pod("a", "p1", "10.0.0.1"));
    story.server.put(PODS, pod("a", "p2", "10.0.0.2"));
    story.start("role: pod");
    let skipped = "headcount_sd_kubernetes_skipped_objects_total";
    assert_eq!(kinds(&story.run(SOON)), [UpdateKind::Full]);
    assert_eq!(story.addresses(), ["10.0.0.1:8080", "10.0.0.2:8080"]);
    assert_eq!(story.metric(skipped), 1.0);
    // One that was right stays as it was, by a watch and by a list.
    let mut second = pod("a", "p2", "10.0.0.8");
    second["metadata"]["labels"] = serde_json::json!(["no"]);
    story.server.put(PODS, second);
    story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"]);
    assert_eq!(story.metric(skipped), 2.0);
    story.run(MINUTE);
    story.server.break_watches();
    story.server.compact();
    story.run(MINUTE);
    assert_eq!(story.addresses().len(), 3);
    // That it is gone can be read.
    story.server.delete(PODS, "a/p2");
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.1:8080", "10.0.0.3:8080"]);
}

#[test]
fn a_watch_that_talks_nonsense_leads_to_a_list() {
    for nonsense in [
        "{\"type\":\n",
        "<html>\n",
        "{\"type\":\"ERROR\",\"object\":{\"code\":500,\"message\":\"etcd\"}}\n",
        "{\"type\":\"ERROR\",\"object\":7}\n",
    ] {
        let mut story = told();
        story.run(MINUTE);
        story.server.say(nonsense);
        story.server.put(PODS, pod("a", "p3", "10.0.0.3"));
        let received = story.run(MINUTE);
        assert_eq!(failures(&received).len(), 1, "{nonsense}");
        assert_eq!(story.addresses().len(), 3, "{nonsense}");
    }
    // What later versions may say is passed over.
    let mut story = told();
    story.server.say("{\"type\":\"NEWS\",\"object\":{}}\n\n");
    assert!(story.run(MINUTE).is_empty());
}

#[test]
fn a_server_that_ends_each_watch_at_once_is_not_asked_all_the_time() {
    let mut story = told();
    story
        .server
        .fail(|request| request.url.contains("watch=1").then(|| Answer::new(200)));
    story.server.break_watches();
    story.run(MINUTE * 10);
    let requests = story.server.take_requests().len();
    assert!(requests < 200, "{requests}");
    assert_eq!(story.addresses().len(), 2);
}

/// What a step of a random story does.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Service(u8),
    DropService(u8),
    Attach(u8, Vec<u8>),
    Detach(u8),
    Break,
    Compact,
    Hush,
    Fail(u16),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..4_u8;
    prop_oneof![
        4 => (name.clone(), 0..5_u8).prop_map(|(name, ip)| Step::Put(name, ip)),
        2 => name.clone().prop_map(Step::Delete),
        1 => name.clone().prop_map(Step::Service),
        1 => name.clone().prop_map(Step::DropService),
        2 => (name.clone(), prop::collection::vec(0..4_u8, 0..3)).prop_map(|(name, pods)| Step::Attach(name, pods)),
        1 => name.prop_map(Step::Detach),
        1 => Just(Step::Break),
        1 => Just(Step::Compact),
        1 => Just(Step::Hush),
        1 => prop::sample::select(vec![403, 429, 500, 503]).prop_map(Step::Fail),
        3 => (0..400_u16).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever happened, after it is over all who were there are told what one is told who comes now.
    #[test]
    fn in_the_end_everybody_knows_what_there_is(
        steps in prop::collection::vec(step(), 1..40),
        streams in prop::sample::select(vec![Streams::Refused, Streams::Given, Streams::Unknown]),
    ) {
        let mut story = Story::new();
        story.server.stream(streams);
        let roles = ["role: pod", "role: endpoints", "role: service"];
        let providers = roles.map(|role| story.start(role));
        let mut known = [(); 3].map(|()| Collected::default());
        let hear = |known: &mut [Collected; 3], received: &[Received]| {
            for (provider, known) in providers.iter().zip(known) {
                let own: Vec<Received> = received.iter().filter(|one| one.provider == *provider).cloned().collect();
                known.receive(&own);
            }
        };
        let server = story.server.clone();
        let has = |path: &'static str, there: &mut std::collections::BTreeSet<(&'static str, u8)>, name: u8| there.remove(&(path, name));
        let mut there = std::collections::BTreeSet::new();
        for step in steps {
            match step {
                Step::Put(name, ip) => {
                    let ip = if ip == 0 { String::new() } else { format!("10.0.0.{ip}") };
                    server.put(PODS, pod("a", &format!("x{name}"), &ip));
                    there.insert((PODS, name));
                }
                Step::Delete(name) => if has(PODS, &mut there, name) { server.delete(PODS, &format!("a/x{name}")) },
                Step::Service(name) => { server.put(SERVICES, service("a", &format!("x{name}"))); there.insert((SERVICES, name)); }
                Step::DropService(name) => if has(SERVICES, &mut there, name) { server.delete(SERVICES, &format!("a/x{name}")) },
                Step::Attach(name, pods) => {
                    let pods: Vec<(String, String)> = pods.iter().map(|pod| (format!("x{pod}"), format!("10.0.0.{pod}"))).collect();
                    let pods: Vec<(&str, &str)> = pods.iter().map(|(pod, ip)| (pod.as_str(), ip.as_str())).collect();
                    server.put(ENDPOINTS, endpoints("a", &format!("x{name}"), &pods));
                    there.insert((ENDPOINTS, name));
                }
                Step::Detach(name) => if has(ENDPOINTS, &mut there, name) { server.delete(ENDPOINTS, &format!("a/x{name}")) },
                Step::Break => server.break_watches(),
                Step::Compact => server.compact(),
                Step::Hush => server.hush(),
                Step::Fail(code) => server.fail(move |_| Some(status(code, "x", "y"))),
                Step::Wait(seconds) => {
                    let received = story.world.run_for(Duration::from_secs(seconds.into()));
                    hear(&mut known, &received);
                    server.mend();
                }
            }
        }
        server.mend();
        let received = story.world.run_for(MINUTE * 12);
        hear(&mut known, &received);
        for (role, known) in roles.iter().zip(known) {
            let mut later = Story { world: World::new(), server: server.clone(), collected: Collected::default() };
            let answering = server.clone();
            later.world.http.serve(&format!("{SERVER}/"), move |request| answering.answer_again(request));
            later.start(role);
            later.run(MINUTE);
            prop_assert_eq!(&known, &later.collected, "{}", role);
        }
    }
}
