//! HTTP servers that answer as told.

mod answer;

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_lite::future::or;
use headcount_core::Instant;
use headcount_reader::HttpClientSettings;

use self::answer::{Head, VirtualBody};
use super::VirtualClock;
use crate::BoxFuture;
use crate::env::{Awaited, Clock, Http, HttpClient, HttpError, HttpRequest, HttpResponse, HttpStream};

pub use answer::{Answer, BodyPipe, Parts};

/// A request, and what answered it.
pub type Answered = (HttpRequest, Answer);

/// HTTP servers that answer as told. Cloning shares them.
///
/// Answers are given in order; the last one is given again and again. A request that finds no
/// answer at all gets "connection refused". URLs can have answers of their own ([`at`](Self::at)), or a function that
/// answers ([`serve`](Self::serve)); all others share one list.
///
/// ```
/// use headcount_discoverer::testing::{Answer, World};
///
/// let world = World::new();
/// world.http.at("http://cloud/v1/zones").then(Answer::json(r#"["a", "b"]"#));
/// world.http.serve("http://cloud/v1/zones/", |request| {
///     let zone = request.url.rsplit('/').next().unwrap_or_default();
///     Answer::json(format!(r#"["{zone}-1", "{zone}-2"]"#))
/// });
/// ```
#[derive(Debug, Clone)]
pub struct ScriptedHttp {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Answer>,
    /// By the beginning of the URL.
    routes: BTreeMap<String, Route>,
    requests: Vec<SentRequest>,
    /// What was answered, where somebody wants to know.
    answered: Option<Vec<Answered>>,
    refuse_settings: Option<String>,
}

enum Route {
    Script(VecDeque<Answer>),
    Serve(Arc<dyn Fn(&HttpRequest) -> Answer + Send + Sync>),
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Script(answers) => f.debug_tuple("Script").field(answers).finish(),
            Self::Serve(_) => f.write_str("Serve"),
        }
    }
}

/// A request, and when it was sent.
#[derive(Debug, Clone)]
pub struct SentRequest {
    /// When.
    pub at: Instant,
    /// What.
    pub request: HttpRequest,
    /// With which settings.
    pub settings: HttpClientSettings,
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
        let answer = Answer::new(status).body(body);
        let add = |answer: Answer, (name, value): &(&str, &str)| answer.header(name, value);
        self.push(headers.iter().fold(answer, add));
    }

    /// After the answers that were scripted before, fails like this.
    pub fn then_fail(&self, error: HttpError) {
        self.push(Answer::error(error));
    }

    /// After the answers that were scripted before, gives this result once `after` has passed. An
    /// answer that comes later than the request allows is a timeout.
    pub fn then(&self, after: Duration, result: Result<HttpResponse, HttpError>) {
        self.push(Answer::from(result).after(after));
    }

    /// After the answers that were scripted before, gives this one.
    pub fn push(&self, answer: Answer) {
        self.with(|state| state.answers.push_back(answer));
    }

    /// The answers of URLs that begin like this, if no longer beginning has answers of its own. `http://h/a` has no
    /// part in `http://h/ab`, only in `http://h/a/…`, `http://h/a?…` and itself.
    pub fn at(&self, url: &str) -> Script<'_> {
        Script {
            http: self,
            url: url.to_owned(),
        }
    }

    /// Lets a function answer URLs that begin like this, as with [`at`](Self::at). It must not ask this server.
    pub fn serve(&self, url: &str, answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static) {
        let route = Route::Serve(Arc::new(answer));
        self.with(|state| state.routes.insert(url.to_owned(), route));
    }

    /// From now on no client can be made, for this reason; `None` lifts it.
    pub fn refuse_settings(&self, reason: Option<&str>) {
        self.with(|state| state.refuse_settings = reason.map(str::to_owned));
    }

    /// The requests since this was last called.
    pub fn take_requests(&self) -> Vec<SentRequest> {
        self.with(|state| std::mem::take(&mut state.requests))
    }

    /// Keeps what is answered from now on for [`take_answered`](Self::take_answered).
    pub fn keep_answers(&self) {
        self.with(|state| {
            state.answered.get_or_insert_default();
        });
    }

    /// The requests since this was last called or answers began to be kept, each with its answer; those without are left
    /// out.
    pub fn take_answered(&self) -> Vec<Answered> {
        self.with(|state| state.answered.as_mut().map(std::mem::take).unwrap_or_default())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a request, and gives what is answered.
    fn take(&self, sent: SentRequest) -> Option<Answer> {
        let request = sent.request.clone();
        let serve = self.with(|state| {
            state.requests.push(sent);
            let route = state.routes.iter_mut().filter(|(url, _)| covers(url, &request.url));
            match route.max_by_key(|(url, _)| url.len()) {
                Some((_, Route::Script(answers))) => Err(next(answers)),
                Some((_, Route::Serve(serve))) => Ok(serve.clone()),
                None => Err(next(&mut state.answers)),
            }
        });
        let answer = match serve {
            Ok(serve) => Some(serve(&request)),
            Err(answer) => answer,
        };
        if let Some(answer) = &answer {
            self.with(|state| {
                if let Some(answered) = &mut state.answered {
                    answered.push((request, answer.clone()));
                }
            });
        }
        answer
    }
}

