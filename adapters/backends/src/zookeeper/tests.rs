//! Nodes are followed, whatever becomes of connections, sessions and servers.

use std::collections::BTreeMap;
use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::env::Endpoint;
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::testing::{Collected, Received, Saying, World};
use proptest::prelude::*;

use super::testing::ZooKeeper;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

const SKIPPED: Definition = Definition {
    name: "skipped",
    help: "Skipped.",
    kind: Kind::Counter,
};

/// A node that holds an address is a target; "bad" makes no sense.
const REGISTRY: Registry = Registry {
    parse: |_, data| {
        let address = std::str::from_utf8(data).ok().filter(|text| *text != "bad")?;
        Some(vec![("__address__".to_owned(), address.to_owned())])
    },
    skipped: SKIPPED,
};

fn server(number: u16) -> Endpoint {
    Endpoint::tcp(format!("zk{number}"), 2181)
}

struct Scene {
    world: World,
    zookeeper: ZooKeeper,
    collected: Collected,
}

impl Scene {
    /// A discoverer of these paths in an ensemble of so many servers, in which nothing is yet.
    fn new(servers: u16, paths: &[&str]) -> Self {
        Self::filled(servers, paths, |_| {})
    }

    fn filled(servers: u16, paths: &[&str], fill: impl FnOnce(&ZooKeeper)) -> Self {
        let mut world = World::new();
        let servers: Vec<Endpoint> = (1..=servers).map(server).collect();
        let zookeeper = ZooKeeper::new(&world.connections, &servers);
        fill(&zookeeper);
        let ensemble = Ensemble {
            servers,
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            timeout: SECOND * 10,
        };
        world.start(discoverer(ensemble, REGISTRY));
        Self {
            world,
            zookeeper,
            collected: Collected::default(),
        }
    }

    fn run(&mut self, time: Duration) -> Vec<Received> {
        let received = self.world.run_for(time);
        self.collected.receive(&received);
        received
    }

    fn found(&mut self, time: Duration) -> Vec<String> {
        self.run(time);
        self.addresses()
    }

    fn addresses(&self) -> Vec<String> {
        self.collected.addresses().into_iter().map(str::to_owned).collect()
    }

    fn counted(&self, wanted: Definition) -> f64 {
        let families = self.world.metrics.read();
        let family = families.iter().find(|(definition, _)| *definition == wanted);
        family.map_or(-1.0, |(_, samples)| samples.iter().map(|sample| sample.value).sum())
    }
}

fn failures(received: &[Received]) -> Vec<&str> {
    received.iter().filter_map(Received::failure).collect()
}

#[test]
fn what_is_registered_is_found_and_followed_without_asking_for_anything_else() {
    let mut scene = Scene::filled(1, &["/svc"], |zookeeper| {
        zookeeper.set("/svc/web/1", "a:1");
        zookeeper.set("/svc/db", "b:1");
        zookeeper.set("/other", "c:1");
    });
    assert_eq!(scene.found(Duration::ZERO), ["b:1", "a:1"], "by path");
    assert_eq!(scene.collected.sources(), ["/svc/db", "/svc/web/1"]);
    assert_eq!(scene.counted(WATCHED), 4.0);
    scene.zookeeper.take_asked();
    assert_eq!(scene.run(SECOND * 60).len(), 0, "nothing happens");
    assert_eq!(scene.zookeeper.take_asked(), []);

    scene.zookeeper.set("/svc/web/2", "a:2");
    assert_eq!(scene.found(Duration::ZERO), ["b:1", "a:1", "a:2"]);
    let asked = [(12, "/svc/web"), (4, "/svc/web/2"), (12, "/svc/web/2")];
    let asked = asked.map(|(kind, path)| (kind, path.to_owned()));
    assert_eq!(scene.zookeeper.take_asked(), asked, "an event costs its node");
    scene.zookeeper.set("/svc/web/1", "a:9");
    assert_eq!(scene.found(Duration::ZERO), ["b:1", "a:9", "a:2"]);
    scene.zookeeper.delete("/svc/web/1");
    assert_eq!(scene.found(Duration::ZERO), ["b:1", "a:2"]);
    scene.zookeeper.delete("/svc/web");
    assert_eq!(scene.found(Duration::ZERO), ["b:1"]);
    scene.zookeeper.set("/svc/web/1", "a:1");
    scene.zookeeper.set("/svc/db", "bad");
    assert_eq!(scene.found(Duration::ZERO), ["a:1"]);
    assert_eq!((scene.counted(SKIPPED), scene.counted(FAILURES)), (1.0, 0.0));
    assert_eq!(scene.zookeeper.sessions(), (1, 0));
}

