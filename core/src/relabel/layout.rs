//! Layouts: which labels a set has, in which order, apart from their values.
//!
//! Thousands of targets have the same few layouts. **All that a rule says about names is worked
//! out once for a layout** and kept as a [`Plan`]. Values stand in slots, and a layout says which
//! label has which slot: so rules that copy or remove labels by name change a target's layout and
//! move none of its values.

use hashbrown::HashTable;
use regex::Regex;

use super::compiled::{Action, Compiled};
use super::matcher::Groups;
use super::template::Template;
use crate::MAX_NAME_BYTES;
use crate::hash;

pub(crate) type NameId = u32;
pub(crate) type LayoutId = u32;

/// A target whose labels' names take more than this, with [`LABEL_BYTES`] for each, is too large. **Nothing else bounds how
/// many there are**, because nothing bounds it in Prometheus; all that is done for a layout costs about so much.
pub(crate) const MAX_NAMES_BYTES: usize = 16 << 20;
/// What each label takes beside its name.
const LABEL_BYTES: usize = 16;
/// Among so many labels one is sooner looked for than hashed.
const FEW_LABELS: usize = 64;
/// Layouts and names are forgotten when they take more than about this many words.
const MOST_WORDS: usize = 1 << 19;

/// All layouts that are known.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    names: Vec<Box<str>>,
    name_index: HashTable<NameId>,
    layouts: Vec<Layout>,
    layout_index: HashTable<LayoutId>,
    words: usize,
}

#[derive(Debug)]
struct Layout {
    labels: Box<[Label]>,
    /// How many slots there are; not all need to be in use.
    slots: u32,
    /// What its names take.
    bytes: usize,
    /// For each rule.
    plans: Vec<Option<Plan>>,
}

/// A label and where its value stands. Labels that were copied share a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) name: NameId,
    pub(crate) slot: u32,
}

/// What a rule does to the sets of one layout.
#[derive(Debug)]
pub(super) enum Plan {
    /// The rule looks at values, and may set a label.
    Values {
        /// Where the source's labels stand.
        sources: Box<[Option<u32>]>,
        target: Target,
    },
    /// The rule looks at names only.
    Names { to: LayoutId },
    /// The rule makes too long a name, or names that are too long together.
    TooLarge,
}

/// The label that a rule sets or compares with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    None,
    /// It stands there; without it the layout is the other.
    Present {
        slot: u32,
        without: LayoutId,
        /// Where others share the slot, another value needs a new one; the layout is this then.
        apart: Option<LayoutId>,
    },
    /// With it, in a new slot, the layout is the other.
    Absent {
        with: LayoutId,
    },
    /// It is absent, and there is no room for one more.
    Full,
}

