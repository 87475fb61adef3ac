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
    assert_eq!(failures(&received), ["the folder /sd is not there"]);
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
