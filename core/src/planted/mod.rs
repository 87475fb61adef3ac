//! Bugs that can be planted, so that it is known what would find them.
//!
//! `planted!(right, Name, wrong)` is `right`, and **in an ordinary build it is nothing else**: the wrong is not even
//! looked at by the compiler. Only with `--cfg planted` one of the bugs can be chosen while a process runs, and
//! then its place does what is wrong. Each is a slip that somebody could make in a line: one off, the first in the place
//! of the last, a notice that is forgotten.
//!
//! The macro is for the other crates of this workspace, too, and for nobody else: the bugs of `adapters/` are a part of their
//! own among them. A crate that was built with `--cfg planted` does not compile over a core that was not.
//!
//! `tests/score` plants one after the other, and writes down which suite finds it.

#[macro_use]
#[cfg(planted)]
mod in_adapters;
#[macro_use]
#[cfg(planted)]
mod in_core;

#[cfg(planted)]
pub mod bugs;

/// What is right; or what one of these bugs, if it is planted, makes of it.
#[cfg(not(planted))]
#[doc(hidden)]
#[macro_export]
macro_rules! planted {
    ($right:expr $(, $bug:ident, $wrong:expr)+ $(,)?) => {
        $right
    };
}

/// What is right; or what one of these bugs, if it is planted, makes of it.
#[cfg(planted)]
#[doc(hidden)]
#[macro_export]
macro_rules! planted {
    ($right:expr $(, $bug:ident, $wrong:expr)+ $(,)?) => {
        match $crate::planted::bugs::Bug::planted() {
            $(Some($crate::planted::bugs::Bug::$bug) => $wrong,)+
            _ => $right,
        }
    };
}

#[cfg(all(test, not(planted)))]
mod tests {
    #[test]
    fn an_ordinary_build_has_what_is_right_and_does_not_read_what_is_wrong() {
        assert_eq!(planted!(1, NoBugHasThisName, nothing_is_called_like_this()), 1);
    }
}
