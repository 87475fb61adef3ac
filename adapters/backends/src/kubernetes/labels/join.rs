//! What is looked up for a group, and which groups looked at what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::kind::Kind;
use super::super::object::{Object, key};

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Look {
    /// An object.
    At(Kind, Arc<str>),
    /// Which families the slices of a service have addresses of.
    Families(Arc<str>),
}

/// What a group can look at while it is made.
pub(in super::super) struct Surroundings<'s> {
    get: &'s dyn Fn(Kind, &str) -> Option<Arc<Object>>,
    families: &'s Families,
    looks: BTreeSet<Look>,
}

impl<'s> Surroundings<'s> {
    pub(in super::super) fn new(get: &'s dyn Fn(Kind, &str) -> Option<Arc<Object>>, families: &'s Families) -> Self {
        Self {
            get,
            families,
            looks: BTreeSet::new(),
        }
    }

    /// An object.
    pub(super) fn get(&mut self, kind: Kind, key: &str) -> Option<Arc<Object>> {
        self.looks.insert(Look::At(kind, key.into()));
        (self.get)(kind, key)
    }

    /// Whether a service has slices with addresses of a family.
    pub(super) fn has_family(&mut self, service: &str, family: &str) -> bool {
        self.looks.insert(Look::Families(service.into()));
        self.families.has(service, family)
    }

    /// All that was looked at.
    pub(in super::super) fn into_looks(self) -> BTreeSet<Look> {
        self.looks
    }
}

/// How many slices with addresses each service has of each family.
#[derive(Debug, Default)]
pub(in super::super) struct Families {
    counts: BTreeMap<(Arc<str>, Box<str>), usize>,
    /// What each slice is counted as.
    of_slices: BTreeMap<Arc<str>, (Arc<str>, Box<str>)>,
}

impl Families {
    fn has(&self, service: &str, family: &str) -> bool {
        self.counts.contains_key(&(Arc::from(service), Box::from(family)))
    }

    /// A slice is like this now. Gives the services of which another family has addresses than before.
    pub(in super::super) fn set(&mut self, name: &Arc<str>, object: Option<&Object>) -> Vec<Arc<str>> {
        let counted = match object {
            Some(Object::Slice(slice)) if !slice.endpoints.is_empty() => {
                let service = slice.service().map(|name| key(&slice.meta.namespace, name));
                service.map(|service| (Arc::from(service), slice.address_type.clone()))
            }
            _ => None,
        };
        let before = match &counted {
            Some(counted) => self.of_slices.insert(name.clone(), counted.clone()),
            None => self.of_slices.remove(name),
        };
        if before == counted {
            return Vec::new();
        }
        let mut changed = Vec::new();
        if let Some(counted) = counted {
            let count = self.counts.entry(counted.clone()).or_default();
            *count = count.saturating_add(1);
            changed.extend((*count == 1).then_some(counted.0));
        }
        if let Some(before) = before
            && let Some(count) = self.counts.get_mut(&before)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(&before);
                changed.push(before.0);
            }
        }
        changed
    }
}

/// Which groups looked at what.
#[derive(Debug, Default)]
pub(in super::super) struct Looks {
    by_look: BTreeMap<Look, BTreeSet<Arc<str>>>,
    by_group: BTreeMap<Arc<str>, BTreeSet<Look>>,
}

impl Looks {
    /// A group has looked at this, and at nothing else.
    pub(in super::super) fn set(&mut self, group: &Arc<str>, looks: BTreeSet<Look>) {
        let before = match looks.is_empty() {
            true => self.by_group.remove(group),
            false => self.by_group.insert(group.clone(), looks.clone()),
        };
        let before = before.unwrap_or_default();
        for gone in before.difference(&looks) {
            if let Some(groups) = self.by_look.get_mut(gone) {
                groups.remove(group);
                if groups.is_empty() {
                    self.by_look.remove(gone);
                }
            }
        }
        for new in looks.into_iter().filter(|look| !before.contains(look)) {
            self.by_look.entry(new).or_default().insert(group.clone());
        }
    }

    /// The groups that looked at this.
    pub(in super::super) fn of(&self, look: &Look) -> impl Iterator<Item = &Arc<str>> {
        self.by_look.get(look).into_iter().flatten()
    }

    /// The groups that looked at an object of this kind.
    pub(in super::super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Arc<str>> {
        let first = Look::At(kind, "".into());
        let looks = self.by_look.range(first..);
        let of_kind = looks.take_while(move |(look, _)| matches!(look, Look::At(other, _) if *other == kind));
        of_kind.flat_map(|(_, groups)| groups)
    }
}
