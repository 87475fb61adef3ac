//! One line for each workload: what was measured, the goal, and the same work in the peer's
//! shape. Times are CPU time of this thread, the median of several runs.

#![allow(clippy::print_stdout, reason = "the table is this program's output")]

use std::io;
use std::time::Duration;

use cpu_time::{ProcessTime, ThreadTime};
use headcount_benches::fleet::Host;
use headcount_benches::ingest::{Ingest, body};
use headcount_benches::latency::Daemon;
use headcount_benches::manager::{self, Config, Loaded};
use headcount_benches::mechanisms::{Go, Watched, inputs};
use headcount_benches::restart::{Site, Size};
use headcount_benches::serving::{Served, resident_bytes};
use headcount_benches::{allocation, allocations, peer, simulator, targets};
use headcount_core::{Encoder, Instant, Manager, ManagerOptions, Update};

#[global_allocator]
static ALLOCATOR: headcount_allocations::Counting<true> = headcount_allocations::Counting;

fn main() {
    // `cargo test --benches` runs this too, without optimisation: a table of that says nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // From the first large block that is freed, glibc learns to keep memory; a process that has run for
    // a while has learnt that, and its workloads don't begin with page faults.
    drop(std::hint::black_box(vec![1_u8; 24 << 20]));
    println!(
        "\n{:<58} {:>14} {:>16} {:>22}",
        "workload", "headcount", "goal", "in the peer's shape"
    );
    println!("{}", "-".repeat(113));
    // `-- W2` measures one workload, `-- W1-parts` one part of it.
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let workloads: [(&str, fn()); 20] = [
        ("W1-ingest", ingest),
        ("W1-parts", parts),
        ("W2-one", snapshot_of_one),
        ("W2-many", snapshot_of_many),
        ("W3-memory", memory),
        ("W3-week", week),
        ("W4", relabel),
        ("W5", churn),
        ("W6", register),
        ("W7", simulate),
        ("W8", latency),
        ("W9", fan_out),
        ("W10-change", serve_change),
        ("W10-clients", serve_clients),
        ("W10-page", serve_page),
        ("W12-decode", decode),
        ("W12-event", event),
        ("W13-ones", restart_of_ones),
        ("W13-hundreds", restart_of_hundreds),
        ("W14", allocate),
    ];
    for (name, measure) in workloads {
        if only.as_deref().is_none_or(|only| name.starts_with(only)) {
            measure();
        }
    }
}

fn line(workload: &str, measured: &str, goal: &str, peer: &str) {
    println!("{workload:<58} {measured:>14} {goal:>16} {peer:>22}");
}

fn ingest() {
    let body = body(20_000);
    let mut ingest = Ingest::default();
    assert_eq!(ingest.poll(body.as_bytes()), 20_000);
    let ours = median(15, || assert_eq!(ingest.poll(body.as_bytes()), 0));
    let mut peers = peer::loaded(20_000, 1);
    let theirs = median(7, || {
        let groups: Vec<_> = peer::decode(body.as_bytes())
            .into_iter()
            .enumerate()
            .map(|(place, group)| (format!("http://cmdb.example/sd:{place}"), group.into()))
            .collect();
        peers.update(0, &groups);
    });
    line(
        "W1 ingest 20,000 groups, 10 labels, bytes to stored",
        &time(ours),
        "",
        &versus(theirs, ours),
    );
}

fn parts() {
    let hosts: Vec<Host> = (0..20_000).map(Host::numbered).collect();
    let mut encoder = Encoder::new();
    // Dropped by the next run, so that making is measured, in memory that was used before.
    let mut made = Vec::new();
    let ours = median(25, || {
        made.clear();
        let start = ThreadTime::now();
        let mut batch = encoder.batch();
        for hosts in hosts.chunks(100) {
            let labels: [(&str, &str); 0] = [];
            assert_eq!(batch.group("source", labels, hosts.iter().map(Host::labels)), Ok(()));
        }
        made.extend(batch.finish());
        start.elapsed()
    });
    assert_eq!(made.len(), 200);
    let mut sets: Vec<Vec<(String, String)>> = Vec::new();
    let theirs = median(7, || {
        sets.clear();
        let start = ThreadTime::now();
        sets = hosts
            .iter()
            .map(|host| {
                host.labels()
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect()
            })
            .collect();
        start.elapsed()
    });
    assert_eq!(sets.len(), 20_000);
    let rate = 20_000.0 / ours.as_secs_f64() / 1e6;
    line(
        "W1 targets from parts, 11 labels, 100 a group",
        &format!("{rate:.1} M/s"),
        ">= 5 M/s",
        &versus(theirs, ours),
    );
}

