//! Nothing is lost: whatever breaks, Prometheus keeps each target that is true, and learns each change at what is well.
//!
//! One headcount between an nginx with lists, folders of list files, a Consul and a name server on one side, with
//! 20,000 hosts, and a Prometheus on the other side that has no discovery of its own. One thing after the other breaks and
//! is put right, several at a time, hosts come and go meanwhile, and headcount is reloaded and killed. A [`Judge`]
//! knows what is true, and is shown what Prometheus has; the one rule is its: **what was there and is still true is there
//! at each look**, however many backends are ill and for however long.
//!
//! * [`judge`]: what is true, and what is wrong. * [`sources`]: who says it. * [`world`]: the processes.
//! * [`faults`]: what breaks and stays broken. * [`deeds`]: what is over at once. * [`random`]: which comes when.
//!
//! Which is done when comes from a seed: the same one each time, or that of `HEADCOUNT_CHAOS_SEED`. With
//! `HEADCOUNT_LONG=N` there are N times as many troubles, that last longer, and another seed each time.

mod deeds;
mod faults;
mod judge;
mod random;
mod sources;
mod world;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use std::{env, thread};

use crate::support::{Folder, Headcount, Prometheus, request, until};
use deeds::{DEEDS, Deed};
use faults::{FAULTS, Ongoing};
use judge::{Host, Judge};
use random::Random;
use sources::{JOBS, PROMETHEUS_INTERVAL};
use world::World;

const RESOLV_CONF: &str = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";

/// The variable that has the seed.
const SEED: &str = "HEADCOUNT_CHAOS_SEED";

/// Faults that go on at the same time.
const AT_ONCE: usize = 4;

/// The time between two looks at all of Prometheus's targets. It takes over what changed every five seconds only, so
/// that nothing is overlooked unless the machine is very busy; the summary says how far apart looks were.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// The time between two questions for a list that has not been served since headcount was started.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

/// The longest that faults go on after all of them were met, in the long form, in seconds.
const LONGEST_HOLD: usize = 20;

/// How long the first ones of a pass do then, where headcount keeps what it found over a restart: longer than it waits
/// for a source that it never read.
const LONG_HOLD: usize = 150;

#[test]
fn whatever_breaks_prometheus_keeps_what_is_true_and_learns_what_changes() {
    require!("prometheus", "nginx", "consul", "knotd", "ip");
    let _resolv_conf = in_own_network!(RESOLV_CONF);
    let form = Form::asked_for();
    println!("chaos: {SEED}={}, {} times all faults", form.seed, form.times);
    let keeps_state = Headcount::has_option("--state-dir");
    let mut world = World::start(keeps_state);
    let prometheus = start_prometheus(&world.folder, world.headcount.address());
    let (judge, headcount, is_over) = (world.judge.clone(), world.headcount.address(), AtomicBool::new(false));
    thread::scope(|scope| {
        // Also when this thread panics.
        let _over = Over(&is_over, &judge);
        scope.spawn(|| watch(&judge, &prometheus, headcount, &is_over));
        wait_until_settled(&judge);
        judge.tell("Prometheus has all hosts");
        judge.begin();
        break_everything(&mut world, &form);
        wait_until_settled(&judge);
    });
    assert!(!judge.is_wrong(), "{}", judge.report());
    if form.is_told {
        println!("{}", judge.report());
    }
    println!("chaos: {}", judge.summary());
}

/// How much is done.
struct Form {
    times: usize,
    seed: u64,
    /// Whether the story is told even if all goes well: who chose the seed wants to see what it does.
    is_told: bool,
}

impl Form {
    fn asked_for() -> Self {
        let number = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
        let times = number("HEADCOUNT_LONG").unwrap_or(1).clamp(1, 1_000);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let drawn = match times {
            1 => 1,
            _ => now.map_or(1, |now| now.as_secs()),
        };
        Self {
            times: usize::try_from(times).expect("a small number"),
            seed: number(SEED).unwrap_or(drawn),
            is_told: env::var_os(SEED).is_some(),
        }
    }

    fn is_long(&self) -> bool {
        self.times > 1
    }
}

/// Ends the looking, and tells the story if the test has failed.
struct Over<'t>(&'t AtomicBool, &'t Judge);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        if thread::panicking() {
            eprintln!("{}", self.1.report());
        }
    }
}

/// Begins each fault, in an order that comes from the seed, and does each deed in between.
fn break_everything(world: &mut World, form: &Form) {
    let mut random = Random::new(form.seed);
    for _ in 0..form.times {
        let (mut faults, mut deeds) = (FAULTS.to_vec(), DEEDS.to_vec());
        random.shuffle(&mut faults);
        random.shuffle(&mut deeds);
        let mut is_first = true;
        while !faults.is_empty() {
            let mut ongoing = Vec::new();
            faults.retain(|fault| {
                let begun = (ongoing.len() < AT_ONCE).then(|| Ongoing::begin(*fault, world, &mut random));
                let begun = begun.flatten();
                let is_begun = begun.is_some();
                if is_begun {
                    ongoing.extend(begun);
                    change(world, &mut random);
                }
                !is_begun
            });
            for fault in &ongoing {
                until("headcount has met a fault", || fault.was_met(world));
            }
            // There are about half as many rounds as deeds.
            for _ in 0..2 {
                let performed = deeds.iter().position(|deed| deed.perform(world, &mut random));
                performed.map(|deed| deeds.remove(deed));
                change(world, &mut random);
            }
            // And whoever is started now has never read what is ill.
            Deed::KillHeadcount.perform(world, &mut random);
            wait_until_served(&world.judge);
            if form.is_long() {
                let is_longest = std::mem::take(&mut is_first) && world.keeps_state;
                let seconds = if is_longest {
                    LONG_HOLD
                } else {
                    random.below(LONGEST_HOLD)
                };
                hold(world, &mut random, seconds);
            }
            random.shuffle(&mut ongoing);
            for fault in ongoing {
                fault.end(world);
                change(world, &mut random);
            }
        }
        for deed in deeds {
            wait_until_served(&world.judge);
            assert!(
                deed.perform(world, &mut random),
                "{deed:?} could not be done with everything well"
            );
        }
    }
}

