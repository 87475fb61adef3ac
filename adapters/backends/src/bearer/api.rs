//! Requests with a token.

use std::collections::HashSet;

use headcount_discoverer::env::{HttpLimits, HttpRequest, HttpResponse, Token, TokenSlot};
use headcount_discoverer::rest::{Ask, MOST_PAGES, ReadError};
use headcount_reader::{Secret, without_credentials};

use super::{LoginError, said};

/// Who can get a token.
pub(crate) trait Login: Sync {
    /// A new one.
    fn log_in(&self, ask: &Ask<'_>) -> impl Future<Output = Result<Token, LoginError>> + Send;
}

/// An API as it is asked during one refresh.
pub(crate) struct Api<'a, L> {
    pub(crate) ask: &'a Ask<'a>,
    pub(crate) login: &'a L,
    pub(crate) slot: &'a TokenSlot<LoginError>,
}

impl<L: Login> Api<'_, L> {
    /// Sees to it that there is a token, so that all parts fail together where there is none.
    pub(crate) async fn enter(&self) -> Result<(), ReadError> {
        self.token().await?;
        Ok(())
    }

    async fn token(&self) -> Result<Secret, LoginError> {
        let clock = self.ask.env().clock.as_ref();
        self.slot.get(clock, || self.login.log_in(self.ask)).await
    }

    /// Sends a request with a token. One that is refused is forgotten, and the request sent once more with a new one.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ReadError> {
        let mut may_be_old = true;
        loop {
            let token = self.token().await?;
            let request = request
                .clone()
                .header("Accept", "application/json")
                .header("Authorization", format!("Bearer {}", token.reveal()))
                .limits(HttpLimits {
                    body: self.ask.env().limits.body,
                    ..HttpLimits::default()
                });
            let answer = self.ask.send(request).await?;
            if answer.status != 401 {
                return Ok(answer);
            }
            self.slot.forget(&token);
            if !std::mem::take(&mut may_be_old) {
                return Ok(answer);
            }
        }
    }

    /// The answer if it is of status 200, or else what it says.
    pub(crate) fn if_good(&self, url: &str, answer: HttpResponse) -> Result<HttpResponse, ReadError> {
        if answer.status == 200 {
            return Ok(answer);
        }
        let retry_after = answer.retry_after(self.ask.env().clock.unix_time());
        Err(ReadError::refused(url, said(&answer), retry_after))
    }

    /// Reads a list page by page. `page` understands an answer, and gives the URL where the list goes on.
    pub(crate) async fn pages<T, E>(
        &self,
        first: String,
        page: impl FnMut(&HttpResponse) -> Result<(Vec<T>, Option<String>), E>,
    ) -> Result<Vec<T>, ReadError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.pages_unless(0, first, page).await
    }

    /// The same, and nothing if an answer is of this status.
    pub(crate) async fn pages_unless<T, E>(
        &self,
        absent: u16,
        first: String,
        mut page: impl FnMut(&HttpResponse) -> Result<(Vec<T>, Option<String>), E>,
    ) -> Result<Vec<T>, ReadError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut items = Vec::new();
        let mut asked: HashSet<String> = HashSet::new();
        let mut next = Some(first);
        while let Some(url) = next {
            let shown = || without_credentials(&url).into_owned();
            if asked.len() >= MOST_PAGES {
                return Err(ReadError::TooManyPages { url: shown() });
            }
            if !asked.insert(url.clone()) {
                return Err(ReadError::PageAgain { url: shown() });
            }
            let answer = self.send(HttpRequest::get(&url)).await?;
            if answer.status == absent {
                return Ok(Vec::new());
            }
            let answer = self.if_good(&url, answer)?;
            let (mut this, after) = page(&answer).map_err(|error| ReadError::answer(&url, error))?;
            items.append(&mut this);
            next = after;
        }
        Ok(items)
    }
}