impl Layouts {
    /// Whether it is time to forget everything.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.words > MOST_WORDS
    }

    pub(crate) fn name(&mut self, text: &str) -> NameId {
        let hash = hash::stable(text.as_bytes());
        let names = &self.names;
        let resolve = |id: NameId| names.get(id as usize).map_or("", |name| name);
        if let Some(&id) = self.name_index.find(hash, |&id| resolve(id) == text) {
            return id;
        }
        let id = number(self.names.len());
        self.names.push(text.into());
        let names = &self.names;
        let rehash = |&id: &NameId| hash::stable(names.get(id as usize).map_or("", |name| name).as_bytes());
        self.name_index.insert_unique(hash, id, rehash);
        self.words = self.words.saturating_add(8).saturating_add(text.len() / 4);
        id
    }

    pub(crate) fn text(&self, id: NameId) -> &str {
        self.names.get(id as usize).map_or("", |name| name)
    }

    /// The layout with these names, which are unique, each in a slot of its own.
    pub(crate) fn layout(&mut self, names: &[NameId]) -> LayoutId {
        let labels: Vec<Label> = names
            .iter()
            .zip(0..)
            .map(|(&name, slot)| Label { name, slot })
            .collect();
        self.layout_of(&labels, number(labels.len()))
    }

    fn layout_of(&mut self, labels: &[Label], slots: u32) -> LayoutId {
        let hash = hash_labels(labels, slots);
        let is_it = |id: &LayoutId| {
            let layout = self.layouts.get(*id as usize);
            layout.is_some_and(|layout| *layout.labels == *labels && layout.slots == slots)
        };
        if let Some(&id) = self.layout_index.find(hash, is_it) {
            return id;
        }
        let id = number(self.layouts.len());
        let bytes = self.bytes(labels.iter().map(|label| label.name));
        self.layouts.push(Layout {
            labels: labels.into(),
            slots,
            bytes,
            plans: Vec::new(),
        });
        let layouts = &self.layouts;
        let rehash = |id: &LayoutId| {
            let layout = layouts.get(*id as usize);
            layout.map_or(0, |layout| hash_labels(&layout.labels, layout.slots))
        };
        self.layout_index.insert_unique(hash, id, rehash);
        self.words = self
            .words
            .saturating_add(labels.len().saturating_mul(2))
            .saturating_add(16);
        id
    }

    /// The labels of a layout, in order.
    pub(crate) fn labels(&self, layout: LayoutId) -> &[Label] {
        self.layouts.get(layout as usize).map_or(&[], |layout| &layout.labels)
    }

    /// Where the value of the label called `name` stands.
    pub(crate) fn slot(&self, layout: LayoutId, name: &str) -> Option<u32> {
        let mut labels = self.labels(layout).iter();
        labels
            .find(|label| self.text(label.name) == name)
            .map(|label| label.slot)
    }

    /// What labels with these names take.
    pub(crate) fn bytes(&self, names: impl Iterator<Item = NameId>) -> usize {
        let sizes = names.map(|name| self.text(name).len().saturating_add(LABEL_BYTES));
        sizes.fold(0, usize::saturating_add)
    }

    fn slots(&self, layout: LayoutId) -> u32 {
        self.layouts.get(layout as usize).map_or(0, |layout| layout.slots)
    }

    /// What setting or removing a label does to a layout.
    pub(crate) fn target(&mut self, layout: LayoutId, name: &str) -> Target {
        let name = self.name(name);
        let mut labels = self.labels(layout).to_vec();
        let slots = self.slots(layout);
        let Some(slot) = labels.iter().find(|label| label.name == name).map(|label| label.slot) else {
            let before = self.layouts.get(layout as usize).map_or(0, |layout| layout.bytes);
            if before.saturating_add(self.bytes([name].into_iter())) > MAX_NAMES_BYTES {
                return Target::Full;
            }
            labels.push(Label { name, slot: slots });
            return Target::Absent {
                with: self.layout_of(&labels, slots.saturating_add(1)),
            };
        };
        let is_shared = labels.iter().filter(|label| label.slot == slot).count() > 1;
        let apart = is_shared.then(|| {
            let moved = labels.iter().map(|label| Label {
                slot: if label.name == name { slots } else { label.slot },
                ..*label
            });
            let moved: Vec<Label> = moved.collect();
            self.layout_of(&moved, slots.saturating_add(1))
        });
        labels.retain(|label| label.name != name);
        Target::Present {
            slot,
            without: self.layout_of(&labels, slots),
            apart,
        }
    }

    /// What the rule `place` does to a layout.
    #[inline]
    pub(super) fn plan(&mut self, layout: LayoutId, place: usize, rule: &Compiled) -> &Plan {
        if self.known_plan(layout, place).is_none() {
            self.add_plan(layout, place, rule);
        }
        self.known_plan(layout, place).unwrap_or(&Plan::TooLarge)
    }

    fn known_plan(&self, layout: LayoutId, place: usize) -> Option<&Plan> {
        self.layouts.get(layout as usize)?.plans.get(place)?.as_ref()
    }

    #[cold]
    fn add_plan(&mut self, layout: LayoutId, place: usize, rule: &Compiled) {
        let plan = match &rule.action {
            Action::Set { target, .. } | Action::Compare { target, .. } | Action::Contains { target, .. } => {
                self.values(layout, &rule.sources, Some(target))
            }
            Action::SetNamed { .. } | Action::Filter { .. } | Action::AllEqual { .. } | Action::Graphite(_) => {
                self.values(layout, &rule.sources, None)
            }
            Action::Fill(fill) => self.values(layout, &rule.sources, fill.target()),
            Action::Rename { regex, to } => self.rename(layout, regex, to),
            Action::Map { regex, to, in_turn } => self.map(layout, *in_turn, |name, out| {
                regex.expand(name, &mut Groups::default(), [(to, out)])
            }),
            Action::Remove { regex, unless } => self.remove(layout, |name| regex.is_match(name) != *unless),
        };
        self.keep(layout, place, plan);
    }

    /// Where labels stand that somebody looks up at each target, kept as the plan of a `place` that no rule has.
    #[inline]
    pub(super) fn places(&mut self, layout: LayoutId, place: usize, names: &[Box<str>]) -> &[Option<u32>] {
        if self.known_plan(layout, place).is_none() {
            let plan = self.values(layout, names, None);
            self.keep(layout, place, plan);
        }
        match self.known_plan(layout, place) {
            Some(Plan::Values { sources, .. }) => sources,
            _ => &[],
        }
    }

    /// The layout with the same labels sorted by name, kept as the plan of a `place` that no rule has.
    #[inline]
    pub(super) fn sorted(&mut self, layout: LayoutId, place: usize) -> LayoutId {
        if let Some(Plan::Names { to }) = self.known_plan(layout, place) {
            return *to;
        }
        let labels = self.by_name(layout);
        let to = self.layout_of(&labels, self.slots(layout));
        self.keep(layout, place, Plan::Names { to });
        to
    }

    fn by_name(&self, layout: LayoutId) -> Vec<Label> {
        let mut labels = self.labels(layout).to_vec();
        labels.sort_unstable_by(|one, other| self.text(one.name).cmp(self.text(other.name)));
        labels
    }

    fn keep(&mut self, layout: LayoutId, place: usize, plan: Plan) {
        self.words = self.words.saturating_add(16).saturating_add(self.labels(layout).len());
        if let Some(layout) = self.layouts.get_mut(layout as usize) {
            if layout.plans.len() <= place {
                layout.plans.resize_with(place.saturating_add(1), || None);
            }
            if let Some(slot) = layout.plans.get_mut(place) {
                *slot = Some(plan);
            }
        }
    }

    fn values(&mut self, layout: LayoutId, sources: &[Box<str>], target: Option<&str>) -> Plan {
        Plan::Values {
            sources: sources.iter().map(|name| self.slot(layout, name)).collect(),
            target: target.map_or(Target::None, |name| self.target(layout, name)),
        }
    }

    fn map(&mut self, layout: LayoutId, in_turn: bool, rename: impl Fn(&str, &mut String) -> bool) -> Plan {
        let before = self.labels(layout).to_vec();
        let mut bytes = self.layouts.get(layout as usize).map_or(0, |layout| layout.bytes);
        let mut labels = Places::of(before.clone());
        for Label { name, slot } in before {
            let mut renamed = String::new();
            if !rename(self.text(name), &mut renamed) {
                continue;
            }
            if renamed.len() > MAX_NAME_BYTES {
                return Plan::TooLarge;
            }
            let slot = match in_turn {
                // A label without a name is none there.
                true if renamed.is_empty() => continue,
                true => labels.slot(name).unwrap_or(slot),
                false => slot,
            };
            let name = self.name(&renamed);
            if labels.set(Label { name, slot }) {
                bytes = bytes.saturating_add(self.bytes([name].into_iter()));
            }
            if bytes > MAX_NAMES_BYTES {
                return Plan::TooLarge;
            }
        }
        Plan::Names {
            to: self.layout_of(&labels.labels, self.slots(layout)),
        }
    }

    /// Gives labels other names; of several that get one name the one stays whose name came first in the alphabet.
    fn rename(&mut self, layout: LayoutId, regex: &Regex, to: &Template) -> Plan {
        let before = self.by_name(layout);
        let mut labels = Places::of(Vec::new());
        let mut bytes = 0_usize;
        for Label { name, slot } in before {
            let mut renamed = String::new();
            to.replace_all(self.text(name), regex, MAX_NAME_BYTES, &mut renamed);
            if renamed.len() > MAX_NAME_BYTES {
                return Plan::TooLarge;
            }
            // A label without a name is none.
            if renamed.is_empty() {
                continue;
            }
            let name = self.name(&renamed);
            if labels.add(Label { name, slot }) {
                bytes = bytes.saturating_add(self.bytes([name].into_iter()));
            }
            if bytes > MAX_NAMES_BYTES {
                return Plan::TooLarge;
            }
        }
        Plan::Names {
            to: self.layout_of(&labels.labels, self.slots(layout)),
        }
    }

    fn remove(&mut self, layout: LayoutId, is_removed: impl Fn(&str) -> bool) -> Plan {
        let kept = self.labels(layout).iter().copied();
        let kept: Vec<Label> = kept.filter(|label| !is_removed(self.text(label.name))).collect();
        Plan::Names {
            to: self.layout_of(&kept, self.slots(layout)),
        }
    }
}

