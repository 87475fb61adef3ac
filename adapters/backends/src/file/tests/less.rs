//! Less than there was, and what is made of it (B09, B11).

use super::*;

/// B11: a list that says nothing any more may have been emptied by a writer who fills it in a moment.
#[test]
fn b11_a_list_without_targets_is_looked_at_twice_in_every_format() {
    for (path, full, empty) in [
        ("/sd/a.json", r#"[{"targets": ["a:1"]}]"#, "[]"),
        ("/sd/a.json", r#"[{"targets": ["a:1"]}]"#, "null"),
        ("/sd/a.json", r#"[{"targets": ["a:1"]}]"#, r#"[{"targets": []}]"#),
        ("/sd/a.yml", "- targets: [a:1]\n", "[]\n"),
    ] {
        let mut scene = Scene::with(&[(path, full)]);
        scene.world.files.write(path, empty);
        assert!(scene.run_for(SETTLE_LESS - SETTLE).is_empty(), "{empty}");
        scene.world.files.write(path, full);
        scene.run_for(SETTLE_LESS * 4);
        assert_eq!(scene.collected.addresses(), ["a:1"], "{empty}");
        scene.world.files.write(path, empty);
        scene.run_for(SETTLE_LESS);
        assert_eq!(scene.collected.addresses(), Vec::<&str>::new(), "{empty}");
    }
}

/// B11: `generate > t.yml` empties the file first, and writes it line by line.
#[test]
fn b11_a_list_that_is_written_slowly_never_shows_less() {
    let whole: Vec<_> = (0..20).map(|host| format!("- targets: [a:{host}]\n")).collect();
    let mut scene = Scene::with(&[("/sd/a.yml", &whole.concat())]);
    let all: Vec<_> = scene.collected.addresses().into_iter().map(str::to_owned).collect();
    for lines in 0..=whole.len() {
        scene.world.files.write("/sd/a.yml", whole[..lines].concat());
        scene.run_for(Duration::from_millis(1_400));
        assert_eq!(scene.collected.addresses(), all, "{lines} lines");
    }
}

/// B11: a file in which nothing was written says nothing, at the start as well; `[]` does.
#[test]
fn b11_a_file_in_which_nothing_is_written_is_looked_at_twice_at_the_start() {
    for (path, blank, list) in [
        ("/sd/a.yml", "", "[]\n"),
        ("/sd/a.yml", "# not yet\n", "[]\n"),
        ("/sd/a.json", "null", "[]"),
    ] {
        for (text, wait) in [(blank, SETTLE_LESS), (list, Duration::ZERO)] {
            let mut world = World::new();
            world.files.write(path, text);
            world.start(lists(&["/sd/*.json", "/sd/*.yml"]));
            let early = world.run_for(SETTLE_LESS - SETTLE);
            assert_eq!(early.is_empty(), !wait.is_zero(), "{text:?}");
            let late = world.run_for(SETTLE);
            assert_eq!(early.len() + late.len(), 1, "{text:?}");
        }
    }
}

/// B11: who unmounts a folder, or has not mounted it yet, does not mean that its targets are gone.
#[test]
fn b11_lists_that_are_gone_with_their_folder_are_kept() {
    let list = r#"[{"targets": ["a:1"]}]"#;
    let mut scene = Scene::with(&[("/sd/a.json", list), ("/sd/b.json", "[]")]);
    scene.world.files.remove_folder("/sd");
    let received = scene.run_for(Duration::from_secs(10));
    assert!(!failures(&received).is_empty());
    assert!(
        failures(&received)
            .iter()
            .all(|failure| *failure == "the folder /sd is not there"),
        "{received:?}"
    );
    assert_eq!(scene.collected.addresses(), ["a:1"]);
    scene.run_for(INTERVAL * 2);
    assert_eq!(scene.collected.addresses(), ["a:1"]);
    // It comes back, with what it had and without.
    scene.world.files.write("/sd/b.json", "[]");
    let received = scene.run_for(Duration::from_secs(16));
    assert_eq!((failures(&received), scene.collected.addresses()), (vec![], vec![]));
}

/// B09, B11: a link says that there is a list, wherever it leads.
#[test]
fn b09_a_link_to_a_file_that_is_not_there_is_a_failure() {
    let mut scene = Scene::with(&[("/store/l.json", r#"[{"targets": ["a:1"]}]"#), ("/sd/other", "")]);
    scene.world.files.link("/sd/l.json", "/store/l.json");
    scene.settle();
    assert_eq!(scene.collected.addresses(), ["a:1"]);
    scene.world.files.remove_folder("/store");
    scene.world.files.tell(Path::new("/sd/l.json"));
    let message = "reading /sd/l.json: it is a link to a file that is not there";
    assert_eq!(failures(&scene.run_for(Duration::from_secs(5))), [message]);
    assert_eq!(scene.collected.addresses(), ["a:1"]);
    scene.world.stop(scene.provider);
    scene.world.start(lists(&["/sd/*.json"]));
    let received = scene.run_for(Duration::from_secs(1));
    assert_eq!(
        (failures(&received), kinds(&received)),
        (vec![message], vec![]),
        "nor is it whole at the start"
    );
    scene.world.files.write("/store/l.json", r#"[{"targets": ["a:2"]}]"#);
    scene.run_for(Duration::from_secs(15));
    assert_eq!(scene.collected.addresses(), ["a:2"]);
}

/// Folders that a pattern means come and go, and B09 asks for none of them.
#[test]
fn lists_are_gone_with_a_folder_that_a_pattern_meant() {
    let mut world = World::new();
    for team in ["a", "b"] {
        let list = format!(r#"[{{"targets": ["{team}:1"]}}]"#);
        world.files.write(format!("/team-{team}/t.json"), list);
    }
    world.start(lists(&["/team-?/t.json"]));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["a:1", "b:1"]);
    world.files.remove_folder("/team-b");
    let received = world.run_for(INTERVAL * 2);
    collected.receive(&received);
    assert_eq!((failures(&received), collected.addresses()), (vec![], vec!["a:1"]));
}

/// What a discoverer before this one has found, as the manager keeps it.
fn found_before(files: &[(&str, &str)]) -> Vec<Group> {
    let mut world = World::new();
    for (path, text) in files {
        world.files.write(path, *text);
    }
    world.start(lists(&["/sd/*.json", "/sd/*.yml"]));
    let received = world.settle();
    let updates = received.iter().filter_map(Received::update);
    updates.flat_map(|update| update.groups().to_vec()).collect()
}

/// A list of one target.
fn list(address: &str) -> String {
    format!(r#"[{{"targets": ["{address}"]}}]"#)
}

/// B11: what is left where something was mounted is an empty folder.
#[test]
fn b11_lists_that_are_gone_with_what_was_mounted_are_kept() {
    let files = [("/sd/a.json", &*list("a:1")), ("/sd/b.json", &*list("b:1"))];
    let mut scene = Scene::with(&files);
    scene.world.files.remove_folder("/sd");
    scene.world.files.make_folder("/sd");
    let received = scene.run_for(INTERVAL * 2);
    assert!(
        failures(&received)[0].contains("is not known to be the one that they were in: mount"),
        "{received:?}"
    );
    assert_eq!(scene.collected.addresses(), ["a:1", "b:1"]);
    // An empty list says that there is none.
    scene.world.files.write("/sd/none.json", "[]");
    let received = scene.run_for(Duration::from_secs(25));
    assert_eq!((failures(&received), scene.collected.addresses()), (vec![], vec![]));
}

/// Who takes the lists out of the folder that is there means it.
#[test]
fn lists_that_are_taken_out_of_a_folder_are_gone() {
    let mut scene = Scene::with(&[("/sd/a.json", &*list("a:1"))]);
    scene.world.files.remove("/sd/a.json");
    let received = scene.run_for(SETTLE_LESS + SETTLE);
    assert_eq!((failures(&received), scene.collected.addresses()), (vec![], vec![]));
}

/// Also lists that came since everything was last read, and before which there were none.
#[test]
fn lists_that_came_later_and_are_taken_out_are_gone() {
    let mut scene = Scene::with(&[("/sd/other", "")]);
    scene.world.files.write("/sd/a.json", list("a:1"));
    scene.settle();
    assert_eq!(scene.collected.addresses(), ["a:1"]);
    scene.world.files.remove("/sd/a.json");
    let received = scene.run_for(SETTLE_LESS + SETTLE);
    assert_eq!((failures(&received), scene.collected.addresses()), (vec![], vec![]));
}

/// B11: a folder that was made anew is filled one list after the other.
#[test]
fn b11_lists_of_a_folder_that_is_made_anew_are_waited_for_as_long_as_others_come() {
    let names: Vec<String> = (0..10).map(|number| format!("/sd/{number}.json")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.clone(), list(name))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let mut scene = Scene::with(&files);
    scene.world.files.remove_folder("/sd");
    scene.world.files.write("/sd/new.json", list("new"));
    let all = |scene: &Scene| {
        names
            .iter()
            .filter(|name| scene.collected.addresses().contains(&&***name))
            .count()
    };
    scene.run_for(Duration::from_secs(4));
    assert_eq!(all(&scene), 10);
    for (name, text) in files.iter().take(9) {
        scene.world.files.write(name, *text);
        scene.world.files.write(format!("{name}.other.json"), "[]");
        scene.run_for(Duration::from_secs(4));
        assert_eq!(all(&scene), 10, "{name}");
    }
    scene.run_for(SETTLE_LESS * 2);
    assert_eq!(all(&scene), 9, "the last did not come");
}

/// B11: what was there before a restart, or before the settings were changed, is doubted like what this one has read.
#[test]
fn b11_what_was_found_before_is_not_forgotten_at_the_first_look() {
    let yaml = "- targets: [y:1]\n- targets: [y:2]\n";
    let before = [
        ("/sd/a.json", &*list("a:1")),
        ("/sd/b.yml", yaml),
        ("/else/c.json", "[]"),
    ];
    for (path, now) in [
        ("/sd/a.json", "[]"),
        ("/sd/b.yml", ""),
        ("/sd/b.yml", "- targets: [y:1]\n"),
    ] {
        let mut world = World::new();
        for (path, text) in before {
            world.files.write(path, text);
        }
        world.files.write(path, now);
        world.start_after(found_before(&before), lists(&["/sd/*.json", "/sd/*.yml"]));
        let early = world.run_for(SETTLE_LESS - SETTLE);
        let kinds = |received: &[Received]| kinds(received);
        assert_eq!(
            kinds(&early),
            [UpdateKind::Delta],
            "{now:?}: of the other file, and not everything"
        );
        let named = early
            .iter()
            .filter_map(Received::update)
            .flat_map(headcount_core::Update::groups);
        assert!(
            named.into_iter().all(|group| !group.source().starts_with(path)),
            "{now:?}"
        );
        assert_eq!(kinds(&world.run_for(SETTLE)), [UpdateKind::Completing], "{now:?}");
    }
}

/// B09: while one file is to be looked at again, a change of another does not make all of it whole: what was restored and is
/// in none of the updates until then would be gone.
#[test]
fn b09_a_change_of_another_file_does_not_end_the_doubt() {
    let yaml = "- targets: [y:1]\n- targets: [y:2]\n";
    let before = [("/sd/a.json", &*list("a:1")), ("/sd/b.yml", yaml)];
    for (restored, then) in [(true, "- targets: [y:1]\n"), (true, ""), (false, "")] {
        let mut world = World::new();
        for (path, text) in before {
            world.files.write(path, text);
        }
        world.files.write("/sd/b.yml", then);
        let known = if restored { found_before(&before) } else { Vec::new() };
        world.start_after(known, lists(&["/sd/*.json", "/sd/*.yml"]));
        let mut early = world.run_for(SETTLE);
        world.files.write("/sd/a.json", list("a:2"));
        early.extend(world.run_for(SETTLE_LESS - SETTLE * 2));
        assert_eq!(
            kinds(&early),
            [UpdateKind::Delta, UpdateKind::Delta],
            "{restored} {then:?}"
        );
        world.files.write("/sd/b.yml", yaml);
        let late = world.run_for(SETTLE_LESS * 2);
        assert_eq!(kinds(&late), [UpdateKind::Completing], "{restored} {then:?}");
        let mut collected = Collected::default();
        collected.receive(&early);
        collected.receive(&late);
        assert_eq!(collected.addresses(), ["a:2", "y:1", "y:2"], "{restored} {then:?}");
    }
}

/// B11: after a restart nobody knows whether an empty folder is the one that it was.
#[test]
fn b11_a_folder_that_is_empty_after_a_restart_is_a_failure() {
    let before = found_before(&[("/sd/a.json", &*list("a:1"))]);
    let mut world = World::new();
    world.files.make_folder("/sd");
    world.start_after(before, lists(&["/sd/*.json"]));
    let received = world.run_for(Duration::from_secs(60));
    assert_eq!(kinds(&received), vec![]);
    assert!(!failures(&received).is_empty());
    world.files.write("/sd/a.json", list("a:1"));
    let received = world.run_for(Duration::from_secs(20));
    assert_eq!(kinds(&received), [UpdateKind::Completing]);
}

/// What was found before by files that nobody asks for any more says nothing.
#[test]
fn what_was_found_before_in_other_files_does_not_matter() {
    let before = found_before(&[("/sd/a.json", &*list("a:1"))]);
    let mut world = World::new();
    world.files.make_folder("/other");
    world.start_after(before, lists(&["/other/*.json"]));
    assert_eq!(kinds(&world.settle()), [UpdateKind::Full]);
}

/// B13: groups keep their sources over a restart.
#[test]
fn b13_groups_keep_the_sources_that_they_had_before_a_restart() {
    let entry = |name: &str| format!(r#"{{"targets": ["{name}"]}}"#);
    let before = found_before(&[("/sd/a.json", &*format!("[{}, {}]", entry("a"), entry("b")))]);
    let mut world = World::new();
    world.files.write(
        "/sd/a.json",
        format!("[{}, {}, {}]", entry("new"), entry("a"), entry("b")),
    );
    world.start_after(before, lists(&["/sd/*.json"]));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let of = |source: &str| {
        collected
            .group(source)
            .and_then(|group| group.targets().next()?.get("__address__").map(str::to_owned))
    };
    assert_eq!(of("/sd/a.json:0").as_deref(), Some("a"));
    assert_eq!(of("/sd/a.json:1").as_deref(), Some("b"));
    assert_eq!(of("/sd/a.json:2").as_deref(), Some("new"));
}

/// B11: who writes a list of as many targets into the file that is there has to be waited for.
#[test]
fn b11_a_list_that_grows_in_its_file_is_waited_for_until_it_stays() {
    let old: Vec<_> = (0..20).map(|host| format!("- targets: [a:{host}]\n")).collect();
    let new: Vec<_> = (0..40).rev().map(|host| format!("- targets: [a:{host}]\n")).collect();
    let mut scene = Scene::with(&[("/sd/a.yml", &old.concat())]);
    for lines in 0..=new.len() {
        scene.world.files.write("/sd/a.yml", new[..lines].concat());
        scene.run_for(Duration::from_millis(1_400));
        let addresses = scene.collected.addresses();
        assert!(
            (0..20).all(|host| addresses.contains(&&*format!("a:{host}"))),
            "{lines} lines"
        );
    }
    scene.run_for(SETTLE_LESS);
    assert_eq!(scene.collected.addresses().len(), 40);
}
