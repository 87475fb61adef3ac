//! What compiling expressions may take, where they come from somebody who is not trusted with all memory.
//!
//! **An allowance is that of one reading.** Reading is done on one thread, and those who read expressions are many levels below
//! whoever knows where they come from; so the allowance goes with the thread while it reads, and not through all of them.

use std::cell::Cell;

use super::RegexError;

/// What compiling expressions may take that nobody in this process has yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegexAllowance {
    /// So many of them.
    pub expressions: usize,
    /// So many bytes for each, compiled.
    pub bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Left {
    allowance: RegexAllowance,
    expressions: usize,
}

thread_local! {
    static LEFT: Cell<Option<Left>> = const { Cell::new(None) };
}

impl RegexAllowance {
    /// Does `read`, and holds all expressions to this that are read meanwhile.
    ///
    /// ```
    /// use headcount_reader::{RegexAllowance, RegexError, parse_regex};
    ///
    /// let allowance = RegexAllowance { expressions: 1, bytes: 1 << 20 };
    /// allowance.hold(|| {
    ///     assert!(parse_regex("first-of-this-example").is_ok());
    ///     assert_eq!(parse_regex("second-of-this-example"), Err(RegexError::TooMany { most: 1 }));
    /// });
    /// ```
    pub fn hold<T>(self, read: impl FnOnce() -> T) -> T {
        struct Restore(Option<Left>);
        impl Drop for Restore {
            fn drop(&mut self) {
                LEFT.set(self.0);
            }
        }
        let left = Left {
            allowance: self,
            expressions: self.expressions,
        };
        let _restore = Restore(LEFT.replace(Some(left)));
        read()
    }
}

/// One more expression is compiled. Gives how many bytes it may take, if that is bounded.
pub(super) fn take() -> Result<Option<usize>, RegexError> {
    let Some(left) = LEFT.get() else { return Ok(None) };
    let Some(expressions) = left.expressions.checked_sub(1) else {
        let most = left.allowance.expressions;
        return Err(RegexError::TooMany { most });
    };
    LEFT.set(Some(Left { expressions, ..left }));
    Ok(Some(left.allowance.bytes))
}

#[cfg(test)]
mod tests {
    use headcount_core::relabel::RegexFault;

    use super::super::{parse_part_regex, parse_regex};
    use super::*;

    const FEW: RegexAllowance = RegexAllowance {
        expressions: 2,
        bytes: 1 << 16,
    };

    #[test]
    fn what_is_read_meanwhile_is_held_to_it_and_nothing_else() {
        let known = parse_regex("known-before").expect("it is one");
        let large = r"(?:allowance|\pL{100})";
        FEW.hold(|| {
            assert_eq!(parse_regex("known-before").as_ref(), Ok(&known), "costs nothing");
            let fault = RegexFault::TooLarge { limit: FEW.bytes };
            assert_eq!(parse_regex(large), Err(fault.into()));
            assert!(parse_part_regex("allowance-part").is_ok());
            assert_eq!(parse_part_regex("allowance-more"), Err(RegexError::TooMany { most: 2 }));
        });
        assert!(parse_regex(large).is_ok());
    }

    #[test]
    fn it_ends_with_a_panic_too() {
        let panicked = std::panic::catch_unwind(|| FEW.hold(|| panic!("while reading")));
        assert!(panicked.is_err());
        assert!(LEFT.get().is_none());
    }
}
