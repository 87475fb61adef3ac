//! What can be varied, and the values that it takes.

use core::fmt;
use core::str::FromStr;

use super::path;
use crate::{
    Backend, BackendKind, Discoverers, Guard, GuardError, Less, Problems, Scenario, Sources, Span, SpanError,
    SpanRange, ThrottleError, ThrottleSetting, nearest,
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
    /// A path leads nowhere in the scenario, or to where the value does not fit.
    #[error("`{path}={text}`: {what}")]
    Path {
        /// The path.
        path: String,
        /// The value.
        text: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A combination makes no sense.
    #[error(transparent)]
    Senseless(#[from] Problems),
}

/// What can be varied.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Any field of the scenario.
    Path(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// As it is written in a scenario.
    Written,
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

/// Fields of the scenario itself that are paths of one step.
const FIELDS: [&str; 4] = ["until", "calm", "heal", "checks"];

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

    fn word(&self) -> &str {
        match self {
            Self::Path(path) => path,
            other => {
                let found = Self::ALL.iter().find(|(_, setting)| setting == other);
                found.map_or("", |(word, _)| *word)
            }
        }
    }

    /// The setting of this name; a field of the scenario, if it is a path.
    fn named(word: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(known, _)| *known == word);
        let is_path = word.contains(['.', '[']) || FIELDS.contains(&word);
        known
            .map(|(_, setting)| setting.clone())
            .or_else(|| is_path.then(|| Self::Path(word.to_owned())))
    }

    fn read(&self, text: &str) -> Result<Value, VariationError> {
        Ok(match self {
            Self::Path(_) => Value::Written,
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
        let (any, who) = match &self.setting {
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
            | Setting::IncompleteAfter
            | Setting::Path(_) => return None,
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

impl Variation {
    /// What it varies, as it is written.
    pub(super) fn word(&self) -> &str {
        self.setting.word()
    }

    /// The scenario with each value in turn, and how that is written.
    pub(super) fn each(&self, scenario: &Scenario) -> impl Iterator<Item = Result<(String, Scenario), VariationError>> {
        self.values.iter().map(|(text, value)| {
            let scenario = match &self.setting {
                Setting::Path(path) => path::changed(scenario, path, text)?,
                setting => changed(scenario.clone(), setting, *value),
            };
            Ok((text.clone(), scenario))
        })
    }
}

impl fmt::Display for Variation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<&str> = self.values.iter().map(|(text, _)| text.as_str()).collect();
        write!(f, "{}={}", self.setting.word(), values.join(","))
    }
}

impl FromStr for Variation {
    type Err = VariationError;

    fn from_str(text: &str) -> Result<Self, VariationError> {
        let no_values = || VariationError::NoValues(text.to_owned());
        let (word, values) = text.split_once('=').ok_or_else(no_values)?;
        let words = || Setting::ALL.iter().map(|(word, _)| *word).chain(FIELDS);
        let setting = Setting::named(word.trim()).ok_or_else(|| {
            let hint = nearest(word, words()).map_or_else(
                || {
                    let all = words().collect::<Vec<_>>().join(", ");
                    format!("what can is {all}, and any field by its path, such as `discoverers.cmdb.refresh`")
                },
                |near| format!("did you mean `{near}`?"),
            );
            VariationError::Unknown(word.to_owned(), hint)
        })?;
        let values = parted(values)
            .into_iter()
            .map(str::trim)
            .filter(|value| !value.is_empty());
        let read = values.map(|value| Ok((value.to_owned(), setting.read(value)?)));
        let values = read.collect::<Result<Vec<_>, VariationError>>()?;
        if values.is_empty() {
            return Err(no_values());
        }
        Ok(Self { setting, values })
    }
}

/// The parts between commas, but for those within braces and brackets.
fn parted(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (place, letter) in text.char_indices() {
        match letter {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(start..place));
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

fn changed(mut scenario: Scenario, setting: &Setting, value: Value) -> Scenario {
    match (setting, value) {
        // That is read, and not set.
        (_, Value::Written) => {}
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
