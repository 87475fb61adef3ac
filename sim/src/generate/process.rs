//! Draws what happens to processes and their configuration.

use headcount_core::Instant;

use super::{Drawer, Task};
use crate::rng::Entity;
use crate::{DiscovererId, Happening, JobId, ProcessEvent, Ratio, Restarted, Span};

impl Drawer {
    pub(super) fn plan_process(&mut self) {
        let plan = self.plan.clone();
        for (entry, event) in plan.scenario.events.iter().enumerate() {
            let entry = entry as u16;
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
