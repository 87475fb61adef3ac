//! What the scenario expects beyond the rules.

use std::collections::BTreeSet;

use headcount_core::Instant;

use super::Broken;
use super::lists::Lists;
use super::receiver::Receiver;
use crate::engine::World;
use crate::scenario::{Condition, Expectation, Mark};
use crate::{DiscovererId, Ratio, Rule, Span, report};

/// What the scenario expects.
#[derive(Debug, Clone)]
pub(crate) struct Expectations {
    all: Vec<Entry>,
    calm: Option<Instant>,
    /// In the calm: since when the receiver has had the truth.
    converged: Option<Instant>,
}

/// One thing that it expects.
#[derive(Debug, Clone)]
struct Entry {
    what: Expectation,
    /// The discoverers that it is about; none is all.
    about: Option<BTreeSet<DiscovererId>>,
    /// Whether it was met once. Before a fleet was found at all, too little is shown.
    met: bool,
    /// Whether it was said already that it is not met: each is told once.
    told: bool,
    /// Of one that has to hold most of the time: how often it was looked at, and how often it held.
    looks: u64,
    held: u64,
    /// When it was looked at last.
    looked: Option<Instant>,
    /// When that first did not hold, and why.
    first: Option<(Instant, String)>,
}

/// What expectations are held against.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) world: &'a World,
    pub(crate) receiver: &'a Receiver,
    pub(crate) lists: &'a Lists,
    /// Bytes of all targets that the receiver has.
    pub(crate) bytes: u64,
}

impl Expectations {
    pub(crate) fn new(world: &World) -> Self {
        let job = |name: &str| world.plan.jobs.iter().find(|job| job.name == name);
        let entry = |what: &Expectation| Entry {
            about: match what.condition() {
                Some((_, Condition::JobStaleAtMost { job: name, .. })) => {
                    job(name).map(|job| job.discoverers.iter().copied().collect())
                }
                _ => None,
            },
            what: what.clone(),
            met: false,
            told: false,
            looks: 0,
            held: 0,
            looked: None,
            first: None,
        };
        Self {
            all: world.plan.scenario.expect.iter().map(entry).collect(),
            calm: None,
            converged: None,
        }
    }

    /// The calm starts.
    pub(crate) fn calm(&mut self, now: Instant) {
        self.calm = Some(now);
    }

    /// Whether the calm has started.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.is_some()
    }

    /// How long it took in the calm until the receiver had the truth for good.
    pub(crate) fn time_to_converge(&self) -> Option<Span> {
        let (calm, converged) = (self.calm?, self.converged?);
        Some(Span::from_nanos(converged.as_nanos() - calm.as_nanos()))
    }

    /// Something changed in what the receiver has or should have.
    pub(crate) fn note(&mut self, now: Instant, receiver: &Receiver) {
        if self.calm.is_some() {
            self.converged = match self.converged {
                _ if receiver.open() > 0 => None,
                None => Some(now),
                since => since,
            };
        }
    }

    /// A change reached the receiver after so long. Says what is not met by that.
    pub(crate) fn learned(&mut self, discoverer: DiscovererId, staleness: Span) -> Vec<Broken> {
        let mut broken = Vec::new();
        for entry in &mut self.all {
            if let Expectation::Always(
                Condition::StaleAtMost(longest) | Condition::JobStaleAtMost { at_most: longest, .. },
            ) = entry.what
                && staleness > longest
                && !entry.told
                && entry.about.as_ref().is_none_or(|about| about.contains(&discoverer))
            {
                entry.told = true;
                let reason = format!("a change reached the receiver after {staleness}; {longest} was expected at most");
                broken.push(*Broken::of(Rule::Expectation, reason));
            }
        }
        broken
    }

    /// Looks at everything that has to hold just now. Says what does not.
    pub(crate) fn check(&mut self, seen: Seen<'_>) -> Vec<Broken> {
        self.check_where(seen, |_| true)
    }

    /// Looks at what lists have to show, which are served otherwise than before.
    pub(crate) fn check_lists(&mut self, seen: Seen<'_>) -> Vec<Broken> {
        self.check_where(seen, |entry| {
            matches!(entry.what.condition(), Some((_, Condition::ListsShowAtLeast(_))))
                // That is counted by the clock.
                && !matches!(entry.what, Expectation::Mostly { .. })
        })
    }

    fn check_where(&mut self, seen: Seen<'_>, is_asked: impl Fn(&Entry) -> bool) -> Vec<Broken> {
        let (now, calm) = (seen.world.now, self.calm);
        let asked = self.all.iter_mut().filter(|entry| !entry.told && is_asked(entry));
        asked
            .filter_map(|entry| entry.check(now, calm, seen).map(|broken| *broken))
            .collect()
    }

    /// The run is over: what was never seen, and what did not hold for long enough?
    pub(crate) fn at_end(&mut self, marks: &[u64]) -> Vec<Broken> {
        let mut broken = Vec::new();
        for entry in &self.all {
            match &entry.what {
                Expectation::Sometimes(mark) if marks[*mark as usize] == 0 => {
                    let reason = format!("{:?} was expected to be seen, and was not", Mark::word(*mark));
                    broken.push(*Broken::of(Rule::Expectation, reason));
                }
                Expectation::Mostly { share, .. } => {
                    broken.extend(entry.held_too_little(*share).map(|broken| *broken));
                }
                _ => {}
            }
        }
        broken
    }
}

