//! Compares what Prometheus has with what the sources say.
//!
//! The sources' truth is written down before it is acted upon, what Prometheus has is given with the time at which
//! it was asked, and three things are wrong:
//!
//! * **lost**: a host that Prometheus had is not there, or not in a list that headcount serves after it was started, and
//!   no source has taken it away;
//! * **late**: a change at a source that is well has not arrived within the source's bound, counted from the change or
//!   from when the source became well, whichever was later;
//! * **invented**: a host that no source ever named, or that was gone for good.
//!
//! Hosts never come back under an address that they had, so that none of this depends on who was faster.

mod host;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub(super) use host::Host;

/// What is wrong is told so often; a Prometheus that lost everything says it all.
const TOLD: usize = 20;

/// Where a host stands between its source and Prometheus.
#[derive(Debug, Clone, Copy)]
struct Known {
    source: usize,
    /// When its source last said something else of it.
    changed: Instant,
    is_there: bool,
    /// Whether Prometheus has had it, and whether it had it at the last look.
    was_seen: bool,
    is_seen: bool,
}

#[derive(Debug)]
struct Source {
    job: usize,
    name: String,
    /// How long a change takes at most.
    bound: Duration,
    hosts: BTreeSet<Host>,
    is_ill: bool,
    /// Since when nothing is in the way from it to Prometheus.
    well_since: Option<Instant>,
}

#[derive(Debug)]
struct Job {
    name: String,
    hosts: BTreeMap<Host, Known>,
    /// Whether headcount has served it since it was started.
    is_served: bool,
    /// Since when everything is there that it takes to serve it.
    servable_since: Option<Instant>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct State {
    jobs: Vec<Job>,
    sources: Vec<Source>,
    /// The next host that is new.
    next: u32,
    is_up: bool,
    wrong: Vec<String>,
    story: Vec<String>,
    delays: Vec<Duration>,
    looks: usize,
    /// The longest time between two looks at a job.
    gap: Duration,
}

/// The judge, whom the one who changes things and the one who looks at Prometheus talk to.
#[derive(Debug)]
pub(super) struct Judge {
    state: Mutex<State>,
    started: Instant,
    /// Whether headcount keeps what it found over a restart: then a job is served after one whatever its sources do.
    keeps_state: bool,
}

impl Judge {
    /// Of jobs with these names, and sources: the number of the job, a name, and how long a change takes at most.
    /// Nothing runs yet.
    pub(super) fn new(jobs: &[&str], sources: &[(usize, String, Duration)], keeps_state: bool) -> Self {
        let job = |name: &&str| Job {
            name: (*name).to_owned(),
            hosts: BTreeMap::new(),
            is_served: false,
            servable_since: None,
            looked: None,
        };
        let source = |(job, name, bound): &(usize, String, Duration)| Source {
            job: *job,
            name: name.clone(),
            bound: *bound,
            hosts: BTreeSet::new(),
            is_ill: false,
            well_since: None,
        };
        let state = State {
            jobs: jobs.iter().map(job).collect(),
            sources: sources.iter().map(source).collect(),
            next: 0,
            is_up: false,
            wrong: Vec::new(),
            story: Vec::new(),
            delays: Vec::new(),
            looks: 0,
            gap: Duration::ZERO,
        };
        Self {
            state: Mutex::new(state),
            started: Instant::now(),
            keeps_state,
        }
    }

    /// Writes down what happens, for the report.
    pub(super) fn tell(&self, what: &str) {
        let at = self.started.elapsed().as_secs_f64();
        self.state().story.push(format!("{at:7.2}s {what}"));
    }

    /// All that was there from the start has arrived: from now on it counts how long changes take.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.delays.clear();
        (state.looks, state.gap) = (0, Duration::ZERO);
    }

    /// So many new hosts are about to come at a source.
    pub(super) fn add(&self, source: usize, count: usize) {
        let mut state = self.state();
        for _ in 0..count {
            let host = Host::new(state.next);
            state.next += 1;
            let known = Known {
                source,
                changed: Instant::now(),
                is_there: true,
                was_seen: false,
                is_seen: false,
            };
            let job = state.sources[source].job;
            state.sources[source].hosts.insert(host);
            state.jobs[job].hosts.insert(host, known);
        }
    }