#[test]
fn a_path_that_is_not_there_is_waited_for() {
    let mut scene = Scene::new(1, &["/svc", "/late/a"]);
    let received = scene.run(SECOND * 60);
    assert_eq!(
        (received.len(), failures(&received).len()),
        (1, 0),
        "it is read as a whole"
    );
    for _ in 0..3 {
        scene.zookeeper.set("/late/a", "a:1");
        assert_eq!(scene.found(Duration::ZERO), ["a:1"]);
        scene.zookeeper.delete("/late");
        assert_eq!(scene.found(Duration::ZERO), [""; 0]);
    }
    scene.zookeeper.set("/svc/x/y", "b:1");
    assert_eq!(scene.found(Duration::ZERO), ["b:1"]);
}

#[test]
fn paths_may_lie_in_each_other() {
    let mut scene = Scene::new(1, &["/a", "/a/b", "/"]);
    scene.zookeeper.set("/a/b/c", "c:1");
    scene.zookeeper.set("/d", "d:1");
    assert_eq!(scene.found(Duration::ZERO), ["c:1", "d:1"]);
    scene.zookeeper.delete("/a");
    assert_eq!(scene.found(Duration::ZERO), ["d:1"]);
    scene.zookeeper.set("/a/b/c", "c:2");
    assert_eq!(scene.found(Duration::ZERO), ["c:2", "d:1"]);
}

#[test]
fn a_session_goes_on_and_is_told_what_it_missed() {
    let mut scene = Scene::filled(3, &["/svc", "/late"], |zookeeper| {
        ["1", "2", "3"]
            .into_iter()
            .for_each(|name| zookeeper.set(&format!("/svc/{name}"), format!("a:{name}")));
    });
    assert_eq!(scene.found(Duration::ZERO), ["a:1", "a:2", "a:3"]);
    scene.zookeeper.take_asked();
    // It happens while nobody is told.
    scene.zookeeper.cut();
    scene.zookeeper.set("/svc/2", "a:9");
    scene.zookeeper.delete("/svc/3");
    scene.zookeeper.set("/svc/4", "a:4");
    scene.zookeeper.set("/late/5", "b:5");
    let received = scene.run(SECOND);
    assert_eq!(failures(&received), [""; 0], "another server goes on with it");
    assert_eq!(scene.addresses(), ["b:5", "a:1", "a:9", "a:4"]);
    assert_eq!(scene.zookeeper.sessions(), (1, 1));
    let asked = scene.zookeeper.take_asked();
    assert!(
        asked.iter().all(|(_, path)| path != "/svc/1"),
        "what did not change is not asked for: {asked:?}"
    );
}

/// Fuzzing found a client that went round for ever.
#[test]
fn a_connection_that_breaks_again_and_again_is_opened_with_pauses_and_nothing_is_missed() {
    let mut scene = Scene::filled(2, &["/svc"], |zookeeper| zookeeper.set("/svc/1", "a:1"));
    assert_eq!(scene.found(Duration::ZERO), ["a:1"]);
    let mut failed = 0;
    for _ in 0..1_000 {
        scene.zookeeper.cut();
        failed += failures(&scene.run(Duration::from_millis(10))).len();
    }
    let (_, resumed) = scene.zookeeper.sessions();
    assert!(
        (2..40).contains(&resumed),
        "in ten seconds it was taken up {resumed} times"
    );
    assert!(failed > 0, "and that is said");
    scene.zookeeper.set("/svc/1", "a:2");
    assert_eq!(scene.found(SECOND * 60), ["a:2"]);
}

