//! A target's labels while rules work on them.

use super::layout::{LayoutId, Layouts, MAX_LABELS, Target};
use crate::{MAX_NAME_BYTES, MAX_VALUE_BYTES};

/// Labels in the order in which they were set. Values are never empty: setting one to nothing
/// removes its label.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'a> {
    layout: LayoutId,
    values: Vec<Value<'a>>,
    /// What rules made.
    made: String,
    /// For the next layout's values.
    spare: Vec<Value<'a>>,
}

#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Given(&'a str),
    Made { start: u32, length: u32 },
}

/// A value or a name is too long, or there are too many labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl<'a> Draft<'a> {
    pub(crate) fn new() -> Self {
        Self {
            layout: 0,
            values: Vec::new(),
            made: String::new(),
            spare: Vec::new(),
        }
    }

    /// Starts anew with the values of a layout, which the caller gives by [`give`](Self::give).
    pub(crate) fn start(&mut self, layout: LayoutId) {
        self.layout = layout;
        self.values.clear();
        self.made.clear();
    }

    /// Gives the next value of the layout.
    #[inline]
    pub(crate) fn give(&mut self, value: &'a str) {
        self.values.push(Value::Given(value));
    }

    pub(crate) fn layout(&self) -> LayoutId {
        self.layout
    }

    /// The value at a place of the layout.
    #[inline]
    pub(crate) fn value(&self, slot: u32) -> &str {
        self.values.get(slot as usize).map_or("", |value| self.text(*value))
    }

    /// The label's value; nothing if it is absent.
    pub(crate) fn get(&self, layouts: &Layouts, name: &str) -> &str {
        layouts.slot(self.layout, name).map_or("", |slot| self.value(slot))
    }

    /// Names and values, in order.
    pub(crate) fn iter<'s>(&'s self, layouts: &'s Layouts) -> impl Iterator<Item = (&'s str, &'s str)> {
        let names = layouts.names(self.layout).iter().map(|&name| layouts.text(name));
        names.zip(self.values.iter().map(|value| self.text(*value)))
    }

    /// The values at these places with `separator` between them. What has to be put together is
    /// put into `joined`.
    #[inline]
    pub(super) fn join<'s>(&'s self, slots: &[Option<u32>], separator: &str, joined: &'s mut String) -> &'s str {
        if let [slot] = slots {
            return slot.map_or("", |slot| self.value(slot));
        }
        joined.clear();
        for (place, slot) in slots.iter().enumerate() {
            if place > 0 {
                joined.push_str(separator);
            }
            joined.push_str(slot.map_or("", |slot| self.value(slot)));
        }
        joined
    }

    /// Sets the label that `target` stands for.
    #[inline]
    pub(crate) fn set(&mut self, target: Target, value: &str) -> Result<(), TooLarge> {
        if value.is_empty() {
            self.remove(target);
            return Ok(());
        }
        let value = self.make(value)?;
        self.put(target, value)
    }

    /// Sets the label that `target` stands for to the value at `slot`, without copying text.
    #[inline]
    pub(super) fn set_to_slot(&mut self, target: Target, slot: Option<u32>) -> Result<(), TooLarge> {
        match slot.and_then(|slot| self.values.get(slot as usize).copied()) {
            Some(value) => self.put(target, value),
            None => {
                self.remove(target);
                Ok(())
            }
        }
    }

    /// Sets a label by its name, which the layouts need not know.
    pub(crate) fn set_named(&mut self, layouts: &mut Layouts, name: &str, value: &str) -> Result<(), TooLarge> {
        if name.len() > MAX_NAME_BYTES {
            return Err(TooLarge);
        }
        if value.is_empty() && layouts.slot(self.layout, name).is_none() {
            return Ok(());
        }
        let target = layouts.target(self.layout, name);
        self.set(target, value)
    }

    /// Takes another layout, whose values stand at these places now.
    pub(super) fn rearrange(&mut self, from: &[u32], to: LayoutId) {
        self.spare.clear();
        let values = &self.values;
        let moved = from.iter().filter_map(|&slot| values.get(slot as usize).copied());
        self.spare.extend(moved);
        core::mem::swap(&mut self.values, &mut self.spare);
        self.layout = to;
    }

    fn put(&mut self, target: Target, value: Value<'a>) -> Result<(), TooLarge> {
        match target {
            Target::None => {}
            Target::Present { slot, .. } => {
                if let Some(place) = self.values.get_mut(slot as usize) {
                    *place = value;
                }
            }
            Target::Absent { with } => {
                if self.values.len() >= MAX_LABELS {
                    return Err(TooLarge);
                }
                self.values.push(value);
                self.layout = with;
            }
        }
        Ok(())
    }

    fn remove(&mut self, target: Target) {
        if let Target::Present { slot, without } = target
            && (slot as usize) < self.values.len()
        {
            self.values.remove(slot as usize);
            self.layout = without;
        }
    }

    fn make(&mut self, text: &str) -> Result<Value<'a>, TooLarge> {
        if text.len() > MAX_VALUE_BYTES {
            return Err(TooLarge);
        }
        let start = u32::try_from(self.made.len()).map_err(|_| TooLarge)?;
        let length = u32::try_from(text.len()).map_err(|_| TooLarge)?;
        self.made.push_str(text);
        Ok(Value::Made { start, length })
    }

    #[inline]
    fn text<'s>(&'s self, value: Value<'s>) -> &'s str {
        match value {
            Value::Given(text) => text,
            Value::Made { start, length } => {
                let (start, length) = (start as usize, length as usize);
                self.made.get(start..start.saturating_add(length)).unwrap_or_default()
            }
        }
    }
}
