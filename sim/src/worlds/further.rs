//! What operators meet beyond that: troubles by the clock, of several backends together or of one replica, slow disks, hosts
//! that are listed and dead.
//!
//! **It is drawn by dice of its own**, so that a seed whose world has none of it still means the world that it meant before
//! there were these words.

use super::Dice;
use super::faults::fault;
use super::weights::Part;
use crate::{BackendKind, Churn, Disk, Fault, FaultKind, ProcessEvent, Ratio, Repeats, Restarted, Scenario, Span};

pub(super) fn draw(dice: &mut Dice, world: &mut Scenario) {
    if !dice.has(Part::Further) {
        return;
    }
    for number in 0..world.backends.len() {
        if dice.chance(25)
            && let Some(backend) = world.backends.get_mut(number)
        {
            backend.lingers = dice.range(&[100, 5_000, 20_000]);
        }
    }
    if world.events.iter().any(reads_a_state) && dice.chance(50) {
        let disk = Disk::written_each(dice.millis(&[1_000, 10_000, 30_000]));
        let writes = dice.range(&[0, 500, 5_000, 20_000]);
        world.manager.disk = Some(disk.writes(writes).reads(dice.range(&[0, 500, 5_000])));
    }
    let is_consul = |name: &str| {
        let found = world.backends.iter().find(|backend| backend.name == name);
        found.is_some_and(|backend| backend.kind == BackendKind::Consul)
    };
    for entry in &mut world.discoverers {
        if is_consul(&entry.backend) && dice.chance(30) {
            entry.allow_stale = false;
        }
    }
    if dice.chance(25) {
        let every = Span::secs(dice.between(40, 200));
        world.churn.push(Churn::Daily {
            busiest: dice.moment(every),
            low: dice.percent(&[0, 20, 50]),
            every,
        });
    }
    for _ in 0..dice.few(0, 2) {
        let trouble = trouble(dice, world);
        world.faults.extend(trouble);
    }
}

fn reads_a_state(event: &ProcessEvent) -> bool {
    matches!(
        event,
        ProcessEvent::Restart {
            what: Restarted::Manager,
            saved: true,
            ..
        }
    )
}

fn trouble(dice: &mut Dice, world: &Scenario) -> Option<Fault> {
    match dice.between(1, 4) {
        1 => {
            let fault = fault(dice, world)?;
            by_the_clock(dice, fault)
        }
        2 => together(dice, world),
        3 => at_one_replica(dice, world),
        _ => of_its_kind(dice, world),
    }
}

/// Something that goes wrong again and again, at the same time.
fn by_the_clock(dice: &mut Dice, fault: Fault) -> Option<Fault> {
    let every = dice.between(20, 120);
    let repeats = Repeats {
        every: Span::secs(every),
        at: Span::secs(dice.between(0, every - 1)),
        lasts: Span::secs(dice.between(1, (every / 2).min(30))),
    };
    let again = Fault::new(fault.kind).rate(fault.rate).repeats(repeats);
    let again = Fault {
        backend: fault.backend,
        share: fault.share,
        ..again
    };
    Some(again).filter(|fault| fault.kind != FaultKind::Swizzle)
}

/// What all backends stand on fails.
fn together(dice: &mut Dice, world: &Scenario) -> Option<Fault> {
    let kind = [
        FaultKind::Partition,
        FaultKind::Drop,
        FaultKind::Clog,
        FaultKind::Empty,
        FaultKind::Freeze,
    ];
    let kind = dice.pick(&kind)?;
    let names: Vec<String> = world.backends.iter().map(|backend| backend.name.clone()).collect();
    let mut fault = Fault::new(kind)
        .every(dice.millis(&[30_000, 60_000, 120_000]))
        .lasts(dice.range(&[1_000, 10_000, 20_000]))
        .together()
        .backends(dice.some(&names));
    // Who is given no index that can be waited for asks again at once.
    if kind.leaves_a_trace() {
        fault.rate = Ratio::percent(30);
    }
    let covered = world.backends.iter().filter(|backend| fault.names(backend));
    let can = covered.into_iter().any(|backend| kind.applies_to(backend.kind));
    can.then_some(fault)
}

/// One replica of several is hit.
fn at_one_replica(dice: &mut Dice, world: &Scenario) -> Option<Fault> {
    let fault = fault(dice, world)?;
    let several = world.backends.iter().filter(|backend| backend.replicas > 1);
    let kinds: Vec<_> = several.filter(|backend| fault.kind.applies_to(backend.kind)).collect();
    let backend = dice.pick(&kinds)?;
    let replica = dice.few(0, backend.replicas - 1);
    let hit = fault.backend(backend.name.clone()).replica(replica);
    Some(hit).filter(|fault| !fault.kind.is_state())
}

/// What only one kind of backend knows.
fn of_its_kind(dice: &mut Dice, world: &Scenario) -> Option<Fault> {
    let by = dice.millis(&[1_000, 10_000, 40_000]);
    let retry_after = Span::secs(dice.between(1, 10));
    let kinds = [
        FaultKind::LeaderLoss,
        FaultKind::StaleRead { by },
        FaultKind::ApiPriority { retry_after },
    ];
    let can = |kind: &&FaultKind| world.backends.iter().any(|backend| kind.applies_to(backend.kind));
    let possible: Vec<FaultKind> = kinds.iter().filter(can).copied().collect();
    let fault = Fault::new(dice.pick(&possible)?);
    match dice.chance(50) {
        true => Some(
            fault
                .rate(dice.percent(&[30, 100]))
                .every(Span::secs(60))
                .lasts(dice.range(&[1_000, 20_000])),
        ),
        false => by_the_clock(dice, fault),
    }
}
