//! Very many objects: each mechanism that asks over HTTP finds all of them, within the bounds that are the default, and works in
//! proportion to their number.
//!
//! Each story of the corpus in which something is found is told of thousands of objects in the place of each, of 100,000 with
//! `HEADCOUNT_LONG`. **What is counted is how often memory is asked for**: twice as many objects may take twice of it, and
//! not four times. [`OTHERWISE`] says of whom there can't be as many.

#![allow(clippy::expect_used, clippy::panic, reason = "a panic is a test's report")]

mod told;

use std::collections::BTreeSet;
use std::time::Duration;

use headcount_allocations::{Counting, during};

use headcount_discoverer::testing::Collected;
use headcount_discoverer::{Limits, Totals};

use self::told::server::Server;
use self::told::{Story, found};

#[global_allocator]
static ALLOCATOR: Counting<true> = Counting;

/// Of whom there are not as many, how many there are, and why.
const OTHERWISE: [(&str, usize, &str); 1] = [("oci", 300, "more take several refreshes at its pace")];

/// Stories that can't be told of many, and why.
const OF_ONE: [(&str, &str); 5] = [
    (
        "aws-role_msk",
        "the entry names a cluster, whose nodes are those of msk",
    ),
    ("consul-empty_without_leader", "it goes on with a failure"),
    ("consul-without_datacenter", "its service has no name"),
    ("gce-credentials_of_a_person", "its token is as long as its list"),
    ("gce-credentials_of_somebody_else", "the same"),
];

/// Longer than what is asked for one after another takes.
const ROUND: Duration = Duration::from_secs(40);

fn count(story: &Story) -> usize {
    let otherwise = OTHERWISE.iter().find(|(name, ..)| *name == story.mechanism());
    let most = otherwise.map_or(100_000, |(_, count, _)| *count);
    match std::env::var_os("HEADCOUNT_LONG") {
        Some(_) => most,
        None => most.min(2_000),
    }
}

/// Tells of so many objects until as many targets are there as there have to be, and gives how many there are.
fn tell(story: &Story, count: usize, expected: usize) -> usize {
    let (mut world, _) = story.begin().expect("a story");
    Server::new(story, count).serve(&world);
    let mut collected = Collected::default();
    for _ in 0..20 {
        collected.receive(&world.run_for(ROUND));
        world.http.take_answered();
        world.http.take_requests();
        if collected.addresses().len() >= expected {
            break;
        }
    }
    let groups = collected
        .sources()
        .into_iter()
        .filter_map(|source| collected.group(source));
    let totals = Totals::of(groups);
    Limits::default().check(totals).expect("it is within bounds");
    collected.addresses().len()
}

#[test]
fn very_many_objects_are_all_found_by_work_in_proportion() {
    let mut wrong = Vec::new();
    let mut told = BTreeSet::new();
    for story in found() {
        // One story of each entry is enough.
        let is_of_one = OF_ONE.iter().any(|(name, _)| *name == story.name);
        if is_of_one || !told.insert((story.mechanism(), story.entry())) {
            continue;
        }
        let each = tell(&story, 1, 1);
        let count = count(&story);
        let (half, of_half) = during(|| tell(&story, count / 2, count / 2 * each));
        let (all, of_all) = during(|| tell(&story, count, count * each));
        if (half, all) != (count / 2 * each, count * each) || each == 0 {
            wrong.push(format!(
                "{}: {each} of one, {half} of {}, {all} of {count}",
                story.name,
                count / 2
            ));
        }
        let growth = of_all.count as f64 / of_half.count as f64;
        if growth > 2.2 {
            wrong.push(format!(
                "{}: memory is asked for {growth:.2} times as often",
                story.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
