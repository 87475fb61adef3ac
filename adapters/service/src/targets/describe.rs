//! One target as JSON: the fields that Prometheus's API has, and what became of it. The API and
//! the command line show targets in this form.

use std::collections::BTreeMap;
use std::sync::Arc;

use headcount_core::{
    Fate, ProviderId, ProviderSnapshot, Snapshot, TargetId, TargetLimit, TargetPool, TargetReader, TargetView,
};
use headcount_reader::MASK;
use serde::Serialize;

use super::global::GlobalUrls;
use super::health::Healths;
use super::holds::Holds;
use super::sharing::Sharing;
use super::underscores::in_underscores;
use super::url::{is_secret_label, label, scrape_url, shown_value};
use crate::discovery::{ADDRESS, Observation, Provider, write_labels, write_string};
use crate::wall_clock::WallClock;

type Labels = Vec<(String, String)>;

/// A target of a discovery that was made once, as JSON: as the API has it where nothing is scraped. `reader`
/// is one of `pool`'s, which has the targets of `job` in `snapshot`.
#[must_use]
pub fn described(
    snapshot: &Snapshot,
    job: &str,
    pool: &TargetPool,
    reader: &mut TargetReader,
    view: &TargetView<'_>,
) -> Vec<u8> {
    let mut out = Vec::new();
    alone(snapshot, job, pool, reader, |describer| describer.write(&mut out, view));
    out
}

/// What became of such a target, in a word, and why, for all but active ones.
#[must_use]
pub fn fate_in_words(
    snapshot: &Snapshot,
    job: &str,
    pool: &TargetPool,
    reader: &mut TargetReader,
    view: &TargetView<'_>,
) -> (&'static str, Option<String>) {
    alone(snapshot, job, pool, reader, |describer| {
        let fate = describer.fate(view);
        (fate.state, fate.message)
    })
}

/// Describes where nothing is known but what was discovered.
fn alone<R>(
    snapshot: &Snapshot,
    job: &str,
    pool: &TargetPool,
    reader: &mut TargetReader,
    describe: impl FnOnce(&mut Describer<'_>) -> R,
) -> R {
    describe(&mut Describer {
        snapshot,
        job,
        pool,
        reader,
        stale: &Stale::default(),
        healths: &Healths::default(),
        global: None,
        sharing: None,
    })
}

/// The providers that fail, that nobody asks any more, or of which a drop is held, and what time it is.
#[derive(Default)]
pub(crate) struct Stale {
    held: Holds,
    failing: BTreeMap<ProviderId, StaleEntry>,
    /// Without it, nothing is said of when groups changed.
    clock: Option<WallClock>,
}

#[derive(Debug, Serialize)]
struct StaleEntry {
    since: Option<f64>,
    error: Arc<str>,
}

#[derive(Debug, Serialize)]
struct HeldEntry {
    since: Option<f64>,
}

impl Stale {
    pub(crate) fn of(observation: &Observation, clock: WallClock) -> Self {
        let failing = observation
            .providers
            .iter()
            .filter(|provider| provider.health.is_failing());
        let entry = |provider: &Provider| StaleEntry {
            since: provider.health.last_update.map(|at| clock.unix_seconds(at)),
            error: provider
                .health
                .current_failure()
                .map(|failed| failed.message.clone())
                .unwrap_or_default(),
        };
        Self {
            held: Holds::of(observation),
            failing: failing.map(|provider| (provider.id, entry(provider))).collect(),
            clock: Some(clock),
        }
    }

    /// The same, and of those that are shown until what takes their place was read: nobody asks them any more (B03).
    pub(crate) fn and_replaced(mut self, snapshot: &Snapshot) -> Self {
        let replaced = |provider: &ProviderSnapshot| Some((provider.id(), provider.reports().replaced?));
        for (id, at) in snapshot.providers().filter_map(replaced) {
            let entry = StaleEntry {
                since: self.clock.map(|clock| clock.unix_seconds(at)),
                error: Arc::from("a reload has put another source in its place, which was not read yet"),
            };
            self.failing.insert(id, entry);
        }
        self
    }

    pub(crate) fn is_stale(&self, provider: ProviderId) -> bool {
        self.failing.contains_key(&provider)
    }

    /// Whether the target is gone, and kept because too many went at once.
    pub(crate) fn is_held(&self, view: &TargetView<'_>) -> bool {
        self.held.since(view).is_some()
    }
}

/// What the description of a job's targets is made of.
pub(crate) struct Describer<'a> {
    /// What the pool was made of.
    pub(crate) snapshot: &'a Snapshot,
    /// The job's name.
    pub(crate) job: &'a str,
    /// Its targets.
    pub(crate) pool: &'a TargetPool,
    /// Of that pool.
    pub(crate) reader: &'a mut TargetReader,
    /// Which providers fail.
    pub(crate) stale: &'a Stale,
    /// What scrapes found, where they are made.
    pub(crate) healths: &'a Healths,
    /// How others reach targets of this machine, if that is known.
    pub(crate) global: Option<&'a GlobalUrls>,
    /// Whose targets are, if they are shared out.
    pub(crate) sharing: Option<&'a Sharing>,
}

