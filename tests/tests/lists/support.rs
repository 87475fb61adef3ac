//! What this suite shares with that of the servers.

#[macro_use]
#[path = "../servers/support/required.rs"]
pub(crate) mod required;
