//! What must hold where targets are shared out.
//!
//! **It believes nothing that shares say of themselves**: it knows who asked and who was found, what each member was told and
//! when, and makes anew who owns what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount_core::Instant;
use headcount_core::allocation::TargetKey;
use headcount_core::reference::{PlainAllocation, PlainOwners};

use super::member::{Heard, Member, Told};
use super::process::{List, Process, SavedSharing};
use super::targets;
use crate::oracle::{Broken, Verdict, same};
use crate::scenario::{Known, Members};
use crate::{Rule, Span};

/// How long a member takes at most from being told to scraping, besides the interval: Prometheus looks at what is discovered each
/// five seconds, and at what to scrape each five seconds.
const BEGINS_WITHIN: Span = Span::secs(10);
/// What is added to intervals for requests that are late.
const LATE: Span = Span::secs(5);
/// Who has to have done something by now may do it now.
const A_MOMENT: Span = Span::secs(1);

#[derive(Debug)]
pub(super) struct Watch {
    settings: Members,
    /// Whether this process has read who is there.
    has_read: bool,
    /// Whether the next snapshot is the first that this process has.
    is_first: bool,
    found: BTreeSet<Arc<str>>,
    /// When each was there last: asked, or was found before it was not.
    seen: BTreeMap<Arc<str>, Seen>,
    /// The members at the last look, each with its seat if it has one.
    members: BTreeMap<Arc<str>, Option<u32>>,
    /// All that had lists at the last look.
    known: BTreeSet<Arc<str>>,
    /// When each had none any more, and what it had been told by then.
    lost: BTreeMap<Arc<str>, (Instant, Told)>,
    /// Since when each target is there.
    came: BTreeMap<TargetKey, Instant>,
    owners: PlainOwners,
    /// Since when nothing has moved, and everybody is there.
    quiet: Instant,
    /// Whether what everybody scrapes was looked at since then.
    is_settled: bool,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Since when without a break.
    since: Instant,
    last: Instant,
    times: u32,
}

/// Who owns each target, as shares say.
pub(super) fn owners(process: &Process) -> PlainOwners {
    let owners = |key: TargetKey| process.shares.owners(key).map(ToString::to_string).collect();
    process.keys.keys().map(|key| (key.number(), owners(*key))).collect()
}

/// What is said to have changed on a list since a member got it leads from that to this one.
pub(super) fn changes_lead_there(
    process: &Process,
    name: &Arc<str>,
    job: &Arc<str>,
    heard: &Heard,
    list: &List,
) -> Verdict {
    let Some(before) = heard.before else { return Ok(()) };
    let Some(changed) = process.shares.changed_since(name, job, before) else {
        return Ok(());
    };
    let mut keys: BTreeSet<TargetKey> = heard.had.iter().copied().collect();
    for key in changed {
        match list.keys.contains(&key) {
            true => keys.insert(key),
            false => keys.remove(&key),
        };
    }
    let what = format!("what changed on the list that {name} has of {job}");
    same(Rule::Members, &what, &list.keys, &keys)
}

impl Watch {
    pub(super) fn new(settings: &Members) -> Self {
        Self {
            settings: settings.clone(),
            has_read: false,
            is_first: false,
            found: BTreeSet::new(),
            seen: BTreeMap::new(),
            members: BTreeMap::new(),
            known: BTreeSet::new(),
            lost: BTreeMap::new(),
            came: BTreeMap::new(),
            owners: PlainOwners::new(),
            quiet: Instant::ZERO,
            is_settled: false,
        }
    }

    /// Another process begins, with what was saved: who was a member then is one, and has as long as if it had been there now.
    pub(super) fn restarted(&mut self, now: Instant, saved: Option<&SavedSharing>) {
        let seen = Seen {
            since: now,
            last: now,
            times: 2,
        };
        let names = |of: &mut dyn Iterator<Item = Arc<str>>| of.map(|name| (name, seen)).collect();
        self.members = saved.map(SavedSharing::members).unwrap_or_default();
        self.known = saved.map(SavedSharing::known).unwrap_or_default();
        self.seen = match self.settings.known {
            Known::Asking => names(&mut saved.into_iter().flat_map(SavedSharing::asked)),
            Known::Found | Known::Listed => names(&mut self.members.keys().cloned()),
        };
        self.found = self.members.keys().cloned().collect();
        (self.has_read, self.is_first) = (false, true);
        self.moved(now);
    }

