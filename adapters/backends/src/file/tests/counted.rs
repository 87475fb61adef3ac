//! How what is wrong is counted: one look in vain is one failure, and each is one.

use super::*;

/// It was two at once, one for the folder and one for what can't be watched in it, and then none for as long as it was
/// missing, however often somebody looked.
#[test]
fn each_look_at_a_folder_that_is_missing_is_one_failure() {
    let mut world = World::new();
    world.start(lists(&["/later/*.json"]));
    let received = world.settle();
    assert_eq!((received.len(), failures(&received).len()), (1, 1), "{received:?}");
    let told = failures(&received)[0].to_owned();
    assert!(
        told.contains("/later is not there") && told.contains("watching for changes"),
        "{told}"
    );
    // It is looked at after 1, 2, 4, 8, 15, 15, … seconds.
    let received = world.run_for(Duration::from_secs(62));
    let told_again = failures(&received);
    assert_eq!(told_again.len(), 7, "{received:?}");
    assert!(
        told_again.iter().all(|again| *again == told),
        "nothing else is wrong: {received:?}"
    );
    world.files.write("/later/a.json", r#"[{"targets": ["a:1"]}]"#);
    let received = world.run_for(Duration::from_secs(16));
    assert_eq!(
        (failures(&received), kinds(&received)),
        (vec![], vec![UpdateKind::Completing])
    );
}

/// What is as it was because it can't be read is said with that.
#[test]
fn groups_of_lists_that_are_broken_are_counted_as_kept() {
    let two = r#"[{"targets": ["a:1"]}, {"targets": ["a:2"]}]"#;
    let mut scene = Scene::with(&[("/sd/a.json", two), ("/sd/b.json", r#"[{"targets": ["b:1"]}]"#)]);
    scene.world.files.write("/sd/a.json", "[{");
    let received = scene.run_for(INTERVAL * 2);
    let kept: Vec<_> = received
        .iter()
        .filter_map(Received::update)
        .map(headcount_core::Update::kept)
        .collect();
    assert!(kept.len() > 1 && kept.iter().all(|kept| *kept == 2), "{kept:?}");
    scene.world.files.write("/sd/a.json", two);
    let received = scene.run_for(Duration::from_secs(10));
    let last = received.iter().filter_map(Received::update).next_back();
    assert_eq!(last.map(headcount_core::Update::kept), Some(0));
}
