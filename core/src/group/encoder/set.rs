//! Writing one label set after the other.
//!
//! Sets that follow each other are mostly alike: the same names in the same order, and many of
//! the same values. So the writer keeps the last set's layout and values, and looks things up
//! only where a set differs from the one before.

use core::cmp::Ordering;

use super::GroupError;
use super::strings::{Seen, Strings};
use crate::group::codec;
use crate::group::dictionary::{Shape, Symbol};

#[derive(Debug, Default)]
pub(super) struct SetWriter {
    /// The set that is being given.
    given: Given,
    /// The set before it.
    before: Given,
    /// How each of the last set's values was written.
    written: Vec<Option<Symbol>>,
    layout: Layout,
    /// Whether `before` and `written` belong to `layout`.
    layout_is_of_before: bool,
    body: Vec<u8>,
}

/// Names and values in the order in which they were given.
#[derive(Debug, Default)]
struct Given {
    names: Vec<Symbol>,
    text: String,
    ends: Vec<usize>,
    /// Whether each name so far is that of the layout at the same place.
    as_layout: bool,
}

/// What a set's names say: the shape, and which of the given values is which of the shape's.
#[derive(Debug, Default)]
struct Layout {
    text: String,
    ends: Vec<usize>,
    names: Vec<Symbol>,
    shape: Shape,
    /// For each name of the shape, the place at which it was given.
    order: Vec<usize>,
    /// For each place, whether its values are worth looking up.
    habits: Vec<Habit>,
}

/// How often values at one place turned out to be shared.
#[derive(Debug, Default, Clone)]
struct Habit {
    tried: u32,
    shared: u32,
}

impl SetWriter {
    pub(super) fn add(&mut self, strings: &mut Strings, name: &str, value: &str) -> Result<(), GroupError> {
        let place = self.given.names.len();
        if place == 0 {
            self.given.as_layout = true;
        }
        let symbol = match self.layout.names.get(place) {
            Some(&symbol) if self.given.as_layout && self.layout.name(place) == name => symbol,
            _ => {
                self.given.as_layout = false;
                strings.name(name)?
            }
        };
        self.given.names.push(symbol);
        self.given.text.push_str(value);
        self.given.ends.push(self.given.text.len());
        Ok(())
    }

    /// Forgets the set that is being given.
    pub(super) fn clear(&mut self) {
        self.given.clear();
    }

    /// Appends the set that was given, and says whether it stands at or after the one before in
    /// the order of sets. `false` may also mean that this was not looked into.
    pub(super) fn finish(
        &mut self,
        strings: &mut Strings,
        seen: &mut Seen,
        out: &mut Vec<u8>,
    ) -> Result<bool, GroupError> {
        if self.given.names.is_empty() {
            crate::group::labels::push_empty(out);
            self.layout_is_of_before = false;
            return Ok(false);
        }
        let same_layout = self.given.as_layout && self.given.names.len() == self.layout.names.len();
        if !same_layout {
            self.layout = Layout::of(strings, &self.given.names)?;
        }
        let comparable = same_layout && self.layout_is_of_before;
        strings.shape_used(self.layout.shape);
        let order = self.write_body(strings, seen, comparable);
        codec::push(out, u32::try_from(self.body.len()).map_err(|_| GroupError::TooLarge)?);
        out.extend_from_slice(&self.body);
        core::mem::swap(&mut self.given, &mut self.before);
        self.given.clear();
        self.layout_is_of_before = true;
        Ok(comparable && order != Ordering::Less)
    }

    /// Encodes the given values into `body`, and compares them with those before.
    fn write_body(&mut self, strings: &mut Strings, seen: &mut Seen, comparable: bool) -> Ordering {
        let Self {
            given,
            before,
            written,
            layout,
            body,
            ..
        } = self;
        body.clear();
        codec::push(body, layout.shape);
        written.resize(layout.names.len(), None);
        let mut ordering = Ordering::Equal;
        for &place in &layout.order {
            let value = given.value(place);
            let (Some(habit), Some(how)) = (layout.habits.get_mut(place), written.get_mut(place)) else {
                continue;
            };
            if comparable {
                let value_before = before.value(place);
                if value == value_before {
                    if let Some(symbol) = *how {
                        strings.used(symbol);
                        codec::push(body, symbol << 1 | 1);
                        continue;
                    }
                } else {
                    ordering = ordering.then_with(|| value.cmp(value_before));
                }
            }
            *how = if habit.is_worth_a_try() {
                strings.value(seen, value)
            } else {
                strings.unshared()
            };
            habit.learn(how.is_some());
            match *how {
                Some(symbol) => codec::push(body, symbol << 1 | 1),
                None => {
                    // Values are below MAX_VALUE_BYTES, so the length fits.
                    codec::push(body, u32::try_from(value.len()).unwrap_or(0) << 1);
                    body.extend_from_slice(value.as_bytes());
                }
            }
        }
        ordering
    }
}

impl Given {
    fn value(&self, place: usize) -> &str {
        slice(&self.text, &self.ends, place)
    }

    fn clear(&mut self) {
        self.names.clear();
        self.text.clear();
        self.ends.clear();
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

        let (mut text, mut ends) = (String::new(), Vec::with_capacity(names.len()));
        for place in 0..names.len() {
            text.push_str(name(place));
            ends.push(text.len());
        }
        let shape: Vec<Symbol> = order.iter().filter_map(|&place| names.get(place).copied()).collect();
        let shape = strings.shape(&shape)?;
        Ok(Self {
            text,
            ends,
            names: names.to_vec(),
            shape,
            order,
            habits: vec![Habit::default(); names.len()],
        })
    }

    fn name(&self, place: usize) -> &str {
        slice(&self.text, &self.ends, place)
    }
}

impl Habit {
    /// Values that were never shared in many tries are looked up only now and then.
    fn is_worth_a_try(&self) -> bool {
        self.tried < 64 || self.shared >= self.tried / 8 || self.tried.is_multiple_of(16)
    }

    fn learn(&mut self, shared: bool) {
        self.tried = self.tried.saturating_add(1);
        self.shared = self.shared.saturating_add(u32::from(shared));
    }
}

fn slice<'a>(text: &'a str, ends: &[usize], place: usize) -> &'a str {
    let start = place
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .copied()
        .unwrap_or(0);
    let end = ends.get(place).copied().unwrap_or(start);
    text.get(start..end).unwrap_or_default()
}
