//! From a discovered target to its fate: populate, relabel, check, identify.
//!
//! Targets that follow each other mostly have the same labels in another value. So what depends
//! on names alone is kept: in which order the labels are taken together, and for each layout that
//! rules end with, which labels stay and where those stand that are checked.

use super::fate::{Entry, InvalidTarget, TargetId, TargetLimit};
use super::job::{FLAGS, Job, push_number, push_text};
use crate::LabelSet;
use crate::hash;
use crate::relabel::{Draft, Explanation, LayoutId, Layouts, MAX_LABELS, NameId, Relabeler, Verdict};

/// Works out fates; remembers what it worked out, for one job.
#[derive(Debug)]
pub(super) struct Evaluator {
    relabeler: Relabeler,
    start: Option<Start>,
    ends: Vec<Option<End>>,
    bytes: Vec<u8>,
}

/// How labels are taken together, for targets and groups with these names and no empty values.
#[derive(Debug)]
struct Start {
    target: Vec<Box<str>>,
    group: Vec<Box<str>>,
    /// Which of the group's and of the job's labels are not the target's already.
    of_group: Vec<usize>,
    of_job: Vec<usize>,
    layout: LayoutId,
}

/// What the labels of a layout say about their target in the end.
#[derive(Debug)]
struct End {
    /// The labels that stay, sorted by name. `None` is `instance`, made from the address.
    kept: Box<[Option<u32>]>,
    /// Which of those reach the samples.
    public: Box<[bool]>,
    public_count: u64,
    longest_name: u64,
    names_hash: u64,
    address: Option<u32>,
    interval: Option<u32>,
    timeout: Option<u32>,
    flags: [Option<u32>; 3],
    /// Where the values stand that, besides the address, say where the target is scraped.
    endpoint: Box<[u32]>,
    endpoint_hash: u64,
}

/// The labels of a group, read once for all of its targets.
pub(super) struct GroupLabels<'a> {
    labels: Vec<(&'a str, &'a str)>,
    has_empty: bool,
}

impl<'a> GroupLabels<'a> {
    pub(super) fn of(set: LabelSet<'a>) -> Self {
        let labels: Vec<_> = set.iter().collect();
        let has_empty = labels.iter().any(|(_, value)| value.is_empty());
        Self { labels, has_empty }
    }
}

impl Evaluator {
    pub(super) fn new(job: &Job) -> Self {
        Self {
            relabeler: Relabeler::new(job.options.relabeling.clone()),
            start: None,
            ends: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// The fate of one target.
    pub(super) fn evaluate<'a>(
        &mut self,
        job: &'a Job,
        draft: &mut Draft<'a>,
        target: LabelSet<'a>,
        group: &GroupLabels<'a>,
    ) -> Entry {
        if !self.populate(job, draft, target, group) {
            return Entry::Invalid {
                why: InvalidTarget::TooManyLabels,
            };
        }
        match self.relabeler.run(draft) {
            Verdict::Kept => self.finish(job, draft),
            Verdict::Dropped { rule } => Entry::Dropped { rule },
            Verdict::TooLarge { rule } => Entry::Invalid {
                why: InvalidTarget::TooLarge { rule },
            },
        }
    }

    /// Takes the labels of the target, its group and its job together. `false`: there are too many.
    pub(super) fn populate<'a>(
        &mut self,
        job: &'a Job,
        draft: &mut Draft<'a>,
        target: LabelSet<'a>,
        group: &GroupLabels<'a>,
    ) -> bool {
        if self.relabeler.give_back() {
            self.start = None;
            self.ends.clear();
        }
        if let Some(start) = self.start.as_ref()
            && start.take(job, draft, target, group)
        {
            return true;
        }
        self.populate_anew(job, draft, target, group)
    }

