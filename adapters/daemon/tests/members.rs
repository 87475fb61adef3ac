//! `/sd/<job>?member=NAME`, as a client sees it: what it has to say, and what counts as having been sent a list.

#![allow(clippy::expect_used, reason = "a panic is a test's report")]

mod support;

use rustix::process::Signal;
use serde_json::Value;
use support::{Daemon, Setup, headcount, wait_until};

const REFRESH: &str = "X-Prometheus-Refresh-Interval-Seconds";

fn setup(members: &str) -> Setup {
    let setup = Setup::new();
    let targets: Vec<String> = (0..60).map(|host| format!("'127.0.0.1:{}'", 9000 + host)).collect();
    setup.write(&format!(
        "scrape_configs: [{{job_name: node, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{{targets: [{}]}}]}}]",
        targets.join(", ")
    ));
    setup.write_settings(&format!("members: {members}"));
    setup
}

fn member(daemon: &Daemon, name: &str) -> Value {
    let members = daemon.get("/api/v1/members").json();
    let all = members["data"]["members"].as_array().expect("a list").clone();
    let found = all.into_iter().find(|member| member["name"] == name);
    found.unwrap_or(Value::Null)
}

#[test]
fn a_name_is_one() {
    let daemon = setup("{names: [a, b]}").start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("9000"));
    let long = "m".repeat(257);
    for (query, status, why) in [
        ("member=", 400, "member is empty"),
        ("member=a%0Ab", 400, "without control characters"),
        (&*format!("member={long}"), 400, "at most 256 bytes"),
        ("member=c", 404, "has 2 of them: a, b"),
    ] {
        let answer = daemon.get(&format!("/sd/node?{query}"));
        assert!(
            answer.status == status && answer.text().contains(why),
            "{query}: {}",
            answer.text()
        );
    }
}

/// The handover goes on whether the new owner is sent its list or has it by its tag.
#[test]
fn who_has_a_list_by_its_tag_was_sent_it() {
    let setup = setup("{names: [a, b]}");
    let daemon = setup.start(&[]);
    let list = wait_until("a's list", || {
        let list = daemon.get("/sd/node?member=a");
        (list.status == 200).then_some(list)
    });
    let tag = list.header("etag").expect("a tag").to_owned();
    assert!(member(&daemon, "a")["sent"].is_number() && member(&daemon, "b")["sent"].is_null());
    let both = daemon.request("GET", "/sd/node?member=a", &[("If-None-Match", &tag)]);
    assert_eq!((both.status, both.text().as_str()), (304, ""));
    let whole = daemon.get("/sd/node").header("etag").expect("a tag").to_owned();
    assert_ne!(whole, tag);
    let other = daemon.request("GET", "/sd/node?member=a", &[("If-None-Match", &whole)]);
    assert_eq!(other.status, 200);

    // b is taken out and keeps what it has; a has all of it, by a tag that it was told by a list of another kind of connection.
    let had = daemon.get("/sd/node?member=b");
    setup.write_settings("members: {names: [a]}");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    assert_eq!(daemon.get("/sd/node?member=b").text(), had.text());
    let tag = wait_until("a's list of all", || {
        let list = daemon.request("GET", "/sd/node?member=a", &[("Accept-Encoding", "gzip")]);
        assert_eq!(list.header("content-encoding"), Some("gzip"));
        (list.header("etag") != Some(&tag)).then(|| list.header("etag").expect("a tag").to_owned())
    });
    let known = daemon.request(
        "GET",
        "/sd/node?member=a",
        &[("If-None-Match", &format!("W/\"x\", {tag}"))],
    );
    assert_eq!(known.status, 304);
    wait_until("b to be told that it has nothing", || {
        let list = daemon.get("/sd/node?member=b");
        (list.text().trim() != had.text().trim()).then(|| assert_eq!(list.json(), Value::Array(Vec::new())))
    });
    wait_until("b to be forgotten", || {
        (daemon.get("/sd/node?member=b").status == 404).then_some(())
    });
    daemon.wait_for("/metrics", |metrics| {
        metrics.contains("headcount_member_last_sent_timestamp_seconds{member=\"a\"}")
            && !metrics.contains("member=\"b\"")
    });
}

