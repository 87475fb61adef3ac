//! What goes wrong: only what can happen to a backend that is there.

use super::Dice;
use super::weights::Part;
use crate::{Backend, BackendKind, Fault, FaultKind, Ratio, Scenario, Span};

pub(super) fn draw(dice: &mut Dice, world: &mut Scenario) {
    if !dice.has(Part::Faults) {
        return;
    }
    for _ in 0..dice.few(1, 3) {
        let fault = fault(dice, world);
        world.faults.extend(fault);
    }
}

pub(super) fn fault(dice: &mut Dice, world: &Scenario) -> Option<Fault> {
    let last = world.backends.len().saturating_sub(1) as u64;
    let place = usize::try_from(dice.between(0, last)).ok()?;
    let backend = world.backends.get(place)?;
    let kind = kind(dice, backend)?;
    let mut fault = Fault::new(kind);
    // Of this backend, or of every one that can meet it.
    if dice.chance(50) {
        fault.backend = Some(backend.name.clone());
    }
    if dice.chance(25) {
        fault.share = Ratio::percent(50);
    }
    if !kind.is_state() {
        fault.rate = dice.percent(&[10, 30, 100]);
    }
    // Who is given no index that can be waited for asks again at once, for as long as it lasts, and so does he whose clock
    // leaps past each wait.
    let spins = |backend: &Backend| backend.kind == BackendKind::Consul && kind.applies_to(backend.kind);
    let is_given_none = kind.leaves_a_trace() && world.backends.iter().any(spins);
    let leaps = matches!(kind, FaultKind::Step { back: false, .. });
    if fault.rate.is_always() && (is_given_none || leaps) {
        fault.rate = Ratio::percent(30);
    }
    match dice.between(1, 3) {
        // All through the storm: what never lets up leaves little to be seen.
        1 if fault.rate.is_always() => fault.rate = Ratio::percent(30),
        1 => {}
        2 => {
            fault.every = Some(dice.millis(&[20_000, 60_000, 120_000]));
            fault.lasts = dice.range(&[1_000, 10_000, 30_000]);
        }
        _ => {
            let (one, other) = (dice.moment(world.storm_ends()), dice.moment(world.storm_ends()));
            fault.from = one.min(other);
            fault.until = Some(one.max(other).max(fault.from.plus(Span::secs(1))));
        }
    }
    Some(fault)
}

/// Something that can go wrong with this backend; nothing, if nothing can.
fn kind(dice: &mut Dice, backend: &Backend) -> Option<FaultKind> {
    let past = dice.millis(&[1_000, 30_000, 120_000]);
    let soon = dice.range(&[1, 1_000, 10_000]);
    let permille = i16::try_from(dice.between(0, 400)).unwrap_or(0) - 200;
    let back = dice.chance(50);
    let code = u16::try_from(dice.between(500, 503)).unwrap_or(500);
    let retry_after = Span::secs(dice.between(1, 10));
    let all = [
        FaultKind::Delay { by: soon },
        FaultKind::Drop,
        FaultKind::Duplicate { after: soon },
        FaultKind::Reorder,
        FaultKind::Clog,
        FaultKind::Partition,
        FaultKind::OneWay,
        FaultKind::Reset,
        FaultKind::Refused,
        FaultKind::Drip {
            each: Span::millis(200),
        },
        FaultKind::Empty,
        FaultKind::PartialPage,
        FaultKind::Truncated,
        FaultKind::Garbled,
        FaultKind::Status {
            code,
            retry_after: None,
        },
        FaultKind::BackInTime { by: past },
        FaultKind::Freeze,
        FaultKind::Disagree { by: past },
        FaultKind::IndexReset,
        FaultKind::WatchTooOld,
        FaultKind::LostDelete,
        FaultKind::DuplicateDelete,
        FaultKind::TooManyRequests { retry_after },
        FaultKind::Nxdomain,
        FaultKind::Servfail,
        FaultKind::NoData,
        FaultKind::TtlZero,
        FaultKind::TornWrite,
        FaultKind::RenameGap,
        FaultKind::LostNotify,
        FaultKind::SessionExpiry,
        FaultKind::Pause,
        FaultKind::Skew { permille },
        FaultKind::Wobble {
            permille,
            each: Span::secs(10),
        },
        FaultKind::Step {
            by: Span::secs(20),
            back,
        },
        FaultKind::WallJump { by: past, back },
        FaultKind::Swizzle,
    ];
    let can = |kind: &FaultKind| {
        let is_alone = backend.replicas < 2;
        kind.applies_to(backend.kind) && !(is_alone && matches!(kind, FaultKind::Disagree { .. }))
    };
    let possible: Vec<FaultKind> = all.into_iter().filter(can).collect();
    let last = possible.len().checked_sub(1)?;
    let place = usize::try_from(dice.between(0, last as u64)).ok()?;
    possible.get(place).copied()
}
