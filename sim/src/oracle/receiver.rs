//! What the receiver knows, held against the truth.
//!
//! For each discoverer and host: which version the receiver has. **Costs what changes**: a change
//! of the truth opens an entry for each discoverer that should report it, a snapshot's
//! difference closes those that it brings up to date.

use std::collections::BTreeMap;

use headcount_core::{GroupChange, Instant, ProviderChange, Stored};

use super::bounds::Bound;
use super::contract::Contract;
use super::{Broken, Verdict};
use crate::engine::World;
use crate::plan::{Plan, Sees};
use crate::world::render::{read_target, visible_version};
use crate::{BackendKind, DiscovererId, HostId, Rule, Span};

/// What the receiver knows.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    sees: Vec<Sees>,
    /// Whose targets follow the truth: a static list does not, nor what is out of reach for good.
    follows: Vec<bool>,
    bounds: Vec<Bound>,
    /// Whose targets it should have.
    running: Vec<bool>,
    /// By discoverer: the hosts that it shows, as of which version; the newest, if it shows several.
    known: Vec<Known>,
    /// The other versions of those that it shows more than once, as when a host moves from one source to another.
    also: Vec<Also>,
    /// What differs from the truth.
    open: BTreeMap<(DiscovererId, HostId), Open>,
    targets: u64,
    /// Until when something kept everybody waiting.
    disturbed: Instant,
}

type Known = BTreeMap<HostId, u32>;
type Also = BTreeMap<HostId, Vec<u32>>;

/// Something that differs from the truth.
#[derive(Debug, Clone, Copy)]
struct Open {
    since: Instant,
    /// Whether that is because the truth changed; else because a discoverer started.
    changed: bool,
    /// Whether the host is gone.
    gone: bool,
}

/// What the receiver received with a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) learned: Vec<Learned>,
    pub(crate) groups: u64,
    /// Pairs of groups or nodes that were compared to read this.
    pub(crate) compared: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_gone: u64,
    /// Targets that are gone from it and are there in truth.
    pub(crate) vanished: u64,
    /// One that a real discoverer lost, and that nothing excuses.
    pub(crate) lost: Option<(DiscovererId, HostId)>,
}

/// A host that the receiver learned something about.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) discoverer: DiscovererId,
    pub(crate) host: HostId,
    pub(crate) version: Option<u32>,
    pub(crate) staleness: Option<Span>,
}

impl Receiver {
    pub(crate) fn new(plan: &Plan) -> Self {
        let discoverers = &plan.discoverers;
        Self {
            sees: discoverers.iter().map(|discoverer| discoverer.sees).collect(),
            follows: discoverers
                .iter()
                .map(|discoverer| discoverer.kind != BackendKind::Static)
                .collect(),
            bounds: discoverers
                .iter()
                .map(|discoverer| Bound::new(plan, discoverer))
                .collect(),
            running: vec![false; discoverers.len()],
            known: vec![Known::new(); discoverers.len()],
            also: vec![Also::new(); discoverers.len()],
            open: BTreeMap::new(),
            targets: 0,
            disturbed: Instant::ZERO,
        }
    }

    /// How many hosts the receiver knows otherwise than they are.
    pub(crate) fn open(&self) -> u64 {
        self.open.len() as u64
    }

    /// How many of the targets that it has are of hosts that are gone, and how many it has. Costs what it has.
    pub(crate) fn dead(&self, world: &World) -> (u64, u64) {
        let is_dead = |host: &&HostId| !world.truth.is_up(**host);
        let dead = self.known.iter().flat_map(BTreeMap::keys).filter(is_dead);
        (dead.count() as u64, self.targets)
    }

    /// How many targets it has, each counted once for its provider.
    pub(crate) fn targets(&self) -> u64 {
        self.targets
    }

    /// How many targets it has of one discoverer.
    pub(crate) fn known_of(&self, discoverer: DiscovererId) -> usize {
        self.known[discoverer.place()].len()
    }

