//! Taking the labels of a target, its group and its job together.
//!
//! Targets that follow each other mostly have the same labels in another value. So what depends
//! on names alone is worked out once for each shape that targets and groups have, and **for a
//! target only values move**: strings that groups share by their number, others by their place.

use hashbrown::HashTable;

use super::identify::Usual;
use super::job::Job;
use crate::group::{Lineage, RawValue};
use crate::relabel::{Draft, LayoutId, MAX_NAMES_BYTES, NameId, Relabeler, TextId, Texts, Value};
use crate::{Group, LabelSet};

/// Shapes are forgotten when there are more.
const MOST_STARTS: usize = 1 << 10;
/// Symbols of so many lineages are known at a time.
const MOST_LINEAGES: usize = 4;
/// Symbols from this one on are read as text.
const MOST_SYMBOLS: u32 = 1 << 16;
/// Of fewer labels nobody counts what their names take.
const MANY_LABELS: usize = 250;
/// No text has this number.
const UNKNOWN: TextId = TextId::MAX;

/// Populates targets; remembers what it worked out, for one job.
#[derive(Debug, Default)]
pub(super) struct Populator {
    /// The last one is the one in use.
    lineages: Vec<Symbols>,
    next_lineage: u32,
    starts: Vec<Start>,
    index: HashTable<u32>,
    /// The place of the start that was used last: most groups look alike.
    last: usize,
}

/// The numbers of a lineage's symbols.
#[derive(Debug)]
struct Symbols {
    lineage: Lineage,
    number: u32,
    texts: Vec<TextId>,
}

/// How labels are taken together, for targets and groups of these shapes and without empty values.
#[derive(Debug)]
struct Start {
    key: Key,
    /// Which of the group's and of the job's labels are not the target's already.
    of_group: Vec<usize>,
    of_job: Vec<OfJob>,
    layout: LayoutId,
}

/// One of the job's labels.
#[derive(Debug, Clone, Copy)]
enum OfJob {
    /// By the number of its value.
    Known(TextId),
    /// By its place among what the job gives.
    At(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    lineage: u32,
    target: u32,
    group: u32,
}

impl Key {
    fn hash(self) -> u64 {
        let both = u64::from(self.target) << 32 | u64::from(self.group);
        let mixed = u128::from(both ^ u64::from(self.lineage).rotate_left(16))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        (mixed as u64) ^ ((mixed >> 64) as u64)
    }
}

/// A group while its targets are worked out.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    group: &'a Group,
    lineage: u32,
    values: Vec<Value<'a>>,
    has_empty: bool,
    /// The start for targets of the last one's shape.
    start: Option<(Key, LayoutId)>,
    /// What its targets get from the group and from the job.
    shared: Vec<Value<'a>>,
}

/// What targets get besides their own and their group's labels, and who numbers all that.
#[derive(Debug)]
pub(super) struct Source<'m, 'a> {
    pub(super) job: &'a Job,
    pub(super) usual: &'m Usual,
    pub(super) relabeler: &'m mut Relabeler,
}

impl<'a> Source<'_, 'a> {
    /// What one of the job's labels, which is called so, is remembered as.
    fn of_job(&self, place: usize, name: &str) -> OfJob {
        self.usual.text(name).map_or(OfJob::At(place), OfJob::Known)
    }

    /// The value of one of the job's labels.
    fn value(&self, of_job: OfJob) -> Option<Value<'a>> {
        match of_job {
            OfJob::Known(id) => Some(Value::Known(id)),
            OfJob::At(place) => {
                let (_, value) = self.job.defaults.get(place)?;
                Some(Value::Given(value.as_bytes()))
            }
        }
    }
}

/// The allocations of an [`Opened`].
#[derive(Debug, Default)]
pub(super) struct Spare {
    values: Vec<Value<'static>>,
    shared: Vec<Value<'static>>,
}

impl<'a> Opened<'a> {
    pub(super) fn group(&self) -> &'a Group {
        self.group
    }

    pub(super) fn close(self) -> Spare {
        Spare {
            values: Value::recycle(self.values),
            shared: Value::recycle(self.shared),
        }
    }
}

