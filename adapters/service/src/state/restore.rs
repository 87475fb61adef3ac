//! Whose what was saved is now.
//!
//! The one rule: **nobody gets what may be another's.** A provider is found again by what its entry says. Where a secret
//! is left out of that, two that are alike need not mean the same (a header may choose whose hosts are listed), so a
//! job has to read both, too.
//!
//! One that no config is stands in for what is new to its jobs (B03). If nothing is, it was taken out of the
//! configuration, and is left.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use headcount_core::{ConfigFingerprint, Group, Groups, Instant, ProviderConfig, SavedProvider, SavedState};
use headcount_discoverer::mechanism::{Former, SdConfig};

use super::codec::{About, ProviderRecord};
use super::image::{End, Image};

/// Whether something was saved of a source that is not among the configs of these sets.
pub(super) fn lacks_some(image: Image, sets: &[(String, Vec<SdConfig>)]) -> bool {
    let Restored { left, stand_ins, .. } = restore(image, sets);
    stand_ins > 0 || left.iter().any(|left| left.targets > 0)
}

/// What was saved, shared out.
pub(super) struct Restored {
    /// What the configuration's providers begin with.
    pub(super) state: SavedState<SdConfig>,
    /// What none of them is.
    pub(super) left: Vec<Left>,
    /// How many of those with which they begin none of them is: they stand in for what is new.
    pub(super) stand_ins: usize,
    pub(super) kept: Kept,
}

/// What is in the files, for who goes on writing to them.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) about: About,
    pub(super) end: End,
    /// What a provider begins with, under the number that it has there.
    pub(super) providers: Vec<(ProviderRecord, Groups)>,
    /// The numbers of all others.
    pub(super) others: Vec<u64>,
}

/// A provider that was saved, and that the configuration does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) kind: Arc<str>,
    pub(super) description: Arc<str>,
    pub(super) targets: usize,
}

/// A config that is to run, however often and in whatever ways it is written.
struct Wanted<'a> {
    config: &'a SdConfig,
    known_by: Vec<ConfigFingerprint>,
    sets: HashSet<&'a str>,
    is_taken: bool,
    /// Whether it was read whole before, or waited for long enough: nothing need stand in for it.
    is_believed: bool,
}

/// Shares out what was saved among the configs of these sets.
pub(super) fn restore(image: Image, sets: &[(String, Vec<SdConfig>)]) -> Restored {
    let mut wanted = wanted(sets);
    let mut take = |record: &ProviderRecord| {
        let wanted = find(&wanted, record).and_then(|place| wanted.get_mut(place))?;
        (wanted.is_taken, wanted.is_believed) = (true, record.first_whole.is_some() || record.waited_out);
        Some(wanted.config.clone())
    };
    let all = image.providers.into_iter();
    // Of these nothing is known.
    let (known, unknown): (Vec<_>, Vec<_>) =
        all.partition(|(record, groups)| record.first_whole.is_some() || record.waited_out || !groups.is_empty());
    let known = known.into_iter();
    let records: Vec<_> = known.map(|(record, groups)| (take(&record), record, groups)).collect();
    let new = wanted.iter().filter(|wanted| !wanted.is_believed);
    let with_new: HashSet<&str> = new.flat_map(|wanted| &wanted.sets).copied().collect();
    let (mut providers, mut left, mut stand_ins) = (Vec::new(), Vec::new(), 0_usize);
    let mut kept = Kept {
        about: image.about.clone(),
        end: image.end,
        providers: Vec::new(),
        others: unknown.into_iter().map(|(record, _)| record.number).collect(),
    };
    for (config, record, groups) in records {
        let has_something = record.first_whole.is_some() || !groups.is_empty();
        if config.is_none() && !has_something {
            // It was waited for, and nothing was found: there is nothing to stand in with, or to name.
            kept.others.push(record.number);
            continue;
        }
        let stands_in = config.is_none() && record.sets.iter().any(|set| with_new.contains(&**set));
        stand_ins = stand_ins.saturating_add(usize::from(stands_in));
        match config.or_else(|| stands_in.then(|| former(&record))) {
            Some(config) => {
                let saved = saved(config, &record, groups);
                kept.providers.push((record, saved.groups().clone()));
                providers.push(saved);
            }
            None => {
                left.push(left_over(&record, &groups));
                kept.others.push(record.number);
            }
        }
    }
    Restored {
        state: SavedState::new(image.about.manager, image.at, providers),
        left,
        stand_ins,
        kept,
    }
}

fn saved(config: SdConfig, record: &ProviderRecord, groups: Vec<(Instant, Group)>) -> SavedProvider<SdConfig> {
    SavedProvider::new(config, record.sets.clone(), record.first_whole, groups)
        .with_as_of(record.as_of)
        .with_waited_out(record.waited_out)
}

