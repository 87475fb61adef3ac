//! Every workload under criterion. `cargo bench -p headcount-benches --bench workloads W2` runs
//! those whose name contains `W2`.

#![allow(missing_docs, reason = "criterion's macros make functions without any")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use headcount_benches::fleet::Host;
use headcount_benches::ingest::{Ingest, body};
use headcount_benches::latency::Daemon;
use headcount_benches::manager::{self, Config, Loaded};
use headcount_benches::{peer, targets};
use headcount_core::{Encoder, Instant, Manager, ManagerOptions, Update};

fn w1_ingest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("W1 ingest, 20,000 groups of 1 target and 10 labels");
    let body = body(20_000);
    group.throughput(Throughput::Elements(20_000)).sample_size(20);
    let mut ingest = Ingest::default();
    assert_eq!(ingest.poll(body.as_bytes()), 20_000);
    group.bench_function("bytes to stored, nothing changed", |bencher| {
        bencher.iter(|| assert_eq!(ingest.poll(black_box(body.as_bytes())), 0));
    });
    group.bench_function("bytes to stored, all new", |bencher| {
        bencher.iter_batched(
            Ingest::default,
            |mut ingest| assert_eq!(ingest.poll(body.as_bytes()), 20_000),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("plain decode to maps of strings", |bencher| {
        bencher.iter(|| assert_eq!(peer::decode(black_box(body.as_bytes())).len(), 20_000));
    });
    group.finish();
}

fn w1_parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("W1 targets from parts, 11 labels");
    let hosts: Vec<Host> = (0..20_000).map(Host::numbered).collect();
    group.throughput(Throughput::Elements(20_000)).sample_size(20);
    group.bench_function("groups of 100", |bencher| {
        let mut encoder = Encoder::new();
        bencher.iter_with_large_drop(|| {
            let mut batch = encoder.batch();
            for hosts in hosts.chunks(100) {
                let labels: [(&str, &str); 0] = [];
                assert_eq!(batch.group("source", labels, hosts.iter().map(Host::labels)), Ok(()));
            }
            batch.finish()
        });
    });
    group.finish();
}

fn w2_snapshot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("W2 snapshot after a change");
    group.sample_size(20);
    let mut loaded = Loaded::new(1_000_000, 1, 50, 1);
    group.bench_function("1 of 1,000,000 groups", |bencher| {
        bencher.iter_batched(
            || (),
            |()| {
                let changes = loaded.changes(3, 1);
                loaded.update(3, Update::delta(changes))
            },
            BatchSize::PerIteration,
        );
    });
    let changes = loaded.changes(3, 1);
    let before = loaded.update(3, Update::delta(changes));
    group.bench_function("difference, 1 of 1,000,000 groups", |bencher| {
        bencher.iter(|| assert_eq!(manager::differences(&loaded.snapshot, &before), 1));
    });
    drop(loaded);
    let mut loaded = Loaded::new(200_000, 1, 1, 1);
    group.bench_function("2,000 of 200,000 groups, encoded before", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = std::time::Duration::ZERO;
            for _ in 0..rounds {
                let changes = Update::delta(loaded.changes(0, 2_000));
                let start = cpu_time::ThreadTime::now();
                let before = loaded.update(0, changes);
                spent += start.elapsed();
                assert_eq!(manager::differences(&loaded.snapshot, &before), 2_000);
            }
            spent
        });
    });
    group.finish();
}

fn w4_relabel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("W4 relabel and build, 100,000 targets of 16 labels");
    group.throughput(Throughput::Elements(100_000)).sample_size(10);
    let groups = targets::groups(&mut Encoder::new(), 0, 1_000, 100, 0);
    for (name, rules) in [("6 rules", targets::rules()), ("no rules", Vec::new())] {
        let options = targets::job("node", rules.clone());
        let other = targets::job("other", rules);
        let mut pool = targets::build(&options, &groups, 100_000);
        group.bench_function(name, |bencher| {
            bencher.iter_with_large_drop(|| targets::build(&options, black_box(&groups), 100_000));
        });
        group.bench_function(format!("{name}, again for a renamed job, twice"), |bencher| {
            bencher.iter(|| {
                targets::rebuild(&mut pool, &other, 100_000);
                targets::rebuild(&mut pool, &options, 100_000);
            });
        });
    }
    group.finish();
}

fn w5_churn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("W5 1 % of 1,000,000 targets in 50 jobs, to what is started");
    group.sample_size(10);
    for (groups, per_group) in [(200, 100), (20_000, 1)] {
        let mut churn = targets::Churn::new(50, groups, per_group);
        group.bench_function(format!("{per_group} a group"), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut spent = std::time::Duration::ZERO;
                for _ in 0..rounds {
                    let changes = churn.changes();
                    let start = cpu_time::ThreadTime::now();
                    assert_eq!(churn.cycle(changes), 10_000);
                    spent += start.elapsed();
                }
                spent
            });
        });
        assert_eq!(churn.active(), 1_000_000);
    }
    group.finish();
}

fn w6_register(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("W6 register 3,000 jobs of 2 configs");
    let fresh = || Manager::<Config>::new(Instant::ZERO, ManagerOptions::default());
    group.sample_size(20);
    group.bench_function("first", |bencher| {
        bencher.iter_batched(
            || (fresh(), manager::jobs(3_000, false)),
            |(mut manager, jobs)| {
                assert_eq!(manager.apply(Instant::ZERO, jobs).started.len(), 6_000);
                manager
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("again, one job changed", |bencher| {
        bencher.iter_batched(
            || {
                let mut manager = fresh();
                manager.apply(Instant::ZERO, manager::jobs(3_000, false));
                (manager, manager::jobs(3_000, true))
            },
            |(mut manager, jobs)| {
                let applied = manager.apply(Instant::ZERO, jobs);
                assert_eq!(
                    (applied.started.len(), applied.stopped.len(), applied.kept.len()),
                    (2, 2, 5_998)
                );
                manager
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn w8_latency(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("W8 a file changes, 20,000 targets are served anew");
    group.sample_size(20);
    let mut daemon = match Daemon::start(200) {
        Ok(daemon) => daemon,
        Err(error) => panic!("the daemon can't be measured: {error}"),
    };
    group.bench_function("through the daemon, no throttle", |bencher| {
        bencher.iter_custom(|rounds| {
            let changes: Result<Vec<_>, _> = (0..rounds).map(|_| daemon.change()).collect();
            match changes {
                Ok(times) => times.iter().sum(),
                Err(error) => panic!("the daemon did not serve the change: {error}"),
            }
        });
    });
    group.finish();
}

fn w9_fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("W9 a provider of 20,000 groups: one group changes, all are sent again");
    group.sample_size(20);
    for jobs in [1, 100] {
        let mut loaded = Loaded::new(20_000, 1, 1, jobs);
        group.bench_function(format!("{jobs} jobs"), |bencher| {
            bencher.iter_batched(
                || (),
                |()| {
                    let mut all = loaded.resend(0);
                    all.extend(loaded.changes(0, 1));
                    loaded.update(0, Update::full(all))
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    w1_ingest,
    w1_parts,
    w2_snapshot,
    w4_relabel,
    w5_churn,
    w6_register,
    w8_latency,
    w9_fan_out
);
criterion_main!(benches);