#[test]
fn in_a_new_session_everything_is_read_again() {
    let mut scene = Scene::filled(2, &["/svc"], |zookeeper| {
        ["1", "2", "3"]
            .into_iter()
            .for_each(|name| zookeeper.set(&format!("/svc/{name}"), format!("a:{name}")));
    });
    assert_eq!(scene.found(Duration::ZERO), ["a:1", "a:2", "a:3"]);
    scene.zookeeper.expire();
    scene.zookeeper.set("/svc/2", "a:9");
    scene.zookeeper.delete("/svc/3");
    assert_eq!(scene.found(SECOND * 10), ["a:1", "a:9"]);
    assert_eq!(scene.zookeeper.sessions(), (2, 0));
    scene.zookeeper.set("/svc/3", "a:3");
    assert_eq!(scene.found(Duration::ZERO), ["a:1", "a:9", "a:3"]);
}

#[test]
fn while_nobody_answers_everything_stays_and_it_is_said_why() {
    let mut scene = Scene::filled(2, &["/svc"], |zookeeper| zookeeper.set("/svc/1", "a:1"));
    assert_eq!(scene.found(Duration::ZERO), ["a:1"]);
    for number in [1, 2] {
        scene.world.connections.refuse(&server(number));
    }
    let received = scene.run(SECOND * 600);
    let said = failures(&received);
    assert!((10..100).contains(&said.len()), "{}", said.len());
    assert!(
        said.iter().all(|said| said.contains(":2181: connection refused")),
        "{said:?}"
    );
    assert_eq!(scene.addresses(), ["a:1"]);
    assert!(scene.counted(FAILURES) > 10.0);
    scene.zookeeper.set("/svc/2", "a:2");
    scene.zookeeper.serve(&server(2));
    let received = scene.run(SECOND * 60);
    assert_eq!(scene.addresses(), ["a:1", "a:2"]);
    assert!(received.last().is_some_and(|received| received.update().is_some()));
}

#[test]
fn a_server_that_says_nothing_is_left() {
    let mut scene = Scene::filled(2, &["/svc"], |zookeeper| zookeeper.set("/svc/1", "a:1"));
    assert_eq!(scene.found(Duration::ZERO), ["a:1"]);
    scene.zookeeper.slow(Some(SECOND * 3600));
    scene.run(SECOND * 4);
    scene.zookeeper.slow(None);
    scene.zookeeper.set("/svc/1", "a:2");
    assert_eq!(scene.found(SECOND * 20), ["a:2"]);
    assert_eq!(scene.zookeeper.sessions(), (1, 1));
}

#[test]
fn a_server_that_hangs_from_the_start_is_not_waited_for() {
    let mut world = World::new();
    let servers = [server(1), server(2), server(3)];
    let zookeeper = ZooKeeper::new(&world.connections, &servers[2..]);
    world.connections.hang(server(1));
    world.connections.accept(server(2), || |_: &[u8]| Vec::new());
    zookeeper.set("/svc/1", "a:1");
    let ensemble = Ensemble {
        servers: servers.to_vec(),
        paths: ["/svc".to_owned()].into(),
        timeout: SECOND * 10,
    };
    world.start(discoverer(ensemble, REGISTRY));
    let mut collected = Collected::default();
    collected.receive(&world.run_for(SECOND * 30));
    assert_eq!(collected.addresses(), ["a:1"]);
}

