//! A server's URL, as an entry gives it.

use std::fmt;

use headcount_reader::{Cursor, Fields, ProblemKind, Secret, Url, without_credentials};

/// A URL of an entry's own. It may hold a password, and is shown without it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ServerUrl {
    /// Without a slash at its end.
    url: Secret,
    shown: String,
}

/// Shows no password.
impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl ServerUrl {
    /// Reads the field `server`, which has to be there.
    pub(crate) fn required(fields: &mut Fields<'_>) -> Option<Self> {
        let at = fields.take("server");
        let text = at.as_ref().and_then(|at| at.text()).filter(|text| !text.is_empty());
        let (Some(at), Some(text)) = (at, text) else {
            fields.at().report(ProblemKind::Missing { field: "server" });
            return None;
        };
        Self::read(&at, &text)
    }

    /// Reads a URL that HTTP can be spoken with, and that paths can be put behind.
    pub(crate) fn read(at: &Cursor<'_>, text: &str) -> Option<Self> {
        if let Err(error) = Url::parse(text).and_then(|url| url.for_http()) {
            at.report(error);
            return None;
        }
        if text.contains(['?', '#']) {
            at.report(ProblemKind::Rule("the URL of a server has no query and no fragment"));
            return None;
        }
        Some(Self::new(text))
    }

    /// One that is known to be good.
    pub(crate) fn new(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        Self {
            shown: without_credentials(url).into_owned(),
            url: Secret::new(url),
        }
    }

    /// The URL as it may be shown.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The URL of what is below it. The path begins with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.url.reveal())
    }
}
