//! Which member scrapes which target, where many share the work.
//!
//! **Who owns a target follows from the targets and the members alone**: not from what came when, from a clock, or from
//! the platform. So two instances that know the same say the same, and a restart moves nothing. What has a memory is only how
//! a target gets from one member to another ([`Shares`]).
//!
//! * [`TargetKey`]: what decides a target's scrape, as a number.
//! * [`Consistent`]: members with nearly the same number of targets each, where a member that comes or goes moves little
//!   more than its share.
//! * [`Weighted`]: members with nearly the same weight of targets each.
//! * [`Placed`]: the same of targets of which some belong to a member.
//! * [`Shares`]: what each member is told to scrape, so that a target that moves is not left alone.
//! * [`Presence`]: who is a member, where members are those that ask. [`Roster`]: the same where they are found.
//! * [`Seats`]: numbered places, for members whose names are others after each restart.
//!
//! ```
//! use headcount_core::allocation::{Consistent, TargetKey};
//!
//! let mut allocation = Consistent::new(1);
//! for member in ["a", "b", "c"] {
//!     allocation.join(member);
//! }
//! for number in 0..300 {
//!     allocation.add(TargetKey::from_number(number));
//! }
//! assert_eq!(allocation.owners(TargetKey::from_number(7)).count(), 1);
//! // Five targets in a hundred more than the mean, at most.
//! assert!(["a", "b", "c"].iter().all(|member| allocation.count(member) <= 105));
//! ```

mod consistent;
mod key;
mod placed;
mod presence;
mod rendezvous;
mod roster;
mod seats;
mod shares;
mod weighted;
mod weights;

pub use consistent::{Consistent, MAX_MEMBERS, MAX_REPLICAS, Move};
pub use key::TargetKey;
pub use placed::Placed;
pub use presence::{Asked, Presence, PresenceOptions};
#[cfg(any(test, feature = "reference"))]
pub(crate) use rendezvous::{Fit, Seed};
pub use roster::{Roster, RosterOptions};
pub use seats::Seats;
pub use shares::{Leaving, SavedHandover, SavedMember, SavedShares, Shares};
pub use weighted::{JobWeights, Weighted};
pub use weights::WeightClass;

#[cfg(test)]
mod tests;