#[test]
fn who_asks_says_when_he_asks_next() {
    let daemon = setup("{allow: 'm-.*', grace: 1s}").start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("9000"));
    // Shares are given out when two of its intervals are over, and five seconds: not after two minutes, as without it.
    let begun = std::time::Instant::now();
    wait_until("m-a to have a share", || {
        let list = daemon.request("GET", "/sd/node?member=m-a", &[(REFRESH, "0.5")]);
        assert!(matches!(list.status, 200 | 503), "{}", list.text());
        (list.status == 200).then(|| assert!(list.text().contains(":9059")))
    });
    assert!(begun.elapsed() >= std::time::Duration::from_secs(6));
    assert!(member(&daemon, "m-a")["asked"].is_number());
    wait_until("m-a to be gone after a second and a half", || {
        (member(&daemon, "m-a") == Value::Null).then_some(())
    });
}

#[test]
fn a_target_is_scraped_on_its_own_node_and_moves_with_its_member() {
    let setup = Setup::new();
    let host = |number: usize| {
        let labels = ["{host: n1}", "{host: n2}", "{}"][number % 3];
        format!("{{targets: ['127.0.0.1:{}'], labels: {labels}}}", 9000 + number)
    };
    let hosts: Vec<String> = (0..30).map(host).collect();
    setup.write(&format!(
        "scrape_configs: [{{job_name: node, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{}]}}]",
        hosts.join(", ")
    ));
    let per_node =
        |rest: &str| setup.write_settings(&format!("members: {{strategy: per_node, node_labels: [host], {rest}}}"));
    per_node("names: [n1, n2]");
    let daemon = setup.start(&[]);
    let list = |member: &str| {
        let list = wait_until("a list", || {
            let list = daemon.get(&format!("/sd/node?member={member}"));
            (list.status == 200).then_some(list)
        });
        let hosts = list.json().as_array().expect("a list").clone();
        let hosts = hosts
            .iter()
            .map(|entry| entry["labels"]["host"].as_str().unwrap_or("none").to_owned());
        hosts.collect::<Vec<_>>()
    };
    let count = |list: &[String], host: &str| list.iter().filter(|other| *other == host).count();
    let (one, other) = (list("n1"), list("n2"));
    assert_eq!((count(&one, "n1"), count(&one, "n2")), (10, 0));
    assert_eq!((count(&other, "n1"), count(&other, "n2")), (0, 10));
    assert_eq!(count(&one, "none") + count(&other, "none"), 10);

    // Its targets are the other one's when it has begun, or nobody's.
    per_node("names: [n1]");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    assert_eq!(list("n1").len(), 30);
    per_node("names: [n1, n3], fallback: none");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    daemon.wait_for("/metrics", |metrics| {
        metrics.contains("headcount_unassigned_targets 10\n")
    });
    // A reload that came later is told of, too, and a job that is asked for leaves none of it out.
    let told = daemon.get("/api/v1/events?job=node").json();
    let told = told["data"]["events"].as_array().expect("a list").iter();
    let told: Vec<String> = told
        .map(|event| format!("{} {} {}", event["what"], event["member"], event["targets"]))
        .collect();
    for expected in ["\"memberJoined\" \"n3\" 5", "\"memberRetired\" \"n2\" 15"] {
        assert!(told.iter().any(|event| event == expected), "{expected}: {told:?}");
    }
    wait_until("n1 to have nothing of n2's", || {
        (count(&list("n1"), "n2") == 0).then_some(())
    });
}