    /// Nobody knows what members were told, nor since when targets are there.
    pub(super) fn lose_track(&mut self) {
        self.came.clear();
        self.lost.clear();
    }

    /// Whether just these were found last.
    pub(super) fn was_found(&self, names: &BTreeSet<Arc<str>>) -> bool {
        self.has_read && self.found == *names
    }

    /// These are found, and no others.
    pub(super) fn found(&mut self, now: Instant, names: BTreeSet<Arc<str>>) {
        for name in names.union(&self.found) {
            let (was_there, is_there) = (self.found.contains(name), names.contains(name));
            let seen = self.seen.entry(name.clone()).or_insert(Seen {
                since: now,
                last: now,
                times: 1,
            });
            seen.last = now;
            if is_there && !was_there {
                seen.since = now;
            }
        }
        (self.found, self.has_read) = (names, true);
    }

    /// Somebody asked.
    pub(super) fn asked(&mut self, now: Instant, name: &Arc<str>) {
        if self.settings.known != Known::Asking {
            return;
        }
        let patience = self.settings.refresh.plus(self.settings.grace);
        let known = self.seen.get(name).filter(|seen| now < seen.last + patience.into());
        let (since, times) = known.map_or((now, 0), |seen| (seen.since, seen.times));
        let seen = Seen {
            since,
            last: now,
            times: times.saturating_add(1),
        };
        self.seen.insert(name.clone(), seen);
    }

    /// Targets came and went. Gives whether it is still known what members were told: who owns what follows from the targets, so
    /// after a restart everybody goes on with what he had only if the same are there again.
    pub(super) fn targets(&mut self, now: Instant, process: &Process) -> bool {
        let is_first = core::mem::take(&mut self.is_first);
        let knows = !is_first || self.came.keys().eq(process.keys.keys());
        if !knows {
            self.lose_track();
        }
        self.came.retain(|key, _| process.keys.contains_key(key));
        for key in process.keys.keys() {
            self.came.entry(*key).or_insert(now);
        }
        knows
    }

    /// Who is a member is one for a reason, and stays one while that is so.
    pub(super) fn members(&mut self, now: Instant, process: &Process, all: &[Member]) -> Verdict {
        let known: BTreeSet<Arc<str>> = process.shares.members().map(|(name, _)| name.clone()).collect();
        for member in all
            .iter()
            .filter(|member| self.known.contains(&member.name) && !known.contains(&member.name))
        {
            self.lost.insert(member.name.clone(), (now, member.all_told()));
        }
        self.known = known;
        if process.is_resuming() {
            return Ok(());
        }
        let (members, before) = (process.members(), core::mem::take(&mut self.members));
        if members != before {
            self.moved(now);
        }
        let verdict = self.judge(now, &before, &members);
        self.members = members;
        verdict
    }

    fn judge(
        &self,
        now: Instant,
        before: &BTreeMap<Arc<str>, Option<u32>>,
        members: &BTreeMap<Arc<str>, Option<u32>>,
    ) -> Verdict {
        let wrong = |name: &Arc<str>, what: &str| Err(Broken::of(Rule::Members, what).about(&**name));
        if self.settings.known != Known::Asking && !self.has_read {
            return Ok(());
        }
        if let Some(name) = members.keys().find(|name| !self.may_be(now, name)) {
            return wrong(name, "it is a member, and is not there, nor was it within the grace");
        }
        for (name, seat) in before.iter().filter(|(name, _)| self.is_there(now, name)) {
            match members.get(name) {
                None => {
                    return wrong(
                        name,
                        "it was a member and is there, or was within the grace, and is none any more",
                    );
                }
                Some(other) if other != seat => return wrong(name, "it is there, and has another seat than it had"),
                Some(_) => {}
            }
        }
        if let Some(name) = self
            .seen
            .keys()
            .find(|name| self.must_be(now, name) && !members.contains_key(*name))
        {
            return wrong(name, "it is there for long enough, and is no member");
        }
        let taken: BTreeSet<u32> = members.values().flatten().copied().collect();
        let had: BTreeSet<u32> = before.values().flatten().copied().collect();
        for (name, seat) in members {
            let is_new = |seat: &u32| !had.contains(seat) && (0..*seat).any(|other| !taken.contains(&other));
            if seat.as_ref().is_some_and(is_new) {
                return wrong(name, "its seat was opened anew, and one with a lower number is free");
            }
        }
        Ok(())
    }

