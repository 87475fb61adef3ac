//! A running manager, and what the rest of the service sees of it.
//!
//! * `managed`: the manager's driver, and what it has found.
//! * `publisher`: the task that makes views of snapshots; `publication`: where they are read.
//! * `view`, `job`: sets with their lists; which are complete. `serve_incomplete`: which are served without configs that
//!   can't be run.
//! * `feed`: what changed, for the pools and outputs.
//! * `list`: the list of targets that http_sd and file_sd share.
//! * `pieces`: that list as bytes, in pieces that are made once.
//! * `health_log`, `delivery_log`: say in the log when a provider fails and recovers, and when a list is withheld or served
//!   without everything. `removal_log` says when many targets are gone at once.
//! * `churn`: how much of what each provider finds changes.
//! * `hold_counts`: how many drops were held, and how they ended.
//! * `history`: what happened, for who asks later.

mod churn;
mod delivery_log;
mod feed;
mod health_log;
mod history;
mod hold_counts;
mod job;
mod list;
mod managed;
mod observation;
mod pieces;
mod publication;
mod publisher;
mod removal_log;
mod serve_incomplete;
mod view;

pub(crate) use churn::{Churn, WINDOW as CHURN_WINDOW};
pub(crate) use feed::{Feed, Follower, Jobs};
pub(crate) use history::{MemberEvent, SharedHistory, because, release};
pub(crate) use job::{Job, List, ListHandle};
pub use list::{ADDRESS, entries_with_own_labels, merged, sorted_groups, target_list};
pub(crate) use list::{as_list, write_labels, write_string};
#[cfg(test)]
pub(crate) use managed::start;
pub(crate) use managed::{Beginning, Called, Managed, start_limited};
pub use observation::{Observation, Provider};
pub(crate) use pieces::{Encoded, KeptIndex, Part, Parts, Piece};
pub(crate) use serve_incomplete::ServeIncomplete;
#[cfg(test)]
pub(crate) use view::tests::{GroupParts, OwnedParts, Sets, snapshot_of, view_of};
pub(crate) use view::{Lacking, View, ViewChange, Why};