    /// The hosts that it has of one discoverer.
    pub(crate) fn known_hosts(&self, discoverer: DiscovererId) -> impl Iterator<Item = HostId> + '_ {
        self.known[discoverer.place()].keys().copied()
    }

    /// Whether it has a host of a discoverer.
    pub(crate) fn knows(&self, discoverer: DiscovererId, host: HostId) -> bool {
        self.known[discoverer.place()].contains_key(&host)
    }

    /// How many targets it should have.
    pub(crate) fn should_have(&self, world: &World) -> u64 {
        let running = self
            .running
            .iter()
            .zip(&world.plan.discoverers)
            .filter(|(running, _)| **running);
        running
            .map(|(_, plan)| world.truth.hosts_of(plan.service).len() as u64)
            .sum()
    }

    /// For how long a change of the truth has been on its way through these discoverers, at most.
    pub(crate) fn oldest(&self, now: Instant, counts: impl Fn(DiscovererId) -> bool) -> Span {
        let changed = self.open.iter().filter(|((id, _), open)| open.changed && counts(*id));
        let oldest = changed.map(|(_, open)| open.since).min().unwrap_or(now);
        Span::from_nanos(now.as_nanos() - oldest.as_nanos())
    }

    /// Something kept everybody waiting until now.
    pub(crate) fn disturbed(&mut self, until: Instant) {
        self.disturbed = self.disturbed.max(until);
    }

    /// The manager with all that it emitted is gone.
    pub(crate) fn forget(&mut self) {
        for (known, running) in self.known.iter_mut().zip(&mut self.running) {
            known.clear();
            *running = false;
        }
        self.also.iter_mut().for_each(Also::clear);
        self.open.clear();
        self.targets = 0;
    }

    /// A discoverer was started or stopped, or is out of reach for good: what the receiver should
    /// know is another.
    pub(crate) fn runs(&mut self, world: &World, discoverer: DiscovererId, runs: bool) {
        if core::mem::replace(&mut self.running[discoverer.place()], runs) == runs {
            return;
        }
        let range = (discoverer, HostId(0))..=(discoverer, HostId(u32::MAX));
        let stale: Vec<_> = self.open.range(range).map(|(key, _)| *key).collect();
        for key in stale {
            self.open.remove(&key);
        }
        let known: Vec<HostId> = self.known[discoverer.place()].keys().copied().collect();
        let service = world.plan.discoverers[discoverer.place()].service;
        for host in known.into_iter().chain(world.truth.hosts_of(service)) {
            self.compare(world, discoverer, host, world.now, false);
        }
    }

    /// A discoverer's backend is out of reach for good: nothing is expected of it any more.
    pub(crate) fn give_up(&mut self, discoverer: DiscovererId) {
        self.follows[discoverer.place()] = false;
        self.open.retain(|(other, _), _| *other != discoverer);
    }

    /// The truth about a host changed just now.
    pub(crate) fn truth_changed(&mut self, world: &World, contract: &Contract, host: HostId) {
        let Some(looks) = world.truth.looks(host) else { return };
        for discoverer in &world.plan.services[looks.service.place()].discoverers {
            let kept = self.is_kept(world, contract, *discoverer, host);
            self.compare(world, *discoverer, host, world.now, true);
            // B05: until now it was right to show that it had not gone; that it is back is news.
            if let Some(open) = self
                .open
                .get_mut(&(*discoverer, host))
                .filter(|open| kept && !open.gone)
            {
                open.since = world.now;
            }
        }
    }

    /// Whether a host that is gone may be shown because the guard holds it (B05), or because others stand in for who
    /// could know (B03), or did until just now.
    fn is_kept(&self, world: &World, contract: &Contract, id: DiscovererId, host: HostId) -> bool {
        let is_gone = self.open.get(&(id, host)).is_some_and(|open| open.gone);
        let provider = world.discoverers[id.place()].provider.filter(|_| is_gone);
        let kept = provider.and_then(|provider| {
            let stood_in = contract.stood_in(world.now, provider);
            contract.kept(provider, host).max(stood_in)
        });
        kept.is_some_and(|kept| world.now <= kept + self.bounds[id.place()].usual.into())
    }

    /// Opens or closes an entry; gives since when one was open that is now closed.
    fn compare(
        &mut self,
        world: &World,
        id: DiscovererId,
        host: HostId,
        since: Instant,
        changed: bool,
    ) -> Option<Open> {
        let sees = self.sees[id.place()];
        if !self.follows[id.place()] {
            return None;
        }
        let right = if self.running[id.place()] {
            world.truth.row(host).map(|row| visible_version(sees, &row))
        } else {
            None
        };
        if self.known[id.place()].get(&host).copied() == right {
            return self.open.remove(&(id, host));
        }
        let gone = right.is_none();
        let open = Open { since, changed, gone };
        self.open.entry((id, host)).or_insert(open).gone = gone;
        None
    }

    /// A snapshot was handed over that differs from the one before in this.
    pub(crate) fn take(&mut self, world: &World, changes: &[(DiscovererId, ProviderChange<'_>)]) -> Received {
        let mut received = Received::default();
        let (mut gone, mut here) = (Vec::new(), Vec::new());
        // What takes a provider's place comes before it goes: nothing is lost in between.
        let is_removed = |change: &&(DiscovererId, ProviderChange<'_>)| matches!(change.1, ProviderChange::Removed(_));
        let stay = changes.iter().filter(|change| !is_removed(change));
        for (discoverer, pool) in stay.chain(changes.iter().filter(is_removed)) {
            let discoverer = *discoverer;
            gone.clear();
            here.clear();
            let mut changes = pool.groups();
            for change in changes.by_ref() {
                received.groups += 1;
                let (old, new) = match change {
                    GroupChange::Added(new) => (None, Some(new)),
                    GroupChange::Removed(old) => (Some(old), None),
                    GroupChange::Changed { old, new } => (Some(old), Some(new)),
                };
                for (stamp, bytes) in old.into_iter().flat_map(targets) {
                    gone.extend(stamp);
                    received.bytes_gone += bytes;
                }
                for (stamp, bytes) in new.into_iter().flat_map(targets) {
                    here.extend(stamp);
                    received.bytes += bytes;
                }
            }
            received.compared += changes.compared();
            let known = &mut self.known[discoverer.place()];
            let before = known.len() as u64;
            gone.sort_unstable();
            here.sort_unstable();
            let also = &mut self.also[discoverer.place()];
            // A host is shown twice while it moves from group to group in two updates, and while a provider stands in for
            // the one that takes its place (B03).
            for (host, version) in &gone {
                leave(known, also, *host, *version);
            }
            for (host, version) in &here {
                enter(known, also, *host, *version);
            }
            self.targets = self.targets + known.len() as u64 - before;
            self.learn(world, discoverer, &gone, &here, &mut received);
        }
        received
    }

    /// Takes note of what hosts a discoverer's receiver knows otherwise than before. Both are sorted.
    fn learn(
        &mut self,
        world: &World,
        discoverer: DiscovererId,
        gone: &[(HostId, u32)],
        here: &[(HostId, u32)],
        received: &mut Received,
    ) {
        let mut touched: Vec<HostId> = gone
            .iter()
            .filter(|stamp| here.binary_search(stamp).is_err())
            .chain(here.iter().filter(|stamp| gone.binary_search(stamp).is_err()))
            .map(|(host, _)| *host)
            .collect();
        touched.sort_unstable();
        touched.dedup();
        for host in touched {
            // What was right and no longer is did not change in truth.
            let mut closed = self.compare(world, discoverer, host, world.now, false);
            let version = self.known[discoverer.place()].get(&host).copied();
            received.vanished += u64::from(version.is_none() && self.open.contains_key(&(discoverer, host)));
            let before = gone
                .iter()
                .rev()
                .find(|(other, _)| *other == host)
                .map(|(_, version)| *version);
            if version.is_none() && self.is_lost(world, discoverer, host, before) {
                received.lost.get_or_insert((discoverer, host));
            }
            // That it went is news as well, if it has come back since.
            let is_news = match (version, before) {
                (None, Some(before)) => world.truth.version(host) >= before.saturating_add(2),
                _ => version > before,
            };
            if let Some(open) = self.open.get_mut(&(discoverer, host))
                && is_news
            {
                // News, if not the latest: what is waited for now is younger, also for who has only just started.
                closed = Some(*open);
                let changed = world.truth.changed(host);
                if changed >= open.since {
                    (open.since, open.changed) = (changed, true);
                }
            }
            let since = closed.filter(|open| open.changed).map(|open| open.since);
            received.learned.push(Learned {
                discoverer,
                host,
                version,
                staleness: since.map(|since| Span::from_nanos(world.now.as_nanos() - since.as_nanos())),
            });
        }
    }

    /// Whether a real discoverer took a target away that is there as it was shown, and that no backend
    /// has said to be gone.
    fn is_lost(&self, world: &World, id: DiscovererId, host: HostId, before: Option<u32>) -> bool {
        let plan = &world.plan.discoverers[id.place()];
        let right = world.truth.row(host).map(|row| visible_version(plan.sees, &row));
        let excused = world.faults.excused_until(id) + self.bounds[id.place()].usual.into();
        // Replicas that show a change at different times go back in time by themselves.
        let is_single = world.plan.scenario.backends[plan.backend].replicas == 1;
        plan.is_real
            && is_single
            && self.running[id.place()]
            && before.is_some()
            && before == right
            && world.now > excused
    }

    /// Whether something is on its way for longer than it can be. What is gone may stay for as long as
    /// `contract` says that the guard holds it (B05) or that others stand in (B03); what is missing has no such excuse.
    pub(crate) fn sweep(&self, world: &World, contract: &Contract, calm: bool) -> Verdict {
        for ((discoverer, host), open) in &self.open {
            let bound = self.bounds[discoverer.place()];
            let clear = world.faults.clear_since(*discoverer).max(self.disturbed);
            let usual = open.since.max(clear) + bound.usual.into();
            let deep = world
                .faults
                .deep_since(*discoverer)
                .map(|since| since + bound.deep.into());
            if world.now <= usual.max(deep.unwrap_or(usual)) {
                continue;
            }
            if self.is_kept(world, contract, *discoverer, *host) {
                continue;
            }
            return Err(self.late(world, *discoverer, *host, *open, calm));
        }
        Ok(())
    }

    fn late(&self, world: &World, id: DiscovererId, host: HostId, open: Open, calm: bool) -> Box<Broken> {
        let known = self.known[id.place()].get(&host);
        let truth = world.truth.row(host).filter(|_| self.running[id.place()]);
        let rule = match (calm, known, truth) {
            (true, ..) => Rule::Converges,
            (false, Some(_), None) => Rule::NoGhost,
            (false, ..) => Rule::NoHole,
        };
        let reason = format!(
            "{}, and {} is the longest that this can take; {}",
            self.what_differs(world, id, host, open),
            self.bounds[id.place()].usual,
            cause(world, id, host),
        );
        let broken = Broken::of(rule, reason).about(host.to_string());
        match world.discoverers[id.place()].provider {
            Some(provider) => broken.by(provider),
            None => broken,
        }
    }

    /// What the receiver has of a host, and what is true.
    fn what_differs(&self, world: &World, id: DiscovererId, host: HostId, open: Open) -> String {
        let truth = world.truth.row(host).filter(|_| self.running[id.place()]);
        format!(
            "the receiver has {}, the truth is {} since {}",
            version_of(self.known[id.place()].get(&host).copied()),
            truth.map_or("that it is gone".to_owned(), |row| format!("version {}", row.version)),
            Span::since_start(open.since),
        )
    }

    /// That the receiver does not have the truth: of whom, since when and why, the oldest ones first; nothing, if it
    /// has.
    pub(crate) fn diverged(&self, world: &World) -> Option<Box<Broken>> {
        let mut open: Vec<_> = self
            .open
            .iter()
            .map(|((id, host), open)| (open.since, *id, *host, *open))
            .collect();
        open.sort_unstable_by_key(|(since, id, host, _)| (*since, *id, *host));
        let (_, first, target, _) = *open.first()?;
        let each = open.iter().take(TOLD).map(|(_, id, host, open)| {
            let differs = self.what_differs(world, *id, *host, *open);
            format!("{host}: {differs}; {}", cause(world, *id, *host))
        });
        let each: Vec<String> = each.collect();
        let more = match open.len().saturating_sub(TOLD) {
            0 => String::new(),
            more => format!("\n  and {more} more"),
        };
        let hosts = if open.len() == 1 {
            "1 host".to_owned()
        } else {
            format!("{} hosts", open.len())
        };
        let reason = format!(
            "the receiver knows {hosts} otherwise than the truth is\n  {}{more}",
            each.join("\n  ")
        );
        let broken = Broken::of(Rule::Expectation, reason).about(target.to_string());
        Some(match world.discoverers[first.place()].provider {
            Some(provider) => broken.by(provider),
            None => broken,
        })
    }
}

/// How many hosts that are known otherwise are told of one by one.
const TOLD: usize = 3;

fn version_of(version: Option<u32>) -> String {
    version.map_or("nothing of it".to_owned(), |version| format!("version {version}"))
}

/// What is known of why a discoverer has not brought the truth about a host.
fn cause(world: &World, id: DiscovererId, host: HostId) -> String {
    let discoverer = &world.discoverers[id.place()];
    let mut cause = format!("{id} looks at {}", world.plan.discoverers[id.place()].description);
    match &discoverer.last_failure {
        Some(failure) => cause.push_str(&format!("; its last call failed: {failure}")),
        None => cause.push_str("; its last call went well"),
    }
    if let Some(fault) = world.faults.last_fault(id) {
        cause.push_str(&format!("; the last fault there was `{}`", fault.word()));
    }
    let shown = discoverer.held.get(&host).map(|row| row.version);
    cause.push_str(&format!("; the discoverer has {}", version_of(shown)));
    cause
}

/// The targets of a group: which host each shows as of which version, and how many bytes it has.
fn targets(stored: &Stored) -> impl Iterator<Item = (Option<(HostId, u32)>, u64)> {
    stored.group().targets().map(read_target)
}

/// A target shows this version of a host from now on.
fn enter(known: &mut Known, also: &mut Also, host: HostId, version: u32) {
    if let Some(before) = known.insert(host, version) {
        let versions = also.entry(host).or_default();
        versions.push(before);
        versions.push(version);
        take_newest(known, also, host);
    }
}

/// A target no longer shows this version of a host.
fn leave(known: &mut Known, also: &mut Also, host: HostId, version: u32) {
    let Some(shown) = known.remove(&host) else { return };
    let Some(versions) = also.get_mut(&host) else { return };
    versions.push(shown);
    if let Some(place) = versions.iter().position(|other| *other == version) {
        versions.swap_remove(place);
    }
    take_newest(known, also, host);
}

/// The newest version is the one that is known.
fn take_newest(known: &mut Known, also: &mut Also, host: HostId) {
    let Some(versions) = also.get_mut(&host) else { return };
    versions.sort_unstable();
    if let Some(newest) = versions.pop() {
        known.insert(host, newest);
    }
    if versions.is_empty() {
        also.remove(&host);
    }
}
