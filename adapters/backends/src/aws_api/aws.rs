//! Calls to AWS: signed when they are sent, counted, and slowed down when there are too many.
//!
//! The one rule: **who is told that he asks too much asks less**. A call that is throttled is made once more, after a
//! moment; if that is in vain, what it was for fails, and is left alone for an interval, for two the next time, for four,
//! up to [`LONGEST_RETRY_AFTER`].

use std::cmp::Ordering;
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering as Memory};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use headcount_discoverer::Backoff;
use headcount_discoverer::env::{HttpLimits, HttpRequest, HttpResponse};
use headcount_discoverer::refresh::LONGEST_RETRY_AFTER;
use headcount_discoverer::rest::{Ask, MOST_PAGES, ReadError};
use headcount_reader::without_credentials;

use super::account::Account;
use super::credentials::{Files, Held, Lender, Metadata};
use super::failure::Failure;
use super::place;
use crate::sigv4::{Scope, sign};

/// The longest wait before a call that was throttled is made once more.
const MOMENT: Duration = Duration::from_secs(1);

/// A service of AWS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// As it is called in signatures.
    pub(super) signing_name: &'static str,
    /// The beginning of its hosts' names.
    pub(super) host: &'static str,
    /// As it is called in the variable `AWS_ENDPOINT_URL_…`.
    pub(super) variable: &'static str,
    /// Whether the entry's `endpoint` is its.
    pub(super) is_asked_at_endpoint: bool,
}

impl Service {
    const fn new(name: &'static str, variable: &'static str) -> Self {
        Self {
            signing_name: name,
            host: name,
            variable,
            is_asked_at_endpoint: true,
        }
    }

    /// The same where the entry's `endpoint` is another service's.
    pub(crate) const fn beside(self) -> Self {
        Self {
            is_asked_at_endpoint: false,
            ..self
        }
    }
}

pub(crate) const EC2: Service = Service::new("ec2", "EC2");
pub(crate) const ECS: Service = Service::new("ecs", "ECS");
pub(crate) const ELASTICACHE: Service = Service::new("elasticache", "ELASTICACHE");
pub(crate) const KAFKA: Service = Service::new("kafka", "KAFKA");
pub(crate) const LIGHTSAIL: Service = Service::new("lightsail", "LIGHTSAIL");
pub(crate) const RDS: Service = Service::new("rds", "RDS");
pub(crate) const STS: Service = Service::new("sts", "STS").beside();

/// Who asks AWS for one entry.
pub(crate) struct Aws {
    account: Account,
    gate: Gate,
    state: Mutex<State>,
    /// Whether a call of this refresh was throttled, and once more in vain.
    is_throttled: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Once it is known.
    region: Option<Arc<str>>,
    /// The last refresh's, so that what was borrowed for it is kept.
    session: Option<Arc<Session>>,
    /// In how many refreshes in a row calls were throttled in vain.
    throttled: u32,
    /// How many parts there were, where they are listed.
    parts: usize,
}

/// As whom and where one refresh asks.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) region: Arc<str>,
    held: Held,
}

/// A page of an answer: what stands on it, and where it goes on.
pub(crate) type Page<T> = (Vec<T>, Option<String>);

