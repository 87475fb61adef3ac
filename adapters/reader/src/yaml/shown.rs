//! YAML as it may be shown, made when somebody asks for it.
//!
//! The one rule: **what is kept is the text with its secrets, and what comes out has none.** To write a large
//! configuration anew takes a tenth of the time of reading it, and hardly anybody looks at it.

use std::fmt;
use std::path::Path;

use super::build::read;
use super::sink::Sink;
use crate::secret::Secret;

/// A YAML document, to be shown with aliases written out and every secret replaced by `<secret>`.
///
/// ```
/// use headcount_reader::ShownYaml;
///
/// let shown = ShownYaml::of("basic_auth: {username: me, password: hush} # mine");
/// assert_eq!(shown.text(), "basic_auth:\n  username: me\n  password: <secret>\n");
/// assert!(!format!("{shown:?}").contains("hush"));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ShownYaml(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    /// Shown as it is.
    AsIs(String),
    /// As it was written.
    Written(Secret),
}

impl ShownYaml {
    /// A document as it was written.
    pub fn of(written: impl Into<String>) -> Self {
        Self(Source::Written(Secret::new(written)))
    }

    /// What is shown as it is.
    pub fn as_is(text: impl Into<String>) -> Self {
        Self(Source::AsIs(text.into()))
    }

    /// What is shown; nothing of what is no YAML. Costs reading it.
    pub fn text(&self) -> String {
        match &self.0 {
            Source::AsIs(text) => text.clone(),
            Source::Written(written) => {
                // What is wrong was said when it was read for its meaning.
                let unheard = Sink::new(Path::new("").into());
                read(written.reveal(), &unheard).map_or_else(String::new, |document| document.redacted())
            }
        }
    }
}

impl Default for Source {
    fn default() -> Self {
        Self::AsIs(String::new())
    }
}

impl fmt::Debug for ShownYaml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text(), f)
    }
}
