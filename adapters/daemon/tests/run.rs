//! `headcount run`, as a process: what is discovered comes out again, over HTTP and in files.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Daemon, Setup, Upstream, headcount, replace, wait_until};

#[test]
fn a_change_of_a_file_is_served_within_a_second() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    let first = daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    assert_eq!(first.header("content-type"), Some("application/json"));
    let path = setup.targets.display().to_string();
    assert_eq!(
        first.json(),
        json!([{"targets": ["a:9100"], "labels": {"rack": "1", "__meta_filepath": path}}])
    );

    let changed = Instant::now();
    replace(&setup.targets, r#"[{"targets": ["a:9100", "b:9100"]}]"#);
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    assert!(changed.elapsed() < Duration::from_secs(1), "{:?}", changed.elapsed());

    fs::write(&setup.targets, "[{\"targets\": [").expect("half-written");
    daemon.logged("the failure", |entry| {
        entry["error"]
            .as_str()
            .filter(|error| error.contains("targets.json"))
            .map(drop)
    });
    assert!(
        daemon.get("/sd/node").text().contains("b:9100"),
        "an unreadable file takes nothing away"
    );
    let failing = |entry: &serde_json::Value| {
        entry["message"] == "discovery fails; what was found before is kept, unless it is known to be gone"
    };
    assert_eq!(daemon.log_count(failing), 1);

    fs::remove_file(&setup.targets).expect("removed");
    daemon.wait_for("/sd/node", |list| list == "[]");
}