impl Aws {
    /// Asks with at most so many requests at a time.
    pub(crate) fn new(account: Account, concurrency: usize) -> Self {
        Self {
            account,
            gate: Gate::new(concurrency),
            state: Mutex::default(),
            is_throttled: AtomicBool::new(false),
        }
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Begins a refresh: finds out as whom and where it asks.
    pub(crate) async fn begin(&self, ask: &Ask<'_>) -> Result<Arc<Session>, ReadError> {
        let was_throttled = self.is_throttled.swap(false, Memory::Relaxed);
        {
            let mut state = self.state();
            state.throttled = match was_throttled {
                true => state.throttled.saturating_add(1),
                false => 0,
            };
        }
        let env = ask.env();
        let wrong = |what: &str, error: &dyn fmt::Display| ReadError::refused(what, error.to_string(), None);
        let known = self.state().region.clone();
        // Where the entry says all, nobody need care for what is in the files.
        let is_said = self.account.keys.is_some() && (known.is_some() || !self.account.region.is_empty());
        let files = match is_said {
            true => Files::default(),
            false => Files::read(env)
                .await
                .map_err(|error| wrong("the shared configuration", &error))?,
        };
        let region: Arc<str> = match known {
            Some(region) => region,
            None => {
                let metadata = Metadata::new(env);
                let found = place::region(&self.account, env.variables.as_ref(), &files, &metadata).await;
                let region: Arc<str> = found.map_err(|error| wrong("the region", &error))?.into();
                self.state().region.insert(region).clone()
            }
        };
        let sts = place::endpoint(&self.account, env.variables.as_ref(), &STS, &region);
        let lender = Lender {
            account: &self.account,
            ask,
            sts: sts.map_err(|error| wrong("the endpoint", &error))?,
            region: &region,
        };
        let held = lender.credentials(&files).await;
        let held = held.map_err(|error| ReadError::refused("credentials", error.to_string(), error.wait()))?;
        let session = Arc::new(Session { region, held });
        self.state().session = Some(session.clone());
        Ok(session)
    }

    /// Makes a call, and gives an answer of status 200. `request` makes the request for an endpoint.
    pub(crate) async fn call(
        &self,
        session: &Session,
        ask: &Ask<'_>,
        service: &Service,
        request: impl Fn(&str) -> HttpRequest,
    ) -> Result<HttpResponse, CallError> {
        let env = ask.env();
        let endpoint = place::endpoint(&self.account, env.variables.as_ref(), service, &session.region);
        let endpoint = endpoint.map_err(|error| ReadError::refused("the endpoint", error.to_string(), None))?;
        let request = request(&endpoint).limits(HttpLimits {
            body: env.limits.body,
            ..HttpLimits::default()
        });
        let url = request.url.clone();
        let scope = Scope {
            service: service.signing_name,
            region: &session.region,
        };
        let mut may_try_again = true;
        loop {
            let answer = {
                let _turn = self.gate.turn().await;
                let signed = sign(request.clone(), scope, &session.held.keys, env.clock.unix_time());
                ask.send(signed).await?
            };
            if answer.status == 200 {
                return Ok(answer);
            }
            let failure = Failure::of(&answer);
            if failure.is_of_credentials() {
                session.held.were_refused();
            }
            if !failure.is_throttled() {
                return Err(CallError::Said(failure, without_credentials(&url).into_owned()));
            }
            // What has such a status has been sent a second time already.
            let is_untried = may_try_again && answer.status < 429 && !self.is_throttled.load(Memory::Relaxed);
            if !is_untried {
                self.is_throttled.store(true, Memory::Relaxed);
                let asked = answer.retry_after(env.clock.unix_time()).unwrap_or_default();
                let wait = asked.max(self.wait());
                return Err(ReadError::refused(&url, failure.to_string(), Some(wait)).into());
            }
            may_try_again = false;
            env.clock.sleep(env.random.between(MOMENT / 2, MOMENT)).await;
        }
    }

    /// Reads a list page by page. `request` makes the request for an endpoint and the mark where the list goes on, `read`
    /// understands an answer.
    pub(crate) async fn pages<T, E>(
        &self,
        session: &Session,
        ask: &Ask<'_>,
        service: &Service,
        request: impl Fn(&str, Option<&str>) -> HttpRequest,
        read: impl Fn(&[u8]) -> Result<Page<T>, E>,
    ) -> Result<Vec<T>, CallError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut items = Vec::new();
        let mut marks: HashSet<String> = HashSet::new();
        let mut mark: Option<String> = None;
        loop {
            let url = Mutex::new(String::new());
            let answer = self
                .call(session, ask, service, |endpoint| {
                    let request = request(endpoint, mark.as_deref());
                    request
                        .url
                        .clone_into(&mut url.lock().unwrap_or_else(PoisonError::into_inner));
                    request
                })
                .await?;
            let url = url.into_inner().unwrap_or_else(PoisonError::into_inner);
            let (mut page, next) = read(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
            items.append(&mut page);
            let Some(next) = next.filter(|next| !next.is_empty()) else {
                return Ok(items);
            };
            let url = || without_credentials(&url).into_owned();
            if !marks.insert(next.clone()) {
                return Err(ReadError::PageAgain { url: url() }.into());
            }
            if marks.len() >= MOST_PAGES {
                return Err(ReadError::TooManyPages { url: url() }.into());
            }
            mark = Some(next);
        }
    }

    /// Refuses that a list of parts is empty all at once, the first time (B11): a service that has lost what it knew says
    /// the same.
    pub(crate) fn believe(&self, listed: &str, count: usize) -> Result<(), ReadError> {
        let before = std::mem::replace(&mut self.state().parts, count);
        if count > 0 || before == 0 {
            return Ok(());
        }
        let said = format!("it lists nothing any more, of {before} before; that counts if the next answer is the same");
        Err(ReadError::refused(listed, said, None))
    }

    /// How long what was throttled is left alone.
    fn wait(&self) -> Duration {
        let interval = self.account.refresh_interval;
        let backoff = Backoff::new(interval, LONGEST_RETRY_AFTER.max(interval));
        backoff.wait(self.state().throttled)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a call gave nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// There was no answer, or one that can't be used.
    Read(ReadError),
    /// The answer of this URL is that it can't be had.
    Said(Failure, String),
}

impl From<ReadError> for CallError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<CallError> for ReadError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Read(error) => error,
            CallError::Said(failure, url) => Self::refused(&url, failure.to_string(), None),
        }
    }
}

/// What is read by itself, for one refresh. Two of the same source are one.
pub(crate) struct Part<T> {
    /// The source of its group, or how those of its groups begin.
    pub(crate) source: Arc<str>,
    pub(crate) session: Arc<Session>,
    pub(crate) what: Arc<T>,
}

impl<T> Part<T> {
    pub(crate) fn new(source: impl Into<Arc<str>>, session: &Arc<Session>, what: T) -> Self {
        Self {
            source: source.into(),
            session: session.clone(),
            what: Arc::new(what),
        }
    }
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self {
            source: self.source.clone(),
            session: self.session.clone(),
            what: self.what.clone(),
        }
    }
}

impl<T> PartialEq for Part<T> {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl<T> Eq for Part<T> {}

impl<T> PartialOrd for Part<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Part<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.source.cmp(&other.source)
    }
}

impl<T> fmt::Display for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// Lets so many through at a time, in their order.
struct Gate(Mutex<Waiting>);

struct Waiting {
    free: usize,
    wakers: VecDeque<Waker>,
}

/// Makes room for the next when it goes.
struct Turn<'g>(&'g Gate);

impl Gate {
    fn new(most: usize) -> Self {
        Self(Mutex::new(Waiting {
            free: most.max(1),
            wakers: VecDeque::new(),
        }))
    }

    async fn turn(&self) -> Turn<'_> {
        poll_fn(|context| {
            let mut waiting = self.waiting();
            if waiting.free > 0 {
                waiting.free -= 1;
                return Poll::Ready(Turn(self));
            }
            // All are of one task, and are all polled when it is woken.
            if !waiting.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.wakers.push_back(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.free = waiting.free.saturating_add(1);
        for waker in waiting.wakers.drain(..) {
            waker.wake();
        }
    }
}
