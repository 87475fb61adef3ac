//! What answers of HTTP APIs in JSON have in common.
//!
//! **What is absent, null or of another type costs a label, and never an object**: the types here take anything and keep
//! what makes sense. Only what an answer is about, its list, has to be there: that one is a plain `Vec`, so that an
//! error in JSON is never taken for a list of nothing.

mod common;
mod labels;
mod lenient;
mod secret;
mod server;
mod token;

pub(crate) use common::{Common, PartCount, get_json, warn_of_own};
pub(crate) use labels::{list, put};
pub(crate) use lenient::{Flag, List, Map, Number, Object, Scalar, ShortMap, ShortScalar, ShortText, Text};
pub(crate) use secret::{Ways, read_secret, reveal};
pub(crate) use server::ServerUrl;
pub(crate) use token::TokenError;
