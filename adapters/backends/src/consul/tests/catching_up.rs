//! A server that was just started: it answers whoever does not mind before it has read its own log.

use super::*;

/// Who does not ask for what is certain gets what has been read of the log so far: of `web`, one instance of two.
fn catch_up(consul: &VirtualConsul) {
    let half = r#"[{"Node": {"Node": "n1", "Address": "10.0.0.1", "Datacenter": "dc1"},
                    "Service": {"ID": "i", "Service": "web", "Port": 80}, "Checks": []}]"#;
    consul.fail("services?stale", Fault::Status(200, r#"{"consul": [], "web": []}"#));
    consul.fail("web?stale", Fault::Status(200, half));
    consul.fail("db?stale", Fault::Status(200, "[]"));
}

fn with_web_and_db() -> Story {
    let story = Story::new();
    let web = [on("n1", "10.0.0.1", 80), on("n2", "10.0.0.2", 80)];
    story.consul.set("web", &web);
    story.consul.set("db", &[on("n1", "10.0.0.1", 5432)]);
    story
}

/// Less than an answer takes.
const STEP: Duration = Duration::from_millis(1);

const ALL: [&str; 3] = ["10.0.0.1:5432", "10.0.0.1:80", "10.0.0.2:80"];

#[test]
fn b09_what_is_asked_first_is_asked_of_who_has_caught_up() {
    for entry in ["{}", "{services: [db, web]}"] {
        let mut story = with_web_and_db();
        catch_up(&story.consul);
        story.start(entry);
        // It is whole in a moment, and what was told before that would be served.
        while story.addresses().is_empty() {
            story.run(STEP);
        }
        assert_eq!(story.addresses(), ALL, "{entry}");
    }
}

#[test]
fn b11_so_is_what_is_asked_after_a_restart_of_the_server() {
    let mut story = with_web_and_db();
    story.start("{}");
    story.run(MINUTE);
    catch_up(&story.consul);
    story.consul.restart(5);
    for _ in 0..60_000 {
        story.run(STEP);
        assert_eq!(story.addresses(), ALL);
    }
    story.consul.set("web", &[on("n2", "10.0.0.2", 80)]);
    story.run(SOON);
    assert_eq!(story.addresses(), ["10.0.0.1:5432", "10.0.0.2:80"]);
}

#[test]
fn only_what_is_asked_first_is_certain_and_the_others_spare_the_leader() {
    let mut story = Story::new();
    let names: Vec<String> = (0..MOST_WATCHES * 2).map(|number| format!("s{number:02}")).collect();
    for name in &names {
        story.consul.set(name, &[on("n1", "10.0.0.1", 80)]);
    }
    story.start("{}");
    story.run(MINUTE);
    let is_certain = |(_, url): &(Instant, String)| url.contains("?consistent=");
    let first = story.consul.take_requests();
    // Each service, and the list, the checks and the nodes.
    assert_eq!(first.iter().filter(|asked| is_certain(asked)).count(), names.len() + 3);
    story.consul.touch("s00");
    story.run(MINUTE);
    let swept = story.consul.take_requests();
    assert!(swept.len() > names.len(), "{}", swept.len());
    assert_eq!(swept.iter().filter(|asked| is_certain(asked)).count(), 0);
}
