//! What takes memory, as far as it grows with what is discovered.

use super::exposition::{Exposition, Kind, count};
use crate::app::App;
use crate::discovery::Managed;

/// Bytes by what takes them. Costs the number of groups: for who asks, and not for who works.
pub(in crate::server) fn parts(app: &App) -> [(&'static str, usize); 5] {
    let managers = app.managers();
    let sum = |of: &dyn Fn(&Managed) -> usize| managers.iter().map(|managed| of(managed)).sum();
    // A state is there twice, so that who reads it waits for nobody.
    let targets = app.targets.read(|state| {
        let pools = state.pools.pools().map(|(_, pool)| pool.size_bytes());
        pools.sum::<usize>().saturating_mul(2)
    });
    [
        (
            "groups",
            sum(&|managed| managed.churn().values().map(|churn| churn.size).sum()),
        ),
        ("targets", targets),
        ("lists", sum(&|managed| managed.view().pieces.size_bytes())),
        ("history", sum(&|managed| managed.past().bytes())),
        ("queue", sum(&|managed| managed.queue().bytes)),
    ]
}

/// Adds them.
pub(super) fn memory(out: &mut Exposition, app: &App) {
    let help = "Memory by what takes it: discovered groups, fates of targets, lists as they are served, history, reports that wait.";
    let mut family = out.family("headcount_memory_bytes", Kind::Gauge, help);
    for (part, bytes) in parts(app) {
        family.sample(&[("part", part)], count(bytes));
    }
}