/// What became of a target, and why.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FateEntry<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Other<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// How many targets with the same labels are named.
const MOST_SAME: usize = 5;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Same<'a> {
    provider: &'a str,
    source: &'a str,
    address: &'a str,
    scrape_url: String,
}

#[derive(Debug, Serialize)]
struct Other<'a> {
    provider: &'a str,
    source: &'a str,
    address: &'a str,
}

impl<'a> Describer<'a> {
    /// Writes the target.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, view: &TargetView<'_>) {
        let discovered = self.reader.discovered(view);
        out.extend_from_slice(br#"{"discoveredLabels":"#);
        write_all(out, &discovered);
        if matches!(view.fate, Fate::Active { .. } | Fate::OverLimit { .. }) {
            let labels = self.reader.labels(view).unwrap_or_default();
            self.write_scraped(out, view, &labels);
        } else {
            out.extend_from_slice(br#","scrapePool":"#);
            write_string(out, self.job);
        }
        if let Fate::Active { id } | Fate::OverLimit { id, .. } | Fate::Duplicate { id, .. } = view.fate {
            out.extend_from_slice(format!(r#","id":"{id}""#).as_bytes());
        }
        out.extend_from_slice(br#","provider":"#);
        write_string(out, self.provider(view.provider));
        out.extend_from_slice(br#","source":"#);
        write_string(out, view.group.source());
        if let Some(changed) = self.changed(view) {
            out.extend_from_slice(format!(r#","changed":{changed}"#).as_bytes());
        }
        out.extend_from_slice(br#","fate":"#);
        let fate = self.fate(view);
        // Writing into memory does not fail.
        serde_json::to_writer(&mut *out, &fate).ok();
        out.extend_from_slice(br#","stale":"#);
        serde_json::to_writer(&mut *out, &self.stale.failing.get(&view.provider)).ok();
        out.extend_from_slice(br#","held":"#);
        serde_json::to_writer(&mut *out, &self.held(view)).ok();
        out.push(b'}');
    }

    /// Since when the target is held, if it is.
    fn held(&self, view: &TargetView<'_>) -> Option<HeldEntry> {
        let since = self.stale.held.since(view)?;
        let since = self.stale.clock.map(|clock| clock.unix_seconds(since));
        Some(HeldEntry { since })
    }

    /// When the target's group became what it is, in seconds since 1970-01-01 UTC.
    fn changed(&self, view: &TargetView<'_>) -> Option<f64> {
        let groups = self.snapshot.provider(view.provider)?.groups();
        let stored = groups.get(view.group.source())?;
        Some(self.stale.clock?.unix_seconds(stored.changed()))
    }

    fn write_scraped(&mut self, out: &mut Vec<u8>, view: &TargetView<'_>, labels: &Labels) {
        out.extend_from_slice(br#","labels":"#);
        let public = labels.iter().filter(|(name, _)| !name.starts_with("__"));
        write_labels(out, public.map(|(name, value)| (name.as_str(), value.as_str())));
        out.extend_from_slice(br#","scrapePool":"#);
        write_string(out, self.job);
        let url = scrape_url(self.pool.options(), labels);
        out.extend_from_slice(br#","scrapeUrl":"#);
        write_string(out, &url);
        let global = self.global.and_then(|global| global.of(self.pool.options(), labels));
        out.extend_from_slice(br#","globalUrl":"#);
        write_string(out, global.as_deref().unwrap_or(&url));
        let id = view.fate.scraped();
        self.healths.write(out, self.job, id);
        self.write_members(out, id);
        if let Err(why) = in_underscores(self.pool.options(), labels) {
            out.extend_from_slice(br#","underscoresError":"#);
            write_string(out, &why.to_string());
        }
        out.extend_from_slice(br#","scrapeInterval":"#);
        write_string(out, label(labels, "__scrape_interval__"));
        out.extend_from_slice(br#","scrapeTimeout":"#);
        write_string(out, label(labels, "__scrape_timeout__"));
        let same = self.same_labels(view);
        if !same.is_empty() {
            out.extend_from_slice(br#","sameLabels":"#);
            // Writing into memory does not fail.
            serde_json::to_writer(out, &same).ok();
        }
    }

    /// Who is to scrape the target, and who does until those have begun, if it is shared out.
    fn write_members(&self, out: &mut Vec<u8>, id: Option<TargetId>) {
        let owned = self
            .sharing
            .zip(id)
            .and_then(|(sharing, id)| sharing.owned(self.job, id));
        let Some(owned) = owned else { return };
        for (name, members) in [("members", &owned.owners), ("leavingMembers", &owned.leaving)] {
            out.extend_from_slice(format!(r#","{name}":"#).as_bytes());
            // Writing into memory does not fail.
            serde_json::to_writer(&mut *out, members).ok();
        }
        if let Some(weight) = owned.weight {
            out.extend_from_slice(format!(r#","weight":{weight}"#).as_bytes());
        }
    }

    /// Other targets of the job whose samples end in the same series; the first of them.
    fn same_labels(&mut self, view: &TargetView<'_>) -> Vec<Same<'a>> {
        let pool = self.pool;
        let others = pool.same_labels(self.reader, view, MOST_SAME);
        let others = others.into_iter().map(|other| {
            let labels = self.reader.labels(&other).unwrap_or_default();
            Same {
                provider: self.provider(other.provider),
                source: other.group.source(),
                address: other
                    .labels
                    .get(ADDRESS)
                    .or(other.group.labels().get(ADDRESS))
                    .unwrap_or_default(),
                scrape_url: scrape_url(pool.options(), &labels),
            }
        });
        others.collect()
    }

    fn fate<'v>(&mut self, view: &TargetView<'v>) -> FateEntry<'v>
    where
        'a: 'v,
    {
        let mut fate = FateEntry {
            state: state_name(&view.fate),
            limit: None,
            rule: None,
            action: None,
            value: None,
            of: None,
            message: None,
        };
        match view.fate {
            Fate::Active { .. } => {}
            Fate::OverLimit { limit, .. } => {
                fate.limit = Some(limit_name(limit));
                fate.message = Some(self.over_limit(limit));
            }
            Fate::Dropped { rule } => {
                let rules = self.pool.options().relabeling.rules();
                let action = rules.get(rule as usize).map_or("", |rule| rule.action());
                let names = rules
                    .get(rule as usize)
                    .and_then(|rule| rule.source())
                    .map(|source| &*source.names);
                let is_secret = names.unwrap_or_default().iter().any(|name| is_secret_label(name));
                let value = self.reader.dropped_by(view).map(|(_, value)| value).unwrap_or_default();
                let value = if is_secret { MASK.to_owned() } else { value };
                (fate.rule, fate.action) = (Some(rule), Some(action));
                let has_if = rules.get(rule as usize).is_some_and(|rule| rule.parts().0.is_some());
                fate.message = Some(match has_if {
                    true if value.is_empty() => format!("relabel_configs[{rule}] ({action}) dropped it by its `if`"),
                    true => {
                        format!("relabel_configs[{rule}] ({action}) dropped it by its `if`, or because of {value:?}")
                    }
                    false => format!("relabel_configs[{rule}] ({action}) dropped it because of {value:?}"),
                });
                fate.value = Some(value);
            }
            Fate::Duplicate {
                provider, group, index, ..
            } => {
                let labels = group.targets().nth(index as usize);
                let address = labels
                    .and_then(|labels| labels.get(ADDRESS))
                    .or(group.labels().get(ADDRESS));
                let (provider, source) = (self.provider(provider), group.source());
                let address = address.unwrap_or_default();
                fate.message = Some(format!(
                    "it has the same labels in the end as {address:?} of {source:?} ({provider}), which is scraped for both"
                ));
                fate.of = Some(Other {
                    provider,
                    source,
                    address,
                });
            }
            Fate::Invalid { why } => fate.message = Some(why.to_string()),
            _ => {}
        }
        fate
    }

    fn over_limit(&self, limit: TargetLimit) -> String {
        let limits = &self.pool.options().limits;
        let (name, most) = match limit {
            TargetLimit::Targets => {
                let (targets, most) = self.pool.exceeded_target_limit().unwrap_or_default();
                return format!("all of the job's scrapes fail: it has {targets} targets, and target_limit is {most}");
            }
            TargetLimit::Labels => ("labels", limits.labels),
            TargetLimit::LabelNameLength => ("bytes in a label's name", limits.label_name_length),
            TargetLimit::LabelValueLength => ("bytes in a label's value", limits.label_value_length),
        };
        let most = most.map_or(0, std::num::NonZeroU64::get);
        let limit = limit_name(limit);
        format!("all of its scrapes fail: it has more {name} than {limit}, which is {most}")
    }

    fn provider(&self, id: ProviderId) -> &'a str {
        self.snapshot.provider(id).map_or("", |provider| provider.name())
    }
}

/// What became of a target, in one word.
#[must_use]
pub fn state_name(fate: &Fate<'_>) -> &'static str {
    match fate {
        Fate::Active { .. } => "active",
        Fate::OverLimit { .. } => "overLimit",
        Fate::Dropped { .. } => "dropped",
        Fate::Duplicate { .. } => "duplicate",
        Fate::Invalid { .. } => "invalid",
        _ => "other",
    }
}

fn limit_name(limit: TargetLimit) -> &'static str {
    match limit {
        TargetLimit::Targets => "target_limit",
        TargetLimit::Labels => "label_limit",
        TargetLimit::LabelNameLength => "label_name_length_limit",
        TargetLimit::LabelValueLength => "label_value_length_limit",
    }
}

fn write_all(out: &mut Vec<u8>, labels: &Labels) {
    write_labels(
        out,
        labels
            .iter()
            .map(|(name, value)| (name.as_str(), shown_value(name, value))),
    );
}
