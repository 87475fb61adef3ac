//! What stands in a URL after the server.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the characters that mean themselves everywhere in a URL (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name as one segment of a path.
pub(crate) fn path_segment(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}

/// The parameters of a request. Those without a value are left out, but for flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(String);

impl Query {
    /// Adds a parameter, if it has a value.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.push(name, value);
        }
        self
    }

    /// Adds a parameter whose presence is its meaning.
    pub(crate) fn with_flag(mut self, name: &str, is_set: bool) -> Self {
        if is_set {
            self.push(name, "");
        }
        self
    }

    fn push(&mut self, name: &str, value: &str) {
        let mark = if self.0.is_empty() { '?' } else { '&' };
        // Writing into memory does not fail.
        write!(self.0, "{mark}{name}={}", utf8_percent_encode(value, ESCAPED)).ok();
    }

    /// With its question mark; nothing if there are no parameters.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_escaped_and_those_without_a_value_left_out() {
        let query = Query::default()
            .with("dc", "")
            .with_flag("stale", true)
            .with_flag("cached", false)
            .with("filter", "Node==\"\" & a+b");
        assert_eq!(query.as_str(), "?stale=&filter=Node%3D%3D%22%22%20%26%20a%2Bb");
        assert_eq!(Query::default().as_str(), "");
        assert_eq!(path_segment("a/b?c é~"), "a%2Fb%3Fc%20%C3%A9~");
    }
}