fn snapshot_of_one() {
    let mut loaded = Loaded::new(1_000_000, 1, 50, 1);
    let mut changes: Vec<_> = (0..200).map(|_| loaded.changes(3, 1)).collect();
    let ours = median(200, || {
        let group = changes.pop().unwrap_or_default();
        loaded.update(3, Update::delta(group));
    });
    let changed = loaded.changes(3, 1);
    let before = loaded.update(3, Update::delta(changed));
    let difference = median(50, || assert_eq!(manager::differences(&loaded.snapshot, &before), 1));
    drop(loaded);
    let peers = peer::loaded(1_000_000, 1);
    let theirs = median(5, || {
        assert_eq!(peers.snapshot().values().map(Vec::len).sum::<usize>(), 1_000_000)
    });
    line(
        "W2 update and snapshot, 1 of 1,000,000 groups changed",
        &time(ours),
        "<= 20 us",
        &versus(theirs, ours),
    );
    line("W2 difference to the snapshot before", &time(difference), "", "");
}

fn snapshot_of_many() {
    let mut loaded = Loaded::new(200_000, 1, 1, 1);
    let mut changes: Vec<_> = (0..15).map(|_| loaded.changes(0, 2_000)).collect();
    let mut befores = Vec::new();
    let ours = median(15, || {
        let groups = changes.pop().unwrap_or_default();
        befores.push(loaded.update(0, Update::delta(groups)));
    });
    let last = befores.last().cloned().unwrap_or_default();
    assert_eq!(manager::differences(&loaded.snapshot, &last), 2_000);
    drop((loaded, befores, last));
    let mut peers = peer::loaded(200_000, 1);
    let mut generation = 0;
    let theirs = median(7, || {
        generation += 1;
        let groups = peer::hosts(generation * 2_000, generation * 2_000 + 2_000, generation);
        let start = ThreadTime::now();
        peers.update(0, &groups);
        assert_eq!(peers.snapshot().len(), 1);
        start.elapsed()
    });
    line(
        "W2 update and snapshot, 2,000 of 200,000 groups changed",
        &time(ours),
        "",
        &versus(theirs, ours),
    );
}

fn memory() {
    for (per_group, goal) in [(100, "<= 200 B"), (1, "<= 300 B")] {
        let before = allocations::live_bytes();
        let loaded = Loaded::new(1_000_000 / per_group, per_group, 50, 1);
        let bytes = allocations::live_bytes().saturating_sub(before) / 1_000_000;
        drop(loaded);
        let peer = if per_group == 1 {
            let before = allocations::live_bytes();
            let manager = peer::loaded(100_000, 1);
            let snapshot = manager.snapshot();
            let bytes = allocations::live_bytes().saturating_sub(before) / 100_000;
            drop((manager, snapshot));
            format!("{bytes} B")
        } else {
            String::new()
        };
        let workload = format!("W3 heap a target, 1,000,000 targets, {per_group} a group");
        line(&workload, &format!("{bytes} B"), goal, &peer);
    }
}

/// 1 % of 20,000 groups a minute for a week.
fn week() {
    let before = allocations::live_bytes();
    let mut loaded = Loaded::new(20_000, 1, 1, 1);
    let mut sizes = Vec::new();
    for _day in 0..7 {
        for _minute in 0..24 * 60 {
            let changes = loaded.changes(0, 200);
            loaded.update(0, Update::delta(changes));
        }
        sizes.push(allocations::live_bytes().saturating_sub(before));
    }
    let growth = sizes.last().copied().unwrap_or(0) as f64 / sizes.first().copied().unwrap_or(1) as f64;
    line(
        "W3 growth from day 1 to day 7 of 1 %/min churn",
        &format!("{:+.1} %", (growth - 1.0) * 100.0),
        "none",
        "",
    );
}