/// Labels that are set one after another, and where each stands if there are many.
struct Places {
    labels: Vec<Label>,
    index: HashTable<(NameId, usize)>,
}

impl Places {
    fn of(labels: Vec<Label>) -> Self {
        let mut places = Self {
            labels,
            index: HashTable::new(),
        };
        places.hash_from(0);
        places
    }

    fn place(&self, name: NameId) -> Option<usize> {
        if self.index.is_empty() {
            return self.labels.iter().position(|other| other.name == name);
        }
        let found = self.index.find(hash_name(name), |(other, _)| *other == name);
        found.map(|(_, place)| *place)
    }

    /// Where the value of a label stands.
    fn slot(&self, name: NameId) -> Option<u32> {
        let place = self.place(name)?;
        self.labels.get(place).map(|label| label.slot)
    }

    /// Sets a label; whether it is a new one.
    fn set(&mut self, label: Label) -> bool {
        if let Some(known) = self.place(label.name).and_then(|place| self.labels.get_mut(place)) {
            known.slot = label.slot;
            return false;
        }
        self.push(label);
        true
    }

    /// Adds a label unless there is one of its name; whether it is a new one.
    fn add(&mut self, label: Label) -> bool {
        let is_new = self.place(label.name).is_none();
        if is_new {
            self.push(label);
        }
        is_new
    }

    fn push(&mut self, label: Label) {
        let place = self.labels.len();
        self.labels.push(label);
        self.hash_from(if self.index.is_empty() { 0 } else { place });
    }

    /// Notes where the labels from this one on stand.
    fn hash_from(&mut self, first: usize) {
        if self.labels.len() <= FEW_LABELS {
            return;
        }
        for (place, label) in self.labels.iter().enumerate().skip(first) {
            let entry = (label.name, place);
            self.index
                .insert_unique(hash_name(label.name), entry, |(name, _)| hash_name(*name));
        }
    }
}

fn hash_name(name: NameId) -> u64 {
    u64::from(name).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Counts stay far below: everything is given back before.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn hash_labels(labels: &[Label], slots: u32) -> u64 {
    labels
        .iter()
        .fold(u64::from(slots) ^ 0x243f_6a88_85a3_08d3, |hash, label| {
            let label = u64::from(label.name) << 32 | u64::from(label.slot);
            let mixed = u128::from(hash ^ label).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            (mixed as u64) ^ ((mixed >> 64) as u64)
        })
}

#[cfg(test)]
impl Layouts {
    pub(super) fn words(&self) -> usize {
        self.words
    }
}