impl Entry {
    /// What is not met just now, if it has to be.
    fn check(&mut self, now: Instant, calm: Option<Instant>, seen: Seen<'_>) -> Option<Box<Broken>> {
        let condition = match &self.what {
            Expectation::Always(condition) | Expectation::Mostly { that: condition, .. } => condition,
            Expectation::Eventually { that, within } => match calm {
                Some(calm) if now >= calm + (*within).into() => that,
                _ => return None,
            },
            Expectation::Sometimes(_) => return None,
        };
        let unmet = unmet(condition, self.about.as_ref(), seen);
        self.met |= unmet.is_none();
        if let Expectation::Mostly { .. } = self.what {
            // The end may come at the moment of a look.
            if self.met && self.looked.replace(now) != Some(now) {
                self.looks += 1;
                self.held += u64::from(unmet.is_none());
                if let Some(broken) = unmet {
                    self.first.get_or_insert((now, broken.reason));
                }
            }
            return None;
        }
        let is_from_the_start = matches!(condition, Condition::DeadAtMost(_) | Condition::MemoryAtMost(_));
        let counts = self.met || is_from_the_start || matches!(self.what, Expectation::Eventually { .. });
        let broken = unmet.filter(|_| counts)?;
        self.told = true;
        Some(broken)
    }

    /// Why it did not hold for so much of the time, if it did not.
    fn held_too_little(&self, share: Ratio) -> Option<Box<Broken>> {
        if self.looks == 0 {
            let reason = format!("it never held, and in {share} of the time it was expected to");
            return Some(Broken::of(Rule::Expectation, reason));
        }
        let (held, looks) = (self.held, self.looks);
        if held >= share.of(looks) {
            return None;
        }
        let permyriad = u128::from(held) * 10_000 / u128::from(looks);
        let mut reason = format!(
            "it held in {}.{:02}% of the time ({held} of {looks} looks), and in {share} of it was expected to",
            permyriad / 100,
            permyriad % 100
        );
        if let Some((at, why)) = &self.first {
            reason.push_str(&format!("; not at {} first: {why}", Span::since_start(*at)));
        }
        Some(Broken::of(Rule::Expectation, reason))
    }
}

/// Why a condition does not hold just now.
fn unmet(condition: &Condition, about: Option<&BTreeSet<DiscovererId>>, seen: Seen<'_>) -> Option<Box<Broken>> {
    let Seen {
        world,
        receiver,
        lists,
        bytes,
    } = seen;
    let unless = |met: bool, reason: &dyn Fn() -> String| (!met).then(|| Broken::of(Rule::Expectation, reason()));
    match condition {
        Condition::Converged => receiver.diverged(world),
        Condition::StaleAtMost(longest) | Condition::JobStaleAtMost { at_most: longest, .. } => {
            let oldest = receiver.oldest(world.now, |id| about.is_none_or(|about| about.contains(&id)));
            unless(oldest <= *longest, &|| {
                format!("a change has been on its way for {oldest}; {longest} was expected at most")
            })
        }
        Condition::ShowsAtLeast(share) => {
            let (has, should) = (receiver.targets(), receiver.should_have(world));
            unless(has >= share.of(should), &|| {
                format!("the receiver has {has} targets of {should}; {share} was expected at least")
            })
        }
        Condition::ListsShowAtLeast(share) => {
            let (has, should) = lists.shown(world, receiver);
            unless(has >= share.of(should), &|| {
                format!("who reads the lists has {has} hosts of {should}; {share} was expected at least")
            })
        }
        Condition::DeadAtMost(share) => {
            let (dead, has) = receiver.dead(world);
            // A share of few is never less than one of them.
            unless(
                u128::from(dead) * u128::from(share.whole()) <= u128::from(has) * u128::from(share.part()),
                &|| format!("{dead} of the {has} targets that the receiver has are dead; {share} was expected at most"),
            )
        }
        Condition::MemoryAtMost(most) => unless(bytes <= most.bytes(), &|| {
            format!(
                "the targets that the receiver has take {}; {most} was expected at most",
                report::bytes(bytes)
            )
        }),
    }
}
