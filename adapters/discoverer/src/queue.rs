//! The reports that wait for the manager.
//!
//! The one rule: **nothing that was taken is dropped, and who has much to say holds up only himself.**
//!
//! * Each provider has its own lane, in its own order; lanes are read in turn, one report each.
//! * A full update takes the place of a full update that nobody has read yet: it says all that that one said, and
//!   newer. The same is true of what was [answered](Report::Answered).
//! * There is room for [`MOST_REPORTS`] of a provider, and for a number of bytes in all. When those are taken, the
//!   provider with most of them waits, and the others go on. A lane that is empty takes one report, however large: it
//!   needs no less memory while its discoverer waits with it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use headcount_core::{Group, ProviderId, UpdateKind, planted};

use crate::{Message, Report, Stopped};

/// Reports of one provider that wait. One that is faster than the manager waits with the next.
pub const MOST_REPORTS: usize = 64;

/// What a report takes besides its groups and its text.
const OVERHEAD: usize = size_of::<Message>() * 2;

/// The queue between discoverers and the manager that takes their reports. Clones are of the same one.
#[derive(Debug, Clone)]
pub struct ReportQueue(Arc<Mutex<State>>);

/// What is in a queue, and what became of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueStatus {
    /// Reports that wait for the manager.
    pub reports: usize,
    /// What they take in memory, about.
    pub bytes: usize,
    /// Full updates in whose place a newer one was taken, since the start.
    pub collapsed: u64,
    /// Reports that had to wait for room, since the start.
    pub waited: u64,
}

#[derive(Debug)]
struct State {
    lanes: HashMap<ProviderId, Lane>,
    /// Lanes with reports, the next to be read first.
    turns: VecDeque<ProviderId>,
    /// The same by how much is in them.
    by_size: BTreeSet<(usize, ProviderId)>,
    /// Without it there is room for everything, and everything is kept as it was said.
    most_bytes: Option<usize>,
    status: QueueStatus,
    is_closed: bool,
    reader: Option<Waker>,
    /// Those who wait for bytes.
    waiting: Vec<Waker>,
}

#[derive(Debug, Default)]
struct Lane {
    /// Each with its size.
    reports: VecDeque<(Report, usize)>,
    bytes: usize,
    /// Those who wait for a place in it.
    waiting: Vec<Waker>,
}

impl ReportQueue {
    /// A queue with room for about so many bytes.
    pub fn new(most_bytes: usize) -> Self {
        Self::with(Some(most_bytes))
    }

    /// A queue for tests: it has room for everything, and shows each report as it was made.
    pub fn unbounded() -> Self {
        Self::with(None)
    }

    fn with(most_bytes: Option<usize>) -> Self {
        Self(Arc::new(Mutex::new(State {
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            by_size: BTreeSet::new(),
            most_bytes,
            status: QueueStatus::default(),
            is_closed: false,
            reader: None,
            waiting: Vec::new(),
        })))
    }

