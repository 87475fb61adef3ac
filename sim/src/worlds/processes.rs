//! What happens to processes and their configuration.

use super::Dice;
use super::settings::throttle;
use super::weights::Part;
use crate::{ProcessEvent, Ratio, ReloadMode, Restarted, Scenario, Span, Version};

pub(super) fn draw(dice: &mut Dice, world: &mut Scenario) {
    if !dice.has(Part::Events) {
        return;
    }
    let storm_ends = world.storm_ends();
    let moment = dice.moment(storm_ends);
    let is_burst = dice.has(Part::Burst);
    for _ in 0..dice.few(1, 5) {
        let at = match is_burst {
            // At the very moment, or before what it set off has come to an end.
            true => moment.plus(dice.millis(&[0, 0, 1, 10, 100, 1_000, 10_000])),
            false => dice.moment(storm_ends),
        };
        let last = storm_ends.minus(Span::millis(1));
        let event = event(dice, at.min(last));
        world.events.push(event);
    }
}

fn event(dice: &mut Dice, at: Span) -> ProcessEvent {
    let share = dice.percent(&[30, 50, 100]);
    match dice.between(1, 12) {
        1..=2 => ProcessEvent::Reload {
            at,
            times: dice.few(1, 4),
            every: dice.millis(&[1, 100, 5_000]),
        },
        3..=4 => ProcessEvent::ChangeConfig { at, share },
        5..=6 => ProcessEvent::RemoveJobs {
            at,
            share,
            lasts: dice.chance(75).then(|| dice.millis(&[1, 100, 5_000, 30_000])),
        },
        7 => restart(dice, at, Restarted::Discoverers, share),
        8..=9 => restart(dice, at, Restarted::Manager, Ratio::ALWAYS),
        10 => ProcessEvent::Suspend {
            at,
            lasts: dice.millis(&[1_000, 20_000]),
        },
        11 => ProcessEvent::PauseReceiver {
            at,
            lasts: dice.millis(&[1_000, 20_000]),
        },
        _ => ProcessEvent::Confirm { at, share },
    }
}

fn restart(dice: &mut Dice, at: Span, what: Restarted, share: Ratio) -> ProcessEvent {
    let saved = dice.chance(65);
    let is_manager = what == Restarted::Manager;
    let age = match is_manager && saved {
        true => dice.millis(&[0, 0, 100, 5_000, 60_000]).min(at),
        false => Span::ZERO,
    };
    ProcessEvent::Restart {
        at,
        what,
        share,
        saved,
        age,
        version: (is_manager && dice.chance(30)).then(|| version(dice)),
    }
}

fn version(dice: &mut Dice) -> Version {
    let mut version = Version::with_format(dice.few(1, 2));
    if dice.chance(50) {
        version.throttle = Some(throttle(dice));
    }
    if dice.chance(25) {
        version.reload = Some(ReloadMode::Keep);
    }
    version
}
