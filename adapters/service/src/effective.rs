//! What counts in the end: what the program was told, over what the settings say.
//!
//! The one rule: **what was told stands in the place of `defaults`.** It is said for all jobs, as they are; what the
//! settings say of one job is said of that job, and stays.

use std::collections::BTreeMap;
use std::time::Duration;

use headcount_config::{JobSettings, Limit, Settings, StateSettings, WebSettings};
use headcount_core::{Count, DropGuard, Percent, SetOptions, Throttle};

use crate::discovery::ServeIncomplete;

/// How long a drop is held unless it is said otherwise.
const HOLD: Duration = Duration::from_secs(600);

/// What the program was told, by flags or by who embeds it. What is absent was not told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Overrides {
    pub(crate) throttle: Option<Throttle>,
    pub(crate) max_drop: Option<Percent>,
    pub(crate) hold: Option<Duration>,
    pub(crate) count: Option<Count>,
    pub(crate) max_stale: Option<Duration>,
}

/// What the managers are to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Effective {
    pub(crate) throttle: Throttle,
    /// Whether each set has a throttle of its own (B06).
    pub(crate) per_set: bool,
    pub(crate) defaults: SetOptions,
    /// Jobs with options of their own.
    pub(crate) by_set: BTreeMap<String, SetOptions>,
    pub(crate) serve: ServeIncomplete,
}

/// What a process was started with, as far as settings decide it: it can't change while it runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Fixed {
    pub(crate) web: Option<WebSettings>,
    pub(crate) state: Option<StateSettings>,
}

impl Overrides {
    /// With what the settings say.
    pub(crate) fn over(&self, settings: &Settings) -> Effective {
        let told = JobSettings {
            max_drop: self.max_drop.map(Limit::At),
            hold: self.hold,
            count: self.count,
            max_stale: self.max_stale.map(Limit::At),
            ..JobSettings::default()
        };
        let defaults = told.or(settings.defaults);
        let jobs = settings.jobs.iter().map(|(name, job)| (name.clone(), job.or(defaults)));
        let jobs: Vec<(String, JobSettings)> = jobs.collect();
        let serves = |job: &JobSettings| job.serve_incomplete.unwrap_or(false);
        Effective {
            throttle: self.throttle.or(settings.throttle.policy).unwrap_or_default(),
            per_set: settings.throttle.per_set.unwrap_or(false),
            defaults: set_options(&defaults),
            serve: ServeIncomplete::new(
                serves(&defaults),
                jobs.iter().map(|(name, job)| (name.clone(), serves(job))),
            ),
            by_set: jobs.into_iter().map(|(name, job)| (name, set_options(&job))).collect(),
        }
    }
}

impl Effective {
    /// For Alertmanagers: no job's settings are theirs, and nobody guards them.
    pub(crate) fn for_alertmanagers(&self) -> Self {
        Self {
            throttle: self.throttle,
            per_set: self.per_set,
            defaults: SetOptions {
                guard: None,
                ..self.defaults
            },
            ..Self::default()
        }
    }
}

