use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headcount_core::Instant;

use super::VirtualClock;
use crate::BoxFuture;
use crate::env::{Http, HttpClient, HttpError, HttpRequest, HttpResponse};
use headcount_reader::HttpClientSettings;

/// HTTP servers that answer as told. Cloning shares them.
///
/// Answers are given in order; the last one is given again and again. A request that finds no
/// answer at all gets "connection refused".
#[derive(Debug, Clone)]
pub struct ScriptedHttp {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Answer>,
    requests: Vec<SentRequest>,
    refuse_settings: Option<String>,
}

#[derive(Debug, Clone)]
struct Answer {
    after: Duration,
    result: Result<HttpResponse, HttpError>,
}

/// A request, and when it was sent.
#[derive(Debug, Clone)]
pub struct SentRequest {
    /// When.
    pub at: Instant,
    /// What.
    pub request: HttpRequest,
}

impl SentRequest {
    /// The first value of the request's header called `name`, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.request.headers.iter();
        headers
            .into_iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl ScriptedHttp {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// Forgets the answers that were scripted, and answers at once with these headers and this body.
    pub fn answer(&self, status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) {
        self.with(|state| state.answers.clear());
        self.then_answer(status, headers, body);
    }

    /// After the answers that were scripted before, answers like this.
    pub fn then_answer(&self, status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.then(
            Duration::ZERO,
            Ok(HttpResponse {
                status,
                headers,
                body: body.into(),
            }),
        );
    }

    /// After the answers that were scripted before, fails like this.
    pub fn then_fail(&self, error: HttpError) {
        self.then(Duration::ZERO, Err(error));
    }

    /// After the answers that were scripted before, gives this result once `after` has passed. An
    /// answer that comes later than the request allows is a timeout.
    pub fn then(&self, after: Duration, result: Result<HttpResponse, HttpError>) {
        self.with(|state| state.answers.push_back(Answer { after, result }));
    }

    /// From now on no client can be made, for this reason; `None` lifts it.
    pub fn refuse_settings(&self, reason: Option<&str>) {
        self.with(|state| state.refuse_settings = reason.map(str::to_owned));
    }

    /// The requests since this was last called.
    pub fn take_requests(&self) -> Vec<SentRequest> {
        self.with(|state| std::mem::take(&mut state.requests))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Http for ScriptedHttp {
    fn client(&self, _settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        match self.with(|state| state.refuse_settings.clone()) {
            Some(reason) => Err(HttpError::Settings {
                setting: "tls_config".to_owned(),
                cause: reason.into(),
            }),
            None => Ok(Arc::new(self.clone())),
        }
    }
}

impl HttpClient for ScriptedHttp {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let host = request
                .url
                .split("://")
                .nth(1)
                .unwrap_or(&request.url)
                .split('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            let (timeout, limit) = (request.timeout, request.body_limit);
            let answer = self.with(|state| {
                state.requests.push(SentRequest {
                    at: self.clock.time(),
                    request,
                });
                if state.answers.len() > 1 {
                    state.answers.pop_front()
                } else {
                    state.answers.front().cloned()
                }
            });
            let Some(answer) = answer else {
                return Err(HttpError::Connect {
                    host,
                    cause: io::ErrorKind::ConnectionRefused.into(),
                });
            };
            self.clock
                .sleep_until(self.clock.time() + answer.after.min(timeout))
                .await;
            if answer.after > timeout {
                return Err(HttpError::Timeout { host, timeout });
            }
            match answer.result {
                Ok(response) if response.body.len() as u64 > limit => Err(HttpError::BodyTooLarge { host, limit }),
                result => result,
            }
        })
    }
}