    fn populate_anew<'a>(
        &mut self,
        job: &'a Job,
        draft: &mut Draft<'a>,
        target: LabelSet<'a>,
        group: &GroupLabels<'a>,
    ) -> bool {
        let layouts = self.relabeler.layouts_mut();
        let (mut names, mut values): (Vec<NameId>, Vec<&str>) = (Vec::new(), Vec::new());
        let mut has_empty = group.has_empty;
        let targets: std::collections::BTreeMap<&str, &str> = target.iter().collect();
        let mut add = |name: &str, value| {
            names.push(layouts.name(name));
            values.push(value);
        };
        for (name, value) in target {
            has_empty |= value.is_empty();
            if !value.is_empty() {
                add(name, value);
            }
        }
        let mut of_group = Vec::new();
        for (place, (name, value)) in group.labels.iter().enumerate() {
            // A target's label hides its group's, even if it is empty.
            if !targets.contains_key(name) && !value.is_empty() {
                add(name, value);
                of_group.push(place);
            }
        }
        let mut of_job = Vec::new();
        for (place, (name, value)) in job.defaults.iter().enumerate() {
            let in_target = targets.get(name.as_str()).is_some_and(|value| !value.is_empty());
            let in_group = of_group.iter().filter_map(|&place| group.labels.get(place));
            if !in_target && !in_group.into_iter().any(|(other, _)| other == name) {
                add(name, value);
                of_job.push(place);
            }
        }
        if names.len() > MAX_LABELS {
            return false;
        }
        let layout = layouts.layout(&names);
        draft.start(layout);
        values.into_iter().for_each(|value| draft.give(value));
        if !has_empty {
            self.start = Some(Start {
                target: target.iter().map(|(name, _)| name.into()).collect(),
                group: group.labels.iter().map(|(name, _)| (*name).into()).collect(),
                of_group,
                of_job,
                layout,
            });
        }
        true
    }

    /// Checks and identifies a target that the rules kept.
    fn finish(&mut self, job: &Job, draft: &Draft<'_>) -> Entry {
        let place = draft.layout() as usize;
        if self.ends.get(place).is_none_or(Option::is_none) {
            let end = End::of(self.relabeler.layouts(), draft.layout());
            if self.ends.len() <= place {
                self.ends.resize_with(place.saturating_add(1), || None);
            }
            if let Some(slot) = self.ends.get_mut(place) {
                *slot = Some(end);
            }
        }
        let Some(Some(end)) = self.ends.get(place) else {
            return Entry::Invalid {
                why: InvalidTarget::NoAddress,
            };
        };
        if let Err(why) = end.check(job, draft) {
            return Entry::Invalid { why };
        }
        let (id, endpoint) = end.identify(job, draft, &mut self.bytes);
        Entry::Target {
            id,
            endpoint,
            over: end.over(job, draft),
        }
    }

    /// What each rule does to a draft.
    pub(super) fn explain(&self, draft: &Draft<'_>) -> Explanation {
        let labels = draft.iter(self.relabeler.layouts());
        self.relabeler.relabeling().explain(labels)
    }

    /// The labels of a draft, sorted by name.
    pub(super) fn labels(&self, draft: &Draft<'_>) -> Vec<(String, String)> {
        let labels = draft.iter(self.relabeler.layouts());
        let mut labels: Vec<_> = labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        labels.sort_unstable();
        labels
    }
}

impl Start {
    /// Fills the draft, if the target's and the group's labels are those that this is for.
    #[inline]
    fn take<'a>(&self, job: &'a Job, draft: &mut Draft<'a>, target: LabelSet<'a>, group: &GroupLabels<'a>) -> bool {
        if group.has_empty || target.len() != self.target.len() || group.labels.len() != self.group.len() {
            return false;
        }
        let mut groups = self.group.iter().zip(&group.labels);
        if !groups.all(|(ours, (name, _))| **ours == **name) {
            return false;
        }
        draft.start(self.layout);
        for (ours, (name, value)) in self.target.iter().zip(target) {
            if value.is_empty() || **ours != *name {
                return false;
            }
            draft.give(value);
        }
        for (_, value) in self.of_group.iter().filter_map(|&place| group.labels.get(place)) {
            draft.give(value);
        }
        for (_, value) in self.of_job.iter().filter_map(|&place| job.defaults.get(place)) {
            draft.give(value);
        }
        true
    }
}

