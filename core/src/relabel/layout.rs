//! Layouts: which labels a set has, in which order, apart from their values.
//!
//! Thousands of targets have the same few layouts. **All that a rule says about names is worked
//! out once for a layout** and kept as a [`Plan`]; for a target only values move.

use hashbrown::HashTable;

use super::compiled::{Action, Compiled};
use crate::MAX_NAME_BYTES;
use crate::hash;

pub(crate) type NameId = u32;
pub(crate) type LayoutId = u32;

/// A target with more labels than this is too large.
pub(crate) const MAX_LABELS: usize = 4_096;
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
    names: Box<[NameId]>,
    /// For each rule.
    plans: Vec<Option<Plan>>,
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
    /// The rule looks at names only: for each label of the new layout, where its value stands.
    Names { from: Box<[u32]>, to: LayoutId },
    /// The rule makes too many labels, or too long a name.
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
    },
    /// With it the layout is the other.
    Absent {
        with: LayoutId,
    },
}

impl Layouts {
    /// Forgets everything when it has become too much. What is numbered by names and layouts has
    /// to be forgotten then, too: says whether.
    pub(crate) fn give_back(&mut self) -> bool {
        if self.words <= MOST_WORDS {
            return false;
        }
        *self = Self::default();
        true
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

    /// The layout with these names, which are unique.
    pub(crate) fn layout(&mut self, names: &[NameId]) -> LayoutId {
        let hash = hash_names(names);
        let layouts = &self.layouts;
        let resolve = |id: LayoutId| layouts.get(id as usize).map_or(&[][..], |layout| &layout.names);
        if let Some(&id) = self.layout_index.find(hash, |&id| resolve(id) == names) {
            return id;
        }
        let id = number(self.layouts.len());
        self.layouts.push(Layout {
            names: names.into(),
            plans: Vec::new(),
        });
        let layouts = &self.layouts;
        let rehash = |&id: &LayoutId| hash_names(layouts.get(id as usize).map_or(&[][..], |layout| &layout.names));
        self.layout_index.insert_unique(hash, id, rehash);
        self.words = self.words.saturating_add(names.len()).saturating_add(16);
        id
    }

    /// The names of a layout, in order.
    pub(crate) fn names(&self, layout: LayoutId) -> &[NameId] {
        self.layouts.get(layout as usize).map_or(&[], |layout| &layout.names)
    }

    /// Where the label called `name` stands.
    pub(crate) fn slot(&self, layout: LayoutId, name: &str) -> Option<u32> {
        let place = self.names(layout).iter().position(|&id| self.text(id) == name)?;
        u32::try_from(place).ok()
    }

    /// What setting or removing a label does to a layout.
    pub(crate) fn target(&mut self, layout: LayoutId, name: &str) -> Target {
        let mut names = self.names(layout).to_vec();
        match self.slot(layout, name) {
            Some(slot) => {
                names.remove((slot as usize).min(names.len().saturating_sub(1)));
                Target::Present {
                    slot,
                    without: self.layout(&names),
                }
            }
            None => {
                names.push(self.name(name));
                Target::Absent {
                    with: self.layout(&names),
                }
            }
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
            Action::Set { target, .. } | Action::Compare { target, .. } => self.values(layout, rule, Some(target)),
            Action::SetNamed { .. } | Action::Filter { .. } => self.values(layout, rule, None),
            Action::Map { regex, to } => self.map(layout, |name, out| regex.expand(name, [(to, out)])),
            Action::Remove { regex, unless } => self.remove(layout, |name| regex.is_match(name) != *unless),
        };
        self.words = self.words.saturating_add(16).saturating_add(self.names(layout).len());
        if let Some(layout) = self.layouts.get_mut(layout as usize) {
            if layout.plans.len() <= place {
                layout.plans.resize_with(place.saturating_add(1), || None);
            }
            if let Some(slot) = layout.plans.get_mut(place) {
                *slot = Some(plan);
            }
        }
    }

    fn values(&mut self, layout: LayoutId, rule: &Compiled, target: Option<&str>) -> Plan {
        Plan::Values {
            sources: rule.sources.iter().map(|name| self.slot(layout, name)).collect(),
            target: target.map_or(Target::None, |name| self.target(layout, name)),
        }
    }

    fn map(&mut self, layout: LayoutId, rename: impl Fn(&str, &mut String) -> bool) -> Plan {
        let mut names = self.names(layout).to_vec();
        let mut from: Vec<u32> = (0..number(names.len())).collect();
        for (&name, slot) in self.names(layout).to_vec().iter().zip(0_u32..) {
            let mut renamed = String::new();
            if !rename(self.text(name), &mut renamed) {
                continue;
            }
            if renamed.len() > MAX_NAME_BYTES {
                return Plan::TooLarge;
            }
            let renamed = self.name(&renamed);
            match names.iter().position(|&other| other == renamed) {
                Some(place) => {
                    if let Some(from) = from.get_mut(place) {
                        *from = slot;
                    }
                }
                None => {
                    names.push(renamed);
                    from.push(slot);
                }
            }
            if names.len() > MAX_LABELS {
                return Plan::TooLarge;
            }
        }
        Plan::Names {
            from: from.into(),
            to: self.layout(&names),
        }
    }

    fn remove(&mut self, layout: LayoutId, is_removed: impl Fn(&str) -> bool) -> Plan {
        let kept = self.names(layout).iter().zip(0_u32..);
        let kept = kept.filter(|(name, _)| !is_removed(self.text(**name)));
        let (names, from): (Vec<NameId>, Vec<u32>) = kept.map(|(name, slot)| (*name, slot)).unzip();
        Plan::Names {
            from: from.into(),
            to: self.layout(&names),
        }
    }
}

/// Counts stay far below: everything is given back before.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn hash_names(names: &[NameId]) -> u64 {
    names.iter().fold(0x243f_6a88_85a3_08d3, |hash, &name| {
        let mixed = u128::from(hash ^ u64::from(name)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        (mixed as u64) ^ ((mixed >> 64) as u64)
    })
}

#[cfg(test)]
impl Layouts {
    pub(super) fn words(&self) -> usize {
        self.words
    }
}
