use std::fmt;
use std::hash::{Hash, Hasher};

/// A name in the DNS, complete up to the root.
///
/// Shown with a dot at its end, and as master files have it: a byte that would be misread there has a `\` before it,
/// or is three digits. Names are the same whatever the case of their letters (RFC 4343).
///
/// ```
/// use headcount_discoverer::env::DomainName;
///
/// let (name, is_complete) = DomainName::parse("_http._tcp.sd.example").unwrap();
/// assert_eq!((name.to_string().as_str(), is_complete), ("_http._tcp.sd.example.", false));
/// ```
#[derive(Debug, Clone, Default)]
pub struct DomainName {
    /// A length before each label, without the root's.
    wire: Vec<u8>,
}

/// Why a text is not a name in the DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing between two dots, or nothing at all.
    #[error("there is nothing before or between its dots")]
    EmptyLabel,
    /// More than 63 bytes between two dots.
    #[error("a part of it is longer than 63 bytes")]
    LabelTooLong,
    /// More than 255 bytes with all that stands between.
    #[error("it is longer than 253 bytes")]
    TooLong,
    /// A `\` with no character or number after it.
    #[error("a \\ in it is followed by neither a character nor a number up to 255")]
    Escape,
}

/// Most bytes of a name, with the root's.
const LONGEST: usize = 255;

impl DomainName {
    /// The root.
    pub const ROOT: Self = Self { wire: Vec::new() };

    /// Reads a name, and whether it is complete: whether it ends with a dot.
    ///
    /// # Errors
    /// It is not a name in the DNS.
    pub fn parse(text: &str) -> Result<(Self, bool), NameError> {
        if text == "." {
            return Ok((Self::ROOT, true));
        }
        let mut labels = vec![Vec::new()];
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match (byte, labels.last_mut()) {
                (b'.', _) => labels.push(Vec::new()),
                (b'\\', Some(label)) => label.push(escaped(&mut bytes)?),
                (byte, Some(label)) => label.push(byte),
                (_, None) => {}
            }
        }
        let is_complete = labels.len() > 1 && labels.last().is_some_and(Vec::is_empty);
        if is_complete {
            labels.pop();
        }
        Ok((Self::from_labels(labels)?, is_complete))
    }

    /// The name of these labels, from the host to the top.
    ///
    /// # Errors
    /// One is empty or too long, or all together are.
    pub fn from_labels(labels: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Self, NameError> {
        let mut wire = Vec::new();
        for label in labels {
            let label = label.as_ref();
            match u8::try_from(label.len()) {
                Ok(0) => return Err(NameError::EmptyLabel),
                Ok(length @ 1..=63) => wire.push(length),
                _ => return Err(NameError::LabelTooLong),
            }
            wire.extend_from_slice(label);
        }
        if wire.len() < LONGEST {
            Ok(Self { wire })
        } else {
            Err(NameError::TooLong)
        }
    }

    /// This name below another: `web` below `sd.test.` is `web.sd.test.`.
    ///
    /// # Errors
    /// [`NameError::TooLong`].
    pub fn below(&self, parent: &Self) -> Result<Self, NameError> {
        if self.wire.len() + parent.wire.len() < LONGEST {
            let wire = [self.wire.as_slice(), &parent.wire].concat();
            Ok(Self { wire })
        } else {
            Err(NameError::TooLong)
        }
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.wire.is_empty()
    }

    /// The labels, from the host to the top.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.wire.as_slice();
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first()?;
            let (label, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            Some(label)
        })
    }

    /// How it is shown, without the dot at the end; the root is nothing.
    pub fn without_dot(&self) -> String {
        let mut text = self.to_string();
        text.pop();
        text
    }
}

/// What stands after a `\`.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = bytes.next().ok_or(NameError::Escape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut number = u32::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(NameError::Escape)?;
        number = number * 10 + u32::from(digit - b'0');
    }
    u8::try_from(number).map_err(|_| NameError::Escape)
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for byte in label {
                match byte {
                    // As in Go's DNS library, so that labels are Prometheus's.
                    b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => {
                        write!(f, "\\{}", char::from(*byte))?;
                    }
                    b'!'..=b'~' => write!(f, "{}", char::from(*byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl PartialEq for DomainName {
    fn eq(&self, other: &Self) -> bool {
        // A label's length is at most 63, so it is never taken for a letter.
        self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

impl Eq for DomainName {}

impl Hash for DomainName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.wire.to_ascii_lowercase().hash(state);
    }
}

impl PartialOrd for DomainName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DomainName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.wire.to_ascii_lowercase().cmp(&other.wire.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Result<String, NameError> {
        DomainName::parse(text).map(|(name, is_complete)| format!("{name} {is_complete}"))
    }

    #[test]
    fn names_are_read_and_shown_as_in_master_files() {
        assert_eq!(shown("web.sd.test").as_deref(), Ok("web.sd.test. false"));
        assert_eq!(shown("Web.SD.test.").as_deref(), Ok("Web.SD.test. true"));
        assert_eq!(shown(".").as_deref(), Ok(". true"));
        assert_eq!(shown(r"a\.b.c").as_deref(), Ok(r"a\.b.c. false"));
        assert_eq!(shown(r"a\010\065.c").as_deref(), Ok(r"a\010A.c. false"));
        assert_eq!(shown("bü ro@").as_deref(), Ok(r"b\195\188\ ro\@. false"));
        for empty in ["", "..", ".a", "a..b", "a.."] {
            assert_eq!(shown(empty), Err(NameError::EmptyLabel), "{empty:?}");
        }
        for escape in [r"a\", r"a\12", r"a\1x2", r"a\256"] {
            assert_eq!(shown(escape), Err(NameError::Escape), "{escape:?}");
        }
        let label = "x".repeat(63);
        assert!(shown(&label).is_ok());
        assert_eq!(shown(&format!("{label}x")), Err(NameError::LabelTooLong));
        let longest = [label.as_str(), &label, &label, &label[2..]].join(".");
        assert_eq!(longest.len(), 253);
        assert!(shown(&longest).is_ok());
        assert_eq!(shown(&format!("{longest}x")), Err(NameError::TooLong));
    }

    #[test]
    fn case_makes_no_other_name() {
        let name = |text: &str| DomainName::parse(text).expect("a name").0;
        assert_eq!(name("WEB.sd.test"), name("web.SD.test."));
        assert_ne!(name("web.sd.test"), name(r"web\.sd.test"));
        assert_eq!(name("web").below(&name("sd.test")), Ok(name("web.sd.test")));
        assert_eq!(name("web").below(&DomainName::ROOT), Ok(name("web")));
        assert_eq!(name("web.sd.test").without_dot(), "web.sd.test");
        assert_eq!(DomainName::ROOT.without_dot(), "");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..8), 0..6)) {
            let name = DomainName::from_labels(&labels).expect("short");
            prop_assert_eq!(name.labels().collect::<Vec<_>>(), labels.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let (read, is_complete) = DomainName::parse(&name.to_string()).expect("it was shown");
            prop_assert!(is_complete);
            prop_assert_eq!(read.labels().collect::<Vec<_>>(), name.labels().collect::<Vec<_>>());
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok((name, _)) = DomainName::parse(&text) {
                prop_assert!(name.wire.len() < LONGEST);
            }
        }
    }
}