/// Faults go on for some time, in which only hosts come and go.
fn hold(world: &mut World, random: &mut Random, seconds: usize) {
    for _ in 0..seconds {
        thread::sleep(Duration::from_secs(1));
        change(world, random);
    }
}

/// Some hosts come or go at one of the sources. One that is ill says so when it is well.
fn change(world: &mut World, random: &mut Random) {
    assert!(!world.judge.is_wrong(), "something is wrong");
    let source = random.below(world.sources.len());
    change_truth(world, source, random);
    if !world.judge.is_ill(source) {
        world.say_truth(source);
    }
}

/// Some hosts come or go at this source; it does not say so yet.
fn change_truth(world: &World, source: usize, random: &mut Random) {
    let (come, go) = (random.below(10), random.below(10));
    let name = &world.sources[source];
    world.judge.tell(&format!("{come} hosts come and {go} go at {name}"));
    world.judge.add(source, come);
    world.judge.remove(source, |hosts| {
        let mut hosts: Vec<Host> = hosts.iter().copied().collect();
        random.shuffle(&mut hosts);
        // Some always stay: that all are gone is believed later.
        hosts.truncate(go.min(hosts.len() / 2));
        hosts
    });
}

#[track_caller]
fn wait_until_settled(judge: &Judge) {
    until("Prometheus has what the sources say", || {
        assert!(!judge.is_wrong(), "something is wrong");
        judge.settled()
    });
}

/// Waits until each job is served, but for those that wait for a source that is ill.
fn wait_until_served(judge: &Judge) {
    until("headcount serves what it can", || judge.serves_what_it_can());
}

/// A Prometheus that has each job from headcount, and scrapes nothing while the test lasts.
fn start_prometheus(folder: &Folder, headcount: SocketAddr) -> Prometheus {
    let interval = PROMETHEUS_INTERVAL.as_secs();
    let jobs = JOBS.iter().map(|job| {
        let sd = format!("[{{url: 'http://{headcount}/sd/{job}', refresh_interval: {interval}s}}]");
        // Consul itself is none of our hosts.
        let relabel = "[{source_labels: [__meta_consul_service], regex: consul, action: drop}]";
        format!("  - job_name: {job}\n    http_sd_configs: {sd}\n    relabel_configs: {relabel}\n")
    });
    let config = format!(
        "global: {{scrape_interval: 1d}}\nscrape_configs:\n{}",
        jobs.collect::<String>()
    );
    Prometheus::start(folder, "prometheus", &folder.write("through.yml", config))
}

/// Shows the judge what Prometheus has, again and again, and whether headcount serves.
fn watch(judge: &Judge, prometheus: &Prometheus, headcount: SocketAddr, is_over: &AtomicBool) {
    while !is_over.load(Ordering::SeqCst) {
        for (number, job) in JOBS.iter().enumerate() {
            let asked = Instant::now();
            match active_hosts(prometheus, job) {
                Ok(hosts) => judge.saw(number, asked, &hosts),
                Err(error) => judge.wrong(&error),
            }
        }
        let next = Instant::now() + BETWEEN_LOOKS;
        while Instant::now() < next && !is_over.load(Ordering::SeqCst) {
            for number in judge.unserved() {
                let list = request(headcount, "GET", &format!("/sd/{}", JOBS[number]), "");
                let list = list.ok().filter(|answer| answer.status == 200);
                // Not ours is Consul itself only, which Prometheus drops.
                let list = list.map(|answer| answer.text().split('"').filter_map(Host::of).collect());
                judge.served(number, list.as_ref());
            }
            thread::sleep(BETWEEN_QUESTIONS);
        }
    }
}

/// The hosts that Prometheus would scrape in a job.
fn active_hosts(prometheus: &Prometheus, job: &str) -> Result<HashSet<Host>, String> {
    let answer = prometheus.get(&format!("/api/v1/targets?state=active&scrapePool={job}"))?;
    let text = answer.text();
    if answer.status != 200 || !text.starts_with("{\"status\":\"success\"") {
        return Err(format!("Prometheus answers {} with {text}", answer.status));
    }
    // Megabytes at each look: read as text, not as JSON.
    let addresses = text.split("\"__address__\":\"").skip(1);
    addresses
        .map(|rest| {
            let address = rest.split('"').next().unwrap_or_default();
            Host::of(address).ok_or_else(|| format!("Prometheus has {address} in {job}, which is no host"))
        })
        .collect()
}