#[test]
fn lists_have_tags_and_are_compressed_for_who_asks() {
    let setup = Setup::new();
    let many: Vec<_> = (0..500).map(|number| format!("\"host-{number}:9100\"")).collect();
    fs::write(&setup.targets, format!("[{{\"targets\": [{}]}}]", many.join(","))).expect("written");
    let daemon = setup.start(&[]);
    let plain = daemon.wait_for("/sd/node", |list| list.contains("host-499:9100"));
    let tag = plain.header("etag").expect("a tag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'));

    let known = daemon.request("GET", "/sd/node", &[("If-None-Match", &tag)]);
    assert_eq!(
        (known.status, known.body.len(), known.header("etag")),
        (304, 0, Some(tag.as_str()))
    );
    let other = daemon.request("GET", "/sd/node", &[("If-None-Match", "\"other\"")]);
    assert_eq!((other.status, &other.body), (200, &plain.body));

    let compressed = daemon.request("GET", "/sd/node", &[("Accept-Encoding", "gzip")]);
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_ne!(compressed.header("etag"), Some(tag.as_str()));
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(&*compressed.body)
        .read_to_end(&mut body)
        .expect("gzip");
    assert_eq!(body, plain.body);

    let head = daemon.request("HEAD", "/sd/node", &[]);
    assert_eq!(
        (head.status, head.body.len(), head.header("etag")),
        (200, 0, Some(tag.as_str()))
    );

    // The same content has the same tag after a restart.
    drop(daemon);
    let daemon = setup.start(&[]);
    let again = daemon.wait_for("/sd/node", |list| list.contains("host-499:9100"));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
}

#[test]
fn lists_after_relabelling_follow_targets_and_rules() {
    let setup = Setup::new();
    let config = "scrape_configs: [{job_name: node, file_sd_configs: [{files: ['targets.json']}], \
                  relabel_configs: [{source_labels: [__address__], regex: 'b:.*', action: drop}, \
                  {source_labels: [rack], target_label: place}]}]";
    fs::write(&setup.config, config).expect("written");
    fs::write(
        &setup.targets,
        r#"[{"targets": ["a:1", "b:1"], "labels": {"rack": "1"}}]"#,
    )
    .expect("written");
    let output = setup.folder.path().join("out");
    let daemon = setup.start(&["--file-sd-dir", output.to_str().expect("UTF-8"), "--file-sd-relabelled"]);
    let path = "/sd/node?relabelled=true";
    let first = daemon.wait_for(path, |list| list.contains("a:1"));
    let list = first.json();
    let (targets, labels) = (&list[0]["targets"], &list[0]["labels"]);
    assert_eq!((targets, list.as_array().map(Vec::len)), (&json!(["a:1"]), Some(1)));
    assert_eq!((&labels["place"], &labels["instance"]), (&json!("1"), &json!("a:1")));
    assert_eq!(labels["__scrape_interval__"], "1m");
    let tag = first.header("etag").expect("a tag").to_owned();
    assert_eq!(daemon.request("GET", path, &[("If-None-Match", &tag)]).status, 304);
    assert!(
        daemon.get("/sd/node").text().contains("b:1"),
        "the other list is as it was"
    );
    assert_eq!(
        daemon.get("/sd/node?relabelled=false").body,
        daemon.get("/sd/node").body
    );
    assert_eq!(daemon.get("/sd/node?relabelled=perhaps").status, 400);
    let file = || fs::read(output.join("node.json")).ok();
    wait_until("the file", || file().filter(|written| *written == first.body));

    // A target that is dropped changes what is discovered, and not what is scraped.
    replace(
        &setup.targets,
        r#"[{"targets": ["a:1", "b:1", "b:2"], "labels": {"rack": "1"}}]"#,
    );
    daemon.wait_for("/api/v1/targets", |body| body.contains("b:2"));
    assert_eq!(daemon.request("GET", path, &[("If-None-Match", &tag)]).status, 304);

    fs::write(&setup.config, config.replace("b:.*", "a:.*")).expect("written");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    let second = daemon.get(path);
    assert!(
        second.text().contains("b:2") && !second.text().contains("a:1"),
        "{}",
        second.text()
    );
    wait_until("the file", || file().filter(|written| *written == second.body));
}

#[test]
fn a_list_is_not_served_before_every_provider_was_read_whole() {
    let setup = Setup::new();
    let upstream = Upstream::start(500, "not now");
    let config = format!(
        "scrape_configs: [{{job_name: a b/c, file_sd_configs: [{{files: ['targets.json']}}], \
         http_sd_configs: [{{url: '{}', refresh_interval: 100ms}}]}}]",
        upstream.url
    );
    fs::write(&setup.config, config).expect("written");
    let output = setup.folder.path().join("out");
    let daemon = setup.start(&["--file-sd-dir", output.to_str().expect("UTF-8")]);

    wait_until("the failure to be said", || {
        let answer = daemon.get("/sd/a%20b%2Fc");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        answer.json()["waiting_for"][0]["last_error"]
            .as_str()
            .filter(|error| error.contains("500"))
            .map(drop)
    });
    // Ready means that everything was asked, and that this can be seen.
    daemon.wait_for("/-/ready", |_| true);
    assert!(!output.join("a%20b%2Fc.json").exists());

    upstream.answer(200, r#"[{"targets": ["h:1"], "labels": {"__meta_dc": "x"}}]"#);
    let list = daemon.wait_for("/sd/a%20b%2Fc", |_| true).text();
    assert!(
        list.contains("a:9100") && list.contains("h:1") && list.contains("__meta_dc"),
        "{list}"
    );
    assert_eq!(daemon.get("/sd/a b/c".replace(' ', "%20").as_str()).text(), list);
    wait_until("the file", || {
        fs::read_to_string(output.join("a%20b%2Fc.json"))
            .ok()
            .filter(|written| *written == list)
    });

    // A server that dies takes nothing away.
    upstream.answer(500, "down");
    daemon.logged("the failure", |entry| {
        (entry["message"] == "discovery fails; what was found before is kept, unless it is known to be gone"
            && entry["provider"].as_str().is_some_and(|name| name.starts_with("http/")))
        .then_some(())
    });
    assert_eq!(daemon.get("/sd/a%20b%2Fc").text(), list);
}

#[test]
fn an_empty_answer_is_an_answer() {
    let setup = Setup::new();
    let upstream = Upstream::start(200, "[]");
    let config = format!(
        "scrape_configs: [{{job_name: none, http_sd_configs: [{{url: '{}'}}]}}]",
        upstream.url
    );
    fs::write(&setup.config, config).expect("written");
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/none", |list| list == "[]");
}

#[test]
fn a_slow_client_holds_up_nobody() {
    let setup = Setup::new();
    let daemon = setup.start(&[]);
    daemon.wait_for("/sd/node", |list| list.contains("a:9100"));
    let address = daemon.logged("the address", |entry| entry["address"].as_str().map(str::to_owned));
    let mut slow: Vec<_> = (0..50)
        .map(|_| TcpStream::connect(&address).expect("accepted"))
        .collect();
    for stream in &mut slow {
        stream
            .write_all(b"GET /sd/node HTTP/1.1\r\nHost: localhost\r\n")
            .expect("half a request");
    }
    let asked = Instant::now();
    assert_eq!(daemon.get("/sd/node").status, 200);
    assert!(asked.elapsed() < Duration::from_secs(1));

    // A head without an end is refused, not stored. The refusal may be lost when the rest is cut off.
    let mut endless = TcpStream::connect(&address).expect("accepted");
    endless.write_all(b"GET / HTTP/1.1\r\nX: ").expect("a beginning");
    let piece = [b'x'; 4096];
    let taken = (0..100_000).take_while(|_| endless.write_all(&piece).is_ok()).count();
    assert!(taken < 100_000, "400 MB of headers were taken");
    assert_eq!(daemon.get("/sd/node").status, 200);
}

#[test]
fn files_follow_jobs() {
    let setup = Setup::new();
    let output = setup.folder.path().join("out");
    let options = ["--file-sd-dir", output.to_str().expect("UTF-8")];
    let daemon = setup.start(&options);
    let file = output.join("node.json");
    wait_until("the file", || {
        fs::read_to_string(&file).ok().filter(|list| list.contains("a:9100"))
    });
    fs::write(output.join("theirs.json"), "[]").expect("written");

    replace(&setup.targets, r#"[{"targets": ["b:9100"]}]"#);
    wait_until("the change", || {
        fs::read_to_string(&file).ok().filter(|list| list.contains("b:9100"))
    });
    let written = fs::metadata(&file).and_then(|file| file.modified()).expect("a time");

    // Another daemon finds the content as it is, and removes what the first one wrote.
    drop(daemon);
    let daemon = setup.start(&options);
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    assert_eq!(
        fs::metadata(&file).and_then(|file| file.modified()).expect("a time"),
        written
    );
    fs::write(
        &setup.config,
        "scrape_configs: [{job_name: other, static_configs: [{targets: ['s:1']}]}]",
    )
    .expect("written");
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    wait_until("the other file", || fs::read_to_string(output.join("other.json")).ok());
    wait_until("the file to go", || (!file.exists()).then_some(()));
    assert!(output.join("theirs.json").exists());
}

#[test]
fn a_folder_that_was_removed_is_filled_again() {
    let setup = Setup::new();
    fs::write(
        &setup.config,
        "scrape_configs: [{job_name: node, file_sd_configs: [{files: ['targets*.json']}]}, \
         {job_name: fixed, static_configs: [{targets: ['s:1']}]}]",
    )
    .expect("written");
    let output = setup.folder.path().join("out");
    let daemon = setup.start(&["--file-sd-dir", output.to_str().expect("UTF-8")]);
    let written = |name: &str, target: &str| {
        let list = fs::read_to_string(output.join(name)).ok();
        list.filter(|list| list.contains(target)).map(drop)
    };
    wait_until("the files", || {
        written("node.json", "a:9100").and(written("fixed.json", "s:1"))
    });
    fs::remove_dir_all(&output).expect("removed");
    replace(&setup.targets, r#"[{"targets": ["b:9100"]}]"#);
    daemon.wait_for("/sd/node", |list| list.contains("b:9100"));
    wait_until("the change", || written("node.json", "b:9100"));
    wait_until("the file that did not change", || written("fixed.json", "s:1"));
}

/// The README's way to call it: the configuration and its lists by what they are called where it was started.
#[test]
fn a_list_that_is_called_by_a_relative_path_is_followed() {
    for (config, files) in [
        ("prometheus.yml", "a.json"),
        ("./prometheus.yml", "*.json"),
        ("prometheus.yml", "lists/*.json"),
        ("conf/prometheus.yml", "../lists/a.json"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["lists", "conf"] {
            std::fs::create_dir(folder.path().join(name)).expect("made");
        }
        let list = folder.path().join(if files.contains("lists/") {
            "lists/a.json"
        } else {
            "a.json"
        });
        let write =
            |address: &str| std::fs::write(&list, format!(r#"[{{"targets": ["{address}"]}}]"#)).expect("written");
        write("127.0.0.1:1");
        // The interval is far away: what is there soon was told of.
        let text = format!(
            "scrape_configs: [{{job_name: a, file_sd_configs: [{{files: ['{files}'], refresh_interval: 1d}}]}}]"
        );
        std::fs::write(folder.path().join(config), text).expect("written");
        let mut command = headcount();
        command.current_dir(folder.path());
        let daemon = Daemon::launch(command, &["--config", config, "--throttle", "backoff:0..100ms"]);
        daemon.wait_for("/sd/a", |list| list.contains("127.0.0.1:1"));
        write("127.0.0.1:2");
        daemon.wait_for("/sd/a", |list| list.contains("127.0.0.1:2"));
    }
}
