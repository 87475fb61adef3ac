//! Keeps each provider within its bounds ([`Limits`]).
//!
//! The one rule: **who exceeds a bound is taken for one that fails, and begins anew.** What it had found before stays.
//! Reports that say only what is other than before make no sense after one that was refused, so its discoverer is
//! stopped, and started again after a pause that doubles; what it says then counts once it is all there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use headcount_core::{Failure, Group, Groups, Instant, ProviderId, Update, UpdateKind, planted};
use headcount_discoverer::{Backoff, Exceeded, Limits, Totals};

/// The pauses before a discoverer that exceeded a bound is started anew.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(10 * 60));

/// What becomes of an update.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is taken, or this one in its place.
    Take(Update),
    /// It is refused, and its discoverer is to be stopped.
    Refuse(Failure),
    /// It is not all there is yet.
    Wait,
}

/// The bounds, and who exceeds them.
#[derive(Debug)]
pub(crate) struct Bounds {
    limits: Limits,
    providers: HashMap<ProviderId, Known>,
    /// Those that do not run, and when they are started anew. The driver asks in each of its turns who is first.
    paused: BTreeSet<(Instant, ProviderId)>,
}

/// What is known of a provider.
#[derive(Debug, Default)]
struct Known {
    /// What it has; not known before its first report.
    totals: Option<Totals>,
    over: Option<Over>,
}

/// A provider that exceeds a bound.
#[derive(Debug)]
struct Over {
    /// How often in a row.
    times: u32,
    /// When its discoverer is started anew, if it does not run.
    starts_at: Option<Instant>,
    /// What it has said since it was, which is not all there is.
    so_far: BTreeMap<String, Group>,
}

impl Bounds {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            providers: HashMap::new(),
            paused: BTreeSet::new(),
        }
    }

    /// Looks at an update of a provider that has reported `groups` so far. Costs what the update names.
    pub(crate) fn judge(
        &mut self,
        now: Instant,
        provider: ProviderId,
        update: Update,
        groups: Option<&Groups>,
    ) -> Verdict {
        let known = self.providers.entry(provider).or_default();
        let judged = match &mut known.over {
            None => within(&self.limits, &mut known.totals, update, groups).map(Some),
            Some(over) => over.gather(&self.limits, &mut known.totals, update),
        };
        match judged {
            Ok(Some(update)) => {
                known.over = None;
                Verdict::Take(update)
            }
            Ok(None) => Verdict::Wait,
            Err(exceeded) => {
                let times = known.over.as_ref().map_or(0, |over| over.times);
                let pause = PAUSE.wait(times);
                let starts_at = now + pause;
                self.paused.insert((starts_at, provider));
                known.over = Some(Over {
                    times: planted!(times.saturating_add(1), PauseStaysShort, 0),
                    starts_at: Some(starts_at),
                    so_far: BTreeMap::new(),
                });
                let message = format!("{exceeded}; it is asked again in {pause:?}");
                Verdict::Refuse(Failure::new(message).retry_in(pause))
            }
        }
    }

    /// When the next discoverer is to be started anew.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.paused.first().map(|(at, _)| *at)
    }

    /// Those that are, the one that has waited longest first. They count as started.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<ProviderId> {
        let mut due = Vec::new();
        while let Some((_, id)) = self.paused.first().copied().filter(|(at, _)| *at <= now) {
            self.paused.pop_first();
            if let Some(over) = self.providers.get_mut(&id).and_then(|known| known.over.as_mut()) {
                over.starts_at = None;
            }
            due.push(id);
        }
        due
    }

    /// Until when a provider is not asked, because it exceeds a bound.
    pub(crate) fn paused_until(&self, provider: ProviderId) -> Option<Instant> {
        self.providers.get(&provider)?.over.as_ref()?.starts_at
    }

    /// Forgets a provider that was stopped.
    pub(crate) fn forget(&mut self, provider: ProviderId) {
        let over = self.providers.remove(&provider).and_then(|known| known.over);
        if let Some(at) = over.and_then(|over| over.starts_at) {
            self.paused.remove(&(at, provider));
        }
    }
}

