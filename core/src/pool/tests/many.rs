//! All groups at once are what they are one after the other.

use super::rebuild::state;
use super::*;
use crate::{Groups, Instant};

const OTHER: ProviderId = ProviderId::from_number(1);

/// So many groups, of which some have several targets, some the same ones, and some are dropped.
fn groups(from: usize, count: usize) -> Groups {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    for number in from..from + count {
        let targets = (0..=number % 3).map(|target| [("__address__", format!("h{}:{target}", number / 2))]);
        let labels = [("kind", ["kept", "dropped"][usize::from(number % 5 == 0)].to_owned())];
        batch.group(&format!("s{number}"), labels, targets).unwrap();
    }
    Groups::from_saved(batch.finish().into_iter().map(|group| (Instant::ZERO, group)))
}

#[test]
fn all_groups_at_once_are_what_they_are_one_by_one() {
    let drop = RelabelRule::Drop {
        source: source(&["kind"]),
        regex: RuleRegex::new("dropped"),
    };
    let mut at_once = TargetPool::new(job(vec![drop]));
    let mut one_by_one = TargetPool::new(at_once.options().clone());
    // More than are needed to see how many are kept, and then some that are there already.
    for (provider, from, count) in [(PROVIDER, 0, 3_000), (OTHER, 2_900, 70), (PROVIDER, 1_500, 3_000)] {
        let groups = groups(from, count);
        at_once.put_all(provider, &groups);
        groups
            .iter()
            .for_each(|stored| one_by_one.put_group(provider, stored.group()));
        assert_eq!(drain(&mut at_once), drain(&mut one_by_one));
        assert_eq!(state(&at_once), state(&one_by_one));
        assert_eq!(at_once.counts(), one_by_one.counts());
        assert_eq!(at_once.evaluated, one_by_one.evaluated);
    }
    let counts = at_once.counts();
    assert!(counts.duplicate > 1_000 && counts.dropped > 1_000, "{counts:?}");
}

/// What is gone leaves its places to what comes, whether that comes by itself or at once.
#[test]
fn a_pool_of_which_everything_is_always_another_does_not_grow() {
    const GROUPS: usize = 200;
    let mut pool = TargetPool::new(job(vec![]));
    let mut sizes = Vec::new();
    for round in 0..20 {
        let (before, new) = (groups(round * GROUPS, GROUPS), groups((round + 1) * GROUPS, GROUPS));
        let remove = |pool: &mut TargetPool| {
            let sources = before.iter().map(|stored| stored.group().source());
            sources.for_each(|source| pool.remove_group(PROVIDER, source));
        };
        if round % 2 == 0 {
            new.iter().for_each(|stored| pool.put_group(PROVIDER, stored.group()));
            remove(&mut pool);
        } else {
            remove(&mut pool);
            pool.put_all(PROVIDER, &new);
        }
        assert!(pool.counts().active > GROUPS, "{round}: {:?}", pool.counts());
        drain(&mut pool);
        sizes.push(pool.size_bytes());
    }
    // Lists grow by doubling; what is kept of each round would be more than that.
    assert!(sizes[19] < sizes[7] * 5 / 4, "{sizes:?}");
}
