//! Writing one label set after the other.
//!
//! Sets that follow each other are mostly alike: the same names in the same order, and many of
//! the same values. So the writer keeps the last set's layout, also from batch to batch, and its values,
//! and looks things up only where a set differs from the one before. Values whose names come sorted are written as
//! they come; others are kept until the set is whole. This is the hottest code of an ingest: it
//! works on bytes, and goes through its lists side by side.

use core::cmp::Ordering;

use super::strings::{Seen, Strings, same};
use super::values::Values;
use super::{GroupError, check_name, check_value};
use crate::group::codec;
use crate::group::dictionary::{Shape, Symbol};

#[derive(Debug, Default)]
pub(super) struct SetWriter {
    layout: Layout,
    /// Where the open set starts in the output.
    start: usize,
    /// How many of its values stand there already.
    written: usize,
    /// The values of the open set, when they can't be written as they are given.
    given: Values,
    /// The names of the open set, once they differ from the layout's.
    names: Option<Vec<Symbol>>,
    order: Order,
    /// Whether it was noted that this batch uses the layout's names.
    noted: bool,
}

/// A value as it is given.
pub(super) trait Value {
    /// What it says.
    fn text(&self) -> &str;

    /// Its symbol in this batch, if that is known.
    fn symbol(&self) -> Option<Symbol> {
        None
    }

    /// This is its symbol in this batch.
    fn learn(&self, _symbol: Symbol) {}
}

/// A value of which nothing is known but what it says.
pub(super) struct Plain<V>(pub(super) V);

/// How the open set compares with the one before.
#[derive(Debug, Default)]
struct Order {
    /// Where the body of the set before stands, if what the layout's places remember is of it.
    before: Option<usize>,
    /// Where the body of the open set stands.
    body: usize,
    /// Unless they are equal as far as the open set is written.
    decided: Option<Ordering>,
}

/// What a set's names say: the shape, and which of the given values is which of the shape's.
#[derive(Debug, Default)]
struct Layout {
    /// The names in the order in which they were given.
    texts: Vec<Box<[u8]>>,
    names: Vec<Symbol>,
    shape: Shape,
    /// For each name of the shape, where it was given.
    places: Vec<Place>,
    /// Whether the names were given in the shape's order, so that values can be written at once.
    in_order: bool,
}

/// One label of a layout.
#[derive(Debug, Clone, Default)]
struct Place {
    given_at: usize,
    /// How its last value was written.
    last: Last,
    /// How often a value was looked up, and how often it was shared.
    tried: u32,
    shared: u32,
    /// How many values not to look up, because few of them are shared.
    skip: u32,
}

/// How a place's last value was written.
#[derive(Debug, Clone)]
enum Last {
    /// As this symbol of this text, which stays true for as long as the batch.
    Shared { symbol: Symbol, text: Vec<u8> },
    /// As itself, here in its set's body.
    Inline { start: usize, end: usize },
}

impl SetWriter {
    /// Adds a label of the open set. `out` must not have changed since the set's first label.
    #[inline]
    pub(super) fn add(
        &mut self,
        strings: &mut Strings,
        seen: &mut Seen,
        out: &mut Vec<u8>,
        name: &str,
        value: &str,
    ) -> Result<(), GroupError> {
        check_value(name, value)?;
        if self.layout.in_order && self.given.is_empty() {
            if self.layout.is_named(self.written, name.as_bytes()) {
                if self.written == 0 {
                    self.open(out);
                }
                if let Some(place) = self.layout.places.get_mut(self.written) {
                    place.write(&mut self.order, strings, seen, out, value.as_bytes());
                }
                self.written = self.written.saturating_add(1);
                return Ok(());
            }
            self.take_back(strings, out);
        }
        let place = self.given.len();
        if self.names.is_some() || !self.layout.is_named(place, name.as_bytes()) {
            self.add_name(strings, place, name, value)?;
        }
        self.given.push(value.as_bytes());
        Ok(())
    }

    /// Adds all labels of the next set: what [`add`](Self::add) does for each, at less cost.
    pub(super) fn add_all<N, V>(
        &mut self,
        strings: &mut Strings,
        seen: &mut Seen,
        out: &mut Vec<u8>,
        labels: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), GroupError>
    where
        N: AsRef<str>,
        V: Value,
    {
        let mut labels = labels.into_iter();
        let mut other = None;
        if self.layout.in_order && self.given.is_empty() && self.written == 0 {
            self.open(out);
            let Self { layout, order, .. } = self;
            for (place, expected) in layout.places.iter_mut().zip(&layout.texts) {
                let Some((name, value)) = labels.next() else {
                    break;
                };
                if !same(name.as_ref().as_bytes(), expected) {
                    other = Some((name, value));
                    break;
                }
                check_value(name.as_ref(), value.text())?;
                place.write_value(order, strings, seen, out, &value);
                self.written = self.written.saturating_add(1);
            }
            if self.written == 0 {
                out.truncate(self.start);
            }
        }
        for (name, value) in other.into_iter().chain(labels) {
            self.add(strings, seen, out, name.as_ref(), value.text())?;
        }
        Ok(())
    }

