mod counted;
mod less;
mod story;

use std::path::Path;
use std::time::Duration;

use headcount_core::{Group, UpdateKind};
use headcount_discoverer::mechanism::Mechanism;
use headcount_discoverer::testing::{Collected, Received, World};

use super::*;

const INTERVAL: Duration = Duration::from_secs(300);

fn lists(files: &[&str]) -> Box<dyn Discoverer> {
    let settings = FileSd::new(files.iter().copied(), INTERVAL).expect("good settings");
    Arc::new(settings).discoverer()
}

struct Scene {
    world: World,
    collected: Collected,
    provider: headcount_core::ProviderId,
}

impl Scene {
    /// A discoverer of `/sd/*.json` and `/sd/*.yml`, which has read `files`.
    fn with(files: &[(&str, &str)]) -> Self {
        let mut world = World::new();
        for (path, text) in files {
            world.files.write(path, *text);
        }
        let provider = world.start(lists(&["/sd/*.json", "/sd/*.yml"]));
        let mut scene = Self {
            world,
            collected: Collected::default(),
            provider,
        };
        scene.settle();
        scene.world.files.take_reads();
        scene
    }

    fn settle(&mut self) -> Vec<Received> {
        self.run_for(Duration::ZERO)
    }

    fn run_for(&mut self, time: Duration) -> Vec<Received> {
        let received = self.world.run_for(time);
        self.collected.receive(&received);
        received
    }

    fn metric(&self, definition: Definition) -> Vec<(String, f64)> {
        let families = self.world.metrics.read();
        let samples = families
            .into_iter()
            .find(|(found, _)| *found == definition)
            .map(|(_, samples)| samples);
        let label = |labels: Vec<(&str, String)>| labels.into_iter().map(|(_, value)| value).collect::<String>();
        samples
            .unwrap_or_default()
            .into_iter()
            .map(|sample| (label(sample.labels), sample.value))
            .collect()
    }

    fn count(&self, definition: Definition) -> f64 {
        self.metric(definition)[0].1
    }
}

fn kinds(received: &[Received]) -> Vec<UpdateKind> {
    let updates = received.iter().filter_map(Received::update);
    updates.map(headcount_core::Update::kind).collect()
}

fn failures(received: &[Received]) -> Vec<&str> {
    received.iter().filter_map(Received::failure).collect()
}

/// What could not be got beside what is well.
fn missing(received: &[Received]) -> Vec<String> {
    let updates = received.iter().filter_map(Received::update);
    updates
        .filter_map(|update| update.missing().map(ToString::to_string))
        .collect()
}

/// Whoever watches that lists are still being written looks at this, and most of what is written is what was there.
#[test]
fn a_file_that_is_written_again_as_it_was_has_another_time() {
    let list = r#"[{"targets": ["a:1"]}]"#;
    let mut scene = Scene::with(&[("/sd/a.json", list), ("/sd/b.json", list)]);
    let before = scene.metric(MODIFIED);
    assert_eq!(before.len(), 2);
    scene.run_for(Duration::from_secs(60));
    assert_eq!(scene.metric(MODIFIED), before, "the time is the file's");
    scene.world.files.write("/sd/a.json", list);
    scene.run_for(Duration::from_secs(10));
    let moved = [(before[0].0.clone(), before[0].1 + 60.0), before[1].clone()];
    assert_eq!(scene.metric(MODIFIED), moved);
    // Also when nobody is told, at the latest when the interval is over.
    scene.world.files.write_silently("/sd/b.json", list);
    scene.run_for(INTERVAL * 2);
    assert!(scene.metric(MODIFIED)[1].1 > before[1].1);
    // A list that can't be read is not the one that was.
    let before = scene.metric(MODIFIED);
    scene.world.files.write("/sd/a.json", "[{");
    scene.run_for(Duration::from_secs(10));
    assert_eq!(scene.metric(MODIFIED)[0], before[0]);
}

