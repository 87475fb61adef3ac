//! Random pages, parts and troubles, held against the plainest model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{MINUTE, ServedZone, Server, Trouble, last, lock, missing, world};
use crate::testing::{Collected, Received, World};

/// What happens before each step of some minutes.
#[derive(Debug, Clone)]
enum Event {
    Set(u8, Vec<Vec<u8>>),
    Remove(u8),
    Trouble(u8, Trouble),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let zone = 0..4_u8;
    let pages = prop::collection::vec(prop::collection::vec(0..30_u8, 1..4), 0..4);
    let trouble = (0..8_u8, 0..3_usize).prop_map(|(kind, page)| match kind {
        0 | 1 => Trouble::None,
        2 => Trouble::Hiccup,
        3 => Trouble::Down(page),
        4 => Trouble::Hangs(page),
        5 => Trouble::Circle,
        6 => Trouble::Garbled(page),
        _ => Trouble::Busy,
    });
    let event = prop_oneof![
        4 => (zone.clone(), pages).prop_map(|(zone, pages)| Event::Set(zone, pages)),
        1 => zone.clone().prop_map(Event::Remove),
        4 => (zone, trouble).prop_map(|(zone, trouble)| Event::Trouble(zone, trouble)),
    ];
    prop::collection::vec(event, 1..6)
}

impl Event {
    fn happen(self, server: &mut Server) {
        let name = |zone: u8| format!("{zone}");
        match self {
            Self::Set(zone, pages) => {
                // Sources differ between zones, and pages within one.
                let mut known = BTreeSet::new();
                let pages = pages.into_iter().map(|page| {
                    let new: BTreeSet<u8> = page.into_iter().filter(|item| known.insert(*item)).collect();
                    new.into_iter().map(|item| format!("{zone}/{item}")).collect()
                });
                let pages = pages.collect();
                server.zones.entry(name(zone)).or_default().pages = pages;
            }
            Self::Remove(zone) => drop(server.zones.remove(&name(zone))),
            Self::Trouble(zone, trouble) => {
                if let Some(served) = server.zones.get_mut(&name(zone)) {
                    served.trouble = trouble;
                }
            }
        }
    }
}

/// What each zone should show.
type Shown = BTreeMap<String, Vec<String>>;

/// What a report makes of what was shown, when the server says this.
fn model(shown: &mut Shown, server: &Server, received: &Received) {
    if received.failure().is_some() {
        return;
    }
    let missing = missing(received);
    shown.retain(|zone, _| server.zones.contains_key(zone));
    for (zone, served) in &server.zones {
        if !missing.iter().any(|(part, _)| *part == format!("zone {zone}")) {
            shown.insert(zone.clone(), served.pages.concat());
        }
    }
}

/// Whether a zone in this trouble can be read: `None` when that depends on what happened before.
fn is_readable(zone: &ServedZone) -> Option<bool> {
    let pages = zone.pages.len().max(1);
    match zone.trouble {
        Trouble::None => Some(true),
        Trouble::Hiccup => None,
        Trouble::Down(page) | Trouble::Hangs(page) | Trouble::Garbled(page) => Some(page >= pages),
        Trouble::Circle | Trouble::Busy => Some(false),
    }
}

/// What is received in some minutes, until no refresh runs.
fn some_minutes(world: &mut World) -> Vec<Received> {
    let mut received = world.run_for(MINUTE * 5);
    received.append(&mut world.run_until_received(MINUTE * 5));
    received
}

proptest! {
    #[test]
    fn whatever_happens_each_part_shows_what_it_last_said_whole(steps in prop::collection::vec(events(), 1..8)) {
        let (mut world, server) = world();
        let (mut collected, mut shown) = (Collected::default(), Shown::new());
        for events in steps {
            for event in events {
                event.happen(&mut lock(&server));
            }
            let received = some_minutes(&mut world);
            let server = lock(&server);
            for received in &received {
                collected.receive(std::slice::from_ref(received));
                model(&mut shown, &server, received);
                let mut expected = shown.values().flatten().map(String::as_str).collect::<Vec<_>>();
                expected.sort_unstable();
                prop_assert_eq!(collected.addresses(), expected);
            }
            let last = last(&received);
            let all_missing = last.failure().is_some();
            for (zone, served) in &server.zones {
                let is_missing = all_missing || missing(last).iter().any(|(part, _)| *part == format!("zone {zone}"));
                if let Some(is_readable) = is_readable(served) {
                    prop_assert_eq!(is_missing, !is_readable, "zone {}: {:?}, {:?}", zone, served, last);
                }
            }
        }
    }
}
