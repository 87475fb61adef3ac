use super::*;
use crate::Simulation;

/// How many worlds are looked at.
const WORLDS: u64 = 300;

#[test]
fn every_world_is_legal_and_outlives_its_file() {
    for seed in 0..WORLDS {
        let world = drawn_world(seed);
        assert_eq!(world.check(), Ok(()), "{world:#?}");
        let text = world.to_yaml().expect("it can be written");
        let read = Scenario::from_yaml(&text).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
        assert_eq!(read, world, "{text}");
        assert_eq!(drawn_seed(&read.name), Some(seed));
    }
}

#[test]
fn a_world_that_was_read_runs_as_the_one_that_was_drawn() {
    for seed in (0..WORLDS).step_by(10) {
        let world = drawn_world(seed);
        let text = world.to_yaml().expect("it can be written");
        let read = Scenario::from_yaml(&text).expect("it can be read");
        let run = |scenario: &Scenario| Simulation::new(scenario, scenario.seed).expect("legal").run();
        assert_eq!(run(&read), run(&world), "{text}");
    }
}

/// What no world has, no run can show.
#[test]
fn each_part_is_drawn_now_and_then() {
    let worlds: Vec<Scenario> = (0..WORLDS).map(drawn_world).collect();
    let seen = |what: &str, has: &dyn Fn(&Scenario) -> bool| {
        let count = worlds.iter().filter(|world| has(world)).count() as u64;
        assert!(count > WORLDS / 50, "{what}: {count} of {WORLDS}");
    };
    for kind in crate::BackendKind::ALL {
        seen(kind.word(), &|world| {
            world.backends.iter().any(|backend| backend.kind == kind)
        });
    }
    for word in [
        "reload",
        "change_config",
        "remove_jobs",
        "restart",
        "suspend",
        "pause_receiver",
        "confirm",
    ] {
        seen(word, &|world| world.events.iter().any(|event| event.word() == word));
    }
    seen("a guard", &|world| world.manager.guard.is_some());
    seen("a throttle", &|world| {
        world.manager.throttle != crate::ThrottleSetting::default()
    });
    seen("a throttle for each set", &|world| world.manager.per_set);
    seen("a slow receiver", &|world| world.receiver != crate::Receiver::default());
    seen("a slow queue", &|world| !world.queue.takes.is_zero());
    seen("discoverers that two jobs share", &|world| {
        let shares = |name: &String| {
            world
                .jobs
                .iter()
                .filter(|jobs| jobs.of.is_empty() || jobs.of.contains(name))
                .count()
                > 1
        };
        world.discoverers.iter().any(|entry| shares(&entry.name))
    });
    let faults: std::collections::BTreeSet<&str> = worlds
        .iter()
        .flat_map(|world| &world.faults)
        .map(|fault| fault.kind.word())
        .collect();
    assert!(faults.len() > 30, "{faults:?}");
    let churn: std::collections::BTreeSet<&str> = worlds
        .iter()
        .flat_map(|world| &world.churn)
        .map(crate::Churn::word)
        .collect();
    assert_eq!(churn.len(), 12, "{churn:?}");
    for word in ["leader_loss", "stale_read", "api_priority"] {
        assert!(faults.contains(word), "{word}: {faults:?}");
    }
    let fault = |has: &dyn Fn(&crate::Fault) -> bool| worlds.iter().flat_map(|world| &world.faults).any(has);
    assert!(fault(&|fault| fault.repeats.is_some()), "a window that repeats");
    assert!(
        fault(&|fault| fault.together && fault.backends.len() > 1),
        "several at once"
    );
    assert!(fault(&|fault| fault.replica.is_some()), "one replica");
    for known in [crate::Known::Asking, crate::Known::Found, crate::Known::Listed] {
        let is_so = |world: &Scenario| world.members.as_ref().is_some_and(|members| members.known == known);
        seen(&format!("members that are {known:?}"), &is_so);
    }
    let members = || worlds.iter().filter_map(|world| world.members.as_ref());
    assert!(members().any(|members| members.seats && members.replicas > 1 && members.weighted));
    for how in [crate::Absence::Crashed, crate::Absence::CutOff, crate::Absence::Removed] {
        assert!(
            members().flat_map(|members| &members.away).any(|away| away.how == how),
            "{how:?}"
        );
    }
    seen("a slow disk", &|world| world.manager.disk.is_some());
    seen("hosts that are listed and dead", &|world| {
        let lingers = |backend: &crate::Backend| backend.lingers != crate::SpanRange::ZERO;
        world.backends.iter().any(lingers)
    });
}