/// The config of a provider that no config is any more.
fn former(record: &ProviderRecord) -> SdConfig {
    SdConfig::former(Former {
        mechanism: record.kind.to_string(),
        description: record.description.to_string(),
        fingerprint: record.fingerprint,
    })
}

/// What becomes of a provider that no config is: its targets are not shown.
fn left_over(record: &ProviderRecord, groups: &[(Instant, Group)]) -> Left {
    Left {
        kind: record.kind.clone(),
        description: record.description.clone(),
        targets: groups.iter().map(|(_, group)| group.target_count()).sum(),
    }
}

/// The configs, each once (S01).
fn wanted(sets: &[(String, Vec<SdConfig>)]) -> Vec<Wanted<'_>> {
    let (mut wanted, mut places): (Vec<Wanted<'_>>, HashMap<&SdConfig, usize>) = Default::default();
    for (set, configs) in sets {
        for config in configs {
            let place = *places.entry(config).or_insert_with(|| {
                wanted.push(Wanted {
                    config,
                    known_by: Vec::new(),
                    sets: HashSet::new(),
                    is_taken: false,
                    is_believed: false,
                });
                wanted.len() - 1
            });
            if let Some(wanted) = wanted.get_mut(place) {
                wanted.known_by.extend(config.fingerprint());
                wanted.sets.insert(set);
            }
        }
    }
    wanted
}

