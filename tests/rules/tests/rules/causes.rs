//! What took away what is gone (B12), where a snapshot shows much at once: of a provider with a guard (B05), some targets
//! were held and let go, and others went by an update.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headcount_core::reference::Input;
use headcount_core::{
    Cause, ChangeKind, DropGuard, Failure, HistoryLimits, ManagerOptions, ProviderId, Release, Update,
};
use proptest::prelude::*;

use crate::history::Recorded;
use crate::story::{Sources, Story, cases, sets, ticker};

const HOLD: Duration = Duration::from_secs(600);

/// A guarded provider, of which is seen what happened since it was looked at last: the receiver is busy meanwhile.
struct Seen {
    told: Recorded,
    id: ProviderId,
    other: ProviderId,
    looks: u8,
}

impl Seen {
    fn new(hosts: &[u8]) -> Self {
        let mut story = Story::new(ManagerOptions {
            throttle: ticker(Duration::ZERO),
            guard: Some(DropGuard::new("30%".parse().expect("a percentage"), HOLD).gross()),
            max_stale: Some(HOLD * 2),
            ..ManagerOptions::default()
        });
        let [id, other] = story.apply(&sets(&[("node", &[0]), ("other", &[1])])).started[..] else {
            panic!("two were started")
        };
        let told = Recorded::of(story, HistoryLimits::default());
        let mut seen = Self {
            told,
            id,
            other,
            looks: 0,
        };
        seen.has(hosts);
        seen.told.story.receiver_is_quick = false;
        seen.something_else();
        seen.told.past();
        seen
    }

    /// Something is there to be shown.
    fn something_else(&mut self) {
        self.looks += 1;
        let others: Vec<u8> = (100..100 + self.looks).collect();
        self.told
            .story
            .full(self.other, &hosts_in_two_sources(&others))
            .expect("it runs");
    }

    fn has(&mut self, hosts: &[u8]) {
        self.told
            .story
            .full(self.id, &hosts_in_two_sources(hosts))
            .expect("it runs");
    }

    fn fails(&mut self) {
        self.told
            .story
            .fails(self.id, Failure::new("no answer"))
            .expect("it runs");
    }

    /// What is shown, and which of that is held.
    fn state(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let manager = self.told.story.manager();
        let provider = manager.provider(self.id).expect("it runs");
        let snapshot = manager.snapshot(self.told.story.now);
        let (mut shown, mut held) = (BTreeSet::new(), BTreeSet::new());
        for (_, stored) in snapshot.set("node").expect("it is wanted").groups() {
            for target in stored.group().targets() {
                let address = target.get("__address__").expect("it has one").to_owned();
                if provider.held.is_some_and(|held| held.holds(stored.group(), target)) {
                    held.insert(address.clone());
                }
                shown.insert(address);
            }
        }
        (shown, held)
    }

    /// What is said to be gone since it was looked at last, and why.
    fn gone(&mut self) -> BTreeMap<String, Cause> {
        self.something_else();
        let before = self.told.past().len();
        self.told.story.receiver_takes();
        let past = self.told.past();
        let mut gone = BTreeMap::new();
        for entry in past.iter().take(past.len() - before) {
            let change = entry
                .targets()
                .filter(|change| change.kind() == ChangeKind::Disappeared);
            for address in change.iter().flat_map(|change| change.addresses().iter()) {
                let again = gone.insert(address.to_owned(), change.expect("it is one").cause());
                assert_eq!(again, None, "{address} was there once");
            }
        }
        gone
    }
}

/// Targets, the even ones in one source and the odd ones in another.
fn hosts_in_two_sources(hosts: &[u8]) -> Sources {
    let mut sources = Sources::new();
    for host in hosts {
        let source = ["even", "odd"][usize::from(host % 2)];
        sources.entry(source.to_owned()).or_default().push(address(*host));
    }
    sources
}

fn address(host: u8) -> String {
    format!("host-{host}:1")
}

fn causes<const N: usize>(all: [(&[u8], Cause); N]) -> BTreeMap<String, Cause> {
    let all = all
        .iter()
        .flat_map(|(hosts, cause)| hosts.iter().map(|host| (address(*host), *cause)));
    all.collect()
}

