//! Hosts, backends, discoverers, and the jobs that share them.

use super::Dice;
use super::weights::{KINDS, Part};
use crate::{Backend, BackendKind, Discoverers, Hosts, Jobs, Less, Phase, Scenario, Sources, Span, SpanRange};

pub(super) fn draw(dice: &mut Dice, world: &mut Scenario) {
    let count = dice.few(1, 8);
    world.hosts = Hosts::new(count)
        .services(dice.few(1, count.min(3)))
        .zones(dice.few(1, count.min(3)));
    if dice.chance(25) {
        world.hosts.labels = 2;
    }
    for number in 0..dice.few(1, 3) {
        let kind = dice.weighted(&KINDS, BackendKind::Http);
        let backend = backend(dice, kind, format!("{}{number}", kind.word()));
        // Two entries for one backend ask for the same, each in its own way.
        for entry in 0..dice.few(1, 2) {
            let name = format!("d{number}{entry}");
            let discoverers = discoverers(dice, world, &backend).name(name);
            world.discoverers.push(discoverers);
        }
        world.backends.push(backend);
    }
    if dice.has(Part::Jobs) {
        let names: Vec<String> = world.discoverers.iter().map(|entry| entry.name.clone()).collect();
        for number in 0..dice.few(1, 4) {
            let jobs = jobs(dice, &names, number);
            world.jobs.push(jobs);
        }
    }
}

fn backend(dice: &mut Dice, kind: BackendKind, name: String) -> Backend {
    let mut backend = Backend::new(name, kind)
        .wait(dice.millis(&[10_000, 30_000, 60_000]))
        .lifetime(SpanRange::between(
            Span::secs(20),
            dice.millis(&[20_000, 60_000, 120_000]),
        ))
        .history(dice.one(&[0, 1, 3, 1_000]));
    if dice.has(Part::Replicas) {
        backend.replicas = dice.few(2, 3);
    }
    if dice.has(Part::Pages) {
        backend.page = dice.few(1, 3);
    }
    if dice.has(Part::Cache) {
        backend.cache = dice.millis(&[1_000, 10_000, 30_000]);
    }
    if dice.has(Part::LateBackend) {
        backend.delay = dice.range(&[0, 100, 1_000, 5_000]);
    }
    if dice.has(Part::SlowCalls) {
        backend.latency = dice.range(&[1, 100, 1_000, 4_000]);
    }
    backend
}

fn discoverers(dice: &mut Dice, world: &Scenario, backend: &Backend) -> Discoverers {
    let mut entry = Discoverers::of(backend.name.clone())
        .refresh(dice.millis(&[1_000, 5_000, 15_000, 30_000]))
        .timeout(dice.millis(&[2_000, 5_000, 10_000]))
        .retry(SpanRange::between(Span::secs(1), dice.millis(&[1_000, 5_000, 10_000])));
    if dice.chance(40) {
        entry.count = dice.few(1, world.hosts.services + 1);
    }
    if dice.chance(25) {
        entry.phase = Phase::Together;
    }
    if dice.has(Part::Unbuildable) {
        entry.broken = 1;
    }
    if matches!(backend.kind, BackendKind::File | BackendKind::Http) {
        if dice.has(Part::Numbered) {
            entry.sources = Sources::Sticky;
        }
        if dice.has(Part::LookedAtTwice) {
            entry.less = Less::Twice;
        }
    }
    entry
}

/// Jobs that want some of the discoverers, or all: what two of them want is shared (S01).
fn jobs(dice: &mut Dice, discoverers: &[String], number: u32) -> Jobs {
    let mut jobs = Jobs::new(format!("j{number}"));
    if dice.chance(75) {
        jobs.of = dice.some(discoverers);
    }
    if dice.has(Part::AlikeJobs) {
        jobs.count = dice.few(2, 3);
        jobs.split = dice.has(Part::SplitJobs);
    }
    jobs
}