    /// Starts a batch: what values there were before says nothing about this one's.
    pub(super) fn begin_batch(&mut self) {
        self.clear();
        self.noted = false;
        for place in &mut self.layout.places {
            *place = Place {
                given_at: place.given_at,
                ..Place::default()
            };
        }
    }

    /// Forgets the layout, whose symbols mean nothing in a new lineage.
    pub(super) fn forget(&mut self) {
        self.layout = Layout::default();
    }

    /// Starts a group: there is no set before the next one.
    pub(super) fn begin_group(&mut self) {
        self.order.before = None;
    }

    /// Forgets the set that is being given, and where those before stand.
    pub(super) fn clear(&mut self) {
        self.written = 0;
        self.given.clear();
        self.names = None;
        self.order.before = None;
    }

    /// Ends the open set, and says whether it stands at or after the one before in the order of
    /// sets. `false` may also mean that this was not looked into.
    pub(super) fn finish(
        &mut self,
        strings: &mut Strings,
        seen: &mut Seen,
        out: &mut Vec<u8>,
    ) -> Result<bool, GroupError> {
        if self.written == 0 || self.written < self.layout.names.len() {
            self.take_back(strings, out);
            if self.given.is_empty() {
                crate::group::labels::push_empty(out);
                self.order.before = None;
                return Ok(false);
            }
            self.write_given(strings, seen, out)?;
        }
        self.written = 0;
        let body = codec::insert_length(out, self.start).ok_or(GroupError::TooLarge)?;
        strings.set_written(self.layout.shape, self.layout.places.len());
        if !core::mem::replace(&mut self.noted, true) {
            strings.names_used(&self.layout.names);
        }
        let before = self.order.before.replace(body);
        Ok(before.is_some() && self.order.decided != Some(Ordering::Less))
    }

    /// Starts writing a set.
    fn open(&mut self, out: &mut Vec<u8>) {
        self.start = out.len();
        codec::leave_length(out);
        self.order.body = out.len();
        codec::push(out, self.layout.shape);
        self.order.decided = None;
    }

    /// Turns the values that were written at once into given ones, because the set turns out to
    /// have other names than the one before.
    #[cold]
    fn take_back(&mut self, strings: &Strings, out: &mut Vec<u8>) {
        if core::mem::take(&mut self.written) == 0 {
            return;
        }
        let mut rest = out.get(self.order.body..).unwrap_or_default();
        // The shape, which is not the set's after all.
        codec::take(&mut rest);
        while let Some(head) = codec::take(&mut rest) {
            let value = if head & 1 == 1 {
                strings.text(head >> 1).as_bytes()
            } else {
                codec::take_bytes(&mut rest, (head >> 1) as usize).unwrap_or_default()
            };
            self.given.push(value);
        }
        out.truncate(self.start);
        self.order.before = None;
    }

    /// Notes a name that is not the layout's at this place.
    #[cold]
    fn add_name(&mut self, strings: &mut Strings, place: usize, name: &str, value: &str) -> Result<(), GroupError> {
        check_name(name, value)?;
        let symbol = strings.name(name)?;
        let alike = &self.layout.names;
        self.names
            .get_or_insert_with(|| alike.get(..place).unwrap_or_default().to_vec())
            .push(symbol);
        Ok(())
    }

    #[cold]
    fn set_layout(&mut self, strings: &mut Strings, names: &[Symbol]) -> Result<(), GroupError> {
        self.layout = Layout::of(strings, names)?;
        self.order.before = None;
        self.noted = false;
        Ok(())
    }

    /// Writes the given values in the order of their names.
    fn write_given(&mut self, strings: &mut Strings, seen: &mut Seen, out: &mut Vec<u8>) -> Result<(), GroupError> {
        let given = self.given.len();
        match self.names.take() {
            Some(names) => self.set_layout(strings, &names)?,
            // The set has the first names of the layout and no more.
            None if given < self.layout.names.len() => {
                let names = self.layout.names.get(..given).unwrap_or_default().to_vec();
                self.set_layout(strings, &names)?;
            }
            None => {}
        }
        self.open(out);
        for place in &mut self.layout.places {
            let value = self.given.get(place.given_at);
            place.write(&mut self.order, strings, seen, out, value);
        }
        self.given.clear();
        Ok(())
    }
}

