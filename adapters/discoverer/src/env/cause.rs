//! What lies under an error of ours.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// The error that another library or the system gave, kept as it is.
///
/// It shows itself with all the errors under it, so an error of ours that shows its cause does not give it as its
/// [`source`](Error::source) as well. Who decides by it asks for its [`kind`](Self::kind) or its
/// [type](Self::find), never for its text.
///
/// ```
/// use std::io;
///
/// use headcount_discoverer::env::Cause;
///
/// let refused = Cause::from(io::Error::from(io::ErrorKind::ConnectionRefused));
/// assert_eq!(refused.kind(), Some(io::ErrorKind::ConnectionRefused));
/// assert_eq!(Cause::from("the proxy wants a password").to_string(), "the proxy wants a password");
/// ```
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    /// Keeps an error.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    /// What kind of trouble the system has, if the system is where it comes from.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        self.find::<io::Error>().map(io::Error::kind)
    }

    /// The first error of a type, among this one and those under it.
    pub fn find<E: Error + 'static>(&self) -> Option<&E> {
        self.chain().find_map(|error| error.downcast_ref())
    }

    /// This error and those under it.
    fn chain(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        let first: &(dyn Error + 'static) = &*self.0;
        std::iter::successors(Some(first), |error| under(*error))
    }
}

/// The error under another. What an [`io::Error`] wraps counts as under it: `source` skips that and gives what is
/// under the wrapped one.
fn under<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Many errors show what is under them as well.
        let mut shown = String::new();
        for error in self.chain() {
            let text = error.to_string();
            if shown.is_empty() {
                shown = text;
            } else if !shown.contains(&text) {
                shown = format!("{shown}: {text}");
            }
        }
        f.write_str(&shown)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Of one kind and with one text.
impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.to_string() == other.to_string()
    }
}

impl Eq for Cause {}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::new(error)
    }
}

impl From<io::ErrorKind> for Cause {
    fn from(kind: io::ErrorKind) -> Self {
        Self::new(io::Error::from(kind))
    }
}

/// What is wrong, in words of our own.
impl From<String> for Cause {
    fn from(words: String) -> Self {
        Self(Box::<dyn Error + Send + Sync>::from(words).into())
    }
}

/// What is wrong, in words of our own.
impl From<&str> for Cause {
    fn from(words: &str) -> Self {
        Self::from(words.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the library failed")]
    struct Library(#[source] io::Error);

    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("the certificate is old")]
    struct Old;

    #[test]
    fn all_that_is_under_it_is_shown_once_and_found_by_type() {
        let deep = Cause::new(Library(io::Error::other(Old)));
        assert_eq!(deep.to_string(), "the library failed: the certificate is old");
        assert_eq!((deep.kind(), deep.find()), (Some(io::ErrorKind::Other), Some(&Old)));
        let words = Cause::from("no");
        assert_eq!((words.kind(), words.find::<Old>()), (None, None));
    }

    #[test]
    fn equal_are_those_of_one_kind_and_text() {
        let refused = Cause::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(refused, Cause::from(io::ErrorKind::ConnectionRefused));
        assert_ne!(refused, Cause::from(io::ErrorKind::ConnectionReset));
        assert_ne!(refused, Cause::from(refused.to_string()), "words have no kind");
    }
}