impl Fixed {
    /// The sections that differ from these, and count only after a restart.
    pub(crate) fn differing(&self, settings: &Settings) -> Vec<&'static str> {
        let web = self.web.as_ref().is_some_and(|web| web.listen != settings.web.listen);
        let state = self.state.as_ref().is_some_and(|state| *state != settings.state);
        let sections = [("web", web), ("state", state)].into_iter();
        sections.filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

fn set_options(job: &JobSettings) -> SetOptions {
    let guard = |max_drop| DropGuard {
        max_drop,
        hold: job.hold.unwrap_or(HOLD),
        count: job.count.unwrap_or_default(),
    };
    SetOptions {
        guard: job.max_drop.and_then(Limit::get).map(guard),
        max_stale: job.max_stale.and_then(Limit::get),
        incomplete_after: job.incomplete_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn settings(text: &str) -> Settings {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("headcount.yml"), text).expect("written");
        let loader = crate::loader().settings(path("headcount.yml"));
        let jobs = b"scrape_configs: [{job_name: a}, {job_name: b}]";
        let config = loader.parse(jobs, Path::new("/p.yml"), &headcount_config::Machine);
        config.expect("nothing is wrong with it").settings
    }

    fn percent(number: u8) -> Percent {
        Percent::new(number).expect("a share")
    }

    #[test]
    fn what_is_told_stands_in_the_place_of_defaults() {
        let settings = settings(
            "{defaults: {max_drop: 30%, hold: 5m, max_stale: 1d, throttle: {policy: ticker, per_set: true}}, \
             jobs: {a: {max_drop: 50%, count: gross, incomplete_after: 1m, serve_incomplete: true}, b: {max_stale: off}}}",
        );
        let told = |told: Overrides| told.over(&settings);
        let guard = |options: SetOptions| {
            options
                .guard
                .map(|guard| (guard.max_drop.number(), guard.hold.as_secs()))
        };
        let plain = told(Overrides::default());
        assert_eq!(plain.throttle.to_string(), "ticker:5s");
        assert!(plain.per_set);
        assert_eq!(guard(plain.defaults), Some((30, 300)));
        assert_eq!(
            guard(plain.by_set["a"]),
            Some((50, 300)),
            "what it does not say is said for all"
        );
        let count = |options: SetOptions| options.guard.map(|guard| guard.count);
        assert_eq!(count(plain.by_set["a"]), Some(Count::Gross));
        assert_eq!(count(plain.by_set["b"]), Some(Count::Net));
        assert_eq!(plain.by_set["b"].max_stale, None);
        assert_eq!(plain.by_set["a"].max_stale, Some(Duration::from_secs(86_400)));
        assert_eq!(plain.by_set["a"].incomplete_after, Some(Duration::from_secs(60)));
        assert_eq!(["a", "b", "c"].map(|job| plain.serve.of(job)), [true, false, false]);

        let flags = told(Overrides {
            throttle: Some(Throttle::default()),
            max_drop: Some(percent(10)),
            max_stale: Some(Duration::from_secs(7)),
            ..Overrides::default()
        });
        assert_eq!(flags.throttle, Throttle::default());
        assert!(flags.per_set, "no flag says otherwise");
        assert_eq!(guard(flags.defaults), Some((10, 300)));
        assert_eq!(
            (guard(flags.by_set["a"]), guard(flags.by_set["b"])),
            (Some((50, 300)), Some((10, 300)))
        );
        assert_eq!(flags.by_set["a"].max_stale, Some(Duration::from_secs(7)));
        assert_eq!(flags.by_set["b"].max_stale, None);

        let notify = flags.for_alertmanagers();
        assert_eq!((notify.throttle, notify.per_set), (flags.throttle, true));
        assert_eq!(
            (notify.defaults.guard, notify.defaults.max_stale),
            (None, flags.defaults.max_stale)
        );
        assert!(notify.by_set.is_empty() && notify.serve == ServeIncomplete::default());
    }

    #[test]
    fn without_settings_it_is_as_it_was_before_there_were_any() {
        let effective = Overrides::default().over(&Settings::default());
        assert_eq!(effective, Effective::default());
        let guarded = Overrides {
            max_drop: Some(percent(30)),
            ..Overrides::default()
        };
        let guard = guarded.over(&Settings::default()).defaults.guard;
        assert_eq!(guard.map(|guard| guard.hold), Some(Duration::from_secs(600)));
    }

    #[test]
    fn what_can_not_change_is_named() {
        let before = settings("{web: {listen: ':1'}, state: {enabled: true}}");
        let after = settings("{web: {listen: ':2'}, state: {enabled: false}}");
        let fixed = Fixed {
            web: Some(before.web.clone()),
            state: Some(before.state.clone()),
        };
        assert_eq!(fixed.differing(&before), [""; 0]);
        assert_eq!(fixed.differing(&after), ["web", "state"]);
        assert_eq!(Fixed::default().differing(&after), [""; 0], "flags decide both");
    }
}
