//! One discoverer: a row of state, which the other parts of the engine drive.

use std::collections::VecDeque;
use std::sync::Arc;

use headcount_core::{Failure, Group, Instant, ProviderId, Update};
use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::less::Looks;
use super::numbered::Numbers;
use crate::world::render::OwnEncoder;
use crate::world::truth::Row;
use crate::world::view::Rows;
use crate::{DiscovererId, HostId, Span, ViewId};

/// One discoverer.
///
/// Thousands of these rows are gone through again and again, and none is in a cache when its turn comes. So **what a poll
/// that finds nothing new looks at stands first**, which is what `repr(C)` is for, and all that it has no need to touch
/// comes after, or stands elsewhere.
#[derive(Debug, Clone, Default)]
#[repr(C)]
pub(crate) struct Discoverer {
    /// Counts its lives: what belongs to an earlier one is void.
    pub(crate) life: u32,
    /// Counts the turns of its loop: a turn that was planned and came sooner is void.
    pub(crate) turn: u32,
    /// Counts its connections: what belongs to an earlier one is void.
    pub(crate) link: u32,
    /// Calls that failed since one succeeded.
    pub(crate) failures: u32,
    /// As whom it reports; none while it is not running.
    pub(crate) provider: Option<ProviderId>,
    /// Whether it waits for room in the queue.
    pub(crate) blocked: bool,
    /// Whether it waits in a blocking query.
    pub(crate) parked: bool,
    /// Whether a notification is on its way.
    pub(crate) notified: bool,
    /// Whether one arrived while an answer was on its way, which may show what was before.
    pub(crate) again: bool,
    /// Whose changes it is notified of.
    pub(crate) watching: Option<ViewId>,
    pub(crate) calls: u64,
    pub(crate) asked_at: Instant,
    /// The answer on its way.
    pub(crate) coming: Option<Coming>,
    pub(crate) last_delivery: Instant,
    /// By how much its clock leaps while it waits next, and whether backwards.
    pub(crate) leap: Option<(Span, bool)>,
    /// What it has learned, from which view as of which version; no version, if it doesn't know.
    pub(crate) held_at: Option<(ViewId, u64)>,
    pub(crate) held: Rows,
    /// What the view had when it was at the version of `held_at`, of who resyncs: what changed since then is all that it
    /// is told next, and differs from what it holds if it was told something wrong.
    pub(crate) told: Option<Rows>,
    /// Until when who resyncs goes on from where it is.
    pub(crate) list_at: Instant,
    pub(crate) last_failure: Option<Arc<str>>,
    /// Its groups, by source, with the bytes of their labels.
    pub(crate) groups: OrdMap<u32, (Group, u64)>,
    pub(crate) bytes: u64,
    pub(crate) encoder: Box<OwnEncoder>,
    /// What the numbers of its list stand for, if it has numbers.
    pub(crate) numbers: Numbers,
    /// What it has seen of a list that it looks at twice, if it is one.
    pub(crate) looks: Option<Box<Looks>>,
    /// The same answer once more.
    pub(crate) echo: Option<Box<(ViewId, Option<u64>, Rows)>>,
    /// Events of its stream on their way.
    pub(crate) inbox: VecDeque<News>,
    /// Whether it was to do something meanwhile.
    pub(crate) waiting: Vec<super::event::Event>,
}

/// An answer on its way.
#[derive(Debug, Clone)]
pub(crate) enum Coming {
    /// Nothing new.
    Unchanged,
    /// Everything there is.
    All {
        view: ViewId,
        /// None, if what is shown is of no one version.
        version: Option<u64>,
        rows: Rows,
        pages: u32,
    },
    /// The same, if some of it is wrong. Who resyncs goes on from this version, at which `there` was true.
    Wrong {
        view: ViewId,
        version: u64,
        rows: Rows,
        there: Rows,
    },
    /// What changed since it last learned something.
    Changes { view: ViewId, version: u64, rows: Rows },
    /// It failed.
    Trouble {
        why: &'static str,
        /// When to come back, if the server asked for that.
        retry_after: Option<Span>,
    },
    /// The file was not there: poll again before believing it.
    Gap,
}

/// An event of a stream.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) view: ViewId,
    pub(crate) view_version: u64,
    pub(crate) host: HostId,
    pub(crate) row: Option<Row>,
    /// The host's version, also when it is gone.
    pub(crate) version: u32,
    /// What the view had then, for who resyncs.
    pub(crate) there: Option<Rows>,
}

/// What a discoverer reports to the manager.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) provider: ProviderId,
    pub(crate) discoverer: DiscovererId,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Found(Update),
    Failed(Failure),
}

impl Discoverer {
    /// What it holds once it was told what changed up to a moment at which there were these `rows`.
    pub(crate) fn caught_up(&self, rows: &Rows, learns_of_the_gone: bool) -> Rows {
        let Some(told) = &self.told else {
            return match learns_of_the_gone {
                true => rows.clone(),
                false => rows.clone().union(self.held.clone()),
            };
        };
        let mut held = self.held.clone();
        for item in told.diff(rows) {
            match item {
                DiffItem::Add(host, row) | DiffItem::Update { new: (host, row), .. } => drop(held.insert(*host, *row)),
                DiffItem::Remove(host, _) if learns_of_the_gone => drop(held.remove(host)),
                DiffItem::Remove(..) => {}
            }
        }
        held
    }

    /// What it is told from now on is what changes after this version, if it resyncs.
    pub(crate) fn goes_on_from(&mut self, view: ViewId, version: u64, there: Option<Rows>) {
        let is_older = |(of, held): (ViewId, u64)| of == view && version < held;
        if !self.held_at.is_some_and(is_older) {
            self.held_at = Some((view, version));
            self.told = there;
        }
    }

    /// A new life, under this provider or under none.
    pub(crate) fn reborn(&self, provider: Option<ProviderId>) -> Self {
        Self {
            life: self.life + 1,
            // Noise is drawn by the number of the call, which goes on.
            calls: self.calls,
            provider,
            ..Self::default()
        }
    }

    /// A new life under the same provider, with what it knew in the one before.
    pub(crate) fn recovered(&self) -> Self {
        Self {
            held: self.held.clone(),
            held_at: self.held_at,
            told: self.told.clone(),
            list_at: self.list_at,
            groups: self.groups.clone(),
            bytes: self.bytes,
            numbers: self.numbers.clone(),
            encoder: self.encoder.clone(),
            ..self.reborn(self.provider)
        }
    }
}