/// 100,000 targets of 16 labels.
fn relabel() {
    for (name, rules, goal) in [("6 rules", targets::rules(), ">= 2 M/s"), ("no rules", Vec::new(), "")] {
        let groups = targets::groups(&mut Encoder::new(), 0, 1_000, 100, 0);
        let (options, other) = (targets::job("node", rules.clone()), targets::job("other", rules));
        let before = allocations::live_bytes();
        let mut pool = targets::build(&options, &groups, 100_000);
        let bytes = allocations::live_bytes().saturating_sub(before) / 100_000;
        let first = median(7, || drop(targets::build(&options, &groups, 100_000)));
        let mut is_other = false;
        let again = median(7, || {
            is_other = !is_other;
            targets::rebuild(&mut pool, if is_other { &other } else { &options }, 100_000);
        });
        let rate = |time: Duration| format!("{:.2} M/s", 0.1 / time.as_secs_f64());
        let workload = |what: &str| format!("W4 100,000 targets, 16 labels, {name}: {what}");
        line(&workload("build"), &rate(first), goal, "");
        line(&workload("again, job renamed"), &rate(again), goal, "");
        line(&workload("kept each"), &format!("{bytes} B"), "<= 200 B", "");
    }
}

fn churn() {
    let mut site = targets::Churn::new(50, 400, 1);
    let mut updates: Vec<_> = (0..101).map(|_| site.one_change()).collect();
    updates.reverse();
    let time_taken = median(101, || assert_eq!(site.cycle(updates.pop().unwrap_or_default()), 1));
    line(
        "W5 one of 20,000 targets changes, 50 jobs",
        &time(time_taken),
        "<= 10 ms",
        "",
    );
    for (groups, per_group) in [(200, 100), (20_000, 1)] {
        let mut churn = targets::Churn::new(50, groups, per_group);
        let mut updates: Vec<_> = (0..7).map(|_| churn.changes()).collect();
        updates.reverse();
        let time_taken = median(7, || {
            assert_eq!(churn.cycle(updates.pop().unwrap_or_default()), 10_000);
        });
        assert_eq!(churn.active(), 1_000_000);
        let workload = format!("W5 1 % of 1,000,000 targets, 50 jobs, {per_group} a group");
        line(&workload, &time(time_taken), "<= 10 ms", "");
    }
}

fn register() {
    let mut managers: Vec<_> = (0..15).map(|_| (fresh(), manager::jobs(3_000, false))).collect();
    let mut registered = Vec::new();
    let first = median(15, || {
        if let Some((mut manager, jobs)) = managers.pop() {
            assert_eq!(manager.apply(Instant::ZERO, jobs).started.len(), 6_000);
            registered.push((manager, manager::jobs(3_000, true)));
        }
    });
    let jobs = manager::jobs(3_000, false);
    let theirs = median(3, || peer::PeerManager::default().apply(&jobs));
    let mut again_jobs: Vec<_> = registered.into_iter().collect();
    let again = median(15, || {
        if let Some((mut manager, jobs)) = again_jobs.pop() {
            assert_eq!(manager.apply(Instant::ZERO, jobs).kept.len(), 5_998);
        }
    });
    line(
        "W6 register 3,000 jobs x 2 configs",
        &time(first),
        "<= 20 ms",
        &versus(theirs, first),
    );
    line(
        "W6 again with one job changed",
        &time(again),
        "<= 20 ms",
        &versus(theirs, again),
    );
}

fn simulate() {
    let start = ThreadTime::now();
    let simulated = simulator::run(24);
    let seconds = start.elapsed().as_secs_f64();
    let events = simulated.outcome.events as f64;
    line(
        "W7 a day of 20,000 hosts, 2,000 discoverers, 1 %/min",
        &format!("{:.0}x", 24.0 * 3_600.0 / seconds),
        ">= 20,000x",
        "",
    );
    line(
        "W7 the same: allocations for each of its events",
        &format!("{:.2}", simulated.allocations as f64 / events),
        "",
        "",
    );
    line(
        "W7 the same: heap",
        &format!("{:.1} MB", simulated.live_bytes as f64 / 1e6),
        "<= 1 GiB",
        "",
    );
}

