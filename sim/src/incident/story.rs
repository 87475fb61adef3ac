//! How the receiver came to know a host, hop by hop, out of what happened in production.
//!
//! **A hop is something that was recorded**: a provider that is started, fails, finds the host or finds it no more; and the
//! snapshot with which a job's list first says so. Recordings have targets as they are discovered, so what relabelling makes of
//! one is not told here.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use headcount_core::{Address, Encoder, Group, ProviderId, RecordedEvent, RecordedGroup, Snapshot, one_line};
use serde::Serialize;

use super::replay::Replay;
use super::{Incident, ReplayError};
use crate::Span;

/// What became of a host in a recording, up to some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostStory {
    /// The host, as it was asked for.
    pub host: String,
    /// Whose recording it is.
    pub manager: String,
    /// As of when, since the recording began.
    pub until: Span,
    /// What happened, in order; nothing, if no provider found it.
    pub hops: Vec<HostHop>,
    /// The sets whose list has it then.
    pub known_by: Vec<String>,
    /// Providers that fail then, and so may know better.
    pub failing: Vec<String>,
}

/// Something that happened on the way of a host to the receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostHop {
    /// When, since the recording began.
    pub at: Span,
    /// How long after the hop before.
    pub waited: Span,
    /// What happened.
    pub what: String,
}

impl Incident {
    /// Replays it, until a moment or to its end, and tells how the receiver came to know a host.
    ///
    /// # Errors
    /// A group in it can't be what it says.
    pub fn story(&self, host: &str, until: Option<Span>) -> Result<HostStory, ReplayError> {
        let mut replay = self.begun();
        let mut teller = Teller::new(Address::of(host));
        let mut end = Span::ZERO;
        for recorded in &self.events {
            let at = Span::from_nanos(recorded.at.saturating_sub(self.options.at));
            if until.is_some_and(|until| at > until) {
                break;
            }
            end = end.max(at);
            teller.hear(at, &recorded.what);
            let before = replay.emission_count();
            replay.take(recorded.at, &recorded.what)?;
            if replay.emission_count() > before {
                teller.see(at, &replay);
            }
        }
        Ok(HostStory {
            host: host.to_owned(),
            manager: self.options.name.clone(),
            until: until.unwrap_or(end),
            known_by: teller.known_by(),
            failing: teller.failing(),
            hops: teller.hops,
        })
    }
}

/// A target of the host, with all that is known of it.
type Found = (String, Vec<(String, String)>);

/// What is known of a provider.
#[derive(Default)]
struct Known {
    name: String,
    description: String,
    started: Span,
    sets: Vec<String>,
    /// Whether something was told of it.
    is_told: bool,
    /// Since when it fails, how often it did, and what it said last.
    failing: Option<(Span, u64, String)>,
    /// The host's targets in each source that ever had one.
    found: BTreeMap<String, Vec<Found>>,
}

struct Teller {
    host: Address,
    encoder: Encoder,
    providers: BTreeMap<u64, Known>,
    /// The sets that are delivered.
    delivered: BTreeSet<String>,
    /// What lists have of the host, by set.
    shown: BTreeMap<String, Vec<Found>>,
    /// Whether something was found that no snapshot was looked at for.
    is_news: bool,
    hops: Vec<HostHop>,
}

impl Teller {
    fn new(host: Address) -> Self {
        Self {
            host,
            encoder: Encoder::new(),
            providers: BTreeMap::new(),
            delivered: BTreeSet::new(),
            shown: BTreeMap::new(),
            is_news: false,
            hops: Vec::new(),
        }
    }

    /// What the manager is given.
    fn hear(&mut self, at: Span, what: &RecordedEvent) {
        match what {
            RecordedEvent::Apply { sets, started } => {
                for it in started {
                    let known = self.providers.entry(it.provider).or_default();
                    known.name = format!("{}/{}", it.kind, it.provider);
                    known.description.clone_from(&it.description);
                    known.started = at;
                }
                self.apply(at, sets);
            }
            RecordedEvent::Update {
                provider, groups, gone, ..
            } => {
                for group in groups {
                    let found = self.of_host(group);
                    self.find(at, *provider, group.source(), found);
                }
                for source in gone {
                    self.find(at, *provider, source, Vec::new());
                }
                if let Some(known) = self.providers.get_mut(provider) {
                    known.failing = None;
                }
            }
            RecordedEvent::Failure { provider, message, .. } => self.fail(at, *provider, message),
            RecordedEvent::BuildFailure { provider, reason } => self.fail(at, *provider, reason),
            RecordedEvent::Confirm { provider } => {
                let told = self.providers.get(provider).filter(|known| known.is_told);
                if let Some(name) = told.map(|known| known.name.clone()) {
                    self.hop(at, format!("somebody confirms what is held of {name}"));
                }
            }
            _ => {}
        }
    }

