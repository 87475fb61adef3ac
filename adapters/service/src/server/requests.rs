//! What is asked, by whom, and with what answer: counted for `/metrics`.
//!
//! The one rule: **who asks does not decide how much is kept.** Paths are counted by who answers them, lists only of jobs
//! that there are, and clients by their addresses only as far as [`MOST_CLIENTS`] goes; the others are [`OTHERS`] together.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headcount_core::{Instant, planted};
use percent_encoding::percent_decode_str;

use super::{allocator, paths};

/// Clients that are told apart.
const MOST_CLIENTS: usize = 16;
/// One that has asked for no list for so long makes room for another.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// All that are not told apart.
pub(super) const OTHERS: &str = "other";

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The path, without what differs from one to the next.
    pub(super) handler: &'static str,
    /// The job whose list it is.
    pub(super) job: Option<String>,
}

impl Asked {
    /// What a path asks for.
    pub(super) fn of(path: &str) -> Self {
        let job = path.strip_prefix("/sd/").filter(|job| !job.is_empty());
        let job = job.and_then(|job| percent_decode_str(job).decode_utf8().ok());
        let collected = paths::of_collectors(path);
        let job = job.map(Cow::into_owned).or_else(|| allocator::job_of(collected?));
        let of_provider = path.strip_prefix("/api/v1/providers/");
        let handler = match of_provider.and_then(|rest| rest.rsplit_once('/')) {
            Some((_, "confirm")) => "/api/v1/providers/:name/confirm",
            Some((_, "refresh")) => "/api/v1/providers/:name/refresh",
            _ if path == "/sd" || path == "/sd/" => "/sd",
            _ if path.starts_with("/sd/") => "/sd/:job",
            _ if collected.is_some() => "/jobs/:job/targets",
            _ if path.starts_with("/page/") => "/page/:file",
            _ => paths::fixed(path).unwrap_or(OTHERS),
        };
        Self { handler, job }
    }
}

/// What was asked so far.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By who answered, and the status.
    answers: BTreeMap<(&'static str, u16), u64>,
    /// The same of the jobs' lists.
    lists: BTreeMap<String, OfList>,
    /// When those that are told apart last asked for a list.
    clients: BTreeMap<IpAddr, Instant>,
}

/// How a job's list was asked for.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct OfList {
    /// By status.
    pub(super) answers: BTreeMap<u16, u64>,
    /// When each client last did. `None` is all that are not told apart.
    pub(super) clients: BTreeMap<Option<IpAddr>, Instant>,
}

impl Requests {
    /// Counts an answer. `is_job` says whether there is such a job.
    pub(super) fn count(&self, asked: Asked, client: IpAddr, status: u16, now: Instant, is_job: impl Fn(&str) -> bool) {
        let mut state = self.state();
        *state.answers.entry((asked.handler, status)).or_default() += 1;
        let Some(job) = asked.job.filter(|job| planted!(is_job(job), AnyJobIsCounted, true)) else {
            return;
        };
        let client = state.known(client.to_canonical(), now);
        let list = state.lists.entry(job).or_default();
        *list.answers.entry(status).or_default() += 1;
        list.clients.insert(client, now);
    }

    /// The answers, by who answered and the status.
    pub(super) fn answers(&self) -> BTreeMap<(&'static str, u16), u64> {
        self.state().answers.clone()
    }

