//! Jute: how ZooKeeper writes numbers, texts and lists.
//!
//! Everything is of a fixed size, or has its length before it. **A length is believed as far as there are bytes**, and no
//! further.

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what it sent can't be read")]
pub(crate) struct Malformed;

/// A message in the making.
#[derive(Debug, Clone)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// An empty message.
    pub(crate) fn new() -> Self {
        // The length comes last.
        Self(vec![0; 4])
    }

    pub(crate) fn int(mut self, number: i32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(crate) fn long(mut self, number: i64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(crate) fn flag(mut self, flag: bool) -> Self {
        self.0.push(u8::from(flag));
        self
    }

    pub(crate) fn buffer(self, bytes: &[u8]) -> Self {
        let mut this = self.length(bytes.len());
        this.0.extend_from_slice(bytes);
        this
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.buffer(text.as_bytes())
    }

    pub(crate) fn texts<T: AsRef<str>>(self, texts: &[T]) -> Self {
        texts
            .iter()
            .fold(self.length(texts.len()), |this, text| this.text(text.as_ref()))
    }

    /// The message with its length before it, as it is sent.
    pub(crate) fn frame(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len().saturating_sub(4)).unwrap_or(u32::MAX);
        if let Some(place) = self.0.first_chunk_mut() {
            *place = length.to_be_bytes();
        }
        self.0
    }

    /// Nothing that is sent comes near to the end of these numbers.
    fn length(self, length: usize) -> Self {
        self.int(i32::try_from(length).unwrap_or(i32::MAX))
    }
}

/// A message that is read from its beginning on.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn int(&mut self) -> Result<i32, Malformed> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(i32::from_be_bytes(*number))
    }

    pub(crate) fn long(&mut self) -> Result<i64, Malformed> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(i64::from_be_bytes(*number))
    }

    /// Bytes; none if they are said to be absent.
    pub(crate) fn buffer(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.length()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.buffer()?).map_err(|_| Malformed)
    }

    /// Texts, each as the bytes that it has.
    pub(crate) fn texts(&mut self) -> Result<Vec<&'a [u8]>, Malformed> {
        let count = self.length()?;
        // Each takes four bytes at least.
        let mut texts = Vec::with_capacity(count.min(self.0.len() / 4));
        for _ in 0..count {
            texts.push(self.buffer()?);
        }
        Ok(texts)
    }

    /// -1 is what is absent.
    fn length(&mut self) -> Result<usize, Malformed> {
        match self.int()? {
            -1 => Ok(0),
            length => usize::try_from(length).map_err(|_| Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(number in any::<i32>(), long in any::<i64>(), text in ".*", texts in prop::collection::vec(".*", 0..9)) {
            let frame = Writer::new().int(number).long(long).flag(true).text(&text).texts(&texts).frame();
            let mut reader = Reader::new(&frame);
            prop_assert_eq!(reader.int(), Ok(i32::try_from(frame.len() - 4).expect("short")));
            prop_assert_eq!((reader.int(), reader.long()), (Ok(number), Ok(long)));
            reader.0 = &reader.0[1..];
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            prop_assert_eq!(reader.texts(), Ok(texts));
            prop_assert!(reader.0.is_empty());
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            Reader::new(&bytes).texts().ok();
            Reader::new(&bytes).text().ok();
        }
    }

    #[test]
    fn what_is_absent_is_empty_and_what_is_cut_off_malformed() {
        let absent = (-1_i32).to_be_bytes();
        assert_eq!(Reader::new(&absent).text(), Ok(""));
        assert_eq!(Reader::new(&absent).texts(), Ok(Vec::new()));
        assert_eq!(Reader::new(&(-2_i32).to_be_bytes()).text(), Err(Malformed));
        assert_eq!(Reader::new(&[0, 0, 0, 2, b'a']).text(), Err(Malformed));
        assert_eq!(Reader::new(&[0, 0, 0, 1, 0xff]).text(), Err(Malformed));
        assert_eq!(Reader::new(&i32::MAX.to_be_bytes()).texts(), Err(Malformed));
        assert_eq!(Reader::new(&[0, 0, 0]).int(), Err(Malformed));
    }
}