fn latency() {
    let measured =
        Daemon::start(200).and_then(|mut daemon| (0..200).map(|_| daemon.change()).collect::<Result<Vec<_>, _>>());
    let mut times = match measured {
        Ok(times) => times,
        Err(error) => {
            return line(
                "W8 a file changes, 20,000 targets are served anew",
                &error.to_string(),
                "",
                "",
            );
        }
    };
    times.sort_unstable();
    let at = |percent: usize| time(times.get(times.len() * percent / 100).copied().unwrap_or_default());
    line(
        "W8 a file changes, 20,000 targets are served anew: p50",
        &at(50),
        "",
        "",
    );
    line("W8 the same: p99 (wall time, no throttle)", &at(99), "<= 20 ms", "");
}

fn fan_out() {
    let mut times = Vec::new();
    let mut sizes = Vec::new();
    for jobs in [1, 100] {
        let before = allocations::live_bytes();
        let mut loaded = Loaded::new(20_000, 1, 1, jobs);
        sizes.push(allocations::live_bytes().saturating_sub(before));
        let mut sent: Vec<_> = (0..15)
            .map(|_| {
                let mut all = loaded.resend(0);
                all.extend(loaded.changes(0, 1));
                all
            })
            .collect();
        times.push(median(15, || {
            let all = sent.pop().unwrap_or_default();
            loaded.update(0, Update::full(all));
        }));
    }
    let mut peers = peer::loaded(20_000, 100);
    let all = peer::hosts(0, 20_000, 0);
    let theirs = median(3, || {
        peers.update(0, &all);
        assert_eq!(peers.snapshot().len(), 100);
    });
    if let ([one, hundred], [size_one, size_hundred]) = (times.as_slice(), sizes.as_slice()) {
        let ratio = hundred.as_secs_f64() / one.as_secs_f64();
        line(
            "W9 resend 20,000 groups to 100 jobs, snapshot",
            &time(*hundred),
            "",
            &versus(theirs, *hundred),
        );
        line(
            "W9 the same against 1 job: time",
            &format!("{:+.0} %", (ratio - 1.0) * 100.0),
            "+-10 %",
            "",
        );
        let ratio = *size_hundred as f64 / *size_one as f64;
        line(
            "W9 the same against 1 job: memory",
            &format!("{:+.1} %", (ratio - 1.0) * 100.0),
            "+-10 %",
            "",
        );
    }
}

/// One of 1,000,000 groups changes, and the list with it is there to be served.
fn serve_change() {
    let measured = Served::start(1_000, 1_000).and_then(|mut served| {
        let start = std::time::Instant::now();
        served.list()?;
        let first = start.elapsed();
        served.change()?;
        let mut times = Vec::new();
        for _ in 0..15 {
            let cpu = Others::start();
            served.change()?;
            times.push(cpu.elapsed());
        }
        times.sort_unstable();
        assert!(served.is_right()?, "what is served is what was found");
        Ok((first, times.get(7).copied().unwrap_or_default()))
    });
    let workload = "W10 1 of 1,000,000 groups changes and is served";
    match measured {
        Ok((first, change)) => {
            line(workload, &time(change), "<= 20 ms", "");
            line(
                "W10 the first list of 1,000,000 targets (wall time)",
                &time(first),
                "<= 2 s",
                "",
            );
        }
        Err(error) => line(workload, &error.to_string(), "", ""),
    }
}

/// Clients that have the list already, and clients that ask for it and don't take it.
fn serve_clients() {
    const ASKED: u32 = 20_000;
    let measured = Served::start(41, 1_000).and_then(|mut served| {
        served.list()?;
        assert!(served.is_right()?, "what is served is what was found");
        let (head, _) = served.ask("HEAD", "/sd/node", "")?;
        let known = format!("If-None-Match: {}\r\n", head.tag);
        let cpu = Others::start();
        for _ in 0..ASKED {
            assert_eq!(served.ask("GET", "/sd/node", &known)?.0.status, 304);
        }
        let rate = f64::from(ASKED) / cpu.elapsed().as_secs_f64();
        let before = resident_bytes();
        let stalled = served.stalled(200)?;
        let grown = resident_bytes().saturating_sub(before);
        drop(stalled);
        Ok((rate, grown, head.length))
    });
    let workload = "W10 requests for what is known, a second and core";
    match measured {
        Ok((rate, grown, length)) => {
            line(workload, &format!("{rate:.0}"), ">= 10,000", "");
            line(
                &format!("W10 200 clients that take nothing of {:.1} MB", length as f64 / 1e6),
                &format!("{:.1} MiB", grown as f64 / f64::from(1 << 20)),
                "<= 50 MiB",
                "",
            );
        }
        Err(error) => line(workload, &error.to_string(), "", ""),
    }
}

