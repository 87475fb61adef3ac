//! Random things that happen to files, held against the plainest model.

use proptest::prelude::*;

use super::*;

/// What may happen to the files of a folder.
#[derive(Debug, Clone)]
enum Event {
    Write(u8, Vec<u8>),
    WriteSilently(u8, Vec<u8>),
    Damage(u8),
    Remove(u8),
    BreakWatch,
    Wait(u16),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let file = 0..4_u8;
    let targets = prop::collection::vec(0..5_u8, 0..4);
    let event = prop_oneof![
        4 => (file.clone(), targets.clone()).prop_map(|(file, targets)| Event::Write(file, targets)),
        1 => (file.clone(), targets).prop_map(|(file, targets)| Event::WriteSilently(file, targets)),
        2 => file.clone().prop_map(Event::Damage),
        2 => file.prop_map(Event::Remove),
        1 => Just(Event::BreakWatch),
        3 => (0..2000_u16).prop_map(Event::Wait),
    ];
    prop::collection::vec(event, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happened: after an interval of quiet, what was received is what the files say, and of
    /// a damaged file what it said before.
    #[test]
    fn what_was_received_is_what_the_files_say(events in events(), seed: u64) {
        let mut world = World::with_seed(seed);
        world.files.write("/sd/keep", "");
        let files = ["/sd/*.json", "/sd/*.yml"];
        world.start(lists(&files));
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let mut model: std::collections::BTreeMap<String, Vec<String>> = Default::default();
        for event in events {
            let path = |file: u8| format!("/sd/{file}.{}", if file.is_multiple_of(2) { "json" } else { "yml" });
            let write = |path: &str, targets: &[u8]| {
                let targets: Vec<_> = targets.iter().map(|target| format!("{path}-{target}:1")).collect();
                let entries: Vec<_> = targets.iter().map(|target| format!("{{\"targets\": [\"{target}\"]}}")).collect();
                (targets, format!("[{}]\n", entries.join(", ")))
            };
            match event {
                Event::Write(file, targets) => {
                    let (targets, text) = write(&path(file), &targets);
                    world.files.write(path(file), text);
                    model.insert(path(file), targets);
                }
                Event::WriteSilently(file, targets) => {
                    let (targets, text) = write(&path(file), &targets);
                    world.files.write_silently(path(file), text);
                    model.insert(path(file), targets);
                    // Whatever happens to the file next, this has been seen.
                    collected.receive(&world.run_for(INTERVAL + Duration::from_secs(2)));
                }
                Event::Damage(file) => {
                    // What was written last has been seen before.
                    collected.receive(&world.run_for(SETTLE_LESS + Duration::from_secs(1)));
                    world.files.write(path(file), "[{\"targets\": ");
                }
                Event::Remove(file) => {
                    world.files.remove(path(file));
                    model.remove(&path(file));
                    // Damaged next, it must not be known from before.
                    collected.receive(&world.run_for(Duration::from_secs(2)));
                }
                Event::BreakWatch => {
                    world.files.break_watches("queue overflow");
                    collected.receive(&world.run_for(INTERVAL + Duration::from_secs(2)));
                }
                Event::Wait(millis) => collected.receive(&world.run_for(Duration::from_millis(millis.into()))),
            }
        }
        collected.receive(&world.run_for(INTERVAL + Duration::from_secs(2)));
        let mut expected: Vec<_> = model.values().flatten().map(String::as_str).collect();
        let mut addresses = collected.addresses();
        // Which number a group has depends on what was there before.
        expected.sort_unstable();
        addresses.sort_unstable();
        prop_assert_eq!(addresses, expected);
        prop_assert_eq!(world.running(), 1);
    }
}