#[test]
fn what_is_suddenly_nothing_is_looked_at_twice() {
    let mut scene = Scene::filled(1, &["/svc", "/other"], |zookeeper| {
        zookeeper.set("/svc/1", "a:1");
        zookeeper.set("/other/1", "b:1");
    });
    assert_eq!(scene.found(Duration::ZERO), ["b:1", "a:1"]);
    // It comes back without its data, and one service registers again.
    scene.zookeeper.lose_everything();
    scene.zookeeper.set("/other/1", "b:1");
    assert_eq!(scene.found(SECOND * 9), ["b:1", "a:1"]);
    scene.zookeeper.set("/svc/1", "a:2");
    assert_eq!(
        scene.found(SECOND),
        ["b:1", "a:2"],
        "the other one does while it is waited for"
    );
    scene.run(SECOND * 60);
    scene.zookeeper.lose_everything();
    assert_eq!(scene.found(SECOND * 9), ["b:1", "a:2"]);
    assert_eq!(scene.found(SECOND * 6), [""; 0], "then it is believed");
}

#[test]
fn what_another_process_found_is_looked_for_twice() {
    let mut world = World::new();
    let zookeeper = ZooKeeper::new(&world.connections, &[server(1)]);
    let ensemble = Ensemble {
        servers: vec![server(1)],
        paths: ["/svc".to_owned()].into(),
        timeout: SECOND * 10,
    };
    let mut encoder = headcount_core::Encoder::new();
    let mut batch = encoder.batch();
    let none: [(&str, &str); 0] = [];
    batch
        .group("/svc/1", none, [[("__address__", "a:1")]])
        .expect("a group");
    world.start_after(batch.finish(), discoverer(ensemble, REGISTRY));
    assert_eq!(world.run_for(SECOND * 9).len(), 0);
    zookeeper.set("/svc/2", "a:2");
    let received = world.settle();
    let mut collected = Collected::default();
    collected.receive(&received);
    assert_eq!(collected.addresses(), ["a:2"]);
}

#[test]
fn a_node_that_cannot_be_read_keeps_what_it_had_and_others_go_on() {
    let mut scene = Scene::filled(1, &["/svc"], |zookeeper| {
        zookeeper.set("/svc/1", "a:1");
        zookeeper.set("/svc/2", "a:2");
    });
    assert_eq!(scene.found(Duration::ZERO), ["a:1", "a:2"]);
    scene.zookeeper.refuse("/svc/1", -102);
    scene.zookeeper.set("/svc/1", "a:8");
    scene.zookeeper.set("/svc/2", "a:9");
    let received = scene.run(SECOND);
    assert_eq!(failures(&received), [""; 0]);
    assert_eq!(scene.addresses(), ["a:1", "a:9"]);
    assert_eq!(scene.counted(SKIPPED), 1.0);
}

#[test]
fn a_path_that_cannot_be_read_is_a_failure_until_it_can() {
    let mut scene = Scene::filled(1, &["/svc", "/x/"], |zookeeper| zookeeper.set("/svc/1", "a:1"));
    let received = scene.run(SECOND * 60);
    let said = failures(&received);
    assert!(
        said.len() > 2 && said.iter().all(|said| *said == "reading /x/: it is no path"),
        "{said:?}"
    );

    let mut scene = Scene::filled(1, &["/svc"], |zookeeper| zookeeper.set("/svc/1", "a:1"));
    assert_eq!(scene.found(SECOND * 10), ["a:1"]);
    scene.zookeeper.refuse("/svc", -102);
    scene.zookeeper.set("/svc/2", "a:2");
    let received = scene.run(SECOND * 60);
    let said = failures(&received);
    let expected = "reading /svc: not allowed for who has no credentials";
    assert!(said.len() > 2 && said.iter().all(|said| *said == expected), "{said:?}");
    assert_eq!(scene.addresses(), ["a:1"]);
    scene.zookeeper.refuse("/svc", 0);
    assert_eq!(scene.found(SECOND * 60), ["a:1", "a:2"]);
}