impl Over {
    /// Takes in what was said since it was started anew. Gives a full update once it is all there is.
    fn gather(
        &mut self,
        limits: &Limits,
        totals: &mut Option<Totals>,
        update: Update,
    ) -> Result<Option<Update>, Exceeded> {
        limits.check_labels(update.groups())?;
        let is_whole = planted!(
            matches!(update.kind(), UpdateKind::Full | UpdateKind::Completing),
            PartIsTheWhole,
            true
        );
        if update.kind() == UpdateKind::Full {
            self.so_far.clear();
        }
        for group in update.groups() {
            self.so_far.insert(group.source().to_owned(), group.clone());
        }
        let now = Totals::of(self.so_far.values());
        limits.check(now)?;
        if !is_whole {
            return Ok(None);
        }
        *totals = Some(now);
        let full = Update::full(std::mem::take(&mut self.so_far).into_values().collect());
        Ok(Some(match update.duration() {
            Some(took) => full.took(took),
            None => full,
        }))
    }
}

/// The update, if it exceeds nothing.
fn within(
    limits: &Limits,
    totals: &mut Option<Totals>,
    update: Update,
    groups: Option<&Groups>,
) -> Result<Update, Exceeded> {
    limits.check_labels(update.groups())?;
    let stored = || groups.into_iter().flat_map(Groups::iter).map(|stored| stored.group());
    let is_full = update.kind() == UpdateKind::Full;
    let mut now = if is_full {
        Totals::of(update.groups())
    } else {
        let mut now = totals.unwrap_or_else(|| Totals::of(stored()));
        for group in update.groups() {
            if let Some(before) = groups.and_then(|groups| groups.get(group.source())) {
                now.remove(before.group());
            }
            now.add(group);
        }
        now
    };
    if limits.check(now).is_err() {
        // A source that is named twice counted twice, and what comes back may have been counted already.
        let mut all: BTreeMap<&str, &Group> = BTreeMap::new();
        if !is_full {
            all.extend(stored().map(|group| (group.source(), group)));
        }
        all.extend(update.groups().iter().map(|group| (group.source(), group)));
        now = planted!(Totals::of(all.into_values()), SourceTwiceCountsTwice, now);
        limits.check(now)?;
    }
    *totals = Some(now);
    Ok(update)
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_core::{Encoder, Manager, ManagerOptions, Missing, MissingPart, ProviderConfig};

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct One;

    impl ProviderConfig for One {
        fn kind(&self) -> &str {
            "one"
        }

        fn describe(&self) -> String {
            String::new()
        }
    }

    /// A manager with a provider, behind bounds.
    struct Behind {
        manager: Manager<One>,
        provider: ProviderId,
        bounds: Bounds,
        now: Instant,
    }

    impl Behind {
        fn new(limits: Limits) -> Self {
            let mut manager = Manager::new(Instant::ZERO, ManagerOptions::default());
            let applied = manager.apply(Instant::ZERO, [("set".to_owned(), vec![One])]);
            Self {
                provider: applied.started[0],
                manager,
                bounds: Bounds::new(limits),
                now: Instant::ZERO,
            }
        }

        /// What becomes of an update: nothing, that it is not all there is, or why it is refused.
        fn says(&mut self, update: Update) -> String {
            let groups = self.manager.reported_groups(self.provider);
            match self.bounds.judge(self.now, self.provider, update, groups) {
                Verdict::Take(update) => {
                    self.manager
                        .handle_update(self.now, self.provider, update)
                        .expect("it runs");
                    String::new()
                }
                Verdict::Refuse(failure) => failure.message().to_owned(),
                Verdict::Wait => "wait".to_owned(),
            }
        }

        /// Lets its pause pass.
        fn start_anew(&mut self) {
            self.now = self.bounds.deadline().expect("it is paused");
            assert_eq!(self.bounds.due(self.now), [self.provider]);
            assert_eq!(self.bounds.deadline(), None);
        }

        fn sources(&self) -> Vec<String> {
            let groups = self.manager.reported_groups(self.provider).expect("it runs");
            let mut sources: Vec<_> = groups.iter().map(|stored| stored.group().source().to_owned()).collect();
            sources.sort();
            sources
        }
    }

    /// A group of so many targets for each source.
    fn groups(sources: &[(&str, usize)]) -> Vec<Group> {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        for (source, targets) in sources {
            let addresses: Vec<_> = (0..*targets).map(|number| format!("{source}:{number}")).collect();
            let targets = addresses.iter().map(|address| [("__address__", address.as_str())]);
            batch.group(source, [("a", "b")], targets).expect("short strings");
        }
        batch.finish()
    }

    fn limits() -> Limits {
        Limits {
            groups: 3,
            targets: 10,
            labels: 2,
            ..Limits::default()
        }
    }

    #[test]
    fn each_bound_is_named_with_what_there_is_and_what_changes_it() {
        let mut behind = Behind::new(limits());
        assert_eq!(behind.says(Update::full(groups(&[("a", 10)]))), "");
        let expected = "it has 11 targets, and of one provider at most 10 are taken; more with \
                        --max-targets-per-provider; it is asked again in 60s";
        assert_eq!(behind.says(Update::full(groups(&[("a", 11)]))), expected);
        assert_eq!(behind.sources(), ["a"], "what was found before stays");
        let many = groups(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)]);
        let refused = Behind::new(limits()).says(Update::full(many));
        assert!(refused.starts_with("it has 4 groups, ") && refused.contains("--max-groups-per-provider"));
        let few = Limits { labels: 1, ..limits() };
        let refused = Behind::new(few).says(Update::full(groups(&[("a", 1)])));
        assert!(
            refused.starts_with("it has 2 labels on a target of a, ") && refused.contains("--max-labels-per-target")
        );
        let small = Limits { memory: 10, ..limits() };
        let refused = Behind::new(small).says(Update::full(groups(&[("a", 1)])));
        assert!(refused.contains("bytes of groups") && refused.contains("--max-memory-per-provider"));
    }

    #[test]
    fn what_is_replaced_or_gone_does_not_count() {
        let mut behind = Behind::new(limits());
        assert_eq!(behind.says(Update::full(groups(&[("a", 5), ("b", 5)]))), "");
        for _ in 0..5 {
            assert_eq!(behind.says(Update::delta(groups(&[("a", 4)]))), "");
            assert_eq!(behind.says(Update::delta(groups(&[("a", 5)]))), "");
        }
        let mut moved = groups(&[("c", 5)]);
        moved.push(Group::empty("a"));
        assert_eq!(behind.says(Update::delta(moved)), "");
        // A source that is named twice counts once.
        assert_eq!(behind.says(Update::full(groups(&[("a", 9), ("a", 9)]))), "");
        assert!(
            behind
                .says(Update::delta(groups(&[("b", 2)])))
                .starts_with("it has 11 targets")
        );
    }

    #[test]
    fn who_is_stopped_is_not_started_anew() {
        let mut behind = Behind::new(limits());
        assert_ne!(behind.says(Update::full(groups(&[("a", 11)]))), "");
        assert!(behind.bounds.deadline().is_some());
        behind.bounds.forget(behind.provider);
        assert_eq!(behind.bounds.deadline(), None);
        assert!(behind.bounds.due(behind.now + Duration::from_secs(3_600)).is_empty());
    }

    #[test]
    fn who_exceeded_a_bound_begins_anew_and_counts_once_it_has_said_everything() {
        let mut behind = Behind::new(limits());
        assert_eq!(behind.says(Update::full(groups(&[("a", 5), ("gone", 1)]))), "");
        assert!(behind.says(Update::delta(groups(&[("b", 5)]))).contains("again in 60s"));
        behind.start_anew();
        // It comes in parts, and is too much in the end.
        assert_eq!(behind.says(Update::delta(groups(&[("a", 5)]))), "wait");
        assert!(
            behind
                .says(Update::delta(groups(&[("b", 6)])))
                .contains("again in 120s")
        );
        assert_eq!(behind.bounds.paused_until(behind.provider), behind.bounds.deadline());
        behind.start_anew();
        let missing = Missing::of([MissingPart::new("zone b", "down")]).expect("a part");
        assert_eq!(behind.says(Update::partial(groups(&[("a", 3)]), missing)), "wait");
        assert_eq!(behind.sources(), ["a", "gone"]);
        assert_eq!(behind.says(Update::completing(groups(&[("b", 3)]))), "");
        assert_eq!(
            behind.sources(),
            ["a", "b"],
            "with what was said before it is all there is"
        );
        // And is one as others are.
        assert_eq!(behind.says(Update::delta(groups(&[("c", 4)]))), "");
        assert_eq!(behind.sources(), ["a", "b", "c"]);
    }
}
