//! Comparing settings: the same scenario and seed, once for each combination of values.
//!
//! Runs share their noise, because random numbers are keyed: **what differs between two rows of the table
//! comes from the settings**, not from luck.

use core::str::FromStr;

use crate::report::{bytes, count, short};
use crate::{
    Backend, BackendKind, Discoverers, Guard, GuardError, Less, Outcome, Problems, Scenario, Simulation, Sources, Span,
    SpanError, SpanRange, ThrottleError, ThrottleSetting, nearest, table,
};

/// A setting, and the values that it takes in turn: `throttle=ticker:5s,backoff:100ms..5s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variation {
    setting: Setting,
    values: Vec<(String, Value)>,
}

/// Why a text is no [`Variation`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariationError {
    /// There is no `=` with values behind it.
    #[error("`{0}` has no values; write for example `throttle=ticker:5s,backoff:100ms..5s`")]
    NoValues(String),
    /// The setting is not one that can be varied.
    #[error("`{0}` can't be varied; {1}")]
    Unknown(String, String),
    /// A throttle is none.
    #[error("{0}; or a name: {names}", names = preset_names())]
    Throttle(#[from] ThrottleError),
    /// A guard is none.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A duration is none.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// It is neither yes nor no.
    #[error("`{0}` is neither `true` nor `false`")]
    Truth(String),
    /// A way to tell groups apart is none.
    #[error("`{0}` is no way to tell groups apart; there are `named`, `sticky` and `place`")]
    Sources(String),
    /// A way to believe that there is less is none.
    #[error("`{0}` is no time to believe that a list has less; there are `at_once` and `twice`")]
    Less(String),
    /// A number is none.
    #[error("`{0}` is not a number of hosts; write for example `hosts=100,1000`")]
    Number(String),
}

/// What can be varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    Throttle,
    Guard,
    Refresh,
    Receiver,
    Cache,
    Hosts,
    PerSet,
    IncompleteAfter,
    Sources,
    Less,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Throttle(ThrottleSetting),
    Guard(Option<Guard>),
    Span(Span),
    Range(SpanRange),
    Number(u32),
    Truth(bool),
    Wait(Option<Span>),
    Sources(Sources),
    Less(Less),
}

/// The throttles of other programs, and none at all, by name.
fn presets() -> [(&'static str, ThrottleSetting); 3] {
    [
        ("prometheus-2", ThrottleSetting::Ticker(Span::secs(5))),
        (
            "prometheus-3",
            ThrottleSetting::Backoff(SpanRange::between(Span::millis(100), Span::secs(5))),
        ),
        ("immediate", ThrottleSetting::Backoff(SpanRange::ZERO)),
    ]
}

fn preset_names() -> String {
    let names = presets().map(|(name, _)| format!("`{name}`"));
    names.join(", ")
}

impl Setting {
    const ALL: [(&'static str, Self); 10] = [
        ("throttle", Self::Throttle),
        ("guard", Self::Guard),
        ("refresh", Self::Refresh),
        ("receiver", Self::Receiver),
        ("cache", Self::Cache),
        ("hosts", Self::Hosts),
        ("per_set", Self::PerSet),
        ("incomplete_after", Self::IncompleteAfter),
        ("sources", Self::Sources),
        ("less", Self::Less),
    ];

    fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, setting)| *setting == self);
        found.map_or("", |(word, _)| *word)
    }

    fn read(self, text: &str) -> Result<Value, VariationError> {
        Ok(match self {
            Self::Throttle => {
                let preset = presets().into_iter().find(|(name, _)| *name == text);
                Value::Throttle(preset.map_or_else(|| text.parse(), |(_, throttle)| Ok(throttle))?)
            }
            Self::Guard if text == "none" => Value::Guard(None),
            Self::Guard => Value::Guard(Some(text.parse()?)),
            Self::PerSet => Value::Truth(text.parse().map_err(|_| VariationError::Truth(text.to_owned()))?),
            Self::IncompleteAfter if text == "none" => Value::Wait(None),
            Self::IncompleteAfter => Value::Wait(Some(text.parse()?)),
            Self::Sources => Value::Sources(match text {
                "named" => Sources::Named,
                "sticky" => Sources::Sticky,
                "place" => Sources::Place,
                _ => return Err(VariationError::Sources(text.to_owned())),
            }),
            Self::Less => Value::Less(match text {
                "at_once" => Less::AtOnce,
                "twice" => Less::Twice,
                _ => return Err(VariationError::Less(text.to_owned())),
            }),
            Self::Receiver => Value::Range(text.parse()?),
            Self::Refresh | Self::Cache => Value::Span(text.parse()?),
            Self::Hosts => Value::Number(text.parse().map_err(|_| VariationError::Number(text.to_owned()))?),
        })
    }
}