    /// Puts a report in, as soon as there is room for it.
    ///
    /// # Errors
    /// [`Stopped`] when nobody reads any more.
    pub(crate) async fn push(&self, provider: ProviderId, report: Report) -> Result<(), Stopped> {
        let size = size_of_report(&report);
        let (mut report, mut has_waited) = (Some(report), false);
        poll_fn(move |context| {
            let mut state = self.state();
            if state.is_closed {
                return Poll::Ready(Err(Stopped));
            }
            let Some(taken) = report.take() else {
                return Poll::Ready(Ok(()));
            };
            match state.try_push(provider, taken, size) {
                Ok(()) => {
                    let wakers = state.wakers_of_push();
                    drop(state);
                    wakers.into_iter().for_each(Waker::wake);
                    Poll::Ready(Ok(()))
                }
                Err((refused, why)) => {
                    report = Some(refused);
                    if !std::mem::replace(&mut has_waited, true) {
                        state.status.waited = state.status.waited.saturating_add(1);
                    }
                    state.wait(provider, why, context);
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The next report, when there is one.
    pub async fn next(&self) -> Message {
        poll_fn(|context| match self.try_next() {
            Some(message) => Poll::Ready(message),
            None => {
                let mut state = self.state();
                // One may have come in between.
                if state.turns.is_empty() {
                    state.reader = Some(context.waker().clone());
                } else {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }
        })
        .await
    }

    /// The next report, if there is one.
    pub fn try_next(&self) -> Option<Message> {
        let mut state = self.state();
        let message = state.pop()?;
        let mut wakers = std::mem::take(&mut state.waiting);
        if let Some(lane) = state.lanes.get_mut(&message.provider) {
            wakers.append(&mut lane.waiting);
        }
        state.tidy(message.provider);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        Some(message)
    }

    /// Forgets what a provider said that nobody has read: it was stopped (S06).
    pub fn forget(&self, provider: ProviderId) {
        let mut state = self.state();
        let Some(lane) = state.lanes.remove(&provider) else {
            return;
        };
        state.by_size.remove(&(lane.bytes, provider));
        state.turns.retain(|other| *other != provider);
        planted!(
            state.status.bytes = state.status.bytes.saturating_sub(lane.bytes),
            ForgottenTakesRoom,
            ()
        );
        state.status.reports = state.status.reports.saturating_sub(lane.reports.len());
        let mut wakers = std::mem::take(&mut state.waiting);
        wakers.extend(lane.waiting);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Nobody reads any more: who reports learns that.
    pub fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let mut wakers = std::mem::take(&mut state.waiting);
        for lane in state.lanes.values_mut() {
            wakers.append(&mut lane.waiting);
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// What is in it, and what became of reports.
    pub fn status(&self) -> QueueStatus {
        self.state().status
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is no room of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lacks {
    Place,
    Bytes,
}

impl State {
    fn try_push(&mut self, provider: ProviderId, report: Report, size: usize) -> Result<(), (Report, Lacks)> {
        let largest_other = self.by_size.iter().rev().find(|(_, other)| *other != provider);
        let largest_other = largest_other.map_or(0, |(bytes, _)| *bytes);
        let lane = self.lanes.entry(provider).or_default();
        let before = lane.bytes;
        let place = self.most_bytes.and_then(|_| replaced(&lane.reports, &report));
        if let Some(place) = place {
            // It has its place already, and is no more than the one before it would have become.
            if let Some(old) = lane.reports.get_mut(place) {
                lane.bytes = lane.bytes.saturating_sub(old.1).saturating_add(size);
                if matches!(report, Report::Update(_)) {
                    self.status.collapsed = self.status.collapsed.saturating_add(1);
                }
                *old = (report, size);
            }
        } else {
            let most_bytes = self.most_bytes.unwrap_or(usize::MAX);
            if self.most_bytes.is_some()
                && planted!(
                    lane.reports.len() >= MOST_REPORTS,
                    OneReportTooMany,
                    lane.reports.len() > MOST_REPORTS
                )
            {
                return Err((report, Lacks::Place));
            }
            let is_too_much = planted!(
                self.status.bytes.saturating_add(size) > most_bytes,
                BytesHaveNoEnd,
                false
            );
            if is_too_much && !lane.reports.is_empty() && lane.bytes >= largest_other {
                return Err((report, Lacks::Bytes));
            }
            if lane.reports.is_empty() {
                self.turns.push_back(provider);
            }
            lane.bytes = lane.bytes.saturating_add(size);
            lane.reports.push_back((report, size));
            self.status.reports = self.status.reports.saturating_add(1);
        }
        let after = lane.bytes;
        self.resized(provider, before, after);
        Ok(())
    }

    fn pop(&mut self) -> Option<Message> {
        let provider = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&provider)?;
        let (report, size) = lane.reports.pop_front()?;
        let before = lane.bytes;
        lane.bytes = lane.bytes.saturating_sub(size);
        let after = lane.bytes;
        if !lane.reports.is_empty() {
            planted!(
                self.turns.push_back(provider),
                WhoSaysMuchIsHeardFirst,
                self.turns.push_front(provider)
            );
        }
        self.status.reports = self.status.reports.saturating_sub(1);
        self.resized(provider, before, after);
        Some(Message { provider, report })
    }

    fn resized(&mut self, provider: ProviderId, before: usize, after: usize) {
        self.by_size.remove(&(before, provider));
        if after > 0 {
            self.by_size.insert((after, provider));
        }
        self.status.bytes = self.status.bytes.saturating_sub(before).saturating_add(after);
    }

    /// Forgets a lane in which nothing is and for which nobody waits.
    fn tidy(&mut self, provider: ProviderId) {
        let is_idle = |lane: &Lane| lane.reports.is_empty() && lane.waiting.is_empty();
        if self.lanes.get(&provider).is_some_and(is_idle) {
            self.lanes.remove(&provider);
        }
    }

    fn wait(&mut self, provider: ProviderId, lacks: Lacks, context: &Context<'_>) {
        let waiting = match lacks {
            Lacks::Place => &mut self.lanes.entry(provider).or_default().waiting,
            Lacks::Bytes => &mut self.waiting,
        };
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    }

    /// Who is to look again: the reader, and who waits because it had most, which may be another now.
    fn wakers_of_push(&mut self) -> Vec<Waker> {
        let mut wakers = std::mem::take(&mut self.waiting);
        wakers.extend(self.reader.take());
        wakers
    }
}

/// In whose place a report is taken.
fn replaced(lane: &VecDeque<(Report, usize)>, report: &Report) -> Option<usize> {
    let last = lane.len().checked_sub(1)?;
    let at = |place: usize| lane.get(place).map(|(report, _)| report);
    match report {
        Report::Answered(_) => matches!(at(last)?, Report::Answered(_)).then_some(last),
        Report::Update(update) if update.kind() == UpdateKind::Full => {
            // What was answered before is, all the more.
            let place = match at(last)? {
                Report::Answered(_) => last.checked_sub(1)?,
                _ => last,
            };
            let is_full = planted!(
                matches!(at(place)?, Report::Update(before) if before.kind() == UpdateKind::Full),
                FullTakesAnyPlace,
                true
            );
            planted!(is_full, FullUpdatesPileUp, false).then_some(place)
        }
        Report::Update(_) | Report::Failure(_) | Report::Warning(_) => None,
    }
}

fn size_of_report(report: &Report) -> usize {
    let content = match report {
        Report::Update(update) => update
            .groups()
            .iter()
            .map(Group::size_bytes)
            .fold(0, usize::saturating_add),
        Report::Failure(failure) => failure.message().len(),
        Report::Warning(warning) => warning.len(),
        Report::Answered(_) => 0,
    };
    content.saturating_add(OVERHEAD)
}

#[cfg(test)]
mod tests;
