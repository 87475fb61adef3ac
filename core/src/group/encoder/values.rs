//! A set's values, while it is not known yet how they are written.

/// Values in the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Values {
    text: Vec<u8>,
    spans: Vec<(usize, usize)>,
}

impl Values {
    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(value);
        self.spans.push((start, self.text.len()));
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> &[u8] {
        let (start, end) = self.spans.get(place).copied().unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}
