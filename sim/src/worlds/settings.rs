//! How the manager is set up, and who stands before and behind it.

use super::Dice;
use super::weights::Part;
use crate::{Checks, Guard, Queue, Receiver, ReloadMode, Scenario, Span, SpanRange, ThrottleSetting};

pub(super) fn draw(dice: &mut Dice, world: &mut Scenario) {
    let manager = &mut world.manager;
    if dice.has(Part::Throttle) {
        manager.throttle = throttle(dice);
    }
    manager.per_set = dice.has(Part::PerSet);
    if dice.has(Part::Legacy) {
        manager.reload = ReloadMode::Legacy;
    }
    if dice.has(Part::Guard) {
        let guard = Guard::new(
            dice.percent(&[0, 10, 30, 50, 90]),
            // What was gone within the hold time is gone through at every update.
            dice.millis(&[1_000, 10_000, 30_000]),
        );
        manager.guard = Some(if dice.chance(25) { guard.gross() } else { guard });
    }
    if dice.has(Part::IncompleteAfter) {
        manager.incomplete_after = Some(dice.millis(&[1_000, 10_000, 60_000]));
    }
    manager.serve_incomplete = dice.has(Part::ServeIncomplete);
    if dice.has(Part::SlowQueue) {
        world.queue = Queue::new(dice.few(1, 8), dice.millis(&[1, 5, 20]));
    }
    if dice.has(Part::SlowReceiver) {
        world.receiver = Receiver::new(dice.range(&[0, 100, 1_000, 5_000, 15_000]));
    }
    world.checks = match dice.has(Part::Model) {
        true => Checks::All,
        false => Checks::Cheap,
    };
}

/// Often one that is short, so that much happens in a few minutes.
pub(super) fn throttle(dice: &mut Dice) -> ThrottleSetting {
    match dice.chance(40) {
        true => ThrottleSetting::Ticker(dice.millis(&[100, 1_000, 5_000])),
        false => {
            let first = dice.millis(&[10, 100, 1_000]);
            let last = dice.millis(&[1_000, 5_000, 20_000]);
            ThrottleSetting::Backoff(SpanRange::between(first, last.max(Span::secs(1))))
        }
    }
}