/// Three of sixty targets have nearly all of the weight; a fourth becomes heavy, and is the same target.
#[test]
fn members_have_about_the_same_weight_of_targets() {
    let setup = Setup::new();
    let write = |heavy: usize| {
        let host = |number: usize| {
            let weight = if number < heavy { "5000" } else { "1" };
            format!(
                "{{targets: ['127.0.0.1:{}'], labels: {{__samples: '{weight}'}}}}",
                9000 + number
            )
        };
        let hosts: Vec<String> = (0..60).map(host).collect();
        setup.write(&format!(
            "scrape_configs: [{{job_name: node, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{}]}}]",
            hosts.join(", ")
        ));
    };
    write(3);
    setup.write_settings("members: {names: [a, b, c], strategy: weighted, weight_label: __samples}");
    let daemon = setup.start(&[]);
    let heavy = |name: &str| {
        let list = daemon.get(&format!("/sd/node?member={name}"));
        if list.status != 200 {
            return Vec::new();
        }
        let list = list.json().as_array().expect("a list").clone();
        let heavy = list.iter().filter(|entry| entry["labels"]["__samples"] == "5000");
        heavy.map(|entry| entry["targets"][0].to_string()).collect::<Vec<_>>()
    };
    let all = ["a", "b", "c"];
    wait_until("each to have one of the heavy ones", || {
        all.iter().all(|name| heavy(name).len() == 1).then_some(())
    });
    let weights = |daemon: &Daemon| all.map(|name| member(daemon, name)["weight"].as_u64().unwrap_or_default());
    let (before, had) = (weights(&daemon), all.map(&heavy));
    assert_eq!(before.iter().sum::<u64>(), 3 * 4096 + 57);
    assert!(before.iter().all(|weight| *weight >= 4096), "{before:?}");
    daemon.wait_for("/metrics", |metrics| {
        metrics.contains(&format!("headcount_member_weight{{member=\"a\"}} {}\n", before[0]))
    });
    assert!(daemon.get("/config").text().contains("weight_label"));
    let targets = daemon.get("/api/v1/targets?state=active").json();
    let targets = targets["data"]["activeTargets"].as_array().expect("a list").clone();
    let of_weight = |weight: u64| targets.iter().filter(|target| target["weight"] == weight).count();
    assert_eq!((of_weight(4096), of_weight(1)), (3, 57));

    write(4);
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    wait_until("the fourth to be somebody's, and nobody to lack one", || {
        (weights(&daemon).iter().sum::<u64>() == 4 * 4096 + 56).then_some(())
    });
    for (name, had) in all.iter().zip(had) {
        let has = heavy(name);
        assert!(
            had.iter().all(|target| has.contains(target)),
            "{name}: {had:?}, {has:?}"
        );
    }
}

/// A list in a file says who the members are, and is broken for a while.
#[test]
fn members_that_are_found_stay_while_their_source_can_not_be_read() {
    let setup = setup(
        "{file_sd_configs: [{files: [members.json], refresh_interval: 1s}], grace: 1s, \
         relabel_configs: [{source_labels: [pod], target_label: instance}]}",
    );
    let path = setup.folder.path().join("members.json");
    let write = |pods: &[&str]| {
        let pod = |pod: &&str| format!("{{\"targets\": [\"10.0.0.1:9090\"], \"labels\": {{\"pod\": \"{pod}\"}}}}");
        let list: Vec<String> = pods.iter().map(pod).collect();
        std::fs::write(&path, format!("[{}]", list.join(","))).expect("written");
    };
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("9000"));
    let early = daemon.get("/sd/node?member=a");
    assert!(
        early.status == 503 && early.text().contains("being found"),
        "{}",
        early.text()
    );
    write(&["a", "b"]);
    let list = |name: &str| {
        wait_until("a list", || {
            let list = daemon.get(&format!("/sd/node?member={name}"));
            (list.status == 200).then(|| list.json().as_array().expect("a list").len())
        })
    };
    let (a, b) = (list("a"), list("b"));
    assert!(a + b == 60 && a > 20 && b > 20, "{a}, {b}");
    let unknown = daemon.get("/sd/node?member=c");
    assert!(
        unknown.status == 404 && unknown.text().contains("finds 2 of them: a, b"),
        "{}",
        unknown.text()
    );
    assert!(daemon.get("/config").text().contains("members.json"));

    std::fs::write(&path, "[{").expect("written");
    daemon.wait_for("/api/v1/providers", |providers| providers.contains("failing"));
    assert_eq!(member(&daemon, "b")["missing"], Value::Null, "nothing is known of it");
    assert_eq!((list("a"), list("b")), (a, b));

    write(&["a"]);
    wait_until("a to have all, and b nothing", || {
        (list("a") == 60 && daemon.get("/sd/node?member=b").status == 404).then_some(())
    });
    write(&["a", "b"]);
    wait_until("b to have its share again", || {
        (daemon.get("/sd/node?member=b").status == 200).then(|| assert_eq!(list("b"), b))
    });
}

/// What `headcount state show` says of the members.
fn kept(state: &str) -> Option<Value> {
    let shown = headcount()
        .args(["state", "show", state, "--output", "json"])
        .output()
        .expect("it runs");
    let shown: Value = serde_json::from_slice(&shown.stdout).ok()?;
    shown
        .as_array()?
        .iter()
        .find(|state| state["manager"] == "members")
        .cloned()
}

