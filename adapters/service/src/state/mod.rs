//! What was found, kept over a restart.
//!
//! * `format`: a file as bytes: records, each with a checksum. `codec`: what is in a record.
//! * `store`: a manager's two files, a base and a log of what changed since. `folder`: where they are, and whose.
//! * `saver`: the thread that follows a manager. `writer`: what it writes. `status`: how that fares, for metrics.
//! * `states`: all of it, for a service.
//! * `image`: what is read back. `restore`: whose that is now. What a manager begins with is gone on with by its writer: the
//!   groups that it shares with what was read are in the files already.
//! * `members`: among whom targets are shared out, and what is between two of them; a file of its own.
//! * `summary`: the same for people.
//!
//! The one rule: **what is read back was so at one moment.** A change is in the log as a whole or not at all, a log
//! belongs to one base, and whatever does not fit is refused, or cut off at the last whole change. Nothing that goes
//! wrong here keeps anybody from discovering.

mod codec;
mod error;
mod folder;
mod format;
mod image;
mod members;
#[cfg(test)]
mod refused_tests;
mod restore;
mod retry;
mod saver;
mod states;
mod status;
mod store;
mod summary;
#[cfg(test)]
mod tests;
mod writer;

pub use error::StateError;
pub use folder::{state_folder, state_root};
pub(crate) use states::{States, has_more};
pub(crate) use status::{Status, Written};
pub use summary::{SavedMembersSummary, SavedProviderSummary, StateSummary, saved_members, saved_states};