#[test]
fn what_is_no_zookeeper_is_a_failure() {
    let says: [(&str, Vec<Saying>); 4] = [
        (
            "sent a message of 1213486160 bytes, which is more than is taken",
            vec![Saying::Bytes(b"HTTP/1.1 400 Bad Request\r\n".to_vec())],
        ),
        ("closed the connection before there was a session", vec![Saying::Close]),
        (
            "what it sent can't be read",
            vec![Saying::Bytes(vec![0, 0, 0, 2, 0, 0])],
        ),
        ("reading from zk1:2181: connection reset", vec![Saying::Reset]),
    ];
    for (expected, sayings) in says {
        let mut world = World::new();
        world.connections.accept(server(1), move || {
            let sayings = sayings.clone();
            move |_: &[u8]| sayings.clone()
        });
        let ensemble = Ensemble {
            servers: vec![server(1)],
            paths: ["/svc".to_owned()].into(),
            timeout: SECOND * 10,
        };
        world.start(discoverer(ensemble, REGISTRY));
        let received = world.settle();
        let said = failures(&received);
        assert!(
            said.len() == 1 && said[0].contains(expected),
            "{said:?} does not say {expected}"
        );
    }
}

#[test]
fn who_asks_has_everything_read_again() {
    let mut scene = Scene::filled(1, &["/svc"], |zookeeper| zookeeper.set("/svc/1", "a:1"));
    assert_eq!(scene.found(Duration::ZERO), ["a:1"]);
    scene.zookeeper.take_asked();
    let provider = scene.world.provider();
    scene.world.ask(provider);
    let received = scene.run(SECOND);
    assert!(received.iter().any(|received| received.answered() == Some(1)));
    assert_eq!(scene.zookeeper.take_asked().len(), 4);
    assert_eq!(scene.zookeeper.sessions(), (1, 0));
}

#[test]
fn thousands_of_nodes_are_read_a_hundred_at_a_time() {
    let nodes = match std::env::var_os("HEADCOUNT_LONG") {
        Some(_) => 100_000,
        None => 5_000,
    };
    let mut scene = Scene::filled(1, &["/svc"], |zookeeper| {
        (0..nodes).for_each(|number| zookeeper.set(&format!("/svc/{number}"), format!("a:{number}")));
    });
    let received = scene.run(Duration::ZERO);
    assert_eq!((received.len(), scene.addresses().len()), (1, nodes));
    // What is watched takes several messages.
    scene.zookeeper.cut();
    scene.zookeeper.set("/svc/4999", "a:1");
    scene.zookeeper.delete("/svc/0");
    assert_eq!(scene.found(SECOND).len(), nodes - 1);
    assert_eq!(scene.zookeeper.sessions(), (1, 1));
    assert_eq!(scene.world.clock.time(), Instant::ZERO + SECOND);
}

/// What happens between two looks.
#[derive(Debug, Clone)]
enum Deed {
    Set(usize, u8),
    Delete(usize),
    Cut,
    Expire,
    LoseEverything,
    Down(bool),
    Slow(bool),
    Pass(u64),
    Ask,
}

const PATHS: [&str; 8] = [
    "/svc",
    "/svc/a",
    "/svc/a/b",
    "/svc/a/b/c",
    "/svc/d",
    "/other",
    "/other/x",
    "/third/y",
];

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..PATHS.len(), 0_u8..4).prop_map(|(path, value)| Deed::Set(path, value)),
        4 => (0..PATHS.len()).prop_map(Deed::Delete),
        2 => Just(Deed::Cut),
        1 => Just(Deed::Expire),
        1 => Just(Deed::LoseEverything),
        1 => any::<bool>().prop_map(Deed::Down),
        1 => any::<bool>().prop_map(Deed::Slow),
        4 => (0_u64..20_000).prop_map(Deed::Pass),
        1 => Just(Deed::Ask),
    ]
}

