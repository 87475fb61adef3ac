//! What is common to the mechanisms that ask an HTTP API with a token which they have to get first.
//!
//! **A token is got once for all who have the same account**, renewed before its end, and forgotten when the API refuses it:
//! then it is got anew, once, before that counts as a failure. What an API says of a request that it refuses is told, in
//! one line; what the other side was sent is never part of it.

mod api;
mod error;
mod escape;
mod granted;
mod machine;
mod signing;

pub(crate) use api::{Api, Login};
pub(crate) use error::{LoginError, said};
pub(crate) use escape::{form, path, step};
pub(crate) use granted::granted;
pub(crate) use machine::ask_machine;
pub(crate) use signing::{JwtAlgorithm, RsaKey, SigningError};

/// More than any token, and any document of a metadata service, has.
pub(crate) const SMALL: u64 = 1 << 20;
