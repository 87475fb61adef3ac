//! What a backend says when it is asked: in good health, and when a fault has it.

use headcount_core::Instant;

use super::discoverer::Coming;
use super::world::World;
use crate::plan::Plan;
use crate::scenario::{BackendKind, FaultKind, Mark};
use crate::world::truth::Row;
use crate::world::view::Rows;
use crate::{DiscovererId, HostId, Span, ViewId};

impl World {
    /// What a backend in good health says.
    pub(super) fn serve(&mut self, plan: &Plan, id: DiscovererId, view: ViewId, resumes: bool) -> Coming {
        let mine = &plan.discoverers[id.place()];
        let backend = &plan.scenario.backends[mine.backend];
        // A cache stands before lists only: who is notified of changes asks what notifies of them.
        let cache = if mine.kind.notifies() {
            Span::ZERO
        } else {
            backend.cache
        };
        let (version, rows) = self.views[view.place()].answer(self.now, cache);
        let discoverer = &self.discoverers[id.place()];
        // Who resyncs may hold something else than there is, and gets a list when it asks for one.
        let is_list = !resumes && mine.resync.is_some();
        if discoverer.held_at == Some((view, version)) && mine.kind != BackendKind::Push && !is_list {
            return Coming::Unchanged;
        }
        let rows = rows.clone();
        if resumes
            && let Some((from, held)) = discoverer.held_at
            && from == view
        {
            if version.saturating_sub(held) <= u64::from(backend.history) {
                return Coming::Changes { view, version, rows };
            }
            self.mark(Mark::Relisted);
        }
        let pages = if backend.page == 0 {
            1
        } else {
            (rows.len() as u32).div_ceil(backend.page).max(1)
        };
        let version = Some(version);
        Coming::All {
            view,
            version,
            rows,
            pages,
        }
    }

    /// What a backend says when this fault has it.
    pub(super) fn serve_badly(
        &mut self,
        plan: &Plan,
        id: DiscovererId,
        view: ViewId,
        resumes: bool,
        kind: FaultKind,
    ) -> Coming {
        let all = |rows: Rows| Coming::All {
            view,
            version: None,
            rows,
            pages: 1,
        };
        let trouble = |why| Coming::Trouble { why, retry_after: None };
        let is_stale = plan.scenario.discoverers[plan.discoverers[id.place()].entry].allow_stale;
        if let FaultKind::StaleRead { by } = kind {
            return match is_stale {
                true => self.serve_stale(id, view, by),
                false => self.serve(plan, id, view, resumes),
            };
        }
        let resyncs = plan.discoverers[id.place()].resync.is_some();
        if let Some((version, rows)) = self.wrong_rows(id, view, kind) {
            if !resyncs {
                return all(rows);
            }
            // A list from before is of a version from before; any other is of that which there is.
            let shown = &self.views[view.place()];
            let there = if version == shown.version {
                shown.rows.clone()
            } else {
                rows.clone()
            };
            return Coming::Wrong {
                view,
                version,
                rows,
                there,
            };
        }
        match kind {
            FaultKind::LeaderLoss if !is_stale => trouble("the servers have no leader (500)"),
            FaultKind::Drop | FaultKind::Partition | FaultKind::OneWay => trouble("the backend did not answer in time"),
            FaultKind::Reset => trouble("the connection was reset"),
            FaultKind::Refused => trouble("the connection was refused"),
            FaultKind::Truncated => trouble("the answer ends in the middle"),
            FaultKind::Garbled => trouble("the answer is no list"),
            FaultKind::Status { retry_after, .. } => Coming::Trouble {
                why: "the server answered with an error",
                retry_after,
            },
            FaultKind::TornWrite => trouble("the file can't be read: it ends in the middle"),
            FaultKind::Servfail => trouble("the server could not say (SERVFAIL)"),
            FaultKind::TooManyRequests { retry_after } | FaultKind::ApiPriority { retry_after } => Coming::Trouble {
                why: "the server has had enough (429)",
                retry_after: Some(retry_after),
            },
            FaultKind::RenameGap => Coming::Gap,
            FaultKind::TtlZero => {
                self.meter.metrics.backend_calls += 1;
                let shown = &self.views[view.place()];
                Coming::All {
                    view,
                    version: Some(shown.version),
                    rows: shown.rows.clone(),
                    pages: 1,
                }
            }
            FaultKind::Step { by, back } => {
                self.discoverers[id.place()].leap = Some((by, back));
                self.serve(plan, id, view, resumes)
            }
            FaultKind::Freeze | FaultKind::LeaderLoss if self.discoverers[id.place()].held_at.is_some() => {
                Coming::Unchanged
            }
            FaultKind::WatchTooOld => {
                self.mark(Mark::Relisted);
                self.serve(plan, id, view, false)
            }
            FaultKind::IndexReset => {
                // The index is not comparable with what it was: everything is read anew.
                self.discoverers[id.place()].held_at = None;
                self.serve(plan, id, view, false)
            }
            FaultKind::LostDelete => match self.serve(plan, id, view, resumes) {
                Coming::Changes { view, version, rows } => {
                    // What it holds and the backend no longer has stays, until the next list.
                    let all_held = self.discoverers[id.place()].caught_up(&rows, false);
                    match resyncs {
                        true => Coming::Wrong {
                            view,
                            version,
                            rows: all_held,
                            there: rows,
                        },
                        false => all(all_held),
                    }
                }
                other => other,
            },
            _ => self.serve(plan, id, view, resumes),
        }
    }

    /// What a follower says that has not caught up: what was there, with the index that this had.
    fn serve_stale(&mut self, id: DiscovererId, view: ViewId, by: Span) -> Coming {
        let (version, rows) = self.before(id, view, by);
        if self.discoverers[id.place()].held_at == Some((view, version)) {
            return Coming::Unchanged;
        }
        Coming::All {
            view,
            version: Some(version),
            rows,
            pages: 1,
        }
    }

    /// What a view shows when this fault has it, and as of which version, if that is something else than
    /// there is.
    pub(super) fn wrong_rows(&mut self, id: DiscovererId, view: ViewId, kind: FaultKind) -> Option<(u64, Rows)> {
        let shown = &self.views[view.place()];
        match kind {
            // All of these mean that there are no records, and that this is so.
            FaultKind::Empty | FaultKind::Nxdomain | FaultKind::NoData => Some((shown.version, Rows::new())),
            FaultKind::PartialPage => {
                let half = shown.rows.len().div_ceil(2);
                let rows = shown.rows.iter().take(half).map(|(host, row)| (*host, *row));
                Some((shown.version, rows.collect()))
            }
            FaultKind::BackInTime { by } | FaultKind::StaleRead { by } => Some(self.before(id, view, by)),
            FaultKind::Disagree { by } => {
                let first = self.plan.discoverers[id.place()].first_view;
                let is_behind = !(view.0 - first.0).is_multiple_of(2);
                is_behind.then(|| self.before(id, view, by))
            }
            _ => None,
        }
    }

    /// What a view showed some time before.
    fn before(&mut self, id: DiscovererId, view: ViewId, by: Span) -> (u64, Rows) {
        let then = Instant::from_nanos(self.now.as_nanos().saturating_sub(by.as_nanos()));
        let (version, rows) = self.views[view.place()].as_of(then);
        let held = &self.discoverers[id.place()].held;
        let is_older = |(host, row): (&HostId, &Row)| held.get(host).is_some_and(|held| held.version > row.version);
        if rows.iter().any(is_older) {
            self.mark(Mark::WentBackInTime);
        }
        (version, rows)
    }
}