impl End {
    fn of(layouts: &Layouts, layout: LayoutId) -> Self {
        let slot = |name: &str| layouts.slot(layout, name);
        let names = layouts.names(layout).iter().zip(0_u32..);
        let mut kept: Vec<(&str, Option<u32>)> = names
            .map(|(&name, slot)| (layouts.text(name), Some(slot)))
            .filter(|(name, _)| !name.starts_with("__meta_"))
            .collect();
        if slot("instance").is_none() {
            kept.push(("instance", None));
        }
        kept.sort_unstable();
        let is_public = |name: &str| !name.starts_with("__");
        let public = kept.iter().map(|(name, _)| *name).filter(|name| is_public(name));
        let (public_count, longest_name) = public.fold((0_u64, 0), |(count, longest), name| {
            (count.saturating_add(1), longest.max(name.len() as u64))
        });
        let is_endpoint =
            |name: &str| matches!(name, "__scheme__" | "__metrics_path__") || name.starts_with("__param_");
        let endpoint = || kept.iter().filter(|(name, slot)| slot.is_some() && is_endpoint(name));
        let hash_names = |names: &mut dyn Iterator<Item = &str>| {
            let mut bytes = Vec::new();
            names.for_each(|name| push_text(&mut bytes, name));
            hash::stable(&bytes)
        };
        Self {
            public: kept.iter().map(|(name, _)| is_public(name)).collect(),
            public_count,
            longest_name,
            names_hash: hash_names(&mut kept.iter().map(|(name, _)| *name)),
            address: slot("__address__"),
            interval: slot("__scrape_interval__"),
            timeout: slot("__scrape_timeout__"),
            flags: FLAGS.map(slot),
            endpoint: endpoint().filter_map(|(_, slot)| *slot).collect(),
            endpoint_hash: hash_names(&mut endpoint().map(|(name, _)| *name)),
            kept: kept.iter().map(|(_, slot)| *slot).collect(),
        }
    }

    fn check(&self, job: &Job, draft: &Draft<'_>) -> Result<(), InvalidTarget> {
        let value = |slot: Option<u32>| slot.map_or("", |slot| draft.value(slot));
        let address = value(self.address);
        if address.is_empty() {
            return Err(InvalidTarget::NoAddress);
        }
        if address.contains('/') {
            return Err(InvalidTarget::AddressWithPath);
        }
        job.check_pace(value(self.interval), value(self.timeout))?;
        for (slot, name) in self.flags.iter().zip(FLAGS) {
            if !is_flag(value(*slot)) {
                return Err(InvalidTarget::Flag(name));
            }
        }
        Ok(())
    }

    fn identify(&self, job: &Job, draft: &Draft<'_>, bytes: &mut Vec<u8>) -> (TargetId, u64) {
        let address = self.address.map_or("", |slot| draft.value(slot));
        bytes.clear();
        bytes.extend_from_slice(&job.params_hash.to_le_bytes());
        bytes.extend_from_slice(&self.names_hash.to_le_bytes());
        for slot in &self.kept {
            push_text(bytes, slot.map_or(address, |slot| draft.value(slot)));
        }
        let id = TargetId(hash::stable(bytes));
        bytes.clear();
        bytes.extend_from_slice(&job.params_hash.to_le_bytes());
        bytes.extend_from_slice(&self.endpoint_hash.to_le_bytes());
        push_text(bytes, address);
        for slot in &self.endpoint {
            push_text(bytes, draft.value(*slot));
        }
        push_number(bytes, self.endpoint.len());
        (id, hash::stable(bytes))
    }

    fn over(&self, job: &Job, draft: &Draft<'_>) -> Option<TargetLimit> {
        let limits = &job.options.limits;
        if limits.labels.is_some_and(|limit| self.public_count > limit.get()) {
            return Some(TargetLimit::Labels);
        }
        if limits
            .label_name_length
            .is_some_and(|limit| self.longest_name > limit.get())
        {
            return Some(TargetLimit::LabelNameLength);
        }
        let limit = limits.label_value_length?.get();
        let is_over = |slot: &Option<u32>| {
            let slot = slot.or(self.address);
            slot.is_some_and(|slot| draft.value(slot).len() as u64 > limit)
        };
        let public = self.kept.iter().zip(&self.public).filter(|(_, public)| **public);
        public
            .map(|(slot, _)| slot)
            .any(is_over)
            .then_some(TargetLimit::LabelValueLength)
    }
}

/// The labels of a target in the end, from those that the rules left.
pub(super) fn final_labels(mut labels: Vec<(String, String)>) -> Vec<(String, String)> {
    labels.retain(|(name, _)| !name.starts_with("__meta_"));
    if !labels.iter().any(|(name, _)| name == "instance") {
        let address = labels.iter().find(|(name, _)| name == "__address__");
        let address = address.map(|(_, value)| value.clone()).unwrap_or_default();
        labels.push(("instance".to_owned(), address));
        labels.sort_unstable();
    }
    labels
}

/// Absent, or a boolean as Go reads it.
fn is_flag(text: &str) -> bool {
    matches!(
        text,
        "" | "1" | "t" | "T" | "TRUE" | "true" | "True" | "0" | "f" | "F" | "FALSE" | "false" | "False"
    )
}