/// The answers of some URLs.
#[derive(Debug)]
pub struct Script<'a> {
    http: &'a ScriptedHttp,
    url: String,
}

impl Script<'_> {
    /// After the answers that were scripted for these URLs before, gives this one.
    pub fn then(&self, answer: Answer) -> &Self {
        self.with(|answers| answers.push_back(answer));
        self
    }

    /// Forgets the answers that were scripted for these URLs, and gives this one.
    pub fn now(&self, answer: Answer) -> &Self {
        self.with(VecDeque::clear);
        self.then(answer)
    }

    fn with(&self, act: impl FnOnce(&mut VecDeque<Answer>)) {
        self.http.with(|state| {
            let route = state.routes.entry(self.url.clone());
            let route = route.or_insert_with(|| Route::Script(VecDeque::new()));
            if let Route::Serve(_) = route {
                *route = Route::Script(VecDeque::new());
            }
            if let Route::Script(answers) = route {
                act(answers);
            }
        });
    }
}

/// Whether a route's URL stands for a request's.
fn covers(route: &str, url: &str) -> bool {
    url.strip_prefix(route)
        .is_some_and(|rest| route.ends_with(['/', '?', '=']) || rest.is_empty() || rest.starts_with(['/', '?']))
}

fn next(answers: &mut VecDeque<Answer>) -> Option<Answer> {
    if answers.len() > 1 {
        answers.pop_front()
    } else {
        answers.front().cloned()
    }
}

impl Http for ScriptedHttp {
    fn client(&self, settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError> {
        match self.with(|state| state.refuse_settings.clone()) {
            Some(reason) => Err(HttpError::Settings {
                setting: "tls_config".to_owned(),
                cause: reason.into(),
            }),
            None => Ok(Arc::new(ScriptedClient {
                http: self.clone(),
                settings: settings.clone(),
            })),
        }
    }
}

struct ScriptedClient {
    http: ScriptedHttp,
    settings: HttpClientSettings,
}

impl HttpClient for ScriptedClient {
    fn open(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpStream, HttpError>> {
        Box::pin(async move {
            let (clock, start) = (self.http.clock.clone(), self.http.clock.time());
            let (host, limits) = (host(&request.url), request.limits);
            let answer = self.http.take(SentRequest {
                at: start,
                request,
                settings: self.settings.clone(),
            });
            let Some(answer) = answer else {
                return Err(HttpError::Connect {
                    host,
                    cause: io::ErrorKind::ConnectionRefused.into(),
                });
            };
            let late = async |awaited, limit: Option<Duration>| match limit {
                None => pending().await,
                Some(limit) => {
                    clock.sleep(limit).await;
                    Err(HttpError::Timeout {
                        host: host.clone(),
                        awaited,
                        limit,
                    })
                }
            };
            let (after, head) = (answer.after, answer.head);
            let arrives = async {
                clock.sleep(after).await;
                match head {
                    Head::Silence => pending().await,
                    Head::Error(error) => Err(error),
                    Head::Answer { status, headers, body } => Ok((status, headers, body)),
                }
            };
            let limited = or(late(Awaited::End, limits.total), late(Awaited::Head, limits.head));
            let (status, headers, body) = or(arrives, limited).await?;
            let body = VirtualBody {
                clock: clock.clone(),
                host: host.clone(),
                limits,
                until: limits.total.map(|total| (start + total, total)),
                body,
                taken: 0,
                piece: Vec::new(),
                asked: None,
            };
            Ok(HttpStream::new(status, headers, body))
        })
    }
}

/// The host of a URL, for errors.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
