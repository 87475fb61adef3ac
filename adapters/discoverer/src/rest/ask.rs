//! Requests of one refresh, with all that is the same for every backend.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headcount_core::{Instant, planted};

use super::error::shown;
use super::{MOST_PAGES, ReadError};
use crate::env::{HttpClient, HttpError, HttpLimits, HttpRequest, HttpResponse};
use crate::{Env, Fingerprint};

/// How a part is asked for.
///
/// Whatever a request's limits say, it has what is left of the refresh's time, and no more. A request may be sent
/// twice, so none may change anything at the server.
pub struct Ask<'a> {
    env: &'a Env,
    client: &'a dyn HttpClient,
    refresh: &'a Attempt,
    /// What the part's last whole read left behind.
    last: Option<&'a Answered>,
    now: Mutex<Option<Answered>>,
}

/// What the parts of one refresh share.
pub(super) struct Attempt {
    pub(super) deadline: Duration,
    pub(super) end: Instant,
    pub(super) retry_wait: Duration,
    /// Whether a second try was in vain: then it is no hiccup, and the backend is spared further ones.
    pub(super) tried_in_vain: AtomicBool,
}

/// The request that an answer was understood of, and what is needed to hear that it is still the same.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    request: HttpRequest,
    etag: Option<String>,
    last_modified: Option<String>,
    content_type: Option<String>,
    fingerprint: Fingerprint,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What stands on it.
    pub items: Vec<T>,
    /// Where the list goes on.
    pub next: Option<HttpRequest>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(
        env: &'a Env,
        client: &'a dyn HttpClient,
        refresh: &'a Attempt,
        last: Option<&'a Answered>,
    ) -> Self {
        Self {
            env,
            client,
            refresh,
            last,
            now: Mutex::new(None),
        }
    }

    /// The rest of the world.
    pub fn env(&self) -> &'a Env {
        self.env
    }

    /// Sends a request, and a second time if that may help: the connection failed, or the status says that it may be
    /// another in a moment. Gives an answer of any status.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ReadError> {
        let first = self.once(&request).await;
        let wait = self.refresh.retry_wait;
        let in_vain = &self.refresh.tried_in_vain;
        if !is_worth_a_second_try(&first) || wait >= self.left() || in_vain.load(Ordering::Relaxed) {
            return first;
        }
        self.env.clock.sleep(wait).await;
        let second = self.once(&request).await;
        if is_worth_a_second_try(&second) {
            in_vain.store(true, Ordering::Relaxed);
        }
        second
    }

    /// As [`send`](Self::send), and the answer has to be of status 200.
    ///
    /// # Errors
    /// There was no answer, or one that says that it can't be had.
    pub async fn get(&self, request: HttpRequest) -> Result<HttpResponse, ReadError> {
        let url = shown(&request.url);
        let answer = self.send(request).await?;
        self.if_good(url, answer)
    }

    /// As [`get`](Self::get), and nothing if the answer is that of the part's last read. The server is told what it
    /// said of that one (`ETag`, `Last-Modified`), so that it need not send it; if it does, its bytes are compared.
    ///
    /// This is for a part that is read with one request, which then has not changed. With more than one, nothing
    /// may be known of what the others say, so ask by [`get`](Self::get).
    ///
    /// # Errors
    /// As there.
    pub async fn changed(&self, request: HttpRequest) -> Result<Option<HttpResponse>, ReadError> {
        let last = self
            .last
            .filter(|last| planted!(last.request == request, TagOfAnotherUrl, true));
        let mut conditional = request.clone();
        for (name, value) in last.into_iter().flat_map(Answered::conditions) {
            conditional = conditional.header(name, value);
        }
        let answer = self.send(conditional).await?;
        if let Some(last) = last.filter(|_| answer.status == 304) {
            self.note(last.clone());
            return Ok(None);
        }
        let answer = self.if_good(shown(&request.url), answer)?;
        let owned = |name| answer.header(name).map(str::to_owned);
        let this = Answered {
            request,
            etag: owned("etag"),
            last_modified: owned("last-modified"),
            content_type: owned("content-type"),
            fingerprint: Fingerprint::of(&answer.body),
        };
        // The same bytes under another type may be something else.
        let is_same = last.is_some_and(|last| {
            last.fingerprint == this.fingerprint
                && planted!(last.content_type == this.content_type, OtherTypeIsTheSame, true)
        });
        self.note(this);
        Ok((!is_same).then_some(answer))
    }

    /// Reads a list page by page, each as with [`get`](Self::get). `page` understands an answer, and says where the list
    /// goes on.
    ///
    /// # Errors
    /// As there, and what `page` says is wrong with an answer. A page that comes a second time, and a list that has
    /// more than [`MOST_PAGES`], are errors, too: half a list is no list.
    pub async fn pages<T, E>(
        &self,
        first: HttpRequest,
        mut page: impl FnMut(&HttpResponse) -> Result<Page<T>, E>,
    ) -> Result<Vec<T>, ReadError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut items = Vec::new();
        let mut asked = HashSet::new();
        let mut last_body = None;
        let mut next = Some(first);
        while let Some(request) = next {
            let url = request.url.clone();
            if asked.len() >= MOST_PAGES {
                return Err(ReadError::TooManyPages { url: shown(&url) });
            }
            if !asked.insert(request.clone()) {
                return Err(ReadError::PageAgain { url: shown(&url) });
            }
            let answer = self.get(request).await?;
            let mut this = page(&answer).map_err(|error| ReadError::answer(&url, error))?;
            // A server that does not know what a page is gives the whole list again and again.
            let body = Fingerprint::of(&answer.body);
            if planted!(last_body.replace(body) == Some(body), SamePageIsRead, false) && !this.items.is_empty() {
                return Err(ReadError::PageAgain { url: shown(&url) });
            }
            items.append(&mut this.items);
            next = this.next;
        }
        Ok(items)
    }

    /// An answer that [`send`](Self::send) gave, if it is of status 200.
    ///
    /// # Errors
    /// It is of another.
    pub fn good(&self, url: &str, answer: HttpResponse) -> Result<HttpResponse, ReadError> {
        self.if_good(shown(url), answer)
    }

    /// What was answered, to be remembered once it has been understood.
    pub(super) fn into_answered(self) -> Option<Answered> {
        self.now.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, answered: Answered) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Some(answered);
    }

    fn left(&self) -> Duration {
        self.refresh.end.saturating_duration_since(self.env.clock.now())
    }

    async fn once(&self, request: &HttpRequest) -> Result<HttpResponse, ReadError> {
        let left = self.left();
        if left.is_zero() {
            return Err(ReadError::Late {
                url: shown(&request.url),
                deadline: self.refresh.deadline,
            });
        }
        let mut request = request.clone();
        request.limits = HttpLimits {
            total: Some(left),
            ..request.limits
        };
        if !request
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("user-agent"))
        {
            request = request.header("User-Agent", concat!("headcount/", env!("CARGO_PKG_VERSION")));
        }
        let sent = self.client.send(request.clone()).await;
        sent.map_err(|error| ReadError::http(&request, error))
    }

    fn if_good(&self, url: String, answer: HttpResponse) -> Result<HttpResponse, ReadError> {
        if answer.status == 200 {
            return Ok(answer);
        }
        Err(ReadError::Status {
            url,
            status: answer.status,
            retry_after: answer.retry_after(self.env.clock.unix_time()),
        })
    }
}

impl Answered {
    fn conditions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let etag = self.etag.as_deref().map(|etag| ("If-None-Match", etag));
        let last_modified = self.last_modified.as_deref();
        etag.into_iter()
            .chain(last_modified.map(|time| ("If-Modified-Since", time)))
    }
}

/// Whether sending the same request at once may give another result.
fn is_worth_a_second_try(result: &Result<HttpResponse, ReadError>) -> bool {
    match result {
        // Who says when to come again must not be asked before.
        Ok(answer) => {
            matches!(answer.status, 408 | 429 | 500..=599)
                && planted!(
                    answer.header("retry-after").is_none(),
                    SecondTryInSpiteOfRetryAfter,
                    true
                )
        }
        Err(ReadError::Http { source, .. }) => {
            matches!(source, HttpError::Connect { .. } | HttpError::Protocol { .. })
        }
        Err(_) => false,
    }
}
