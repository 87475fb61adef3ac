//! Why a part could not be read.

use std::error::Error;
use std::time::Duration;

use headcount_core::GroupError;
use headcount_reader::without_credentials;

use super::MOST_PAGES;
use crate::BODY_KNOB;
use crate::env::{HttpError, HttpRequest};

/// Why a part could not be read. What was being read stands in front of it ([`Rest::READING`](super::Rest::READING)).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There was no answer.
    #[error("{url}: {source}")]
    Http {
        /// What was asked, without its credentials.
        url: String,
        /// Why there was none.
        source: HttpError,
    },
    /// The answer is larger than is taken.
    #[error("{url}: {source}; {BODY_KNOB}")]
    TooLarge {
        /// What was asked, without its credentials.
        url: String,
        /// How large it may be.
        source: HttpError,
    },
    /// It can't be asked for.
    #[error(transparent)]
    Url(HttpError),
    /// The answer is that it can't be had.
    #[error("{url}: the server answered with status {status}, not 200")]
    Status {
        /// What was asked, without its credentials.
        url: String,
        /// The answer's status.
        status: u16,
        /// After how long the server wishes to be asked again (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The server says itself why it can't be had.
    #[error("{url}: {said}")]
    Refused {
        /// What was asked, without its credentials.
        url: String,
        /// What it said, in words that may be shown.
        said: String,
        /// After how long it is to be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer can't be understood.
    #[error("{url}: {source}")]
    Answer {
        /// What was asked, without its credentials.
        url: String,
        /// What is wrong with the answer.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What was found can't be stored.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The refresh is over before everything was asked.
    #[error("{url}: not asked, because the refresh had to end after {deadline:?}")]
    Late {
        /// What was not asked, without its credentials.
        url: String,
        /// The time that a refresh has.
        deadline: Duration,
    },
    /// A page that was there before, so that there would be no end to them.
    #[error("{url}: this page of a list comes a second time, so the list has no end; is this what the server means?")]
    PageAgain {
        /// What was asked, without its credentials.
        url: String,
    },
    /// A list that does not end.
    #[error("{url}: the list goes on after {MOST_PAGES} pages; ask for larger pages, or for less")]
    TooManyPages {
        /// What was not asked any more, without its credentials.
        url: String,
    },
    /// There is nothing any more, all at once; a backend that has lost what it knew says so as well (B11).
    #[error("gave no targets any more, of {before} before; that counts if the next answer is the same")]
    Emptied {
        /// How many targets there were.
        before: usize,
    },
    /// The server wished not to be asked yet.
    #[error("not asked for another {wait:?}, as the server wishes; the last time, {reason}")]
    Held {
        /// How long it is still left alone.
        wait: Duration,
        /// What the last read failed of.
        reason: String,
    },
}

impl ReadError {
    /// The answer to a request for this URL can't be understood.
    pub fn answer(url: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Answer {
            url: shown(url),
            source: source.into(),
        }
    }

    /// After how long it may be asked again, where the server says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } | Self::Refused { retry_after, .. } => *retry_after,
            Self::Held { wait, .. } => Some(*wait),
            _ => None,
        }
    }

    /// The server says of a request for this URL why it can't be had, and perhaps when it can be asked again.
    pub fn refused(url: &str, said: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self::Refused {
            url: shown(url),
            said: said.into(),
            retry_after,
        }
    }

    pub(super) fn http(request: &HttpRequest, source: HttpError) -> Self {
        match source {
            // It names the URL itself.
            HttpError::Url { .. } => Self::Url(source),
            HttpError::BodyTooLarge { .. } => Self::TooLarge {
                url: shown(&request.url),
                source,
            },
            _ => Self::Http {
                url: shown(&request.url),
                source,
            },
        }
    }
}

pub(super) fn shown(url: &str) -> String {
    without_credentials(url).into_owned()
}