    fn apply(&mut self, at: Span, sets: &[(String, Vec<u64>)]) {
        let mut gone = Vec::new();
        for (number, known) in &mut self.providers {
            let readers = sets.iter().filter(|(_, numbers)| numbers.contains(number));
            let readers: Vec<String> = readers.map(|(set, _)| set.clone()).collect();
            if known.is_told && !known.sets.is_empty() && readers.is_empty() {
                gone.push(known.name.clone());
            }
            known.sets = readers;
        }
        for name in gone {
            self.hop(at, format!("the configuration no longer asks for {name}"));
        }
    }

    fn fail(&mut self, at: Span, provider: u64, message: &str) {
        if let Some(known) = self.providers.get_mut(&provider) {
            let (since, times) = known.failing.take().map_or((at, 0), |(since, times, _)| (since, times));
            known.failing = Some((since, times + 1, one_line(message).into_owned()));
        }
    }

    /// The host's targets in a group.
    fn of_host(&mut self, recorded: &RecordedGroup) -> Vec<Found> {
        let mut batch = self.encoder.batch();
        // What can't be encoded is an error of the replay.
        recorded.encode(&mut batch).ok();
        let groups = batch.finish();
        groups.iter().flat_map(|group| targets_of(&self.host, group)).collect()
    }

    /// A provider has these of the host in a source.
    fn find(&mut self, at: Span, provider: u64, source: &str, found: Vec<Found>) {
        let Some(known) = self.providers.get_mut(&provider) else {
            return;
        };
        let before = known.found.get(source);
        if before.map_or(found.is_empty(), |before| *before == found) {
            return;
        }
        let name = known.name.clone();
        let what = match (before.is_none_or(Vec::is_empty), found.is_empty()) {
            (true, _) => format!("{name} finds {} in the group `{source}`", addresses(&found)),
            (false, true) => format!("{name} finds it no more in the group `{source}`"),
            (false, false) => format!(
                "{name} finds {} with other labels in the group `{source}`",
                addresses(&found)
            ),
        };
        known.found.insert(source.to_owned(), found);
        let is_new = !core::mem::replace(&mut known.is_told, true);
        let (started, failing) = (known.started, known.failing.take());
        if is_new {
            let jobs = names(&known.sets);
            let started_as = format!("{name} ({}) is started, for {jobs}", known.description);
            self.hop(started, started_as);
        }
        if let Some((since, times, message)) = failing {
            let times = if times == 1 {
                String::new()
            } else {
                format!(" {times} times")
            };
            self.hop(since, format!("{name} fails{times}: {message}"));
        }
        self.hop(at, what);
        self.is_news = true;
    }

    /// A snapshot was emitted.
    fn see(&mut self, at: Span, replay: &Replay) {
        let snapshot = replay.snapshot();
        let mut shown = BTreeMap::new();
        let mut withheld = Vec::new();
        for name in snapshot.sets() {
            let Some(view) = snapshot.set(name) else { continue };
            let name = name.to_string();
            let is_delivered = view.delivery(self.delivered.contains(&name)).is_delivered();
            let found: Vec<Found> = view
                .providers()
                .flat_map(|provider| self.shown_of(snapshot, provider.id()))
                .collect();
            if is_delivered {
                self.delivered.insert(name.clone());
            } else if !found.is_empty() {
                withheld.push(name);
                continue;
            }
            if !found.is_empty() {
                shown.insert(name, found);
            }
        }
        let version = snapshot.version();
        let said = self.news(&shown);
        if !said.is_empty() {
            self.hop(at, format!("snapshot {version} is emitted: {}", said.join(", ")));
        } else if core::mem::take(&mut self.is_news) {
            let told = self.providers.iter().filter(|(_, known)| known.is_told);
            let held: Vec<_> = told
                .filter(|(number, _)| replay.is_held(ProviderId::from_number(**number)))
                .map(|(_, known)| known.name.clone())
                .collect();
            let why = match (held.is_empty(), withheld.is_empty()) {
                (false, _) => format!("; the guard holds what {} no longer finds", held.join(", ")),
                (true, false) => format!("; {} is not served before all of it was read", names(&withheld)),
                (true, true) => String::new(),
            };
            self.hop(
                at,
                format!("snapshot {version} is emitted, and lists have of it what they had{why}"),
            );
        }
        self.is_news = false;
        self.shown = shown;
    }