/// The first that it is.
fn find(wanted: &[Wanted<'_>], record: &ProviderRecord) -> Option<usize> {
    let is_it = |wanted: &Wanted<'_>| {
        let is_alike = |known: &ConfigFingerprint| known.hash == record.fingerprint.hash;
        let Some(known) = wanted.known_by.iter().find(|known| is_alike(known)) else {
            return false;
        };
        let is_exact = known.is_exact && record.fingerprint.is_exact;
        !wanted.is_taken && (is_exact || record.sets.iter().any(|set| wanted.sets.contains(&**set)))
    };
    wanted.iter().position(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::state::format::{Head, Kind};
    use headcount_config::Nowhere;
    use headcount_core::Encoder;

    fn plan(text: &str) -> Vec<(String, Vec<SdConfig>)> {
        let config = crate::loader().parse(text.as_bytes(), "/etc/p.yml".as_ref(), &Nowhere);
        Plan::from(config.expect("valid")).scrape_sets()
    }

    /// What was saved of these sets: of each provider one target, which is its number.
    fn image(sets: &[(String, Vec<SdConfig>)]) -> Image {
        let mut encoder = Encoder::new();
        let providers = wanted(sets).into_iter().enumerate().map(|(number, wanted)| {
            let mut batch = encoder.batch();
            let targets = [[("__address__", number.to_string())]];
            batch.group("s", [("l", "v".to_owned())], targets).expect("it fits");
            let mut sets: Vec<Arc<str>> = wanted.sets.iter().map(|set| Arc::from(*set)).collect();
            sets.sort();
            let record = ProviderRecord {
                number: number as u64,
                fingerprint: wanted.config.fingerprint().expect("known"),
                first_whole: Some(Instant::from_nanos(1)),
                as_of: None,
                waited_out: false,
                kind: wanted.config.kind().into(),
                description: wanted.config.describe().into(),
                sets,
            };
            let changed = [Instant::from_nanos(2)];
            (record, changed.into_iter().zip(batch.finish()).collect())
        });
        Image {
            about: About::default(),
            at: Instant::from_nanos(3),
            providers: providers.collect(),
            torn: 0,
            refused_log: None,
            length: 0,
            end: {
                let (_, chain) = Head {
                    kind: Kind::Base,
                    id: 0,
                }
                .write();
                let (id, base, log) = (0, 0, None);
                End { id, chain, base, log }
            },
        }
    }

    /// By the places of the configs after: which of those before each begins with.
    fn shared_out(before: &str, after: &str) -> Vec<Option<usize>> {
        let (before, after) = (plan(before), plan(after));
        let restored = restore(image(&before), &after);
        let all = after.iter().flat_map(|(_, configs)| configs);
        let number = |config: &SdConfig| {
            let saved = restored
                .state
                .providers()
                .iter()
                .find(|saved| saved.config() == config)?;
            let address = saved.groups().get("s")?.group().targets().next()?.get("__address__")?;
            address.parse().ok()
        };
        all.map(number).collect()
    }

    fn http(job: &str, settings: &str) -> String {
        format!("{{job_name: {job}, http_sd_configs: [{settings}]}}")
    }

    fn jobs(jobs: &[String]) -> String {
        format!("scrape_configs: [{}]", jobs.join(", "))
    }

    #[test]
    fn a_config_is_found_by_what_it_says_wherever_it_stands() {
        let (x, y) = ("{url: 'http://x/'}", "{url: 'http://y/'}");
        let before = jobs(&[http("a", x), http("b", y)]);
        assert_eq!(shared_out(&before, &before), [Some(0), Some(1)]);
        let moved = jobs(&[http("c", y), http("a", "{url: 'http://z/'}"), http("b", x)]);
        assert_eq!(shared_out(&before, &moved), [Some(1), None, Some(0)]);
        let spaced = jobs(&[http("a", "{  'url': http://x/}")]);
        assert_eq!(shared_out(&before, &spaced), [Some(0)]);
        let other = "{url: 'http://x/', refresh_interval: 7s}";
        assert_eq!(shared_out(&before, &jobs(&[http("a", other)])), [None]);
    }

    #[test]
    fn a_new_password_does_not_lose_what_is_known() {
        let with = |password: &str| format!("{{url: 'http://x/', basic_auth: {{username: u, password: {password}}}}}");
        let before = jobs(&[http("a", &with("one"))]);
        assert_eq!(shared_out(&before, &jobs(&[http("a", &with("two"))])), [Some(0)]);
        // It may be the password that makes the difference.
        assert_eq!(shared_out(&before, &jobs(&[http("b", &with("two"))])), [None]);
        let both = jobs(&[http("a", &with("one")), http("b", &with("two"))]);
        let new = jobs(&[http("b", &with("four")), http("a", &with("three"))]);
        assert_eq!(shared_out(&both, &new), [Some(1), Some(0)]);
        let in_one = |one: &str, two: &str| jobs(&[http("a", &format!("{}, {}", with(one), with(two)))]);
        assert_eq!(
            shared_out(&in_one("one", "two"), &in_one("three", "four")),
            [Some(0), Some(1)]
        );
    }

    #[test]
    fn b03_what_no_config_is_stands_in_for_what_is_new_to_its_jobs() {
        let x = jobs(&[http("a", "{url: 'http://x/'}"), http("b", "{url: 'http://y/'}")]);
        let changed = jobs(&[http("a", "{url: 'http://z/'}"), http("b", "{url: 'http://y/'}")]);
        let restored = restore(image(&plan(&x)), &plan(&changed));
        let configs = restored.state.providers().iter().map(|saved| saved.config().describe());
        assert_eq!(configs.collect::<Vec<_>>(), ["http://x/", "http://y/"]);
        assert_eq!(restored.left, []);
        // Nothing is new to the job: it was taken out.
        let restored = restore(
            image(&plan(&x)),
            &plan(&jobs(&[http("b", "{url: 'http://y/'}"), http("a", "")])),
        );
        assert_eq!((restored.state.providers().len(), restored.left.len()), (1, 1));
    }

    /// It ended while something stood in for a source that had not answered.
    #[test]
    fn b03_what_stood_in_stands_in_again() {
        let both = jobs(&[http("a", "{url: 'http://x/'}, {url: 'http://z/'}")]);
        let mut image = image(&plan(&both));
        let (record, groups) = image.providers.last_mut().expect("two were saved");
        record.first_whole = None;
        groups.clear();
        let restored = restore(image, &plan(&jobs(&[http("a", "{url: 'http://z/'}")])));
        let configs = restored.state.providers().iter().map(|saved| saved.config().describe());
        assert_eq!(configs.collect::<Vec<_>>(), ["http://x/"]);
        assert_eq!(restored.left, []);
    }

    /// What was waited for in vain is known, and has nothing to stand in with, or to be named.
    #[test]
    fn b10_what_was_waited_out_is_restored_to_its_config_alone() {
        let both = jobs(&[http("a", "{url: 'http://x/'}, {url: 'http://z/'}")]);
        let image = || {
            let mut image = image(&plan(&both));
            let (record, groups) = image.providers.last_mut().expect("two were saved");
            (record.first_whole, record.waited_out) = (None, true);
            groups.clear();
            image
        };
        let restored = restore(image(), &plan(&both));
        let known = restored.state.providers().iter();
        let known: Vec<_> = known
            .map(|saved| (saved.config().describe(), saved.is_waited_out()))
            .collect();
        assert_eq!(known, [("http://x/".to_owned(), false), ("http://z/".to_owned(), true)]);
        let changed = jobs(&[http("a", "{url: 'http://x/'}, {url: 'http://y/'}")]);
        let restored = restore(image(), &plan(&changed));
        assert_eq!((restored.state.providers().len(), restored.stand_ins), (1, 0));
        assert_eq!((restored.left, restored.kept.others), (vec![], vec![1]));
    }

    #[test]
    fn what_no_config_is_is_left_and_named() {
        let before = plan(&jobs(&[http("a", "{url: 'http://x/'}")]));
        let restored = restore(image(&before), &[]);
        assert!(restored.state.providers().is_empty());
        let left = Left {
            kind: "http".into(),
            description: "http://x/".into(),
            targets: 1,
        };
        assert_eq!(restored.left, [left]);
    }
}