    /// Whether it is there, or was within the grace.
    fn may_be(&self, now: Instant, name: &Arc<str>) -> bool {
        let Some(seen) = self.seen.get(name) else { return false };
        match self.settings.known {
            Known::Asking => {
                let patience = self.settings.refresh.plus(self.settings.grace);
                seen.times > 1 && now < seen.last + patience.into()
            }
            Known::Found => self.found.contains(name) || now < seen.last + self.settings.grace.into(),
            Known::Listed => self.found.contains(name),
        }
    }

    /// Whether one that was a member stays one.
    fn is_there(&self, now: Instant, name: &Arc<str>) -> bool {
        match (self.settings.known, self.settings.seats) {
            // Its seat may be somebody else's by now.
            (Known::Found, true) => self.found.contains(name),
            _ => self.may_be(now, name),
        }
    }

    /// Whether it is there for so long that it has to be a member.
    fn must_be(&self, now: Instant, name: &Arc<str>) -> bool {
        let Members {
            known,
            seats,
            refresh,
            grace,
            ..
        } = self.settings;
        let Some(seen) = self.seen.get(name).filter(|_| self.may_be(now, name)) else {
            return false;
        };
        let takes = match known {
            Known::Listed => Span::ZERO,
            Known::Found if !self.found.contains(name) => return false,
            Known::Found if seats => grace.plus(A_MOMENT),
            Known::Found => Span::ZERO,
            Known::Asking => {
                let counts = refresh.times(3).plus(LATE).plus(A_MOMENT);
                counts.plus(if seats {
                    refresh.plus(grace).plus(LATE)
                } else {
                    Span::ZERO
                })
            }
        };
        seen.since + takes.into() <= now
    }

    /// Who owns what follows from what there is, and everybody is told what is his, and what he keeps until others have begun.
    pub(super) fn shares(&mut self, now: Instant, process: &Process) -> Verdict {
        let (owners, shares) = (owners(process), &process.shares);
        let plain = self.plain(now, process);
        same(Rule::Members, "who owns what", &plain.owners(), &owners)?;
        let weights = plain.weights();
        for key in process.keys.keys().filter(|_| self.settings.weighted) {
            let weight = shares.class(*key).map(headcount_core::allocation::WeightClass::weight);
            let expected = weights.get(&key.number()).copied();
            same(Rule::Members, "what a target counts as", &expected, &weight)?;
        }
        for (name, _) in shares.members() {
            for (job, _) in shares.jobs() {
                let listed: BTreeSet<TargetKey> = shares.listed_from(name, &job, TargetKey::from_number(0)).collect();
                let of_job = process
                    .keys
                    .iter()
                    .filter(|(_, (of, _))| *of == job)
                    .map(|(key, _)| *key);
                let has = |key: &TargetKey| {
                    shares
                        .owners(*key)
                        .chain(shares.leaving(*key))
                        .any(|other| other == name)
                };
                let expected: BTreeSet<TargetKey> = of_job.filter(has).collect();
                let what = format!("what {name} is to scrape of {job}");
                same(Rule::Members, &what, &expected, &listed)?;
            }
        }
        if owners != self.owners {
            self.moved(now);
        }
        self.owners = owners;
        Ok(())
    }

    /// Something moves, or somebody is away.
    fn moved(&mut self, now: Instant) {
        (self.quiet, self.is_settled) = (now, false);
    }

