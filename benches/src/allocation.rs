//! Sharing a million targets out among a hundred members.

use headcount_core::Random;
use headcount_core::allocation::{Consistent, TargetKey};

/// Members and targets that are there, and one more of each.
#[derive(Debug)]
pub struct Allocated {
    allocation: Consistent,
    keys: Vec<TargetKey>,
    random: Random,
}

/// The keys of so many targets.
pub fn keys(count: usize) -> Vec<TargetKey> {
    let mut random = Random::new(7);
    (0..count).map(|_| TargetKey::from_number(random.next_u64())).collect()
}

/// Shares these out among so many members for the first time.
///
/// # Panics
/// A member has more than 5 % above the mean.
pub fn first(keys: &[TargetKey], members: usize) -> Allocated {
    let mut allocation = Consistent::new(1);
    for number in 0..members {
        allocation.join(&format!("prometheus-{number}"));
    }
    allocation.add_all(keys.iter().copied());
    let most = allocation.members().map(|member| allocation.count(member)).max();
    assert!(
        most.is_some_and(|most| most * members * 100 <= keys.len() * 105),
        "{most:?}"
    );
    assert_eq!(allocation.take_moves().len(), keys.len());
    Allocated {
        allocation,
        keys: keys.to_vec(),
        random: Random::new(8),
    }
}

impl Allocated {
    /// Replaces so many targets, one after the other, by others. Gives how many moves that made.
    pub fn replace(&mut self, count: usize) -> usize {
        let mut moves = 0;
        for _ in 0..count {
            let new = TargetKey::from_number(self.random.next_u64());
            self.keys.push(new);
            let old = self.random.between(0, self.keys.len() as u64 - 1) as usize;
            self.allocation.remove(self.keys.swap_remove(old));
            self.allocation.add(new);
            moves += self.allocation.take_moves().len();
        }
        moves
    }

    /// A member joins. Gives how many targets it gets.
    pub fn join(&mut self, name: &str) -> usize {
        self.allocation.join(name);
        self.allocation.take_moves().iter().filter(|moved| moved.came).count()
    }

    /// A member is gone. Gives how many targets others get.
    pub fn leave(&mut self, name: &str) -> usize {
        self.allocation.leave(name);
        self.allocation.take_moves().iter().filter(|moved| moved.came).count()
    }
}