#[test]
fn the_first_look_says_everything_at_once() {
    let mut world = World::new();
    world.files.write(
        "/sd/a.json",
        r#"[{"targets": ["a:1"], "labels": {"rack": "1"}}, {"targets": ["a:2"]}]"#,
    );
    world.files.write("/sd/b.yml", "- targets: [b:1]");
    world.files.write("/sd/c.txt", "not ours");
    let files = ["/sd/*.json", "/sd/b.yml", "/sd/a.json"];
    world.start(lists(&files));
    let received = world.settle();
    assert_eq!(received.len(), 1);
    assert_eq!(
        received[0].update().map(headcount_core::Update::kind),
        Some(UpdateKind::Full)
    );
    let mut collected = Collected::default();
    collected.receive(&received);
    assert_eq!(collected.sources(), ["/sd/a.json:0", "/sd/a.json:1", "/sd/b.yml:0"]);
    let labels = collected.group("/sd/a.json:0").expect("it is there").labels();
    assert_eq!(
        labels.iter().collect::<Vec<_>>(),
        [("__meta_filepath", "/sd/a.json"), ("rack", "1")]
    );
    assert_eq!(world.files.watches(), 1);
}

#[test]
fn no_file_is_an_empty_list() {
    let mut scene = Scene::with(&[("/sd/other", "")]);
    assert_eq!(scene.collected, Collected::default());
    scene.world.files.write("/sd/a.json", r#"[{"targets": ["a:1"]}]"#);
    scene.settle();
    assert_eq!(scene.collected.addresses(), ["a:1"]);
}

#[test]
fn a_change_is_told_at_once_and_costs_one_read() {
    let mut scene = Scene::with(&[
        ("/sd/a.json", r#"[{"targets": ["a:1"]}]"#),
        ("/sd/b.json", r#"[{"targets": ["b:1"]}]"#),
    ]);
    scene.world.files.write("/sd/a.json", r#"[{"targets": ["a:2"]}]"#);
    let received = scene.settle();
    assert_eq!(scene.collected.addresses(), ["a:2", "b:1"]);
    assert_eq!(received[0].update().map(|update| update.groups().len()), Some(1));
    assert_eq!(scene.world.files.take_reads(), [PathBuf::from("/sd/a.json")]);
}

#[test]
fn many_changes_that_come_together_are_one_update() {
    let mut scene = Scene::with(&[("/sd/a.json", "[]")]);
    for number in 0..100 {
        scene.world.files.write(
            format!("/sd/{number}.json"),
            format!(r#"[{{"targets": ["{number}:1"]}}]"#),
        );
    }
    assert_eq!(scene.settle().len(), 1);
    assert_eq!(scene.collected.addresses().len(), 100);
}

#[test]
fn the_same_bytes_again_change_nothing() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#)]);
    scene.world.files.write("/sd/a.json", r#"[{"targets": ["a:1"]}]"#);
    let received = scene.settle();
    assert!(
        received.len() == 1 && received[0].update().is_some_and(|update| update.groups().is_empty()),
        "{received:?}"
    );
}

#[test]
fn a_file_that_is_written_in_steps_is_taken_when_it_is_whole() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#)]);
    let whole = r#"[{"targets": ["a:2"]}, {"targets": ["a:3"]}]"#;
    for step in 0..=whole.len() {
        assert_eq!(scene.collected.addresses(), ["a:1"], "step {step}");
        scene.world.files.write("/sd/a.json", &whole[..step]);
        assert!(failures(&scene.run_for(Duration::from_millis(1))).is_empty());
    }
    assert_eq!(scene.collected.addresses(), ["a:2", "a:3"]);
}

#[test]
fn a_file_that_becomes_whole_untold_is_seen_soon() {
    let mut scene = Scene::with(&[("/sd/a.json", "[]")]);
    scene.world.files.write("/sd/a.json", r#"[{"targets": ["#);
    assert!(scene.settle().is_empty());
    scene
        .world
        .files
        .write_silently("/sd/a.json", r#"[{"targets": ["a:1"]}]"#);
    scene.run_for(SETTLE);
    assert_eq!(scene.collected.addresses(), ["a:1"]);
}

#[test]
fn a_yaml_file_that_is_written_in_steps_never_shows_less() {
    let mut scene = Scene::with(&[("/sd/a.yml", "- targets: [a:1]\n- targets: [a:2]\n")]);
    let whole = "- targets: [a:1]\n- targets: [a:2, a:3]\n- targets: [a:4]\n";
    for step in 0..whole.len() {
        scene.world.files.write("/sd/a.yml", &whole[..step]);
        scene.run_for(Duration::from_millis(5));
        let addresses = scene.collected.addresses();
        assert!(addresses.starts_with(&["a:1", "a:2"]), "step {step}: {addresses:?}");
    }
    scene.world.files.write("/sd/a.yml", whole);
    scene.settle();
    assert_eq!(scene.collected.addresses(), ["a:1", "a:2", "a:3", "a:4"]);
    // What is meant to be shorter counts after a moment.
    scene.world.files.write("/sd/a.yml", "");
    assert_eq!(scene.run_for(SETTLE_LESS - SETTLE).len(), 0);
    scene.run_for(SETTLE);
    assert_eq!(scene.collected.addresses(), Vec::<&str>::new());
}

#[test]
fn a_yaml_file_without_its_last_line_break_counts_when_it_stayed_so() {
    let mut scene = Scene::with(&[("/sd/a.yml", "- targets: [a:1]\n")]);
    scene
        .world
        .files
        .write("/sd/a.yml", "- targets: [a:1]\n- targets: [a:2]");
    scene.run_for(SETTLE / 2);
    assert_eq!(scene.collected.addresses(), ["a:1"], "half a name is often one, too");
    scene.run_for(SETTLE);
    assert_eq!(scene.collected.addresses(), ["a:1", "a:2"]);
}

#[test]
fn a_file_that_stays_broken_keeps_its_groups_and_is_reported_once() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#), ("/sd/b.json", "[]")]);
    scene.world.files.write("/sd/a.json", r#"[{"targets": [5]}]"#);
    let received = scene.run_for(Duration::from_secs(10));
    let expected = "/sd/a.json (decoding: entry 0: invalid type: integer `5`, expected a string at line 1 column 15)";
    assert_eq!(
        (missing(&received), failures(&received)),
        (vec![expected.to_owned()], vec![])
    );
    assert_eq!(
        (scene.collected.addresses(), scene.count(READ_ERRORS)),
        (vec!["a:1"], 1.0)
    );
    // Other files go on, and that they do well does not hide the one that is broken.
    scene.world.files.write("/sd/b.json", r#"[{"targets": ["b:1"]}]"#);
    let received = scene.settle();
    assert_eq!(scene.collected.addresses(), ["a:1", "b:1"]);
    assert_eq!(
        (received.len(), missing(&received)),
        (1, vec![expected.to_owned()]),
        "both in one"
    );
    assert_eq!(scene.count(READ_ERRORS), 1.0, "it was not read again");
    // A look that finds nothing new is no success either. At the interval it is reported again.
    scene.world.files.write("/sd/b.json", r#"[{"targets": ["b:1"]}]"#);
    assert_eq!(scene.settle().len(), 0);
    assert_eq!(missing(&scene.run_for(INTERVAL + Duration::from_secs(2))), [expected]);
    // Mended.
    scene.world.files.write("/sd/a.json", r#"[{"targets": ["a:5"]}]"#);
    assert_eq!(failures(&scene.settle()), [""; 0]);
    assert_eq!(scene.collected.addresses(), ["a:5", "b:1"]);
}

#[test]
fn a_broken_file_that_goes_untold_is_not_reported_for_ever() {
    let mut scene = Scene::with(&[("/sd/ok.json", r#"[{"targets": ["a:1"]}]"#)]);
    scene.world.files.write("/sd/bad.json", "[");
    assert_eq!(missing(&scene.run_for(Duration::from_secs(1))).len(), 1);
    scene.world.files.remove_silently("/sd/bad.json");
    scene.run_for(INTERVAL + Duration::from_secs(2));
    scene.world.files.write("/sd/ok.json", r#"[{"targets": ["a:2"]}]"#);
    let received = scene.settle();
    assert_eq!(
        (received.len(), missing(&received), failures(&received)),
        (1, vec![], vec![])
    );
}

#[test]
fn a_file_that_is_broken_from_the_start_is_reported_at_once_and_once() {
    let mut scene = Scene::with(&[("/sd/ok.json", r#"[{"targets": ["a:1"]}]"#)]);
    scene.world.stop(scene.provider);
    scene.world.files.write("/sd/bad.json", "[");
    let files = ["/sd/*.json"];
    scene.world.start(lists(&files));
    let received = scene.settle();
    assert_eq!(
        (received.len(), missing(&received)),
        (
            1,
            vec!["/sd/bad.json (decoding: EOF while parsing a list at line 1 column 1)".to_owned()]
        )
    );
    assert_eq!(scene.collected.addresses(), ["a:1"]);
    assert!(scene.run_for(Duration::from_secs(10)).is_empty());
    // B09: all there is was read only when it is mended.
    assert_eq!(kinds(&received), [UpdateKind::Partial]);
    scene.world.files.write("/sd/bad.json", r#"[{"targets": ["b:1"]}]"#);
    assert_eq!(kinds(&scene.settle()), [UpdateKind::Completing]);
    assert_eq!(scene.collected.addresses(), ["b:1", "a:1"]);
}

/// B13: what stays where something is put in front of it stays in the snapshot as it is.
#[test]
fn b13_groups_in_front_of_others_change_nothing_of_those() {
    let group = |host: usize| format!(r#"{{"targets": ["a:{host}"]}}"#);
    let list = |hosts: &[usize]| {
        format!(
            "[{}]",
            hosts.iter().map(|host| group(*host)).collect::<Vec<_>>().join(",")
        )
    };
    let mut scene = Scene::with(&[("/sd/a.json", &list(&[1, 2, 3]))]);
    scene.world.files.write("/sd/a.json", list(&[9, 1, 2, 3]));
    scene.settle();
    let address = |scene: &Scene, source: &str| {
        let group = scene.collected.group(source)?;
        Some(group.targets().next()?.get("__address__")?.to_owned())
    };
    for (number, host) in [1, 2, 3, 9].into_iter().enumerate() {
        let source = format!("/sd/a.json:{number}");
        assert_eq!(address(&scene, &source), Some(format!("a:{host}")));
    }
    scene.world.files.write("/sd/a.json", list(&[9, 3]));
    scene.settle();
    assert_eq!(scene.collected.sources(), ["/sd/a.json:2", "/sd/a.json:3"]);
}

/// The machine was out of descriptors, say: nobody tells when that is over.
#[test]
fn a_file_that_can_be_read_again_is_read_soon() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#)]);
    scene.world.files.make_unreadable("/sd/a.json", "too many open files");
    assert_eq!(failures(&scene.run_for(Duration::from_secs(5))).len(), 1);
    scene
        .world
        .files
        .write_silently("/sd/a.json", r#"[{"targets": ["a:2"]}]"#);
    let received = scene.run_for(Duration::from_secs(10));
    assert_eq!(
        (failures(&received), scene.collected.addresses()),
        (vec![], vec!["a:2"])
    );
}

#[test]
fn a_file_that_cannot_be_read_keeps_its_groups() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#)]);
    scene.world.files.make_unreadable("/sd/a.json", "permission denied");
    let received = scene.run_for(Duration::from_secs(1));
    assert_eq!(failures(&received), ["reading /sd/a.json: permission denied"]);
    assert_eq!(scene.collected.addresses(), ["a:1"]);
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#)]);
    scene.world.files.write("/sd/a.json", vec![0; 256 << 20 | 1]);
    let received = scene.run_for(Duration::from_secs(1));
    assert_eq!(
        failures(&received),
        ["reading /sd/a.json: larger than the limit of 268435456 bytes; more is read with --max-body-per-provider"]
    );
}

#[test]
fn a_file_that_is_gone_takes_its_groups_with_it() {
    let mut scene = Scene::with(&[
        ("/sd/a.json", r#"[{"targets": ["a:1"]}, {"targets": ["a:2"]}]"#),
        ("/sd/b.json", r#"[{"targets": ["b:1"]}]"#),
    ]);
    assert_eq!(scene.metric(MODIFIED).len(), 2);
    scene.world.files.remove("/sd/a.json");
    assert!(scene.run_for(SETTLE_LESS - SETTLE).is_empty());
    scene.run_for(SETTLE * 2);
    assert_eq!(scene.collected.addresses(), ["b:1"]);
    assert_eq!(scene.metric(MODIFIED), [("/sd/b.json".to_owned(), 1_767_225_600.0)]);
    scene.world.stop(scene.provider);
    assert_eq!(scene.metric(MODIFIED), []);
}

/// B09: what is named outright has to be there, and a folder too; a pattern may match nothing.
#[test]
fn a_file_that_is_named_and_missing_is_a_failure_until_it_comes() {
    let mut world = World::new();
    world.files.write("/sd/other", "");
    world.start(lists(&["/sd/a.json", "/sd/*.yml"]));
    let received = world.run_for(Duration::from_secs(10));
    assert_eq!(failures(&received), ["reading /sd/a.json: there is no such file"]);
    let received = world.run_for(INTERVAL);
    assert_eq!(
        (received.len(), failures(&received).len()),
        (1, 1),
        "it goes on failing, and is said once an interval"
    );
    world.files.write("/sd/b.yml", "- targets: [b:1]\n");
    let received = world.run_for(SETTLE);
    assert_eq!(
        missing(&received),
        ["/sd/a.json (reading: there is no such file)"],
        "another list does not mend it"
    );
    world.files.write("/sd/a.json", r#"[{"targets": ["a:1"]}]"#);
    let mut collected = Collected::default();
    let received = world.run_for(SETTLE);
    collected.receive(&received);
    assert_eq!((failures(&received), collected.addresses()), (vec![], vec!["a:1"]));
    // Gone again, it keeps its groups, as one that can't be read does, and that is said.
    world.files.remove("/sd/a.json");
    let received = world.run_for(INTERVAL * 2);
    collected.receive(&received);
    assert_eq!(collected.addresses(), ["a:1"]);
    let said = "/sd/a.json (reading: there is no such file; what it had stays until it is there, and may say `[]`)";
    assert_eq!(missing(&received).first().map(String::as_str), Some(said));
    world.files.write("/sd/a.json", "[]");
    collected.receive(&world.run_for(SETTLE_LESS + SETTLE));
    assert_eq!(collected.addresses(), Vec::<&str>::new());
}

/// B11: who removes a list and generates it anew takes a while for it.
#[test]
fn b11_a_list_that_is_removed_and_made_anew_is_never_gone() {
    for others in [&[][..], &[("/sd/b.json", r#"[{"targets": ["b:1"]}]"#)]] {
        let mut files = vec![("/sd/a.yml", "- targets: [a:1, a:2]\n")];
        files.extend(others);
        let mut scene = Scene::with(&files);
        let before = scene.collected.addresses().len();
        scene.world.files.remove("/sd/a.yml");
        assert!(scene.run_for(Duration::from_secs(3)).is_empty());
        for text in ["", "- targets: [a:1]\n"] {
            scene.world.files.write("/sd/a.yml", text);
            assert!(scene.run_for(Duration::from_secs(1)).is_empty(), "{text:?}");
        }
        scene.world.files.write("/sd/a.yml", "- targets: [a:1, a:2, a:3]\n");
        scene.run_for(SETTLE_LESS * 2);
        assert_eq!(scene.collected.addresses().len(), before + 1);
    }
}

/// B04: with `max_stale` what a source has is dropped when it fails for long, and one list of many that is broken must not
/// take the others with it.
#[test]
fn b04_a_source_with_a_list_that_is_well_does_not_fail() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#), ("/sd/b.json", "[]")]);
    scene.world.files.write("/sd/a.json", "[");
    let received = scene.run_for(INTERVAL * 3);
    assert!(missing(&received).len() > 1, "it is said again and again");
    assert_eq!(failures(&received), [""; 0]);
    scene.world.files.write("/sd/b.json", "[");
    let received = scene.run_for(INTERVAL * 2);
    assert!(failures(&received).len() > 1, "none is well any more: {received:?}");
    assert_eq!(scene.collected.addresses(), ["a:1"]);
}

#[test]
fn a_folder_that_is_missing_is_a_failure_until_it_comes() {
    let mut world = World::new();
    world.start(lists(&["/later/*.json"]));
    let received = world.run_for(INTERVAL * 2);
    let first = failures(&received)[0];
    assert!(first.starts_with("the folder /later is not there"), "{first}");
    assert_eq!(kinds(&received), []);
    world.files.write("/later/other", "");
    let received = world.run_for(Duration::from_secs(16));
    assert!(failures(&received).is_empty());
    assert_eq!(kinds(&received), [UpdateKind::Completing], "all is well");
}

#[test]
fn an_editor_that_replaces_a_file_leaves_no_gap() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#)]);
    scene.world.files.remove("/sd/a.json");
    assert!(scene.run_for(SETTLE / 2).is_empty());
    scene.world.files.write("/sd/a.json", r#"[{"targets": ["a:2"]}]"#);
    let received = scene.run_for(SETTLE * 4);
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(scene.collected.addresses(), ["a:2"]);
}

#[test]
fn a_list_that_is_shorter_drops_what_it_no_longer_has() {
    let mut scene = Scene::with(&[(
        "/sd/a.json",
        r#"[{"targets": ["a:1"]}, {"targets": ["a:2"]}, {"targets": ["a:3"]}]"#,
    )]);
    scene.world.files.write("/sd/a.json", r#"[{"targets": ["a:3"]}]"#);
    scene.settle();
    assert_eq!(scene.collected.sources(), ["/sd/a.json:2"]);
    assert_eq!(scene.collected.addresses(), ["a:3"]);
}

#[test]
fn without_notification_the_interval_sees_everything() {
    let mut scene = Scene::with(&[
        ("/sd/a.json", r#"[{"targets": ["a:1"]}]"#),
        ("/sd/b.json", r#"[{"targets": ["b:1"]}]"#),
    ]);
    scene
        .world
        .files
        .write_silently("/sd/a.json", r#"[{"targets": ["a:2"]}]"#);
    scene
        .world
        .files
        .write_silently("/sd/c.json", r#"[{"targets": ["c:1"]}]"#);
    scene.run_for(INTERVAL);
    assert_eq!(scene.collected.addresses(), ["a:2", "b:1", "c:1"]);
}

#[test]
fn what_cannot_be_watched_is_said_once_and_read_at_the_interval() {
    let mut world = World::new();
    world.files.write("/sd/a.json", r#"[{"targets": ["a:1"]}]"#);
    let files = ["/sd/*.json", "/later/*.json"];
    world.start(lists(&files));
    let received = world.run_for(INTERVAL * 3);
    let expected = "the folder /later (is not there), changes (watching for: /later: no such file; the files there are read \
                    every 300s instead, and when a folder that was missing comes)";
    let told = missing(&received);
    assert!(told.len() > 1 && told.iter().all(|told| told == expected), "{told:?}");
    assert_eq!(failures(&received).len(), 0);
    let groups = received[0].update().map_or(0, |update| update.groups().len());
    assert_eq!(groups, 1, "what was found comes with it");
    // The other folder is watched all the same.
    world.files.write("/sd/a.json", r#"[{"targets": ["a:2"]}]"#);
    let received = world.settle();
    assert_eq!(
        (received.len(), missing(&received)),
        (1, vec![expected.to_owned()]),
        "the folder is still missing"
    );
    // The folder comes: that is seen soon, and it is watched from then on.
    world.files.write("/later/b.json", r#"[{"targets": ["b:1"]}]"#);
    let mut collected = Collected::default();
    collected.receive(&world.run_for(Duration::from_secs(16)));
    assert_eq!(collected.addresses(), ["b:1"]);
    world.files.write("/later/b.json", r#"[{"targets": ["b:2"]}]"#);
    collected.receive(&world.settle());
    assert_eq!((collected.addresses(), world.files.watches()), (vec!["b:2"], 1));
}

#[test]
fn a_watch_that_breaks_is_started_again_and_nothing_is_missed() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#)]);
    for round in 2..10 {
        scene
            .world
            .files
            .write_silently("/sd/a.json", format!(r#"[{{"targets": ["a:{round}"]}}]"#));
        scene.world.files.break_watches("queue overflow");
        scene.settle();
        // After a few times it rests until the interval is over.
        let seen = format!("a:{}", round.min(5));
        assert_eq!(scene.collected.addresses(), [seen.as_str()]);
    }
    assert_eq!((scene.count(WATCHER_ERRORS), scene.world.files.watches()), (4.0, 0));
    scene.run_for(INTERVAL);
    assert_eq!(
        (scene.collected.addresses(), scene.world.files.watches()),
        (vec!["a:9"], 1)
    );
}

#[test]
fn files_behind_a_link_that_moves_are_seen_at_once() {
    let mut world = World::new();
    world.files.write("/sd/..1/a.json", r#"[{"targets": ["a:1"]}]"#);
    world.files.write("/sd/..2/a.json", r#"[{"targets": ["a:2"]}]"#);
    world.files.link("/sd/..data", "..1");
    world.files.link("/sd/a.json", "..data/a.json");
    let files = ["/sd/*.json"];
    world.start(lists(&files));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["a:1"]);
    world.files.link("/sd/..data", "..2");
    collected.receive(&world.settle());
    assert_eq!(
        (collected.addresses(), collected.sources()),
        (vec!["a:2"], vec!["/sd/a.json:0"])
    );
    // A file that is none of ours costs nothing.
    world.files.take_reads();
    world.files.write("/sd/.a.json.swp", "x");
    assert!(world.settle().is_empty() && world.files.take_reads().is_empty());
}

#[test]
fn who_asks_has_everything_read_though_nothing_told_of_a_change() {
    let mut scene = Scene::with(&[("/sd/a.json", r#"[{"targets": ["a:1"]}]"#)]);
    scene
        .world
        .files
        .write_silently("/sd/a.json", r#"[{"targets": ["b:1"]}]"#);
    assert!(scene.run_for(Duration::from_secs(30)).is_empty());
    let request = scene.world.ask(scene.provider);
    let received = scene.settle();
    assert_eq!(kinds(&received), [UpdateKind::Delta]);
    assert_eq!(received.last().and_then(Received::answered), Some(request));
    assert_eq!(scene.collected.addresses(), ["b:1"]);
    // Also when there is nothing to report.
    scene.world.files.write_silently("/sd/a.json", "{");
    scene.run_for(Duration::from_secs(30));
    let request = scene.world.ask(scene.provider);
    assert_eq!(scene.settle().last().and_then(Received::answered), Some(request));
}

#[test]
fn what_stands_behind_a_list_is_warned_of_once() {
    let mut scene = Scene::with(&[("/sd/a.yml", "- targets: [a:1]\n")]);
    let mut warnings = |text: &str| {
        scene.world.files.write("/sd/a.yml", text);
        let received = scene.run_for(INTERVAL);
        assert!(received.iter().all(|received| received.failure().is_none()), "{text:?}");
        received
            .iter()
            .filter_map(Received::warning)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let second = "- targets: [a:1]\n---\n- targets: [b:1]\n";
    insta::assert_snapshot!(warnings(second).join("\n"), @"/sd/a.yml:3: from here on nothing is read, as in Prometheus, for the list ends before; remove it, or move it into the list");
    assert_eq!(
        warnings("- targets: [c:1]\n---\n- targets: [b:1]\n"),
        [""; 0],
        "it was said"
    );
    assert_eq!(warnings("- targets: [c:1]\n"), [""; 0], "it is gone");
    assert_eq!(warnings(second).len(), 1, "it is there again");
    assert_eq!(scene.collected.addresses(), ["a:1"]);
}
