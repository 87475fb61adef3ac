//! What happens to hosts.

use super::Dice;
use super::weights::Part;
use crate::{Change, Churn, Scenario};

pub(super) fn draw(dice: &mut Dice, world: &mut Scenario) {
    if !dice.has(Part::Churn) {
        return;
    }
    for _ in 0..dice.few(1, 3) {
        let churn = churn(dice, world);
        world.churn.push(churn);
    }
}

const SHARES: &[u32] = &[20, 50, 100];
const OVER: &[u64] = &[0, 1_000, 20_000];
const AWAY: &[u64] = &[0, 500, 5_000, 40_000];

fn churn(dice: &mut Dice, world: &Scenario) -> Churn {
    let at = dice.moment(world.storm_ends());
    match dice.between(1, 12) {
        1..=4 => Churn::Steady {
            rate: dice.percent(&[20, 50, 100]),
            every: dice.millis(&[10_000, 30_000, 60_000]),
            change: dice.one(&[Change::Replace, Change::Relabel]),
        },
        5 => Churn::RollingDeploy {
            at,
            over: dice.millis(OVER),
            away: dice.range(AWAY),
            service: None,
        },
        6 => Churn::BlueGreen {
            at,
            over: dice.millis(OVER),
            overlap: dice.millis(OVER),
        },
        7 => Churn::Autoscale {
            at,
            by: dice.percent(SHARES),
            over: dice.millis(OVER),
            lasts: dice.millis(&[1_000, 30_000]),
        },
        8 => Churn::ZoneLoss {
            at,
            zone: dice.few(0, world.hosts.zones - 1),
            lasts: dice.millis(&[1_000, 30_000, 120_000]),
        },
        9 => Churn::MassRelabel {
            at,
            over: dice.millis(OVER),
            more_labels: 1,
        },
        10 => Churn::Flapping {
            share: dice.percent(SHARES),
            up: dice.range(&[2_000, 10_000, 60_000]),
            down: dice.range(&[2_000, 10_000, 60_000]),
        },
        11 => Churn::IpReuse {
            at,
            share: dice.percent(SHARES),
            over: dice.millis(OVER),
        },
        _ => match dice.between(1, 3) {
            1 => Churn::NameReuse {
                at,
                share: dice.percent(SHARES),
                over: dice.millis(OVER),
                away: dice.range(AWAY),
            },
            2 => Churn::HostClone {
                at,
                share: dice.percent(SHARES),
            },
            _ => Churn::SpotReclaim {
                at,
                share: dice.percent(SHARES),
                over: dice.millis(OVER),
                replaced_after: dice.range(AWAY),
            },
        },
    }
}