    /// What is other in lists now, in words.
    fn news(&self, shown: &BTreeMap<String, Vec<Found>>) -> Vec<String> {
        let sets: BTreeSet<&String> = self.shown.keys().chain(shown.keys()).collect();
        let news = sets
            .into_iter()
            .filter_map(|set| match (self.shown.get(set), shown.get(set)) {
                (before, now) if before == now => None,
                (_, None) => Some(format!("{set:?} has it no more")),
                (None, Some(now)) => Some(format!("{set:?} has {}", addresses(now))),
                (Some(_), Some(now)) => Some(format!("{set:?} has {} with other labels", addresses(now))),
            });
        news.collect()
    }

    /// What a snapshot shows of the host, of one provider.
    fn shown_of(&self, snapshot: &Snapshot, id: ProviderId) -> Vec<Found> {
        let sources = self.providers.get(&id.number()).map(|known| known.found.keys());
        let groups = snapshot.provider(id).map(|provider| provider.groups());
        let (Some(sources), Some(groups)) = (sources, groups) else {
            return Vec::new();
        };
        let stored = sources.filter_map(|source| groups.get(source));
        stored
            .flat_map(|stored| targets_of(&self.host, stored.group()))
            .collect()
    }

    fn known_by(&self) -> Vec<String> {
        self.shown.keys().cloned().collect()
    }

    fn failing(&self) -> Vec<String> {
        let running = self.providers.values().filter(|known| !known.sets.is_empty());
        let failing = running.filter_map(|known| {
            let (_, _, message) = known.failing.as_ref()?;
            Some(format!("{} ({}): {message}", known.name, known.description))
        });
        failing.collect()
    }

    /// What is told late, because only now it is known to matter, goes to its place.
    fn hop(&mut self, at: Span, what: String) {
        let place = self.hops.partition_point(|hop| hop.at <= at);
        self.hops.insert(
            place,
            HostHop {
                at,
                waited: Span::ZERO,
                what,
            },
        );
        let mut before = None;
        for hop in &mut self.hops {
            hop.waited = hop.at.minus(before.unwrap_or(hop.at));
            before = Some(hop.at);
        }
    }
}

fn targets_of(host: &Address, group: &Group) -> Vec<Found> {
    let address = |labels: &headcount_core::LabelSet<'_>| labels.get("__address__").unwrap_or_default().to_owned();
    let targets = group.targets().filter(|labels| host.covers_text(&address(labels)));
    let found = targets.map(|labels| {
        let own = labels.iter().chain(group.labels().iter());
        let labels_of = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        (address(&labels), labels_of.collect())
    });
    found.collect()
}

fn addresses(found: &[Found]) -> String {
    let addresses: BTreeSet<&str> = found.iter().map(|(address, _)| address.as_str()).collect();
    addresses.into_iter().collect::<Vec<_>>().join(", ")
}

fn names(sets: &[String]) -> String {
    let names: Vec<_> = sets.iter().map(|set| format!("{set:?}")).collect();
    names.join(", ")
}

impl fmt::Display for HostStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            manager,
            until,
            hops,
            known_by,
            failing,
        } = self;
        let until = fine(*until);
        let end = match (hops.is_empty(), known_by.is_empty()) {
            (true, _) => "no provider found it".to_owned(),
            (false, true) => "no list has it".to_owned(),
            (false, false) => format!("it is in the list of {}", names(known_by)),
        };
        writeln!(
            f,
            "{host} in the recording of the manager `{manager}`, at {until}: {end}"
        )?;
        for hop in hops {
            let waited = format!("+{}", fine(hop.waited));
            writeln!(f, "  {:<14} {waited:<14} {}", fine(hop.at).to_string(), hop.what)?;
        }
        for failing in failing {
            writeln!(f, "  it fails at {until}, and may know better: {failing}")?;
        }
        Ok(())
    }
}

/// To the millisecond: what is shorter than that, nobody waits for.
fn fine(span: Span) -> Span {
    Span::from_nanos(span.as_nanos() / 1_000_000 * 1_000_000)
}
