//! A manager with a fleet in it: snapshots, memory, registering, fan-out.

use std::time::Duration;

use headcount_core::{
    Encoder, Group, Instant, Manager, ManagerOptions, Output, ProviderConfig, ProviderId, Snapshot, Update,
};

use crate::fleet;

/// A provider config of the benches: as much text as a real one has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Config {
    /// Tells configs apart.
    pub url: String,
    /// How often to poll.
    pub refresh: Duration,
}

impl Config {
    /// The config `number`.
    pub fn new(number: usize) -> Self {
        Self {
            url: format!("https://cmdb.example.internal/api/v2/discovery/{number}"),
            refresh: Duration::from_secs(60),
        }
    }
}

impl ProviderConfig for Config {
    fn kind(&self) -> &str {
        "bench"
    }

    fn describe(&self) -> String {
        self.url.clone()
    }
}

/// `jobs` jobs with two configs each; job 7 has another one when `changed`.
pub fn jobs(jobs: usize, changed: bool) -> Vec<(String, Vec<Config>)> {
    let config =
        |job: usize, which: usize| Config::new(job * 2 + which + if changed && job == 7 { 10_000_000 } else { 0 });
    (0..jobs)
        .map(|job| (format!("job-{job}"), vec![config(job, 0), config(job, 1)]))
        .collect()
}

/// A manager, its providers, their encoders, and the last snapshot.
#[derive(Debug)]
pub struct Loaded {
    /// The manager.
    pub manager: Manager<Config>,
    /// Its providers.
    pub providers: Vec<ProviderId>,
    /// An encoder for each provider.
    pub encoders: Vec<Encoder>,
    /// The last snapshot that was emitted.
    pub snapshot: Snapshot,
    groups: usize,
    per_group: usize,
    now: Instant,
    generation: usize,
}

impl Loaded {
    /// `groups` groups of `per_group` targets in `providers` providers, which all `sets` sets read.
    ///
    /// # Panics
    /// If the targets are not all there.
    pub fn new(groups: usize, per_group: usize, providers: usize, sets: usize) -> Self {
        let now = Instant::ZERO;
        let mut manager = Manager::new(now, ManagerOptions::default());
        let configs: Vec<Config> = (0..providers).map(Config::new).collect();
        manager.apply(now, (0..sets).map(|set| (format!("job-{set}"), configs.clone())));
        let ids: Vec<ProviderId> = manager.providers().map(|provider| provider.id).collect();
        let mut encoders: Vec<Encoder> = ids.iter().map(|_| Encoder::new()).collect();
        for ((place, id), encoder) in ids.iter().enumerate().zip(&mut encoders) {
            let found = fleet::groups(
                encoder,
                place * groups / providers,
                (place + 1) * groups / providers,
                per_group,
                0,
            );
            assert!(
                manager.handle_update(now, *id, Update::full(found)).is_ok(),
                "the provider runs"
            );
        }
        let snapshot = Snapshot::default();
        let mut loaded = Self {
            manager,
            providers: ids,
            encoders,
            snapshot,
            groups,
            per_group,
            now,
            generation: 0,
        };
        loaded.emit();
        let found = loaded.snapshot.set("job-0").map_or(0, |set| set.target_count());
        assert_eq!(found, groups * per_group, "every target is in the snapshot");
        loaded
    }

    /// Encodes `changes` groups that differ from what the manager has, spread over provider `place`.
    pub fn changes(&mut self, place: usize, changes: usize) -> Vec<Group> {
        self.generation += 1;
        let (from, to) = self.range(place);
        let step = ((to - from) / changes.max(1)).max(1);
        let encoder = &mut self.encoders[place];
        let mut found = Vec::with_capacity(changes);
        for change in 0..changes {
            let group = from + (change * step + self.generation) % (to - from);
            found.extend(fleet::groups(
                encoder,
                group,
                group + 1,
                self.per_group,
                self.generation,
            ));
        }
        found
    }

    /// All groups of provider `place`, as they were first.
    pub fn resend(&mut self, place: usize) -> Vec<Group> {
        let (from, to) = self.range(place);
        fleet::groups(&mut self.encoders[place], from, to, self.per_group, 0)
    }

    /// Takes an update in and gives the snapshot that follows.
    ///
    /// # Panics
    /// If nothing changed.
    pub fn update(&mut self, place: usize, update: Update) -> Snapshot {
        self.now = self.now + Duration::from_secs(20);
        let taken = self.manager.handle_update(self.now, self.providers[place], update);
        assert!(
            taken.is_ok_and(|outcome| !outcome.is_unchanged()),
            "the update changes something"
        );
        self.emit()
    }

    /// Takes an update in that changes nothing.
    ///
    /// # Panics
    /// If something changed.
    pub fn update_unchanged(&mut self, place: usize, update: Update) {
        let taken = self.manager.handle_update(self.now, self.providers[place], update);
        assert!(
            taken.is_ok_and(|outcome| outcome.is_unchanged()),
            "the update changes nothing"
        );
    }

    /// Gives the snapshot before, and keeps the new one.
    fn emit(&mut self) -> Snapshot {
        if let Some((deadline, _)) = self.manager.poll_timeout() {
            self.now = deadline;
            self.manager.handle_timeout(deadline);
        }
        let mut before = None;
        while let Some(output) = self.manager.poll_output() {
            if let Output::Emit(snapshot) = output {
                before = Some(std::mem::replace(&mut self.snapshot, snapshot));
            }
        }
        self.manager.handle_receiver_ready(self.now);
        assert!(before.is_some(), "a change makes a snapshot");
        before.unwrap_or_default()
    }

    fn range(&self, place: usize) -> (usize, usize) {
        let providers = self.providers.len();
        (place * self.groups / providers, (place + 1) * self.groups / providers)
    }
}

/// How many groups differ between two snapshots.
pub fn differences(newer: &Snapshot, older: &Snapshot) -> usize {
    newer.diff(older).providers().map(|pool| pool.groups().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_what_they_say() {
        let mut loaded = Loaded::new(1_000, 1, 4, 3);
        let changes = loaded.changes(2, 10);
        let before = loaded.update(2, Update::delta(changes));
        assert_eq!(differences(&loaded.snapshot, &before), 10);
        let all = loaded.resend(1);
        loaded.update_unchanged(1, Update::full(all));
    }
}