impl Layout {
    fn of(strings: &mut Strings, names: &[Symbol]) -> Result<Self, GroupError> {
        let mut order: Vec<usize> = (0..names.len()).collect();
        let name = |place: usize| names.get(place).map_or("", |&symbol| strings.text(symbol));
        // Stable, so that among equal names the last one given comes last.
        order.sort_by(|&a, &b| name(a).cmp(name(b)));
        order.reverse();
        order.dedup_by_key(|place| names.get(*place).copied());
        order.reverse();

        let texts = (0..names.len()).map(|place| name(place).as_bytes().into()).collect();
        let shape: Vec<Symbol> = order.iter().filter_map(|&place| names.get(place).copied()).collect();
        let shape = strings.shape(&shape)?;
        let in_order = order.iter().copied().eq(0..names.len());
        let places = order
            .into_iter()
            .map(|given_at| Place {
                given_at,
                ..Place::default()
            })
            .collect();
        Ok(Self {
            texts,
            names: names.to_vec(),
            shape,
            places,
            in_order,
        })
    }

    #[inline]
    fn is_named(&self, place: usize, name: &[u8]) -> bool {
        self.texts.get(place).is_some_and(|text| same(text, name))
    }
}

impl<V: AsRef<str>> Value for Plain<V> {
    #[inline]
    fn text(&self) -> &str {
        self.0.as_ref()
    }
}

impl Place {
    /// Does what [`write`](Self::write) does, without looking up what is known.
    #[inline]
    fn write_value(
        &mut self,
        order: &mut Order,
        strings: &mut Strings,
        seen: &mut Seen,
        out: &mut Vec<u8>,
        value: &impl Value,
    ) {
        let text = value.text().as_bytes();
        let Some(known) = value.symbol() else {
            self.write(order, strings, seen, out, text);
            if let Last::Shared { symbol, .. } = &self.last {
                value.learn(*symbol);
            }
            return;
        };
        codec::push(out, known << 1 | 1);
        match &self.last {
            // That it is used was noted when it was looked up.
            Last::Shared { symbol, .. } if *symbol == known => return,
            last => order.compare_with(last, out, text),
        }
        self.remember(known, text);
    }

    /// Writes the place's value of the open set, and compares it with that of the set before.
    #[inline]
    fn write(&mut self, order: &mut Order, strings: &mut Strings, seen: &mut Seen, out: &mut Vec<u8>, value: &[u8]) {
        match &self.last {
            // That it is used was noted when the set before was written.
            Last::Shared { symbol, text } if same(value, text) => return codec::push(out, symbol << 1 | 1),
            last => order.compare_with(last, out, value),
        }
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(1);
            self.write_inline(order, out, value);
        } else {
            self.look_up(order, strings, seen, out, value);
        }
    }

    /// Writes a value as its symbol, if it has one. Where values are rarely shared, only one in
    /// sixteen is looked up.
    fn look_up(&mut self, order: &Order, strings: &mut Strings, seen: &mut Seen, out: &mut Vec<u8>, value: &[u8]) {
        let symbol = strings.value(seen, value);
        self.tried = self.tried.saturating_add(1);
        self.shared = self.shared.saturating_add(u32::from(symbol.is_some()));
        if self.tried >= 64 && self.shared < self.tried / 8 {
            self.skip = 15;
        }
        match symbol {
            Some(symbol) => {
                codec::push(out, symbol << 1 | 1);
                self.remember(symbol, value);
            }
            None => self.write_inline(order, out, value),
        }
    }

    fn write_inline(&mut self, order: &Order, out: &mut Vec<u8>, value: &[u8]) {
        // Values are below MAX_VALUE_BYTES, so the length fits.
        codec::push(out, (value.len() as u32) << 1);
        let start = out.len().saturating_sub(order.body);
        out.extend_from_slice(value);
        self.last = Last::Inline {
            start,
            end: start.saturating_add(value.len()),
        };
    }

    fn remember(&mut self, of_value: Symbol, value: &[u8]) {
        if let Last::Shared { symbol, text } = &mut self.last {
            *symbol = of_value;
            text.clear();
            text.extend_from_slice(value);
        } else {
            self.last = Last::Shared {
                symbol: of_value,
                text: value.to_vec(),
            };
        }
    }
}

impl Default for Last {
    fn default() -> Self {
        Self::Inline { start: 0, end: 0 }
    }
}

impl Order {
    /// Compares a value with the last one of its place, which stands in `out` if it was written as itself, unless the order
    /// is decided or there is nothing to compare with.
    #[inline]
    fn compare_with(&mut self, last: &Last, out: &[u8], value: &[u8]) {
        if let (Some(before), None) = (self.before, self.decided) {
            let value_before = match last {
                Last::Shared { text, .. } => text,
                Last::Inline { start, end } => {
                    let span = before.saturating_add(*start)..before.saturating_add(*end);
                    out.get(span).unwrap_or_default()
                }
            };
            self.decided = Some(value.cmp(value_before)).filter(|ordering| ordering.is_ne());
        }
    }
}
