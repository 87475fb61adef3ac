//! Among whom targets are shared out, and who of them is away when.
//!
//! **It is drawn by dice of its own**, so that a world without members is what it was before there were any.

use super::Dice;
use super::weights::Part;
use crate::{Absence, Away, Known, Members, Scenario, Span};

pub(super) fn draw(dice: &mut Dice, world: &mut Scenario) {
    if !dice.has(Part::Members) {
        return;
    }
    let count = dice.few(1, 6);
    let known = dice.one(&[Known::Asking, Known::Found, Known::Listed, Known::Found]);
    let mut members = Members::new(count)
        .known(known)
        .replicas(dice.one(&[1, 1, 1, 2, 3]).max(1))
        // Short, so that much is handed over in a few minutes.
        .refresh(dice.millis(&[2_000, 5_000, 15_000]))
        .grace(dice.millis(&[5_000, 20_000, 60_000]))
        .interval(dice.millis(&[2_000, 5_000, 15_000]));
    members.weighted = dice.chance(50);
    members.seats = known != Known::Listed && dice.chance(50);
    for _ in 0..dice.few(0, 6) {
        let away = away(dice, world, &members);
        members.away.push(away);
    }
    world.members = Some(members);
}

fn away(dice: &mut Dice, world: &Scenario, members: &Members) -> Away {
    let how = match members.known {
        Known::Asking => dice.pick(&[Absence::Crashed, Absence::CutOff]),
        Known::Found | Known::Listed => dice.pick(&[Absence::Crashed, Absence::CutOff, Absence::Removed]),
    };
    // One in three comes later than the others.
    let at = if dice.chance(33) {
        Span::ZERO
    } else {
        dice.moment(world.storm_ends())
    };
    let lasts = dice.millis(&[1_000, 10_000, 40_000, 120_000, 3_600_000]);
    Away {
        member: dice.few(0, members.count.saturating_sub(1)),
        how: how.unwrap_or(Absence::Crashed),
        at,
        lasts,
    }
}