impl Variation {
    /// The throttles, by what they are called, if it is those that vary.
    pub fn throttles(&self) -> Option<Vec<(String, ThrottleSetting)>> {
        let throttle = |(name, value): &(String, Value)| match value {
            Value::Throttle(throttle) => Some((name.clone(), *throttle)),
            _ => None,
        };
        self.values.iter().map(throttle).collect()
    }

    /// Why the setting changes nothing about a scenario, if that is so.
    pub fn idle(&self, scenario: &Scenario) -> Option<String> {
        let mut kinds = scenario.backends.iter().map(|backend| backend.kind);
        let (any, who) = match self.setting {
            Setting::Refresh => (kinds.any(BackendKind::polls), "asked again and again"),
            Setting::Cache => (
                kinds.any(|kind| !kind.notifies() && kind.polls()),
                "a list that can be cached",
            ),
            Setting::Sources | Setting::Less => (
                kinds.any(|kind| matches!(kind, BackendKind::File | BackendKind::Http)),
                "a list",
            ),
            Setting::Throttle
            | Setting::Guard
            | Setting::Receiver
            | Setting::Hosts
            | Setting::PerSet
            | Setting::IncompleteAfter => return None,
        };
        let word = self.setting.word();
        (!any).then(|| {
            format!(
                "`{word}` changes nothing here: no backend of `{}` is {who}",
                scenario.name
            )
        })
    }
}

impl FromStr for Variation {
    type Err = VariationError;