/// Before, whoever had a target until another had begun with it lost it when headcount was started anew.
#[test]
fn what_is_between_two_members_stays_so_when_headcount_is_killed() {
    let setup = setup("{names: [a]}");
    let state = setup.folder.path().join("state").display().to_string();
    let start = || setup.start(&["--state-dir", &state]);
    let list = |daemon: &Daemon, name: &str| {
        wait_until("a list", || {
            let list = daemon.get(&format!("/sd/node?member={name}"));
            assert!(matches!(list.status, 200 | 503), "{}", list.text());
            (list.status == 200).then(|| list.json().as_array().expect("a list").len())
        })
    };
    let mut daemon = start();
    assert_eq!(list(&daemon, "a"), 60);
    setup.write_settings("members: {names: [a, b]}");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    let of_b = member(&daemon, "b")["targets"].as_u64().expect("a number");
    assert!(of_b > 20);
    wait_until("that to be kept", || {
        let kept = kept(&state)?;
        (kept["handovers"] == of_b && kept["members"].as_array()?.len() == 2).then_some(())
    });
    daemon.signal(Signal::KILL);
    daemon.ended();

    let mut daemon = start();
    assert_eq!(list(&daemon, "a"), 60, "b was not sent its list");
    assert_eq!(member(&daemon, "b")["targets"], of_b);
    assert_eq!(list(&daemon, "b") as u64, of_b);
    // Others are members afterwards, as after a reload: c was never there, and a is taken out.
    daemon.signal(Signal::KILL);
    daemon.ended();
    setup.write_settings("members: {names: [b, c]}");
    let mut daemon = start();
    assert_eq!(list(&daemon, "a"), 60);
    wait_until("a to have handed over what it had", || {
        (list(&daemon, "b") + list(&daemon, "c") >= 60).then_some(())?;
        let a = daemon.get("/sd/node?member=a");
        (a.status == 404 || a.json() == Value::Array(Vec::new())).then_some(())
    });
    assert_eq!(list(&daemon, "b") + list(&daemon, "c"), 60);
    daemon.signal(Signal::TERM);
    daemon.ended();

    // What is not whole is as none.
    let folder = std::fs::read_dir(&state)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path());
    let file = folder
        .map(|path| path.join("members.state"))
        .find(|path| path.exists())
        .expect("a file");
    let bytes = std::fs::read(&file).expect("read");
    std::fs::write(&file, &bytes[..bytes.len() - 3]).expect("written");
    let daemon = start();
    assert_eq!(list(&daemon, "b") + list(&daemon, "c"), 60);
    assert!(file.with_extension("refused").exists());
}

#[test]
fn who_asked_before_a_restart_is_a_member_afterwards() {
    let setup = setup("{allow: 'm-.*', grace: 1m, identity: seat}");
    let state = setup.folder.path().join("state").display().to_string();
    let start = || setup.start(&["--state-dir", &state]);
    let ask =
        |daemon: &Daemon, name: &str| daemon.request("GET", &format!("/sd/node?member={name}"), &[(REFRESH, "0.5")]);
    let mut daemon = start();
    let both = ["m-a", "m-b"];
    wait_until("both to have a share", || {
        both.map(|name| ask(&daemon, name).status == 200)
            .iter()
            .all(|has| *has)
            .then_some(())
    });
    let before = both.map(|name| (ask(&daemon, name).text(), member(&daemon, name)["seat"].clone()));
    assert_eq!(
        before.iter().map(|(_, seat)| seat.as_u64()).collect::<Vec<_>>(),
        [Some(0), Some(1)]
    );
    wait_until("that to be kept", || {
        let kept = kept(&state)?;
        (kept["members"].as_array()?.len() == 2 && kept["handovers"] == 0).then_some(())
    });
    daemon.signal(Signal::KILL);
    daemon.ended();
    let daemon = start();
    // m-b alone asks, and is not given what m-a has.
    let (list, seat) = &before[1];
    wait_until("its list", || {
        let answer = ask(&daemon, "m-b");
        assert!(
            !answer.text().contains("had the time to ask"),
            "it has asked: {}",
            answer.text()
        );
        (answer.status == 200).then(|| assert_eq!(answer.text(), *list))
    });
    assert_eq!(member(&daemon, "m-b")["seat"], *seat);
    assert_eq!(member(&daemon, "m-a")["retired"], false);
}
