//! `headcount run --record`, as a process, and `headcount sim replay` of what it wrote.

#![allow(clippy::expect_used, reason = "helpers report by panicking, as tests do")]

mod support;

use std::fs;

use serde_json::json;
use support::{Setup, outcome, replace};

#[test]
fn what_happened_happens_again() {
    let setup = Setup::new();
    let recording = setup.folder.path().join("incident.jsonl");
    let shown = recording.display().to_string();
    let list = |names: &[&str]| {
        let targets: Vec<_> = names.iter().map(|name| format!("{name}:9100")).collect();
        replace(&setup.targets, &json!([{ "targets": targets }]).to_string());
    };
    list(&["a", "b"]);
    let mut daemon = setup.start(&["--record", &shown]);
    daemon.wait_for("/sd/node", |body| body.contains("b:9100"));
    list(&["a", "b", "c"]);
    daemon.wait_for("/sd/node", |body| body.contains("c:9100"));
    list(&["c"]);
    daemon.wait_for("/sd/node", |body| !body.contains("a:9100"));
    // What is recorded is in the file while the process runs, so one that is killed leaves it behind.
    support::wait_until("the last list is written down", || {
        let text = fs::read_to_string(&recording).ok()?;
        (text.contains("c:9100") && text.trim_end().ends_with('}')).then_some(())
    });
    daemon.signal(rustix::process::Signal::TERM);
    assert!(daemon.ended().success());

    let text = fs::read_to_string(&recording).expect("it is there");
    let replay = |more: &[&str]| {
        outcome(
            setup.folder.path(),
            &[&["sim", "replay", "incident.jsonl"], more].concat(),
        )
    };
    let replayed = replay(&["--model", "--vary", "throttle=prometheus-2"]);
    for words in [
        "exit code 0",
        "as recorded",
        "prometheus-2",
        "recording of the manager `scrape`",
        "says what was recorded, snapshot by snapshot, and the reference model agrees",
    ] {
        assert!(replayed.contains(words), "{replayed}");
    }

    // What became of a host, hop by hop.
    let explain = |rest: &[&str]| {
        let words = [&["sim", "explain", "incident.jsonl"], rest].concat();
        outcome(setup.folder.path(), &words)
    };
    let told = explain(&["c"]);
    for words in [
        "exit code 0",
        "c in the recording of the manager `scrape`, at ",
        ": it is in the list of \"node\"",
        "file/0 (FOLDER/targets*.json) is started, for \"node\"",
        "file/0 finds c:9100 in the group `FOLDER/targets.json:0`",
        "is emitted: \"node\" has c:9100",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let followed = replay(&["--host", "c"]);
    for words in [
        "exit code 0",
        "c in the recording of the manager `scrape`, at ",
        "is emitted: \"node\" has c:9100",
    ] {
        assert!(followed.contains(words), "{words}: {followed}");
    }
    assert!(replay(&["--host", "elsewhere"]).starts_with("exit code 1\n"));
    let gone = explain(&["A:9100"]);
    for words in [
        ": no list has it",
        "file/0 finds a:9100 in the group",
        "is emitted: \"node\" has a:9100",
        "file/0 finds it no more in the group",
        "is emitted: \"node\" has it no more",
    ] {
        assert!(gone.contains(words), "{words}: {gone}");
    }
    // Where it was not there yet, it was not there.
    for never in [explain(&["c", "0s"]), explain(&["c:1"]), explain(&["elsewhere"])] {
        assert!(
            never.starts_with("exit code 1\n") && never.contains(": no provider found it"),
            "{never}"
        );
    }
    let wrong = explain(&["c", "soon"]);
    assert!(
        wrong.starts_with("exit code 2\n") && wrong.contains("the time \"soon\": "),
        "{wrong}"
    );

    // Another core would have said something else.
    let other = text.replacen("\"targets\":3", "\"targets\":4", 1);
    assert_ne!(other, text, "there was a snapshot with three targets");
    fs::write(&recording, other).expect("it can be written");
    let replayed = replay(&[]);
    for words in [
        "exit code 6",
        "recorded: snapshot",
        "again: headcount sim replay incident.jsonl",
    ] {
        assert!(replayed.contains(words), "{replayed}");
    }

    // The next run keeps it.
    let _daemon = setup.start(&["--record", &shown]);
    assert!(setup.folder.path().join("incident.jsonl.old").exists());
}

#[test]
fn a_recording_that_cannot_be_written_is_said_at_the_start() {
    let setup = Setup::new();
    let config = setup.config.display().to_string();
    let options = [
        "run",
        "--listen",
        "127.0.0.1:0",
        "--record",
        "/nowhere/at-all.jsonl",
        "--config",
        &config,
    ];
    let printed = outcome(setup.folder.path(), &options);
    assert!(printed.starts_with("exit code 1\n"), "{printed}");
    assert!(
        printed.contains("creating the recording /nowhere/at-all.jsonl"),
        "{printed}"
    );
}

/// A full disk, as Linux has one to try.
#[test]
fn a_recording_that_cannot_be_written_any_more_does_not_stop_discovery() {
    let setup = Setup::new();
    let daemon = setup.start(&["--record", "/dev/full"]);
    daemon.logged("that the recording ended", |entry| {
        let message = entry["message"].as_str().unwrap_or_default();
        message
            .contains("the recording can't be written any more")
            .then_some(())
    });
    replace(&setup.targets, r#"[{"targets": ["later:9100"]}]"#);
    daemon.wait_for("/sd/node", |body| body.contains("later:9100"));
}

#[test]
fn a_recording_holds_no_passwords() {
    let setup = Setup::new();
    let recording = setup.folder.path().join("incident.jsonl");
    let url = "http://who:hunter2@127.0.0.1:1/list";
    let job = format!("{{job_name: far, http_sd_configs: [{{url: '{url}'}}]}}");
    let with_password = "{job_name: further, http_sd_configs: [{url: 'http://127.0.0.1:1/', basic_auth: {username: who, password: hunter2}}]}";
    fs::write(&setup.config, format!("scrape_configs: [{job}, {with_password}]")).expect("written");
    let _daemon = setup.start(&["--record", &recording.display().to_string()]);
    let text = support::wait_until("both have failed", || {
        let text = fs::read_to_string(&recording).ok()?;
        (text.matches("\"failure\"").count() >= 2).then_some(text)
    });
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn only_the_throttle_of_a_recording_can_be_varied() {
    let setup = Setup::new();
    let recording = setup.folder.path().join("incident.jsonl");
    let head = concat!(
        r#"{"headcount_recording":2,"at":0,"name":"scrape","throttle":{"ticker":{"interval":{"secs":5,"nanos":0}}},"#,
        r#""reload":"keep","guard":null,"seed":0}"#,
        "\n{\"at\":1,\"wh"
    );
    fs::write(&recording, head).expect("it can be written");
    let replay = |more: &[&str]| {
        outcome(
            setup.folder.path(),
            &[&["sim", "replay", "incident.jsonl"], more].concat(),
        )
    };
    let wrong = replay(&["--vary", "refresh=15s"]);
    assert!(wrong.starts_with("exit code 2\n"), "{wrong}");
    assert!(wrong.contains("only the throttle can be varied"), "{wrong}");
    let cut = replay(&[]);
    assert!(cut.starts_with("exit code 0\n"), "{cut}");
    assert!(cut.contains("the last line was cut off"), "{cut}");
}