    /// The same, made anew.
    fn plain(&self, now: Instant, process: &Process) -> PlainAllocation {
        let members = process.members().into_iter();
        let weight = |key: TargetKey| targets::weight(key, now).filter(|_| self.settings.weighted);
        let target =
            |(key, (job, _)): (&TargetKey, &(Arc<str>, usize))| (key.number(), (job.to_string(), weight(*key)));
        PlainAllocation {
            members: members.map(|(name, seat)| (name.to_string(), seat)).collect(),
            targets: process.keys.iter().map(target).collect(),
            replicas: usize::try_from(self.settings.replicas).unwrap_or(1),
            is_weighted: self.settings.weighted,
        }
    }

    /// Where nothing has moved for long enough, everybody scrapes what is his, and nothing else.
    pub(super) fn settled(&mut self, now: Instant, process: &Process, all: &[Member]) -> Verdict {
        if !all.iter().all(|member| member.is_there(now)) {
            self.moved(now);
        }
        let Members { refresh, interval, .. } = self.settings;
        let hands_over = BEGINS_WITHIN.plus(interval.times(3)).plus(refresh.times(2));
        if self.is_settled || process.is_resuming() || now < self.quiet + hands_over.plus(A_MOMENT).into() {
            return Ok(());
        }
        let left = process.shares.handovers().0;
        same(
            Rule::Handover,
            "how many targets are between two members for too long",
            &0,
            &left,
        )?;
        for member in all.iter().filter(|member| self.members.contains_key(&member.name)) {
            let told: BTreeSet<u64> = member.all_told().keys().map(|key| key.number()).collect();
            let owned = self.owners.iter().filter(|(_, owners)| owners.contains(&*member.name));
            let owned: BTreeSet<u64> = owned.map(|(key, _)| *key).collect();
            let what = format!("what {} scrapes when nothing has moved for long", member.name);
            same(Rule::Handover, &what, &owned, &told)?;
        }
        self.is_settled = true;
        Ok(())
    }

    /// A member is told to scrape a target no more that it was told of since then. Is somebody else sure to scrape it?
    pub(super) fn dropped(
        &self,
        now: Instant,
        process: &Process,
        all: &[Member],
        number: usize,
        (key, since): (TargetKey, Instant),
    ) -> Verdict {
        let Some(member) = all.get(number) else { return Ok(()) };
        // What is not there, or was not meanwhile, is nobody's to scrape.
        let is_there = self.came.get(&key).is_some_and(|came| *came <= since) && process.keys.contains_key(&key);
        let got = member.got.unwrap_or_default();
        let was_lost = |name: &Arc<str>| self.lost.get(name).is_some_and(|(at, _)| *at >= got);
        // Who was taken for lost, or began anew, scraped nothing as far as is known.
        if !is_there || member.began_anew || was_lost(&member.name) {
            return Ok(());
        }
        let takes = BEGINS_WITHIN.plus(targets::pace(key, self.settings.interval));
        let has_begun = |since: Instant, at: Instant| since + takes.into() <= at;
        let others = || all.iter().filter(|other| other.name != member.name);
        let is_scraped = others().any(|other| {
            let told = other.told(key).filter(|_| self.known.contains(&other.name));
            told.is_some_and(|since| has_begun(since, now))
        });
        // He had it when this one was told to let it go, and went before this one asked.
        let was_scraped = others().any(|other| {
            let lost = self.lost.get(&other.name).filter(|_| was_lost(&other.name));
            lost.is_some_and(|(at, told)| told.get(&key).is_some_and(|since| has_begun(*since, *at)))
        });
        if is_scraped || was_scraped {
            return Ok(());
        }
        let owners: Vec<&str> = process.shares.owners(key).map(|name| &**name).collect();
        let owners = if owners.is_empty() {
            "nobody".to_owned()
        } else {
            owners.join(" and ")
        };
        let reason = format!(
            "{} is told to scrape the target {key} no more, which is there and {owners} owns, and nobody else was told of it \
             {takes} ago",
            member.name
        );
        Err(Broken::of(Rule::Handover, reason).about(&*member.name))
    }
}
