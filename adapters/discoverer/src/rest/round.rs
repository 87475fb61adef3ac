//! One refresh: every part is read, and what that makes is reported.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use headcount_core::{Encoder, Group, Missing, MissingPart, Update, planted};

use super::ask::{Answered, Attempt};
use super::known::{Known, Outcome};
use super::{Ask, ReadError, Rest};
use crate::env::HttpClient;
use crate::refresh::{self, Refresh, RefreshError, Refreshed};
use crate::{Env, in_parallel};

/// The longest wait before a request is sent a second time.
const SECOND_TRY: Duration = Duration::from_secs(1);

pub(super) struct Round<M: Rest> {
    interval: Duration,
    mechanism: Arc<M>,
    client: Option<Arc<dyn HttpClient>>,
    encoder: Encoder,
    known: Known<M::Part>,
    /// What was found before the first refresh, until that is read.
    found_before: Vec<Group>,
    /// The wait before a second try: drawn once, so that however refreshes follow each other no three requests fall
    /// into one interval.
    retry_wait: Option<Duration>,
}

/// What was read of a part, and what to remember of the answer.
type Read<M> = Result<(Option<<M as Rest>::Found>, Option<Answered>), ReadError>;

impl<M: Rest> Refresh for Round<M> {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        let read = match self.read(env).await {
            Ok(reads) => self.report(env, reads),
            Err(error) => Err(error),
        };
        let is_whole = match &read {
            Ok(Refreshed::Update(update)) => planted!(update.missing().is_none(), FailuresAreNotCounted, true),
            Ok(Refreshed::Unchanged) => true,
            Err(_) => false,
        };
        if let Some(failures) = M::FAILURES.filter(|_| !is_whole) {
            env.metrics.add(failures, &[], 1.0);
        }
        read
    }
}

impl<M: Rest> Round<M> {
    pub(super) fn new(interval: Duration, mechanism: Arc<M>, found_before: Vec<Group>) -> Self {
        Self {
            interval,
            mechanism,
            client: None,
            encoder: Encoder::new(),
            known: Known::new(),
            found_before,
            retry_wait: None,
        }
    }

    /// Reads every part that may be asked for. Nothing is taken in before all of it is there.
    async fn read(&mut self, env: &Env) -> Result<Vec<(M::Part, Read<M>)>, RefreshError> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => {
                let made = env.http.client(self.mechanism.client());
                let made = made.map_err(|error| RefreshError::at_interval(error.to_string()))?;
                self.client.insert(made).clone()
            }
        };
        let deadline = self.mechanism.deadline(self.interval);
        let refresh = Attempt {
            deadline,
            end: env.clock.now() + deadline,
            retry_wait: self.retry_wait(env),
            tried_in_vain: AtomicBool::new(false),
        };
        let listing = Ask::new(env, &*client, &refresh, None);
        let listed = self.mechanism.parts(&listing).await;
        let mut parts = listed.map_err(|error| failed::<M>(error.to_string(), error.retry_after()))?;
        parts.sort();
        parts.dedup();
        let (mechanism, known, client, refresh) = (&*self.mechanism, &self.known, &*client, &refresh);
        let reads = parts.into_iter().map(|part| async move {
            let last = known.part(&part);
            if let Some(held) = last.and_then(|last| last.held.as_ref()) {
                let wait = held.0.saturating_duration_since(env.clock.now());
                if planted!(!wait.is_zero(), HeldPartIsAsked, false) {
                    let reason = held.1.clone();
                    return (part, Err(ReadError::Held { wait, reason }));
                }
            }
            // Only what was understood can be as it was.
            let last = last.filter(|last| last.is_read());
            let ask = Ask::new(env, client, refresh, last.and_then(|last| last.answered.as_ref()));
            let found = mechanism.read(&part, &ask).await;
            (part, found.map(|found| (found, ask.into_answered())))
        });
        Ok(in_parallel(M::AT_ONCE, reads).await)
    }

    /// What the reads make: all of it, or what could be had and what is missing.
    fn report(&mut self, env: &Env, reads: Vec<(M::Part, Read<M>)>) -> Result<Refreshed, RefreshError> {
        self.recall(reads.iter().map(|(part, _)| part));
        let mut outcomes = Vec::with_capacity(reads.len());
        let mut failures = Vec::new();
        for (part, read) in reads {
            let outcome = read.and_then(|(found, answered)| match found {
                Some(found) => {
                    let mut batch = self.encoder.batch();
                    self.mechanism.encode(&part, found, &mut batch)?;
                    let mut groups = batch.finish();
                    let before = self.known.part(&part).map_or(&[][..], |part| part.before());
                    self.mechanism.keep_sources(&part, before, &mut groups);
                    self.known.believe(&part, &groups)?;
                    Ok(Outcome::Groups(groups, answered))
                }
                None => Ok(Outcome::Same(answered)),
            });
            let outcome = outcome.unwrap_or_else(|error| {
                failures.push((part.clone(), error));
                Outcome::Missing
            });
            outcomes.push((part, outcome));
        }
        for (part, error) in &failures {
            let (ReadError::Status { retry_after, .. } | ReadError::Refused { retry_after, .. }) = error else {
                continue;
            };
            if let Some(wait) = retry_after {
                let wait = (*wait).min(refresh::LONGEST_RETRY_AFTER.max(self.interval));
                self.known.hold(part.clone(), env.clock.now() + wait, error.to_string());
            }
        }
        if !failures.is_empty() && planted!(failures.len() == outcomes.len(), OnePartFailsAll, true) {
            return Err(all_failed::<M>(&failures));
        }
        let missing = failures
            .iter()
            .map(|(part, error)| MissingPart::new(part.to_string(), error.to_string()));
        let update: Option<Update> = self.known.take(outcomes, Missing::of(missing));
        Ok(update.map_or(Refreshed::Unchanged, Refreshed::Update))
    }

    /// Gives what was found before to the parts that it is of.
    fn recall<'p>(&mut self, parts: impl Iterator<Item = &'p M::Part>)
    where
        M::Part: 'p,
    {
        if self.found_before.is_empty() {
            return;
        }
        for part in parts {
            let is_its_own = |group: &mut Group| self.mechanism.is_source(part, group.source());
            let own: Vec<Group> = self.found_before.extract_if(.., is_its_own).collect();
            self.known.recall(part, own);
        }
        self.found_before = Vec::new();
    }

    fn retry_wait(&mut self, env: &Env) -> Duration {
        let longest = SECOND_TRY.min(self.interval / 2);
        let draw = || env.random.between(longest / 2, longest);
        *self.retry_wait.get_or_insert_with(draw)
    }
}

/// A refresh that got nothing. It is asked again when the interval is over, because what is worth another try has had
/// it, or when the first of the parts may be asked.
fn all_failed<M: Rest>(failures: &[(M::Part, ReadError)]) -> RefreshError {
    let waits = failures.iter().map(|(_, error)| error.retry_after());
    let wait = waits.min().flatten();
    let message = match failures {
        [] => String::new(),
        [(_, only)] => only.to_string(),
        [(part, first), rest @ ..] => refresh::and_others(format_args!("{part}: {first}"), rest.len(), "part"),
    };
    failed::<M>(message, wait)
}

fn failed<M: Rest>(message: String, wait: Option<Duration>) -> RefreshError {
    let error = RefreshError::at_interval(format!("{} {message}", M::READING));
    wait.map_or(error.clone(), |wait| error.after(wait))
}