impl Populator {
    /// Reads a group's own labels.
    pub(super) fn open<'a>(&mut self, texts: &mut Texts, group: &'a Group, spare: Spare) -> Opened<'a> {
        if self.starts.len() > MOST_STARTS {
            self.starts.clear();
            self.index.clear();
        }
        let lineage = self.enter(group);
        let labels = group.labels();
        let mut values = Value::recycle(spare.values);
        values.resize(labels.len(), Value::Known(Texts::EMPTY));
        let has_empty = self.read(texts, group, labels, &mut values);
        Opened {
            group,
            lineage,
            values,
            has_empty,
            start: None,
            shared: Value::recycle(spare.shared),
        }
    }

    /// Takes the labels of the target, its group and its job together. `false`: there are too many.
    #[inline]
    pub(super) fn populate<'a>(
        &mut self,
        source: &mut Source<'_, 'a>,
        draft: &mut Draft<'a>,
        opened: &mut Opened<'a>,
        target: LabelSet<'a>,
    ) -> bool {
        let key = Key {
            lineage: opened.lineage,
            target: target.shape(),
            group: opened.group.labels().shape(),
        };
        let layout = match opened.start {
            Some((other, layout)) if other == key => Some(layout),
            _ => self.start(source, opened, key),
        };
        if let Some(layout) = layout {
            draft.start(layout);
            let places = draft.make_room(target.len());
            let has_empty = self.read(source.relabeler.texts_mut(), opened.group, target, places);
            if !has_empty {
                draft.give(opened.shared.iter().copied());
                return true;
            }
        }
        self.populate_anew(source, draft, opened, target, key)
    }

    /// Makes a start that is known the group's.
    fn start<'a>(&mut self, source: &Source<'_, 'a>, opened: &mut Opened<'a>, key: Key) -> Option<LayoutId> {
        if opened.has_empty {
            return None;
        }
        let is_it = |place: usize| self.starts.get(place).is_some_and(|start| start.key == key);
        if !is_it(self.last) {
            self.last = *self.index.find(key.hash(), |place| is_it(*place as usize))? as usize;
        }
        let start = self.starts.get(self.last)?;
        opened.shared.clear();
        let of_group = start.of_group.iter().filter_map(|&place| opened.values.get(place));
        opened.shared.extend(of_group);
        let of_job = start.of_job.iter().filter_map(|&of_job| source.value(of_job));
        opened.shared.extend(of_job);
        opened.start = Some((key, start.layout));
        Some(start.layout)
    }

    fn populate_anew<'a>(
        &mut self,
        source: &mut Source<'_, 'a>,
        draft: &mut Draft<'a>,
        opened: &Opened<'a>,
        target: LabelSet<'a>,
        key: Key,
    ) -> bool {
        let group = opened.group;
        let (mut names, mut values): (Vec<NameId>, Vec<Value<'a>>) = (Vec::new(), Vec::new());
        let mut has_empty = opened.has_empty;
        let targets: std::collections::BTreeMap<&str, &str> = target.iter().collect();
        for ((name, text), raw) in target.iter().zip(target.raw_values()) {
            has_empty |= text.is_empty();
            if !text.is_empty() {
                names.push(source.relabeler.layouts_mut().name(name));
                values.push(self.value(source.relabeler.texts_mut(), group, raw));
            }
        }
        let (mut of_group, mut in_group) = (Vec::new(), std::collections::BTreeSet::new());
        for (place, ((name, text), value)) in group.labels().iter().zip(&opened.values).enumerate() {
            // A target's label hides its group's, even if it is empty.
            if !targets.contains_key(name) && !text.is_empty() {
                names.push(source.relabeler.layouts_mut().name(name));
                values.push(*value);
                of_group.push(place);
                in_group.insert(name);
            }
        }
        let mut of_job = Vec::new();
        for (place, (name, _)) in source.job.defaults.iter().enumerate() {
            let in_target = targets.get(name.as_str()).is_some_and(|value| !value.is_empty());
            if !in_target && !in_group.contains(name.as_str()) {
                names.push(source.relabeler.layouts_mut().name(name));
                let label = source.of_job(place, name);
                values.extend(source.value(label));
                of_job.push(label);
            }
        }
        if names.len() > MANY_LABELS && source.relabeler.layouts_mut().bytes(names.iter().copied()) > MAX_NAMES_BYTES {
            return false;
        }
        let layout = source.relabeler.layouts_mut().layout(&names);
        draft.start(layout);
        draft.give(values);
        if !has_empty {
            self.remember(Start {
                key,
                of_group,
                of_job,
                layout,
            });
        }
        true
    }

    fn remember(&mut self, start: Start) {
        let Ok(place) = u32::try_from(self.starts.len()) else {
            return;
        };
        let hash = start.key.hash();
        self.starts.push(start);
        let starts = &self.starts;
        let rehash = |place: &u32| starts.get(*place as usize).map_or(0, |start| start.key.hash());
        self.index.insert_unique(hash, place, rehash);
    }

    /// Makes the group's lineage the one in use.
    fn enter(&mut self, group: &Group) -> u32 {
        if let Some(last) = self.lineages.last().filter(|last| group.is_of(&last.lineage)) {
            return last.number;
        }
        let place = self.lineages.iter().position(|known| group.is_of(&known.lineage));
        let symbols = match place {
            Some(place) => self.lineages.remove(place),
            None => {
                self.next_lineage = self.next_lineage.wrapping_add(1);
                Symbols {
                    lineage: group.lineage(),
                    number: self.next_lineage,
                    texts: Vec::new(),
                }
            }
        };
        if self.lineages.len() >= MOST_LINEAGES {
            self.lineages.remove(0);
        }
        let number = symbols.number;
        self.lineages.push(symbols);
        number
    }

    /// Reads the values of a set of the group that was opened last. Whether one of them is empty.
    #[inline]
    fn read<'a>(&mut self, texts: &mut Texts, group: &'a Group, set: LabelSet<'a>, places: &mut [Value<'a>]) -> bool {
        let mut has_empty = false;
        for (place, raw) in places.iter_mut().zip(set.raw_values()) {
            // Each kind is written where it is known, part by part. One that is put together first is read as a whole when it
            // is copied, and the processor waits with that for all that is still being written.
            match raw {
                RawValue::Text(bytes) => {
                    has_empty |= bytes.is_empty();
                    *place = Value::Given(bytes);
                }
                RawValue::Symbol(symbol) => match self.known(symbol) {
                    Some(id) => {
                        has_empty |= id == Texts::EMPTY;
                        *place = Value::Known(id);
                    }
                    None => {
                        *place = self.learn(texts, group, symbol);
                        has_empty |= place.is_empty();
                    }
                },
            }
        }
        has_empty
    }

    /// A value of the group that was opened last.
    fn value<'a>(&mut self, texts: &mut Texts, group: &'a Group, raw: RawValue<'a>) -> Value<'a> {
        match raw {
            RawValue::Text(bytes) => Value::Given(bytes),
            RawValue::Symbol(symbol) => match self.known(symbol) {
                Some(id) => Value::Known(id),
                None => self.learn(texts, group, symbol),
            },
        }
    }

    /// The number of a symbol's text.
    #[inline]
    fn known(&self, symbol: u32) -> Option<TextId> {
        let known = self.lineages.last()?.texts.get(symbol as usize);
        known.copied().filter(|id| *id != UNKNOWN)
    }

    #[cold]
    fn learn<'a>(&mut self, texts: &mut Texts, group: &'a Group, symbol: u32) -> Value<'a> {
        let text = group.symbol_text(symbol);
        let symbols = self.lineages.last_mut().filter(|_| symbol < MOST_SYMBOLS);
        let Some((symbols, id)) = symbols.and_then(|symbols| Some((symbols, texts.number(text)?))) else {
            return Value::Given(text.as_bytes());
        };
        let place = symbol as usize;
        if symbols.texts.len() <= place {
            symbols.texts.resize(place.saturating_add(1), UNKNOWN);
        }
        if let Some(slot) = symbols.texts.get_mut(place) {
            *slot = id;
        }
        Value::Known(id)
    }
}