    /// The hosts of a source that `choose` picks are about to go.
    pub(super) fn remove(&self, source: usize, choose: impl FnOnce(&BTreeSet<Host>) -> Vec<Host>) {
        let mut state = self.state();
        let job = state.sources[source].job;
        for host in choose(&state.sources[source].hosts) {
            state.sources[source].hosts.remove(&host);
            let known = state.jobs[job].hosts.get_mut(&host).expect("a host of the job");
            (known.is_there, known.changed) = (false, Instant::now());
        }
    }

    /// What a source says now.
    pub(super) fn hosts(&self, source: usize) -> BTreeSet<Host> {
        self.state().sources[source].hosts.clone()
    }

    /// A source is about to become ill, or is well again.
    pub(super) fn set_ill(&self, source: usize, is_ill: bool) {
        let mut state = self.state();
        state.sources[source].is_ill = is_ill;
        state.look_for_obstacles(self.keeps_state);
    }

    /// Whether a source is ill.
    pub(super) fn is_ill(&self, source: usize) -> bool {
        self.state().sources[source].is_ill
    }

    /// Whether nothing is in the way from a source to Prometheus.
    pub(super) fn is_well(&self, source: usize) -> bool {
        self.state().sources[source].well_since.is_some()
    }

    /// headcount is about to end, or listens again. Its jobs are served when that is [seen](Self::served).
    pub(super) fn set_up(&self, is_up: bool) {
        let mut state = self.state();
        state.is_up = is_up;
        state.jobs.iter_mut().for_each(|job| job.is_served = false);
        state.look_for_obstacles(self.keeps_state);
    }

    /// The numbers of the jobs that have not been served since headcount was started.
    pub(super) fn unserved(&self) -> Vec<usize> {
        let state = self.state();
        let jobs = state.jobs.iter().enumerate();
        jobs.filter(|(_, job)| state.is_up && !job.is_served)
            .map(|(number, _)| number)
            .collect()
    }

    /// Whether a job is served, and if so, with which hosts.
    pub(super) fn served(&self, number: usize, list: Option<&HashSet<Host>>) {
        let mut state = self.state();
        match list {
            Some(list) if state.is_up => state.was_served(number, list),
            _ => state.was_refused(number),
        }
        state.look_for_obstacles(self.keeps_state);
    }

    /// Whether each job that can be served was, since headcount was started.
    pub(super) fn serves_what_it_can(&self) -> Result<(), String> {
        let state = self.state();
        let waiting = state
            .jobs
            .iter()
            .filter(|job| job.servable_since.is_some() && !job.is_served);
        let waiting: Vec<_> = waiting.map(|job| &*job.name).collect();
        if waiting.is_empty() {
            Ok(())
        } else {
            Err(format!("{waiting:?} could be served, and are not"))
        }
    }

    /// Prometheus has these hosts in a job; it was asked at `asked`.
    pub(super) fn saw(&self, number: usize, asked: Instant, seen: &HashSet<Host>) {
        self.state().saw(number, asked, seen);
    }

    /// Whether Prometheus has what the sources say, and nothing else.
    pub(super) fn settled(&self) -> Result<(), String> {
        let state = self.state();
        let (mut to_come, mut to_go) = (0, 0);
        for known in state.jobs.iter().flat_map(|job| job.hosts.values()) {
            match (known.is_there, known.is_seen) {
                (true, false) => to_come += 1,
                (false, true) => to_go += 1,
                _ => {}
            }
        }
        match (to_come, to_go) {
            (0, 0) => Ok(()),
            _ => Err(format!("{to_come} hosts are still to come, and {to_go} to go")),
        }
    }

    /// Something else is wrong.
    pub(super) fn wrong(&self, text: &str) {
        self.state().wrong(text);
    }

    /// Whether something was wrong.
    pub(super) fn is_wrong(&self) -> bool {
        !self.state().wrong.is_empty()
    }

    /// What happened, and what was wrong.
    pub(super) fn report(&self) -> String {
        let state = self.state();
        [&*state.story.join("\n"), "", &state.wrong.join("\n")].join("\n")
    }