/// A message of a server with its length before it: a number, a position in the history, a code, and more.
fn message(number: i32, code: i32, more: &[u8]) -> Vec<u8> {
    let body = [
        &number.to_be_bytes()[..],
        &1_i64.to_be_bytes(),
        &code.to_be_bytes(),
        more,
    ]
    .concat();
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}

proptest! {
    /// Whatever a server says, in its form or not, the discoverer goes on, and finds nothing that was not said.
    #[test]
    fn anything_that_is_said_is_answered(said in prop::collection::vec((-9_i32..9, -120_i32..2, prop::collection::vec(0_u8..9, 0..40)), 0..20), raw in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut world = World::new();
        let welcome = jute::Writer::new().int(0).int(10_000).long(1).buffer(&[1; 16]).flag(false).frame();
        world.connections.accept(server(1), move || {
            let frames = said.iter().map(|(number, code, more)| message(*number, (*code).min(0), more));
            let mut frames = std::iter::once(welcome.clone()).chain(frames).chain([raw.clone()]).collect::<Vec<_>>().into_iter();
            move |_: &[u8]| frames.next().map(Saying::Bytes).into_iter().collect::<Vec<_>>()
        });
        let ensemble = Ensemble {
            servers: vec![server(1)],
            paths: ["/svc".to_owned()].into(),
            timeout: SECOND * 10,
        };
        world.start(discoverer(ensemble, REGISTRY));
        let received = world.run_for(SECOND * 60);
        prop_assert_eq!(world.running(), 1);
        prop_assert!(received.len() < 200, "{}", received.len());
    }

    /// Held against the plainest model: once all is well, what is found is what is there.
    #[test]
    fn in_the_end_what_is_found_is_what_is_there(deeds in prop::collection::vec(deed(), 1..40)) {
        let mut scene = Scene::new(2, &["/svc", "/other", "/svc/a/b"]);
        let provider = scene.world.provider();
        let mut is_down = false;
        for deed in deeds {
            match deed {
                Deed::Set(path, 0) => scene.zookeeper.set(PATHS[path], ""),
                Deed::Set(path, value) => scene.zookeeper.set(PATHS[path], format!("a{path}:{value}")),
                Deed::Delete(path) => scene.zookeeper.delete(PATHS[path]),
                Deed::Cut => scene.zookeeper.cut(),
                Deed::Expire => scene.zookeeper.expire(),
                Deed::LoseEverything => scene.zookeeper.lose_everything(),
                Deed::Down(true) => {
                    is_down = true;
                    [1, 2].into_iter().for_each(|number| scene.world.connections.refuse(&server(number)));
                }
                Deed::Down(false) if is_down => {
                    is_down = false;
                    [1, 2].into_iter().for_each(|number| scene.zookeeper.serve(&server(number)));
                }
                Deed::Down(false) => {}
                Deed::Slow(is_slow) => scene.zookeeper.slow(is_slow.then_some(SECOND * 3)),
                Deed::Pass(millis) => drop(scene.run(Duration::from_millis(millis))),
                Deed::Ask => drop(scene.world.ask(provider)),
            }
        }
        scene.zookeeper.slow(None);
        if is_down {
            [1, 2].into_iter().for_each(|number| scene.zookeeper.serve(&server(number)));
        }
        scene.run(SECOND * 120);
        let held: BTreeMap<String, Vec<u8>> = scene.zookeeper.held();
        let is_wanted = |path: &&String| {
            ["/svc", "/other"].iter().any(|root| *path == root || path.starts_with(&format!("{root}/")))
        };
        let expected: Vec<&String> = held.keys().filter(is_wanted).collect();
        prop_assert_eq!(scene.collected.sources(), expected.clone());
        for path in expected {
            let group = scene.collected.group(path).expect("it is listed");
            let address = group.targets().next().and_then(|target| target.get("__address__").map(str::to_owned));
            prop_assert_eq!(address.map(String::into_bytes), held.get(path).cloned());
        }
        prop_assert_eq!(scene.world.running(), 1);
    }
}
