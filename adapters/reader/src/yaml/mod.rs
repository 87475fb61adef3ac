//! YAML with a position for every value, read with the habits of the library that Prometheus uses.
//!
//! [`read`] turns text into a tree of [`Node`]s; a [`Cursor`] walks the tree, knows the path it
//! took, and collects what is wrong instead of stopping at it; [`render`] writes the tree again.
//! The rule here: **nothing else looks at a node's insides**, so that what counts as a number, a
//! switch or nothing at all is decided once, in `scalar`.
//!
//! The parser underneath reads YAML 1.2, Prometheus's reads YAML 1.1. Beside what `scalar` and
//! `dialect` even out, they differ in corners that no configuration has on purpose: the line breaks
//! U+2028 and U+2029, `{a:}` and `?` inside braces, a byte order mark after the first character, and
//! quoted text whose further lines are indented less than the field.

mod build;
mod cursor;
mod dialect;
mod fields;
mod json;
mod node;
mod redact;
mod render;
mod scalar;
mod shown;
mod sink;
mod text;

pub use build::{Document, read};
pub use cursor::Cursor;
pub use dialect::{DialectError, as_yaml_1_1};
pub use fields::{FieldNames, Fields};
pub use redact::{MASK, redacted_url};
pub use render::quoted_if_needed;
pub use shown::ShownYaml;
pub use sink::{Findings, Sink};
pub use text::{FILE_LIMIT, decode};