    /// How much there was to see, and how long changes took.
    pub(super) fn summary(&self) -> String {
        let mut state = self.state();
        state.delays.sort();
        let share = |percent: usize| {
            let place = state.delays.len().saturating_sub(1) * percent / 100;
            state.delays.get(place).map_or(0.0, Duration::as_secs_f64)
        };
        format!(
            "{} looks at the targets of a job, {:.1} s apart at most; {} hosts came, after {:.1} s (median), {:.1} s \
             (99 %), {:.1} s (longest)",
            state.looks,
            state.gap.as_secs_f64(),
            state.delays.len(),
            share(50),
            share(99),
            share(100),
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic under it")
    }
}

impl State {
    /// Says since when nothing is in the way of the sources.
    fn look_for_obstacles(&mut self, keeps_state: bool) {
        let since = |is_free: bool, before: Option<Instant>| is_free.then(|| before.unwrap_or_else(Instant::now));
        for source in &mut self.sources {
            let is_well = self.is_up && !source.is_ill && self.jobs[source.job].is_served;
            source.well_since = since(is_well, source.well_since);
        }
        for (number, job) in self.jobs.iter_mut().enumerate() {
            let mut of_job = self.sources.iter().filter(|source| source.job == number);
            let is_servable = self.is_up && (keeps_state || of_job.all(|source| !source.is_ill));
            job.servable_since = since(is_servable, job.servable_since);
        }
    }

    /// headcount has served this list. What Prometheus had has to be in it, or it would lose that.
    fn was_served(&mut self, number: usize, list: &HashSet<Host>) {
        let job = &mut self.jobs[number];
        job.is_served = true;
        let lost = job.hosts.iter();
        let lost = lost.filter(|(host, known)| known.is_there && known.was_seen && !list.contains(host));
        let lost: Vec<_> = lost.map(|(host, _)| *host).collect();
        if let Some(first) = lost.first() {
            let text = format!(
                "lost: {} are not in the list of {}, the first is {first}",
                lost.len(),
                job.name
            );
            self.wrong(&text);
        }
    }

    fn was_refused(&mut self, number: usize) {
        let of_job = self.sources.iter().filter(|source| source.job == number);
        let bound = of_job.map(|source| source.bound).max().unwrap_or_default();
        let job = &self.jobs[number];
        let waited = job.servable_since.map(|since| since.elapsed());
        if let Some(waited) = waited.filter(|waited| !job.is_served && *waited > bound) {
            let text = format!("late: {} could be served for {waited:?}, and is not", job.name);
            self.wrong(&text);
        }
    }

    fn saw(&mut self, number: usize, asked: Instant, seen: &HashSet<Host>) {
        self.looks += 1;
        let job = &mut self.jobs[number];
        let before = job.looked.replace(asked);
        let gap = before.map(|before| asked.saturating_duration_since(before));
        self.gap = self.gap.max(gap.unwrap_or_default());
        let mut found: BTreeMap<(&str, &str), Vec<Host>> = BTreeMap::new();
        for host in seen.iter().filter(|host| !job.hosts.contains_key(host)) {
            found.entry(("invented", &job.name)).or_default().push(*host);
        }
        job.hosts.retain(|host, known| {
            let source = &self.sources[known.source];
            let waited = source
                .well_since
                .map(|since| asked.saturating_duration_since(since.max(known.changed)));
            let is_due = waited.is_some_and(|waited| waited > source.bound);
            known.is_seen = seen.contains(host);
            let wrong = match (known.is_there, known.is_seen) {
                (true, true) => {
                    if !std::mem::replace(&mut known.was_seen, true) {
                        self.delays.extend(waited);
                    }
                    return true;
                }
                (true, false) if known.was_seen => "lost",
                (true, false) if is_due => "late to come",
                (false, true) if is_due => "late to go",
                // One that is gone before it came may come and go until then.
                (false, false) => return !is_due,
                _ => return true,
            };
            found.entry((wrong, &source.name)).or_default().push(*host);
            true
        });
        let found = found.into_iter().map(|((wrong, name), mut hosts)| {
            hosts.sort();
            format!("{wrong}: {} of {name}, the first is {}", hosts.len(), hosts[0])
        });
        let found: Vec<_> = found.collect();
        found.iter().for_each(|text| self.wrong(text));
    }

    fn wrong(&mut self, text: &str) {
        if self.wrong.len() < TOLD {
            let after = self.story.last().map_or("", String::as_str);
            let text = format!("{text}; the last that happened before: {}", after.trim_start());
            self.wrong.push(text);
        }
    }
}

#[cfg(test)]
mod tests;
