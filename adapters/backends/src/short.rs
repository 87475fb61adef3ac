//! Texts of which there are many, and most are short.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// As many bytes stand in a text's own place: it is as large as a `String` then.
const HERE: usize = 22;

/// A text. A short one stands in its own place, and costs no allocation: of a list of machines, making and freeing their texts
/// takes longer than reading them.
#[derive(Clone)]
pub(crate) struct Short(Kept);

#[derive(Clone)]
enum Kept {
    Here { length: u8, bytes: [u8; HERE] },
    Apart(Box<str>),
}

impl Short {
    pub(crate) fn as_str(&self) -> &str {
        match &self.0 {
            Kept::Here { length, bytes } => {
                let bytes = bytes.get(..usize::from(*length)).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            }
            Kept::Apart(text) => text,
        }
    }
}

impl From<&str> for Short {
    #[inline]
    fn from(text: &str) -> Self {
        let mut bytes = [0; HERE];
        let kept = match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(here), Ok(length)) => {
                here.copy_from_slice(text.as_bytes());
                Kept::Here { length, bytes }
            }
            _ => Kept::Apart(text.into()),
        };
        Self(kept)
    }
}

impl Default for Short {
    fn default() -> Self {
        Self::from("")
    }
}

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Short {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Short {}

impl PartialOrd for Short {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Short {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Short;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Short, E> {
                Ok(Short::from(text))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_wherever_it_stands() {
        assert_eq!(size_of::<Short>(), size_of::<String>());
        for text in ["", "a", "größe", "eine größere ist es wohl", "ssssssssssssssssssssßß"] {
            for length in (0..=text.len()).filter(|length| text.is_char_boundary(*length)) {
                let short = Short::from(&text[..length]);
                assert_eq!(short.as_str(), &text[..length]);
                assert_eq!(format!("{short:?}"), format!("{:?}", &text[..length]));
                assert_ne!(short, Short::from("other"));
            }
        }
    }
}
