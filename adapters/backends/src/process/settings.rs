//! What an entry of `process_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, refresh};
use headcount_reader::{Fields, ProblemKind};

use super::{Machine, UNREADABLE};

/// How often processes are listed where the entry says nothing; Alloy's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// One entry of `process_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProcessSd {
    pub(super) refresh_interval: Duration,
    pub(super) wanted: Wanted,
}

/// What is wanted of a process; Alloy's defaults are those of its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) exe: bool,
    pub(super) cwd: bool,
    pub(super) commandline: bool,
    pub(super) container_id: bool,
    pub(super) username: bool,
    pub(super) uid: bool,
    pub(super) cgroup_path: bool,
}

impl Mechanism for ProcessSd {
    const NAME: &'static str = "process";
    const SUMMARY: &'static str =
        "the processes of this machine, to be given an address by relabelling (Alloy's; Linux)";
    const METRICS: &'static [Definition] = &[UNREADABLE];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        if !place.is_relabelled {
            fields.at().report(ProblemKind::Rule(
                "a process has no address, and without one it is no target; add a rule to relabel_configs that sets __address__",
            ));
        }
        if let Some(at) = fields.take("join") {
            at.report(ProblemKind::Rule(
                "what other mechanisms found can't be joined here; leave it out, and join by __container_id__ where the targets go",
            ));
        }
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let mut wanted = Wanted {
            exe: true,
            cwd: true,
            commandline: true,
            container_id: true,
            username: false,
            uid: false,
            cgroup_path: false,
        };
        if let Some(mut inside) = fields.take_some("discover_config").and_then(|at| at.fields()) {
            let mut flag = |name, default: bool| inside.flag(name).unwrap_or(default);
            wanted = Wanted {
                exe: flag("exe", wanted.exe),
                cwd: flag("cwd", wanted.cwd),
                commandline: flag("commandline", wanted.commandline),
                container_id: flag("container_id", wanted.container_id),
                username: flag("username", wanted.username),
                uid: flag("uid", wanted.uid),
                cgroup_path: flag("cgroup_path", wanted.cgroup_path),
            };
            inside.finish();
        }
        Some(Self {
            refresh_interval,
            wanted,
        })
    }

    fn describe(&self) -> String {
        "processes of this machine".to_owned()
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(UNREADABLE, &[], 0.0);
            refresh::run(self.refresh_interval, Machine::new(self.wanted), env, updates).await;
        })
    }
}