    /// How the list of each job was asked for. Those of jobs that are gone are forgotten.
    pub(super) fn lists(&self, is_job: impl Fn(&str) -> bool) -> BTreeMap<String, OfList> {
        let mut state = self.state();
        state.lists.retain(|job, _| is_job(job));
        state.lists.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole by the time anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The client if it is one of those that are told apart, from now on or already.
    fn known(&mut self, client: IpAddr, now: Instant) -> Option<IpAddr> {
        if !self.clients.contains_key(&client)
            && planted!(self.clients.len() >= MOST_CLIENTS, AllClientsAreToldApart, false)
        {
            let (oldest, last) = self.clients.iter().min_by_key(|(_, last)| **last)?;
            let oldest = *oldest;
            if now.saturating_duration_since(*last) < FORGOTTEN_AFTER {
                return None;
            }
            self.clients.remove(&oldest);
            for list in self.lists.values_mut() {
                list.clients.remove(&Some(oldest));
            }
        }
        self.clients.insert(client, now);
        Some(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn client(number: u8) -> IpAddr {
        [10, 0, 0, number].into()
    }

    fn ask(requests: &Requests, path: &str, who: IpAddr, status: u16, seconds: u64) {
        requests.count(Asked::of(path), who, status, at(seconds), |job| {
            job == "a/b" || job == "c"
        });
    }

    #[test]
    fn paths_are_counted_by_who_answers_them() {
        let handler = |path: &str| Asked::of(path).handler;
        assert_eq!(handler("/api/v1/targets"), "/api/v1/targets");
        assert_eq!(handler("/api/v1/providers"), "/api/v1/providers");
        assert_eq!(
            handler("/api/v1/providers/file/0/refresh"),
            "/api/v1/providers/:name/refresh"
        );
        assert_eq!(handler("/sd/"), "/sd");
        assert_eq!(handler("/sd/x/y"), "/sd/:job");
        assert_eq!(handler("/page/app.js"), "/page/:file");
        assert_eq!(handler("/jobs/a%2Fb/targets"), "/jobs/:job/targets");
        assert_eq!(Asked::of("/jobs/a+b%2Fc/targets").job.as_deref(), Some("a b/c"));
        assert_eq!(handler("/wp-login.php"), OTHERS);
        assert_eq!(Asked::of("/sd/a%2Fb").job.as_deref(), Some("a/b"));
        assert_eq!(Asked::of("/sd/%FF").job, None);
    }

    #[test]
    fn each_list_knows_who_asked_when_and_what_was_answered() {
        let requests = Requests::default();
        ask(&requests, "/sd/a%2Fb", client(1), 200, 10);
        ask(&requests, "/sd/a%2Fb", client(1), 304, 20);
        ask(&requests, "/sd/a%2Fb", "::ffff:10.0.0.1".parse().unwrap(), 304, 30);
        ask(&requests, "/sd/c", client(2), 503, 40);
        // There is no such job, and anybody can make names up.
        ask(&requests, "/sd/d", client(3), 404, 50);
        let lists = requests.lists(|_| true);
        assert_eq!(lists.keys().collect::<Vec<_>>(), ["a/b", "c"]);
        assert_eq!(lists["a/b"].answers, [(200, 1), (304, 2)].into());
        assert_eq!(lists["a/b"].clients, [(Some(client(1)), at(30))].into());
        assert_eq!(requests.answers()[&("/sd/:job", 404)], 1);
        // After a reload there is no `c`.
        assert_eq!(requests.lists(|job| job != "c").len(), 1);
        assert_eq!(requests.lists(|_| true).len(), 1);
    }

    #[test]
    fn only_so_many_clients_are_told_apart_until_one_no_longer_asks() {
        let requests = Requests::default();
        for number in 0..100 {
            ask(&requests, "/sd/c", client(number), 200, u64::from(number));
        }
        let clients = |requests: &Requests| requests.lists(|_| true)["c"].clients.clone();
        let known = clients(&requests);
        assert_eq!(known.len(), MOST_CLIENTS + 1);
        assert_eq!(known[&None], at(99));
        assert_eq!(known[&Some(client(0))], at(0));
        // Who goes on asking stays, and who does not makes room.
        ask(&requests, "/sd/c", client(0), 200, 3000);
        ask(&requests, "/sd/c", client(200), 200, 3601);
        let known = clients(&requests);
        assert_eq!(known.len(), MOST_CLIENTS + 1);
        assert!(known.contains_key(&Some(client(0))) && known.contains_key(&Some(client(200))));
        assert!(!known.contains_key(&Some(client(1))));
    }
}
