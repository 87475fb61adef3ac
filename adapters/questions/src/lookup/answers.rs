//! What the API answers, as far as commands use it; `server/targets` says what it means.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::bail;
use serde::{Deserialize, Serialize};

use super::host::nearest;

pub(crate) type Labels = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) data: T,
}

/// What there is to look at.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) jobs: Vec<Job>,
    pub(crate) providers: Vec<Provider>,
    pub(crate) failed_configs: Vec<FailedConfig>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pools {
    pub(super) pools: Vec<Job>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Job {
    pub(crate) name: String,
    /// How many targets its rules drop, also where not all are listed.
    pub(crate) dropped: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Providers {
    pub(super) providers: Vec<Provider>,
    pub(super) failed_configs: Vec<FailedConfig>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Provider {
    pub(super) manager: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) subscribers: Vec<String>,
    pub(crate) groups: usize,
    pub(crate) targets: usize,
    health: Health,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    state: String,
    last_error: Option<String>,
    /// What the last read could not get, if it got the rest.
    missing: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FailedConfig {
    pub(super) manager: String,
    name: String,
    sets: Vec<String>,
    reason: String,
}

impl Overview {
    /// A line for each provider that fails, has not answered or got a part only, and each config that can't be run, if
    /// any of the wanted jobs reads it.
    pub(crate) fn troubles(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let concerns = |jobs: &[String]| jobs.iter().any(|job| is_wanted(job));
        let of_provider = |provider: &Provider| {
            let (jobs, name, description) = (jobs(&provider.subscribers), &provider.name, &provider.description);
            let health = &provider.health;
            let what = match (&*health.state, &health.missing) {
                ("ok", Some(missing)) => format!("could not get {missing}"),
                ("ok", None) => return None,
                ("failing", _) => health.last_error.clone().unwrap_or_else(|| "it fails".to_owned()),
                _ => "has not answered yet".to_owned(),
            };
            Some(format!("{jobs}: {name} ({description}): {what}"))
        };
        let of_config = |failed: &FailedConfig| format!("{}: {}: {}", jobs(&failed.sets), failed.name, failed.reason);
        let providers = self.providers.iter().filter(|provider| concerns(&provider.subscribers));
        let configs = self.failed_configs.iter().filter(|failed| concerns(&failed.sets));
        providers
            .filter_map(of_provider)
            .chain(configs.map(of_config))
            .collect()
    }

    /// Whether there is such a job; if not, which one may be meant.
    pub(crate) fn check_job(&self, job: &str) -> anyhow::Result<()> {
        const MOST: usize = 20;
        let names = || self.jobs.iter().map(|job| job.name.as_str());
        if names().any(|name| name == job) {
            return Ok(());
        }
        if let Some(near) = nearest(job, names()) {
            bail!("there is no job {job:?}; did you mean {near:?}?");
        }
        let mut some: Vec<_> = names().take(MOST).map(|name| format!("{name:?}")).collect();
        if self.jobs.len() > MOST {
            some.push("…".to_owned());
        }
        if some.is_empty() {
            bail!("there is no job {job:?}; there are no jobs at all");
        }
        bail!("there is no job {job:?}; there are {}", some.join(", "))
    }

    pub(crate) fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }
}

fn jobs(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    format!(
        "{} {}",
        if names.len() == 1 { "job" } else { "jobs" },
        quoted.join(", ")
    )
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    active_targets: Vec<Target>,
    dropped_targets: Vec<Target>,
    duplicate_targets: Vec<Target>,
    invalid_targets: Vec<Target>,
    pub(super) next_token: Option<String>,
}

impl Page {
    pub(super) fn targets(self) -> impl Iterator<Item = Target> {
        let scraped = self.active_targets.into_iter().chain(self.dropped_targets);
        scraped.chain(self.duplicate_targets).chain(self.invalid_targets)
    }
}

/// A discovered target, and what became of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Target {
    pub(crate) scrape_pool: String,
    pub(crate) discovered_labels: Labels,
    /// Those that are not only for scraping, in the end; none if it is not scraped.
    #[serde(default)]
    pub(crate) labels: Labels,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scrape_url: Option<String>,
    /// Who is to scrape it, where targets are shared out among members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) members: Vec<String>,
    /// Who has it until those have begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) leaving_members: Vec<String>,
    /// What it counts as, where they are shared out by weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<u64>,
    /// Why it is in no list for a Prometheus 2, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) underscores_error: Option<String>,
    /// What its last scrape found, if it is known: `up` or `down`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) health: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    pub(crate) provider: String,
    pub(crate) source: String,
    /// When its group became what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changed: Option<f64>,
    pub(crate) fate: Fate,
    /// Others whose samples end in the same series.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) same_labels: Vec<Same>,
    pub(crate) stale: Option<Stale>,
    #[serde(default)]
    pub(crate) held: Option<Held>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Fate {
    pub(crate) state: String,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// A target with the same labels in the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Same {
    pub(crate) provider: String,
    pub(crate) source: String,
    pub(crate) address: String,
    pub(crate) scrape_url: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stale {
    pub(crate) since: Option<f64>,
    pub(crate) error: String,
}

/// It is gone, and kept because too many went at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) since: Option<f64>,
}

impl Target {
    pub(crate) fn address(&self) -> &str {
        self.discovered("__address__")
    }

    pub(crate) fn discovered(&self, label: &str) -> &str {
        self.discovered_labels.get(label).map_or("", String::as_str)
    }

    /// Whether its scrapes can work.
    pub(crate) fn is_scraped(&self) -> bool {
        self.fate.state == "active"
    }

    /// Why it is not scraped.
    pub(crate) fn why(&self) -> &str {
        let message = self.fate.rest.get("message").and_then(serde_json::Value::as_str);
        message.unwrap_or_default()
    }
}

impl Fate {
    /// The rule that dropped it: its place in `relabel_configs`, and its action.
    pub(crate) fn rule(&self) -> Option<(u64, &str)> {
        let rule = self.rest.get("rule")?.as_u64()?;
        Some((rule, self.rest.get("action")?.as_str()?))
    }

    /// Its state in the words of a sentence.
    pub(crate) fn word(&self) -> &str {
        match &*self.state {
            "overLimit" => "over a limit",
            "duplicate" => "a duplicate",
            state => state,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Steps {
    steps: Vec<Step>,
}

impl Steps {
    pub(super) fn until_dropped(mut self) -> Vec<Step> {
        let kept = self.steps.iter().take_while(|step| step.keep).count();
        self.steps.truncate(kept + 1);
        self.steps
    }
}

/// What a rule did.
#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) rule: Rule,
    pub(crate) output: Labels,
    pub(crate) keep: bool,
    pub(crate) source: Option<String>,
    /// Whether its `if` was true; `None` without one.
    pub(crate) applies: Option<bool>,
}

/// A rule with all its fields; as text, as one writes it, without what goes without saying.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Rule {
    #[serde(rename = "if")]
    condition: Option<Vec<String>>,
    source_labels: Option<Vec<String>>,
    separator: String,
    regex: String,
    modulus: Option<u64>,
    target_label: Option<String>,
    replacement: String,
    action: String,
    #[serde(rename = "match")]
    template: Option<String>,
    labels: Option<Labels>,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let mut fields = Vec::new();
        match self.condition.as_deref() {
            None => {}
            Some([one]) => fields.push(format!("if: {}", quoted(one))),
            Some(several) => {
                let several: Vec<_> = several.iter().map(|one| quoted(one)).collect();
                fields.push(format!("if: [{}]", several.join(", ")));
            }
        }
        if self.action != "replace" {
            fields.push(format!("action: {}", self.action));
        }
        if let Some(names) = &self.source_labels {
            fields.push(format!("source_labels: [{}]", names.join(", ")));
        }
        if self.separator != ";" {
            fields.push(format!("separator: {}", quoted(&self.separator)));
        }
        if self.regex != "(.*)" {
            fields.push(format!("regex: {}", quoted(&self.regex)));
        }
        if let Some(modulus) = self.modulus {
            fields.push(format!("modulus: {modulus}"));
        }
        if let Some(label) = &self.target_label {
            fields.push(format!("target_label: {label}"));
        }
        if self.replacement != "$1" {
            fields.push(format!("replacement: {}", quoted(&self.replacement)));
        }
        if let Some(template) = &self.template {
            fields.push(format!("match: {}", quoted(template)));
        }
        if let Some(labels) = &self.labels {
            let labels = labels.iter().map(|(name, value)| format!("{name}: {}", quoted(value)));
            fields.push(format!("labels: {{{}}}", labels.collect::<Vec<_>>().join(", ")));
        }
        write!(f, "{{{}}}", fields.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// B09: what could not be read may have what is looked for.
    #[test]
    fn a_provider_that_got_a_part_only_is_a_trouble() {
        let health = json!({"state": "ok", "lastError": null, "missing": "web.test (SERVFAIL)"});
        let provider = json!({
            "manager": "scrape", "name": "dns/0", "description": "web.test, db.test", "subscribers": ["a"],
            "groups": 1, "targets": 1, "health": health,
        });
        let overview = Overview {
            jobs: Vec::new(),
            providers: vec![serde_json::from_value(provider).expect("a provider")],
            failed_configs: Vec::new(),
        };
        assert_eq!(
            overview.troubles(|_| true),
            ["job \"a\": dns/0 (web.test, db.test): could not get web.test (SERVFAIL)"]
        );
        assert!(overview.troubles(|job| job == "b").is_empty());
    }
}