/// 100 of 100,000 targets.
fn serve_page() {
    let measured = Served::start(100, 1_000).and_then(|served| {
        let path = "/api/v1/targets?limit=100";
        let page = || -> io::Result<usize> {
            let body = served.api(path)?;
            Ok(body.windows(11).filter(|bytes| bytes == b"\"scrapeUrl\"").count())
        };
        // Targets are worked out after they are found.
        while page()? < 100 {}
        let mut times = Vec::new();
        for _ in 0..101 {
            let cpu = ProcessTime::now();
            assert_eq!(page()?, 100);
            times.push(cpu.elapsed());
        }
        times.sort_unstable();
        Ok(times.get(50).copied().unwrap_or_default())
    });
    let workload = "W10 a page of 100 of 100,000 targets";
    match measured {
        Ok(measured) => line(workload, &time(measured), "<= 5 ms", ""),
        Err(error) => line(workload, &error.to_string(), "", ""),
    }
}

/// What backends answer, decoded, and from bytes to the manager's groups, by the discoverers; and decoded by Go.
fn decode() {
    let folder = tempfile::tempdir();
    let go = folder.as_ref().map(|folder| Go::build(folder.path()));
    let go = match &go {
        Ok(Ok(go)) => Ok(go),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    for input in inputs(4_000) {
        // Right before ours, so that what else this machine does meanwhile slows both.
        let theirs = go
            .clone()
            .and_then(|go| go.decode(&input).map_err(|error| error.to_string()));
        if let Err(error) = &theirs {
            println!("W12 {} is compared with nothing: {error}", input.what);
        }
        let versus = |ours| theirs.as_ref().map_or(String::new(), |theirs| versus(*theirs, ours));
        // What was decoded is freed again, which Go leaves to what comes later.
        input.decoded();
        let ours = median(7, || drop(input.decoded()));
        let what = format!("W12 {}, {:.1} MB: decoded", input.what, input.bytes() as f64 / 1e6);
        line(&what, &time(ours), ">= 5x", &versus(ours));
        input.check(&input.ready().run().0);
        let ours = median(7, || {
            let ready = input.ready();
            let start = ThreadTime::now();
            let ran = ready.run();
            let elapsed = start.elapsed();
            drop(ran);
            elapsed
        });
        line(
            "W12 the same: decoded, labelled and stored",
            &time(ours),
            input.goal,
            &versus(ours),
        );
        let before = allocations::live_bytes();
        let (stored, world) = input.ready().run();
        drop(world);
        let kept = allocations::live_bytes().saturating_sub(before);
        let (unique, labels) = stored.unique_bytes_and_labels();
        let each = kept.saturating_sub(unique) as f64 / labels as f64;
        line(
            &format!(
                "W12 the same: kept beside {:.2} MB of unique values",
                unique as f64 / 1e6
            ),
            &format!("{each:.1} B a label"),
            "<= 12 B a label",
            "",
        );
    }
}

/// One pod of 100,000.
fn event() {
    const CHANGES: usize = 201;
    let mut watched = Watched::new(100_000);
    watched.prepare(CHANGES);
    let ours = median(CHANGES, || watched.change());
    watched.check();
    line(
        "W12 one of 100,000 pods changes: event to snapshot",
        &time(ours),
        "<= 50 us",
        "",
    );
}

/// 1,000,000 groups of one target.
fn restart_of_ones() {
    restart(Size {
        files: 1_000,
        groups: 1_000,
        targets: 1,
    });
}

/// 10,000 groups of 100 targets.
fn restart_of_hundreds() {
    restart(Size {
        files: 100,
        groups: 100,
        targets: 100,
    });
}

/// What was found is saved while others are served, and another service begins with it.
fn restart(size: Size) {
    let workload = |what: &str| format!("W13 1,000,000 targets, {} a group: {what}", size.targets);
    let measured = Site::new(size, "[]").and_then(|mut site| {
        let running = site.start()?;
        site.wait_for_all(&running)?;
        let longest = site.longest_answers(&running)?;
        site.change(&running, size.files / 100)?;
        let list = running.list();
        running.stop();
        let written = site.written()?;
        site.set_lists(false)?;
        let mut times = Vec::new();
        for turn in 0..4 {
            let cpu = ProcessTime::now();
            let running = site.start()?;
            site.wait_for_all(&running)?;
            let restored = cpu.elapsed();
            // The first one shows that it is right, and has a log to read.
            if turn == 0 {
                assert!(running.list() == list, "what is restored is what was saved");
            } else {
                times.push(restored);
            }
            running.stop();
        }
        times.sort_unstable();
        Ok((longest, written, times.get(1).copied().unwrap_or_default()))
    });
    match measured {
        Ok(([longest, without], written, restored)) => {
            line(&workload("restored"), &time(restored), "< 2 s", "");
            let pause = workload("longest answer meanwhile");
            line(
                &pause,
                &time(longest),
                "<= 20 ms",
                &format!("{} without", time(without)),
            );
            let share = written.log as f64 / written.base as f64 * 100.0;
            let base = written.base as f64 / 1e6;
            line(
                &workload("log of 1 % that changed"),
                &format!("{share:.2} %"),
                "",
                &format!("of {base:.1} MB"),
            );
        }
        Err(error) => line(&workload("restored"), &error.to_string(), "", ""),
    }
}

/// CPU time of all threads but this one.
struct Others(ProcessTime, ThreadTime);

impl Others {
    fn start() -> Self {
        Self(ProcessTime::now(), ThreadTime::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed().saturating_sub(self.1.elapsed())
    }
}

fn fresh() -> Manager<Config> {
    Manager::new(Instant::ZERO, ManagerOptions::default())
}

/// What a timed run gives: nothing, or the time of the part that counts.
trait Timed {
    fn of_which(self, whole: Duration) -> Duration;
}

impl Timed for () {
    fn of_which(self, whole: Duration) -> Duration {
        whole
    }
}

impl Timed for Duration {
    fn of_which(self, _: Duration) -> Duration {
        self
    }
}

fn allocate() {
    const REPLACED: usize = 20_000;
    let keys = allocation::keys(1_000_000);
    let mut allocated = allocation::first(&keys, 100);
    let first = median(5, || allocated = allocation::first(&keys, 100));
    line(
        "W14 share 1,000,000 targets out among 100 members",
        &time(first),
        "<= 1 s",
        "",
    );
    let mut moves = 0;
    let replaced = median(5, || moves = allocated.replace(REPLACED)) / REPLACED as u32;
    line("W14 one of them is another", &time(replaced), "<= 10 us", "");
    assert!((REPLACED..REPLACED * 3).contains(&moves), "{moves}");
    let mut names = (0..).map(|number| format!("another-{number}"));
    let join = median(5, || {
        let came = allocated.join(&names.next().unwrap_or_default());
        assert!((8_000..12_000).contains(&came), "{came}");
    });
    line("W14 a member joins", &time(join), "<= 500 ms", "");
    let mut names = (0..).map(|number| format!("another-{number}"));
    let leave = median(5, || {
        let came = allocated.leave(&names.next().unwrap_or_default());
        assert!((8_000..12_000).contains(&came), "{came}");
    });
    line("W14 a member leaves", &time(leave), "", "");
}

fn median<T: Timed>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = ThreadTime::now();
            let part = run();
            part.of_which(start.elapsed())
        })
        .collect();
    times.sort_unstable();
    times.get(runs / 2).copied().unwrap_or_default()
}

fn time(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 1e-3 => format!("{:.1} us", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}

fn versus(theirs: Duration, ours: Duration) -> String {
    format!("{} ({:.1}x)", time(theirs), theirs.as_secs_f64() / ours.as_secs_f64())
}
