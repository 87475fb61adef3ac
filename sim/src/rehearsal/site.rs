//! Virtual HTTP servers.

use headcount_discoverer::env::HttpRequest;

use super::{Render, Shown, ShownHost};
use crate::Span;

/// A virtual HTTP server: makes answers of what a backend shows.
///
/// It knows nothing of faults: those that break connections, delay answers or cut them off happen on
/// the way; those that show something else than there is happen to what it is shown.
pub trait Site: Send {
    /// Answers a request, or lets it wait. A request that waits is asked about again when something
    /// else is shown, and when its time is over.
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer;

    /// Whether a request goes on from what an earlier one was told. What shows a list something wrong does not hit it, but
    /// the server may no longer know what was before ([`WatchTooOld`], which is answered with status 410).
    ///
    /// [`WatchTooOld`]: crate::FaultKind::WatchTooOld
    fn resumes(&self, _request: &HttpRequest) -> bool {
        false
    }

    /// Whether it knows what there was before, and wants to hear of each change: see [`stores`](Self::stores).
    fn remembers(&self) -> bool {
        false
    }

    /// From now on there are these hosts, as of this version ([`Shown::version`]), whatever is shown of them to whom. Of a
    /// backend with several replicas, it is what the first one has.
    fn stores(&mut self, _version: u64, _hosts: &[ShownHost]) {}

    /// Starts again from the beginning, as a server does that lost its state ([`IndexReset`]).
    ///
    /// [`IndexReset`]: crate::FaultKind::IndexReset
    fn reset(&mut self) {}
}

/// What a [`Site`] makes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This is the answer.
    Now(Page),
    /// There is nothing new; wait until something else is shown, or until the request has waited for
    /// so long.
    Wait(Span),
    /// This is the next part of an answer that goes on, if there is any. The request is asked about again when something
    /// else is shown, and when it has been open for so long, which ends it with an [`Answer::Now`].
    Part {
        /// The part. Status and headers count in the first one.
        page: Page,
        /// What it tells of after that, one by one: on the way each may get lost, come twice, or be overtaken.
        events: Vec<Told>,
        /// Up to what the request is told then: what it is asked about with next ([`Shown::told`]).
        told: u64,
        /// For how long the request is open.
        most: Span,
        /// After how long it is asked about again though nothing is new.
        again: Option<Span>,
    },
}

/// Something that happened, as an answer tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What stands in the body.
    pub text: String,
    /// Whether it says that a host is gone.
    pub gone: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Page {
    /// A page of JSON, with status 200.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.into(),
        }
    }

    /// A line of text with this status.
    pub fn text(status: u16, line: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())],
            body: line.into().into_bytes(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A page whose body is written anew for each request.
pub(super) struct Listed(pub(super) Render);

impl Site for Listed {
    fn answer(&mut self, _request: &HttpRequest, shown: &Shown) -> Answer {
        Answer::Now(Page::json((self.0)(&shown.hosts)))
    }
}