/// What went before a hold began and after it ended was never held.
#[test]
fn b12_what_was_not_held_has_its_own_cause_beside_the_end_of_a_hold() {
    let mut seen = Seen::new(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    seen.has(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    seen.has(&[0, 1, 2, 3, 4]);
    seen.told.story.wait(HOLD);
    seen.has(&[0, 1, 2, 3]);
    let held = Cause::Released(Release::HoldTime);
    assert_eq!(seen.gone(), causes([(&[9, 4], Cause::Update), (&[5, 6, 7, 8], held)]));
}

/// An update that brings back most of what is held lets the rest go, and what it loses itself was never held.
#[test]
fn b12_what_ends_a_hold_may_take_something_away_that_was_not_held() {
    let mut seen = Seen::new(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    seen.has(&[0, 1, 2, 3, 4]);
    seen.has(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let held = Cause::Released(Release::CameBack);
    assert_eq!(seen.gone(), causes([(&[0], Cause::Update), (&[9], held)]));
}

/// Two drops that were held, one after the other, are told each with its end.
#[test]
fn b12_each_hold_that_a_snapshot_shows_the_end_of_is_told_by_itself() {
    let mut seen = Seen::new(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    seen.has(&[0, 1, 2, 3, 4]);
    seen.told.story.wait(HOLD);
    seen.has(&[0, 1]);
    seen.told.story.input(Input::Confirm(seen.id));
    let (by_time, by_hand) = (Cause::Released(Release::HoldTime), Cause::Released(Release::Confirmed));
    assert_eq!(
        seen.gone(),
        causes([(&[5, 6, 7, 8, 9], by_time), (&[2, 3, 4], by_hand)])
    );
}

/// Of what was too old and is there again, what is not was taken away by what was said then.
#[test]
fn b12_what_was_too_old_for_a_while_is_not_gone_for_that() {
    let mut seen = Seen::new(&[0, 1, 2, 3]);
    seen.fails();
    seen.told.story.wait(HOLD * 2);
    seen.has(&[0, 1, 2]);
    assert_eq!(seen.gone(), causes([(&[3], Cause::Update)]));
    seen.fails();
    seen.told.story.wait(HOLD * 2);
    assert_eq!(seen.gone(), causes([(&[0, 1, 2], Cause::Expired)]));
}

#[derive(Debug, Clone)]
enum Act {
    Has(BTreeSet<u8>),
    Fails,
    Waits(u64),
    Confirms,
    Looks,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => prop::collection::btree_set(0..8_u8, 2..9).prop_map(Act::Has),
        1 => Just(Act::Fails),
        2 => (1..700_u64).prop_map(Act::Waits),
        1 => Just(Act::Confirms),
        3 => Just(Act::Looks),
    ];
    prop::collection::vec(act, 1..24)
}

proptest! {
    #![proptest_config(cases())]

    /// What is gone was held until it went, or it was not.
    #[test]
    fn b12_only_what_was_held_is_told_as_held(acts in acts()) {
        let mut seen = Seen::new(&[0, 1, 2, 3, 4, 5, 6, 7]);
        // What was seen last, and what of that was held when it went. That it came back for a while was seen by nobody.
        let (mut seen_last, mut were_held) = (seen.state().0, BTreeSet::new());
        for act in acts {
            let (shown, held) = seen.state();
            let looks = matches!(act, Act::Looks);
            match act {
                Act::Has(hosts) => seen.has(&Vec::from_iter(hosts)),
                Act::Fails => seen.fails(),
                // Never so long that all is too old.
                Act::Waits(seconds) => {
                    seen.told.story.wait(Duration::from_secs(seconds));
                    seen.told.story.update(seen.id, Update::unchanged()).expect("it runs");
                }
                Act::Confirms => drop(seen.told.story.input(Input::Confirm(seen.id))),
                Act::Looks => {
                    let gone = seen_last.difference(&shown);
                    let expected = gone.map(|address| (address.clone(), were_held.contains(address)));
                    let is_held = |cause: &Cause| matches!(cause, Cause::Released(_));
                    let told = seen.gone().into_iter().map(|(address, cause)| (address, is_held(&cause)));
                    prop_assert_eq!(told.collect::<BTreeMap<_, _>>(), expected.collect::<BTreeMap<_, _>>());
                }
            }
            let (now, _) = seen.state();
            were_held.extend(shown.difference(&now).filter(|address| held.contains(*address)).cloned());
            if looks {
                (seen_last, were_held) = (now, BTreeSet::new());
            }
        }
    }
}
