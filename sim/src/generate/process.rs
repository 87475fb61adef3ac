//! Draws what happens to processes and their configuration.

use headcount_core::Instant;

use super::{Drawer, Task};
use crate::plan::Plan;
use crate::rng::{Entity, Purpose};
use crate::{DiscovererId, Disk, Happening, JobId, ProcessEvent, Ratio, Restarted, Span, SpanRange};

impl Drawer {
    pub(super) fn plan_process(&mut self) {
        let plan = self.plan.clone();
        for (entry, event) in plan.scenario.events.iter().enumerate() {
            let entry = entry as u16;
            if let ProcessEvent::Restart {
                at,
                what: Restarted::Manager,
                saved: true,
                age,
                ..
            } = event
                && let Some(disk) = plan.scenario.manager.disk
            {
                // Unless nothing was written whole by then, it is saved first.
                let first = match self.last_written(disk, *at, *age) {
                    Some(began) => (began, 0),
                    None => (*at, 1),
                };
                self.plan_at(first.0.moment(), Task::Process { entry, step: first.1 });
                continue;
            }
            let first = match event {
                // It is saved first.
                ProcessEvent::Restart {
                    at,
                    what: Restarted::Manager,
                    saved: true,
                    age,
                    ..
                } => at.minus(*age),
                event => event.at(),
            };
            self.plan_at(first.moment(), Task::Process { entry, step: 0 });
        }
    }

    pub(super) fn draw_process(&mut self, at: Instant, entry: u16, step: u32) {
        let plan = self.plan.clone();
        let next = Task::Process { entry, step: step + 1 };
        let happening = match &plan.scenario.events[usize::from(entry)] {
            ProcessEvent::Reload { times, every, .. } => {
                if step + 1 < *times {
                    self.plan_at(at + (*every).into(), next);
                }
                Happening::Reload
            }
            ProcessEvent::ChangeConfig { share, .. } => Happening::ChangeConfig {
                discoverers: self.some_discoverers(entry, *share),
            },
            ProcessEvent::RemoveJobs { share, lasts, .. } => {
                let jobs = self.some_jobs(entry, *share);
                if step > 0 {
                    Happening::AddJobs { jobs }
                } else {
                    if let Some(lasts) = lasts {
                        self.plan_at(at + (*lasts).into(), next);
                    }
                    Happening::RemoveJobs { jobs }
                }
            }
            ProcessEvent::Restart {
                at: restarts,
                what,
                share,
                saved,
                version,
                ..
            } => match what {
                Restarted::Manager if *saved && step == 0 => {
                    self.plan_at(restarts.moment(), next);
                    Happening::SaveManager
                }
                Restarted::Manager if *saved && step == 1 && reads(&plan).is_some() => {
                    // It is dead until another has read what was written.
                    let left = plan.scenario.storm_ends().minus(Span::since_start(at));
                    let lasts = self.reading(entry, &plan).min(left.minus(Span::from_nanos(1)));
                    self.plan_at(at + lasts.into(), next);
                    Happening::Suspend { lasts }
                }
                Restarted::Manager => Happening::RestartManager {
                    saved: *saved,
                    version: version.unwrap_or_default(),
                },
                Restarted::Discoverers => Happening::RestartDiscoverers {
                    discoverers: self.some_discoverers(entry, *share),
                    saved: *saved,
                },
            },
            ProcessEvent::Suspend { lasts, .. } => Happening::Suspend {
                lasts: (*lasts).min(plan.scenario.storm_ends().minus(Span::since_start(at))),
            },
            ProcessEvent::PauseReceiver { lasts, .. } => Happening::PauseReceiver { lasts: *lasts },
            ProcessEvent::Confirm { share, .. } => Happening::Confirm {
                discoverers: self.some_discoverers(entry, *share),
            },
        };
        self.drawn.push_back(happening);
    }

    /// When the state was begun to be written that is there at this moment, by who was started last before it.
    fn last_written(&self, disk: Disk, at: Span, age: Span) -> Option<Span> {
        let restarts = self.plan.scenario.events.iter().filter_map(|event| match event {
            ProcessEvent::Restart {
                at: other,
                what: Restarted::Manager,
                ..
            } => Some(*other).filter(|other| *other < at),
            _ => None,
        });
        let from = restarts.max().unwrap_or_default();
        let takes = |number| {
            let who = Entity::Process(u16::MAX, u32::try_from(number).unwrap_or(u32::MAX));
            let counter = from.as_nanos();
            self.rng.span(who, Purpose::Length, counter, disk.writes)
        };
        disk.last_written(from, at, age, takes)
    }

    /// How long it takes to read what was written.
    fn reading(&self, entry: u16, plan: &Plan) -> Span {
        let who = Entity::Process(entry, u32::MAX);
        let range = reads(plan).unwrap_or(SpanRange::ZERO);
        self.rng.span(who, Purpose::Length, 0, range)
    }

    fn some_discoverers(&self, entry: u16, share: Ratio) -> Vec<DiscovererId> {
        let all = (0..self.plan.discoverers.len() as u32).map(DiscovererId);
        all.filter(|id| self.chosen(Entity::Process(entry, id.0), share))
            .collect()
    }

    fn some_jobs(&self, entry: u16, share: Ratio) -> Vec<JobId> {
        let all = self.plan.job_ids();
        all.filter(|id| self.chosen(Entity::Process(entry, id.0), share))
            .collect()
    }
}

/// How long reading the state takes, if it takes any time.
fn reads(plan: &Plan) -> Option<SpanRange> {
    plan.scenario
        .manager
        .disk
        .map(|disk| disk.reads)
        .filter(|reads| *reads != SpanRange::ZERO)
}
