//! Writing one label set after the other.
//!
//! Sets that follow each other are mostly alike: the same names in the same order, and many of
//! the same values. So the writer keeps the last set's layout and values, and looks things up
//! only where a set differs from the one before. This is the hottest code of an ingest: it works
//! on bytes, and goes through its lists side by side.

use core::cmp::Ordering;

use super::strings::{Seen, Strings};
use super::{GroupError, check_name, check_value};
use crate::group::codec;
use crate::group::dictionary::{Shape, Symbol};

#[derive(Debug, Default)]
pub(super) struct SetWriter {
    /// The set that is being given.
    given: Values,
    /// The names of the set that is being given, once they differ from the layout's.
    names: Option<Vec<Symbol>>,
    /// The values of the set before it.
    before: Values,
    layout: Layout,
    /// Whether `before` and what the layout's places remember are of the set before.
    comparable: bool,
}

/// Values in the order in which they were given.
#[derive(Debug, Default)]
struct Values {
    text: Vec<u8>,
    spans: Vec<(usize, usize)>,
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
}

/// One label of a layout.
#[derive(Debug, Clone, Default)]
struct Place {
    given_at: usize,
    /// How its last value was written.
    written: Option<Symbol>,
    /// How often a value was looked up, and how often it was shared.
    tried: u32,
    shared: u32,
    /// How many values not to look up, because few of them are shared.
    skip: u32,
}

impl SetWriter {
    #[inline]
    pub(super) fn add(&mut self, strings: &mut Strings, name: &str, value: &str) -> Result<(), GroupError> {
        let place = self.given.spans.len();
        if self.names.is_some() || !self.layout.is_named(place, name.as_bytes()) {
            self.add_name(strings, place, name, value)?;
        }
        check_value(name, value)?;
        self.given.push(value.as_bytes());
        Ok(())
    }

    /// Forgets the set that is being given.
    pub(super) fn clear(&mut self) {
        self.given.clear();
        self.names = None;
    }

    /// Appends the set that was given, and says whether it stands at or after the one before in
    /// the order of sets. `false` may also mean that this was not looked into.
    pub(super) fn finish(
        &mut self,
        strings: &mut Strings,
        seen: &mut Seen,
        out: &mut Vec<u8>,
    ) -> Result<bool, GroupError> {
        let given = self.given.spans.len();
        if given == 0 {
            crate::group::labels::push_empty(out);
            self.comparable = false;
            return Ok(false);
        }
        match self.names.take() {
            Some(names) => self.set_layout(strings, &names)?,
            // The set has the first names of the layout and no more.
            None if given < self.layout.names.len() => {
                let names = self.layout.names.get(..given).unwrap_or_default().to_vec();
                self.set_layout(strings, &names)?;
            }
            None => {}
        }
        strings.shape_used(self.layout.shape);
        let start = out.len();
        let order = self.write_body(strings, seen, out);
        codec::insert_length(out, start).ok_or(GroupError::TooLarge)?;
        core::mem::swap(&mut self.given, &mut self.before);
        self.given.clear();
        Ok(core::mem::replace(&mut self.comparable, true) && order != Ordering::Less)
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
        self.comparable = false;
        Ok(())
    }

    /// Encodes the given values, and compares them with those before.
    fn write_body(&mut self, strings: &mut Strings, seen: &mut Seen, out: &mut Vec<u8>) -> Ordering {
        let Self {
            given,
            before,
            layout,
            comparable,
            ..
        } = self;
        codec::leave_length(out);
        codec::push(out, layout.shape);
        let mut ordering = Ordering::Equal;
        let mut not_looked_up = 0_usize;
        for place in &mut layout.places {
            let value = given.get(place.given_at);
            // What was not shared and decides nothing need not be compared.
            if *comparable && (ordering == Ordering::Equal || place.written.is_some()) {
                let value_before = before.get(place.given_at);
                if !same(value, value_before) {
                    if ordering == Ordering::Equal {
                        ordering = value.cmp(value_before);
                    }
                } else if let Some(symbol) = place.written {
                    // That it is used was noted when the set before was written.
                    not_looked_up = not_looked_up.saturating_add(1);
                    codec::push(out, symbol << 1 | 1);
                    continue;
                }
            }
            if place.skip == 0 {
                place.written = strings.value(seen, value);
                place.learn();
            } else {
                place.written = None;
                place.skip = place.skip.saturating_sub(1);
                not_looked_up = not_looked_up.saturating_add(1);
            }
            match place.written {
                Some(symbol) => codec::push(out, symbol << 1 | 1),
                None => {
                    // Values are below MAX_VALUE_BYTES, so the length fits.
                    codec::push(out, (value.len() as u32) << 1);
                    out.extend_from_slice(value);
                }
            }
        }
        strings.not_looked_up(not_looked_up);
        ordering
    }
}

impl Values {
    #[inline]
    fn push(&mut self, value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(value);
        self.spans.push((start, self.text.len()));
    }

    #[inline]
    fn get(&self, place: usize) -> &[u8] {
        let (start, end) = self.spans.get(place).copied().unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
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
        })
    }

    #[inline]
    fn is_named(&self, place: usize, name: &[u8]) -> bool {
        self.texts.get(place).is_some_and(|text| same(text, name))
    }
}

impl Place {
    /// Notes a look-up. Where values are rarely shared, only one in sixteen is looked up.
    fn learn(&mut self) {
        self.tried = self.tried.saturating_add(1);
        self.shared = self.shared.saturating_add(u32::from(self.written.is_some()));
        if self.tried >= 64 && self.shared < self.tried / 8 {
            self.skip = 15;
        }
    }
}

/// Whether two texts are the same. Most are shorter than what a call to `memcmp` costs.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0..4 => a.iter().zip(b).all(|(a, b)| a == b),
        // The first and the last bytes overlap, and cover all.
        4..8 => a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>(),
        8..=16 => a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>(),
        _ => a == b,
    }
}