    fn from_str(text: &str) -> Result<Self, VariationError> {
        let no_values = || VariationError::NoValues(text.to_owned());
        let (word, values) = text.split_once('=').ok_or_else(no_values)?;
        let words = || Setting::ALL.iter().map(|(word, _)| *word);
        let found = Setting::ALL.iter().find(|(known, _)| *known == word.trim());
        let (_, setting) = found.ok_or_else(|| {
            let hint = nearest(word, words()).map_or_else(
                || format!("what can is {}", words().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            VariationError::Unknown(word.to_owned(), hint)
        })?;
        let values = values.split(',').map(str::trim).filter(|value| !value.is_empty());
        let read = values.map(|value| Ok((value.to_owned(), setting.read(value)?)));
        let values = read.collect::<Result<Vec<_>, VariationError>>()?;
        if values.is_empty() {
            return Err(no_values());
        }
        Ok(Self {
            setting: *setting,
            values,
        })
    }
}

/// One run of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Varied {
    /// The settings' values, in the order of the variations.
    pub settings: Vec<(&'static str, String)>,
    /// What the run came to.
    pub outcome: Outcome,
}

/// The scenarios of all combinations, the last variation turning fastest.
///
/// ```
/// use headcount_sim::{Shipped, combinations};
///
/// let scenario = Shipped::named("zone-loss").expect("it comes with the simulator").scenario()?;
/// let variations = ["throttle=prometheus-2,prometheus-3".parse()?, "refresh=15s,60s".parse()?];
/// assert_eq!(combinations(&scenario, &variations).len(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn combinations(scenario: &Scenario, variations: &[Variation]) -> Vec<(Vec<(&'static str, String)>, Scenario)> {
    let mut combined = vec![(Vec::new(), scenario.clone())];
    for variation in variations {
        let before = std::mem::take(&mut combined);
        for (settings, scenario) in before {
            for (label, value) in &variation.values {
                let mut settings = settings.clone();
                settings.push((variation.setting.word(), label.clone()));
                combined.push((settings, changed(scenario.clone(), variation.setting, *value)));
            }
        }
    }
    combined
}

fn changed(mut scenario: Scenario, setting: Setting, value: Value) -> Scenario {
    match (setting, value) {
        (_, Value::Throttle(throttle)) => scenario.manager.throttle = throttle,
        (_, Value::Guard(guard)) => scenario.manager.guard = guard,
        (_, Value::Range(takes)) => scenario.receiver.takes = takes,
        (_, Value::Number(hosts)) => return scenario.with_hosts(hosts),
        (_, Value::Truth(per_set)) => scenario.manager.per_set = per_set,
        (_, Value::Wait(after)) => scenario.manager.incomplete_after = after,
        (_, Value::Sources(sources)) => lists(&mut scenario).for_each(|entry| entry.sources = sources),
        (_, Value::Less(less)) => lists(&mut scenario).for_each(|entry| entry.less = less),
        (Setting::Cache, Value::Span(cache)) => {
            scenario.backends.iter_mut().for_each(|backend| backend.cache = cache);
        }
        (_, Value::Span(refresh)) => {
            scenario
                .discoverers
                .iter_mut()
                .for_each(|entry| entry.refresh = refresh);
        }
    }
    scenario
}

/// The discoverers that read lists.
fn lists(scenario: &mut Scenario) -> impl Iterator<Item = &mut Discoverers> {
    let is_list = |backend: &&Backend| matches!(backend.kind, BackendKind::File | BackendKind::Http);
    let lists: Vec<&str> = scenario
        .backends
        .iter()
        .filter(is_list)
        .map(|backend| &*backend.name)
        .collect();
    scenario
        .discoverers
        .iter_mut()
        .filter(move |entry| lists.contains(&&*entry.backend))
}

/// Runs every combination, to its end also where the scenario's expectations are not met: which settings
/// meet them is part of the comparison.
///
/// # Errors
/// A combination makes no sense: nothing is run then.
pub fn vary(scenario: &Scenario, seed: u64, variations: &[Variation]) -> Result<Vec<Varied>, Problems> {
    let combined = combinations(scenario, variations);
    let started: Result<Vec<_>, Problems> = combined
        .into_iter()
        .map(|(settings, scenario)| Ok((settings, Simulation::new(&scenario, seed)?.past_expectations())))
        .collect();
    let run = started?.into_iter().map(|(settings, simulation)| Varied {
        settings,
        outcome: simulation.run(),
    });
    Ok(run.collect())
}

/// A table with a row for each run: how old what the receiver knows is, and what that costs. Where a
/// guard is compared, also what it held, and what was taken away although it was there.
pub fn comparison(runs: &[Varied]) -> String {
    let settings = runs.first().map(|run| run.settings.as_slice()).unwrap_or_default();
    let mut header: Vec<String> = settings.iter().map(|(word, _)| (*word).to_owned()).collect();
    let guards = settings.iter().any(|(word, _)| *word == Setting::Guard.word());
    let figures = [
        "stale p50",
        "p99",
        "max",
        "snapshots",
        "differences",
        "whole",
        "delayed",
        "calls",
    ];
    let of_guards = ["held", "vanished"].into_iter().filter(|_| guards);
    header.extend(
        figures
            .into_iter()
            .chain(of_guards)
            .chain(["result"])
            .map(str::to_owned),
    );
    let mut rows = vec![header];
    for Varied { settings, outcome } in runs {
        let metrics = &outcome.metrics;
        let mut row: Vec<String> = settings.iter().map(|(_, value)| value.clone()).collect();
        row.extend([
            short(metrics.staleness_p50),
            short(metrics.staleness_p99),
            short(metrics.staleness_max),
            count(metrics.emissions),
            bytes(metrics.bytes_changed),
            bytes(metrics.bytes_whole),
            count(metrics.delayed_updates),
            count(metrics.backend_calls),
        ]);
        if guards {
            row.extend([count(metrics.drops_held), count(metrics.vanished)]);
        }
        let first = outcome.violations.first();
        row.push(first.map_or_else(|| "clean".to_owned(), |first| first.rule.to_string()));
        rows.push(row);
    }
    table(&rows)
}
