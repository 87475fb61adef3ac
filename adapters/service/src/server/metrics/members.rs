//! Members: how many targets each has, and how many are between two of them.

use super::exposition::{Exposition, Kind, count};
use crate::app::App;

/// Adds all of them; none if targets are not shared out.
pub(super) fn members(out: &mut Exposition, app: &App) {
    let Some(overview) = app.targets.sharing.overview(app.env.clock.now()) else {
        return;
    };
    let help = "Targets that a member owns.";
    let mut family = out.family("headcount_member_targets", Kind::Gauge, help);
    for member in &overview.members {
        family.sample(&[("member", &member.name)], count(member.targets));
    }
    let help = "Targets on a member's lists: those that it owns, and those that others have not begun with.";
    let mut family = out.family("headcount_member_listed_targets", Kind::Gauge, help);
    for member in &overview.members {
        family.sample(&[("member", &member.name)], count(member.listed));
    }
    if overview.members.iter().any(|member| member.weight.is_some()) {
        let help = "What the targets that a member owns weigh, each as the nearest power of two.";
        let mut family = out.family("headcount_member_weight", Kind::Gauge, help);
        for (member, weight) in overview
            .members
            .iter()
            .filter_map(|member| Some((member, member.weight?)))
        {
            family.sample(&[("member", &member.name)], weight as f64);
        }
    }
    let help = "When a member was sent a list last, in seconds since 1970; 0 if it was not since headcount runs.";
    let mut family = out.family("headcount_member_last_sent_timestamp_seconds", Kind::Gauge, help);
    for member in &overview.members {
        let sent = member
            .sent
            .map_or(0.0, |age| app.wall_clock().unix().as_secs_f64() - age);
        family.sample(&[("member", &member.name)], sent);
    }
    out.family(
        "headcount_unassigned_targets",
        Kind::Gauge,
        "Targets that nobody is to scrape: there is no member, or none of their node.",
    )
    .sample(&[], count(overview.unassigned));
    out.family(
        "headcount_target_handovers",
        Kind::Gauge,
        "Targets that have another owner, and stay with the one before until it has begun.",
    )
    .sample(&[], count(overview.handovers));
    out.family(
        "headcount_target_oldest_handover_seconds",
        Kind::Gauge,
        "How long the oldest of them takes so far; 0 if there is none.",
    )
    .sample(&[], overview.oldest_handover.unwrap_or(0.0));
    out.family(
        "headcount_target_moves_total",
        Kind::Counter,
        "Times that a target came to a member that another had before.",
    )
    .sample(&[], count(overview.moved));
}
