//! A target's labels while rules work on them.

use super::layout::{LayoutId, Layouts, Target};
use super::texts::{TextId, Texts};
use crate::{MAX_NAME_BYTES, MAX_VALUE_BYTES, hash};

/// What rules may make of one target, in bytes: values that they set and that they replace again are counted alike. A target
/// has some thousands of them; without a bound, rules that copy the longest values would take all memory that there is.
pub(super) const MAX_MADE_BYTES: usize = 16 << 20;

/// Labels in the order in which they were set. Values are never empty: setting one to nothing
/// removes its label. Which label's value stands where is for the layout to say.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'a> {
    layout: LayoutId,
    values: Vec<Value<'a>>,
    /// What rules made.
    made: String,
}

/// A value: where its text is found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// It has a number.
    Known(TextId),
    /// It stands in a group, in UTF-8.
    Given(&'a [u8]),
    /// The same, after somebody asked for the text.
    Checked(&'a str),
    /// It stands among what rules made.
    Made {
        /// Where it starts.
        start: u32,
        /// Its length in bytes.
        length: u32,
    },
}

impl<'a> Value<'a> {
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        matches!(self, Self::Known(Texts::EMPTY) | Self::Given([]) | Self::Checked(""))
    }

    /// An empty list in the same allocation: the standard library collects in place.
    pub(crate) fn recycle(mut values: Vec<Value<'_>>) -> Vec<Self> {
        values.clear();
        values.into_iter().map_while(|_| None).collect()
    }
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
        }
    }

    /// Starts anew with the values of a layout, which the caller gives next.
    pub(crate) fn start(&mut self, layout: LayoutId) {
        self.layout = layout;
        self.values.clear();
        self.made.clear();
    }

    /// Gives the next values of the layout.
    #[inline]
    pub(crate) fn give(&mut self, values: impl IntoIterator<Item = Value<'a>>) {
        self.values.extend(values);
    }

    /// Gives the next `count` values of the layout, which are to be filled in.
    #[inline]
    pub(crate) fn make_room(&mut self, count: usize) -> &mut [Value<'a>] {
        let start = self.values.len();
        self.values
            .resize(start.saturating_add(count), Value::Known(Texts::EMPTY));
        self.values.get_mut(start..).unwrap_or_default()
    }

    /// Its allocations for a draft of other labels.
    pub(crate) fn recycle<'b>(self) -> Draft<'b> {
        Draft {
            layout: 0,
            values: Value::recycle(self.values),
            made: self.made,
        }
    }

    #[inline]
    pub(crate) fn layout(&self) -> LayoutId {
        self.layout
    }

    /// The value at a place of the layout, if it is one of the layout's.
    #[inline]
    pub(crate) fn at(&self, slot: u32) -> Option<&Value<'a>> {
        self.values.get(slot as usize)
    }

    /// The number of the text at a place of the layout, if it has one.
    #[inline]
    pub(crate) fn number(&self, slot: u32) -> Option<TextId> {
        match self.at(slot) {
            Some(Value::Known(id)) => Some(*id),
            _ => None,
        }
    }

    /// The text of the value at a place of the layout.
    #[inline]
    pub(crate) fn value<'s>(&'s self, texts: &'s Texts, slot: u32) -> &'s str {
        self.at(slot).map_or("", |value| self.text(texts, *value))
    }

    /// Makes the text of the value at a place of the layout cheap to ask for.
    #[inline]
    pub(super) fn check(&mut self, slot: u32) {
        if let Some(value) = self.values.get_mut(slot as usize)
            && let Value::Given(bytes) = *value
        {
            *value = Value::Checked(core::str::from_utf8(bytes).unwrap_or_default());
        }
    }

    /// Whether the text of the value at a place of the layout has this byte of ASCII in it.
    #[inline]
    pub(crate) fn has_byte(&self, texts: &Texts, slot: u32, byte: u8) -> bool {
        match self.at(slot) {
            Some(Value::Given(bytes)) => bytes.contains(&byte),
            Some(value) => self.text(texts, *value).as_bytes().contains(&byte),
            None => false,
        }
    }

    /// The label's value; nothing if it is absent.
    pub(crate) fn get<'s>(&'s self, layouts: &Layouts, texts: &'s Texts, name: &str) -> &'s str {
        let slot = layouts.slot(self.layout, name);
        slot.map_or("", |slot| self.value(texts, slot))
    }

    /// Names and values, in order.
    pub(crate) fn iter<'s>(
        &'s self,
        layouts: &'s Layouts,
        texts: &'s Texts,
    ) -> impl Iterator<Item = (&'s str, &'s str)> {
        let labels = layouts.labels(self.layout).iter();
        labels.map(|label| (layouts.text(label.name), self.value(texts, label.slot)))
    }

    /// A value's text.
    #[inline]
    pub(crate) fn text<'s>(&'s self, texts: &'s Texts, value: Value<'s>) -> &'s str {
        match value {
            Value::Known(id) => texts.text(id),
            Value::Given(bytes) => core::str::from_utf8(bytes).unwrap_or_default(),
            Value::Checked(text) => text,
            Value::Made { start, length } => {
                let (start, length) = (start as usize, length as usize);
                self.made.get(start..start.saturating_add(length)).unwrap_or_default()
            }
        }
    }

    /// The [`hash::wide`] of the text at a place of the layout.
    #[inline]
    pub(crate) fn hash(&self, texts: &Texts, slot: u32) -> [u64; 2] {
        match self.at(slot) {
            Some(Value::Known(id)) => texts.hash(*id),
            Some(Value::Given(bytes)) => hash::wide(bytes),
            Some(value) => hash::wide(self.text(texts, *value).as_bytes()),
            None => [0; 2],
        }
    }

    /// The values at these places with `separator` between them. What has to be put together is
    /// put into `joined`.
    #[inline]
    pub(super) fn join<'s>(
        &'s self,
        texts: &'s Texts,
        slots: &[Option<u32>],
        separator: &str,
        joined: &'s mut String,
    ) -> &'s str {
        if let [slot] = slots {
            return slot.map_or("", |slot| self.value(texts, slot));
        }
        joined.clear();
        for (place, slot) in slots.iter().enumerate() {
            if place > 0 {
                joined.push_str(separator);
            }
            joined.push_str(slot.map_or("", |slot| self.value(texts, slot)));
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

    /// Sets the label that `target` stands for to a text that has a number.
    #[inline]
    pub(super) fn set_known(&mut self, target: Target, value: TextId) -> Result<(), TooLarge> {
        if value == Texts::EMPTY {
            self.remove(target);
            return Ok(());
        }
        self.put(target, Value::Known(value))
    }

    /// Sets the label that `target` stands for to the value at `slot`, without copying text.
    #[inline]
    pub(super) fn set_to_slot(&mut self, target: Target, slot: Option<u32>) -> Result<(), TooLarge> {
        match slot.and_then(|slot| self.at(slot).copied()) {
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

    /// Takes another layout of the same values.
    #[inline]
    pub(super) fn rearrange(&mut self, to: LayoutId) {
        self.layout = to;
    }

    fn put(&mut self, target: Target, value: Value<'a>) -> Result<(), TooLarge> {
        match target {
            Target::None => {}
            Target::Present { slot, apart: None, .. } => {
                if let Some(place) = self.values.get_mut(slot as usize) {
                    *place = value;
                }
            }
            Target::Present { apart: Some(with), .. } | Target::Absent { with } => {
                self.values.push(value);
                self.layout = with;
            }
            Target::Full => return Err(TooLarge),
        }
        Ok(())
    }

    fn remove(&mut self, target: Target) {
        if let Target::Present { without, .. } = target {
            self.layout = without;
        }
    }

    fn make(&mut self, text: &str) -> Result<Value<'a>, TooLarge> {
        if text.len() > MAX_VALUE_BYTES {
            return Err(TooLarge);
        }
        if self.made.len().saturating_add(text.len()) > MAX_MADE_BYTES {
            return Err(TooLarge);
        }
        let start = u32::try_from(self.made.len()).map_err(|_| TooLarge)?;
        let length = u32::try_from(text.len()).map_err(|_| TooLarge)?;
        self.made.push_str(text);
        Ok(Value::Made { start, length })
    }
}
