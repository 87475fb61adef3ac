//! What the YAML parser says, without the place: that is said before it, in our own way.

use core::fmt;
use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use serde_yaml::{DefaultMessageFormatter, Localizer, Location, MessageFormatter};

/// Why a file is not YAML: the parser's own error, kept as its [source](Error::source).
#[derive(Debug, Clone)]
pub struct NotYaml(Arc<serde_yaml::Error>);

impl NotYaml {
    pub(super) fn new(error: Arc<serde_yaml::Error>) -> Self {
        Self(error)
    }
}

impl fmt::Display for NotYaml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.without_snippet().render_with_formatter(&WithoutPlace))
    }
}

impl Error for NotYaml {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// The parser's words, and no place after them.
struct WithoutPlace;

impl Localizer for WithoutPlace {
    fn attach_location<'a>(&self, base: Cow<'a, str>, _: Location) -> Cow<'a, str> {
        base
    }
}

impl MessageFormatter for WithoutPlace {
    fn localizer(&self) -> &dyn Localizer {
        self
    }

    fn format_message<'a>(&self, error: &'a serde_yaml::Error) -> Cow<'a, str> {
        DefaultMessageFormatter.format_message(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scenario, Wrong};

    #[test]
    fn the_parser_says_what_and_the_mistake_where() {
        let mistakes = Scenario::from_yaml("churn: [\n").expect_err("no YAML");
        let mistake = mistakes.iter().next().expect("one");
        let Wrong::Syntax(not_yaml) = &mistake.wrong else {
            panic!("{mistake:?}");
        };
        let (place, said) = (mistake.place.expect("a place"), not_yaml.to_string());
        assert!(!said.contains("line"), "{said}");
        assert_eq!(mistake.to_string(), format!("{place}: not valid YAML: {said}"));
        let source = not_yaml.source().expect("the parser's error").to_string();
        assert!(source.starts_with(&said) && source.len() > said.len(), "{source}");
    }
}
